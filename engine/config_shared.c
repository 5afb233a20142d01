/* What the sections of the configuration share: names, kinds, texts; see config_parts.h. */
#include "base/assert.h"
#include "engine/config_parts.h"
#include <stdlib.h>
#include <string.h>

const json_t *config_section(const struct config *config, const char *name,
                             struct findings *findings)
{
    const json_t *section = json_object_get(config->root, name);
    if (!section || json_is_object(section))
        return section;
    findings_add_type(findings, name, "an object", section);
    return NULL;
}

const char *config_text(const json_t *object, const char *path, const char *name,
                        const char *missing, struct findings *findings)
{
    char member[FINDING_PATH_MAX];
    const json_t *value = json_object_get(object, name);
    path_member(member, path, name);
    if (!value)
        findings_add(findings, member, 0, "missing: %s", missing);
    else if (!json_is_string(value))
        findings_add_type(findings, member, "a text", value);
    else if (json_string_length(value) == 0)
        findings_add(findings, member, 0, "expected a text that is not empty");
    else
        return json_string_value(value);
    return NULL;
}

static const char *kind_name_at(const void *self, uint32_t index)
{
    struct kind kind;
    return kind_at(*(const enum kind_table *)self, index, &kind) ? kind.name : NULL;
}

bool config_kind(enum kind_table table, const json_t *object, const char *path, const char *member,
                 struct kind *kind, struct findings *findings)
{
    char place[FINDING_PATH_MAX], missing[64];
    snprintf(missing, sizeof missing, "which %s, see `weir list %s`", kind_table_noun(table),
             kind_table_name(table));
    const char *name = config_text(object, path, member, missing, findings);
    if (!name || kind_find(table, name, kind))
        return name;
    findings_add_unknown(findings, path_member(place, path, member), false, kind_table_noun(table),
                         name, kind_name_at, &table);
    return false;
}

void *config_kind_options(const struct kind *kind, const json_t *object, const char *path,
                          const char *const *others, struct findings *findings)
{
    void *options = calloc(1, kind->option_size ? kind->option_size : 1);
    ASSERT(options);
    options_read(kind->options, object, path, others, options, findings);
    return options;
}

static const char *const reserved_words[] = {
    "by",   "over",  "delay", "where", "before", "and",   "or",   "not",
    "true", "false", "if",    "label", "score",  "error", "loss", NULL,
};

static bool is_identifier(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    return *name && strchr(letters, *name) && name[strspn(name, all)] == '\0';
}

bool config_check_name(const char *what, const char *name, const char *path,
                       struct findings *findings)
{
    if (!is_identifier(name)) {
        findings_add_key(findings, path,
                         "the name of a %s is made of a-z, 0-9 and _, and begins with no digit",
                         what);
        return false;
    }
    if (strlen(name) >= SCHEMA_NAME_MAX) {
        findings_add_key(findings, path, "the name of a %s has at most %d characters", what,
                         SCHEMA_NAME_MAX - 1);
        return false;
    }
    for (int i = 0; reserved_words[i]; i++)
        if (strcmp(name, reserved_words[i]) == 0) {
            findings_add_key(findings, path, "'%s' is a word of the language: take another name",
                             name);
            return false;
        }
    return true;
}

static const char *name_owner(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->feature_count; i++)
        if (strcmp(config->feature[i].name, name) == 0)
            return "feature";
    for (uint32_t i = 0; i < config->model_count; i++)
        if (strcmp(config->model[i].name, name) == 0)
            return "model";
    return schema_find(&config->events.schema, name) != SLOT_NONE ? "field" : NULL;
}

bool config_name_taken(const struct config *config, const char *name, const char *path,
                       struct findings *findings)
{
    const char *owner = name_owner(config, name);
    if (owner)
        findings_add_key(findings, path, "a %s is called '%s' already", owner, name);
    return owner;
}
