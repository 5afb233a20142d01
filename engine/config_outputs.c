/* "outputs": where each stream goes. */
#include "engine/config_parts.h"
#include <string.h>

static const char *stream_at(const void *self, uint32_t index)
{
    (void)self;
    return index < STREAMS ? stream_name((enum stream)index) : NULL;
}

static enum stream stream_find(const char *name)
{
    for (int i = 0; i < STREAMS; i++)
        if (strcmp(stream_name((enum stream)i), name) == 0)
            return (enum stream)i;
    return STREAMS;
}

/* What comes out of a topic and goes into it again never ends. */
static void check_loop(const struct config *config, const json_t *output, const char *path,
                       struct findings *findings)
{
    static const char *const inputs[] = {"events", "labels", "control"};
    const char *topic = json_string_value(json_object_get(output, "topic"));
    for (size_t i = 0; topic && i < sizeof inputs / sizeof *inputs; i++) {
        const json_t *input = json_object_get(config->root, inputs[i]);
        const char *read = json_string_value(json_object_get(input, "topic"));
        if (read && strcmp(read, topic) == 0)
            findings_add(findings, path, 0,
                         "the topic '%s' is read as %s: what is written there would come back for "
                         "ever",
                         topic, inputs[i]);
    }
}

/* Only decisions may have features beside them. */
static void read_features(struct config *config, const json_t *object, const char *path,
                          struct findings *findings)
{
    char member[FINDING_PATH_MAX];
    const json_t *wanted = json_object_get(object, "features");
    if (wanted && !json_is_boolean(wanted))
        findings_add_type(findings, path_member(member, path, "features"), "true or false", wanted);
    config->decision_features = json_is_true(wanted);
}

static void read_output(struct config_output *output, const json_t *object, const char *path,
                        bool decisions, struct findings *findings)
{
    const char *const others[] = {"sink", decisions ? "features" : NULL, NULL};
    struct kind kind;
    if (!json_is_object(object)) {
        findings_add_type(findings, path, "an object", object);
        return;
    }
    if (!config_kind(KINDS_SINKS, object, path, "sink", &kind, findings))
        return;
    output->sink = kind.row;
    output->options = config_kind_options(&kind, object, path, others, findings);
}

/* ---- files ---- */

static const char *plain_path(const char *path)
{
    while (path[0] == '.' && path[1] == '/')
        for (path += 2; *path == '/'; path++)
            continue;
    return path;
}

static const char *file_of(const json_t *object)
{
    const char *kind = json_string_value(json_object_get(object, "sink"));
    const char *source = json_string_value(json_object_get(object, "source"));
    bool file = (kind && strcmp(kind, "file") == 0) || (source && strcmp(source, "file") == 0);
    const char *path = file ? json_string_value(json_object_get(object, "path")) : NULL;
    return path && strcmp(path, "-") != 0 && strncmp(path, "/dev/", 5) != 0 ? path : NULL;
}

static bool same_file(const char *one, const char *other)
{
    return one && other && strcmp(plain_path(one), plain_path(other)) == 0;
}

/* Streams may share a file if it is opened once, in one way. */
static void check_shared(const json_t *section, const char *name, const json_t *output,
                         const char *path, struct findings *findings)
{
    static const char *const options[] = {"truncate", "sync"};
    const char *file = file_of(output), *other_name;
    json_t *other;
    json_object_foreach((json_t *)(uintptr_t)section, other_name, other)
    {
        if (strcmp(other_name, name) == 0)
            return; /* each pair once, at the later one */
        if (!same_file(file, file_of(other)))
            continue;
        if (strcmp(file, file_of(other)) != 0)
            findings_add(findings, path, 0,
                         "'%s' is the file of %s, written otherwise: name it the same way", file,
                         other_name);
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
            if (json_is_true(json_object_get(output, options[i])) !=
                json_is_true(json_object_get(other, options[i])))
                findings_add(findings, path, 0,
                             "'%s' is the file of %s as well, which says another \"%s\"", file,
                             other_name, options[i]);
    }
}

/* What is written would be read again, or what is to be read is gone. */
static void check_read(const struct config *config, const json_t *output, const char *path,
                       struct findings *findings)
{
    static const char *const inputs[] = {"events", "labels", "control"};
    const char *file = file_of(output);
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (same_file(file, file_of(json_object_get(config->root, inputs[i]))))
            findings_add(findings, path, 0, "the file '%s' is read as %s", file, inputs[i]);
}

void config_read_outputs(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "outputs", findings);
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)section, name, value)
    {
        enum stream stream = stream_find(name);
        path_member(path, "outputs", name);
        if (stream == STREAMS)
            findings_add_unknown(findings, path, true, "stream", name, stream_at, NULL);
        else
            read_output(&config->output[stream], value, path, stream == STREAM_DECISIONS, findings);
        if (stream == STREAM_DECISIONS)
            read_features(config, value, path, findings);
        check_loop(config, value, path, findings);
        check_shared(section, name, value, path, findings);
        check_read(config, value, path, findings);
    }
}
