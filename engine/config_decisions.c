/* "outcomes", "alerts_from", "score", "thresholds", "rules": how a decision is made. */
#include "engine/config_parts.h"
#include <math.h>
#include <string.h>

static const char *outcome_at(const void *self, uint32_t index)
{
    const struct config *config = self;
    return index < config->outcome_count ? config->outcome[index] : NULL;
}

static uint32_t outcome_find(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->outcome_count; i++)
        if (strcmp(config->outcome[i], name) == 0)
            return i;
    return UINT32_MAX;
}

static bool take_outcome(const struct config *config, const json_t *value, const char *path,
                         uint32_t *outcome, struct findings *findings)
{
    const char *name = json_string_value(value);
    uint32_t found = name ? outcome_find(config, name) : UINT32_MAX;
    if (!name)
        findings_add_type(findings, path, "an outcome's name", value);
    else if (found == UINT32_MAX)
        findings_add_unknown(findings, path, false, "outcome", name, outcome_at, config);
    else
        *outcome = found;
    return found != UINT32_MAX;
}

static void add_outcome(struct config *config, const json_t *value, const char *path,
                        struct findings *findings)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789-";
    const char *name = json_string_value(value);
    if (!name)
        findings_add_type(findings, path, "an outcome's name", value);
    else if (!*name || name[strspn(name, letters)] || strlen(name) >= sizeof *config->outcome)
        findings_add(findings, path, 0,
                     "an outcome's name is made of a-z, 0-9, - and _, at most %zu of them",
                     sizeof *config->outcome - 1);
    else if (outcome_find(config, name) != UINT32_MAX)
        findings_add(findings, path, 0, "'%s' stands twice", name);
    else
        memcpy(config->outcome[config->outcome_count++], name, strlen(name) + 1);
}

static void read_outcomes(struct config *config, struct findings *findings)
{
    static const char *const standard[] = {"allow", "review", "block"};
    char path[FINDING_PATH_MAX];
    const json_t *list = json_object_get(config->root, "outcomes");
    size_t count = json_array_size(list);
    for (int i = 0; i < OUTCOMES_MAX; i++)
        config->threshold[i] = NAN;
    if (list && (count < 2 || count > OUTCOMES_MAX))
        findings_add(findings, "outcomes", 0, "expected a list of 2 to %d names, the weakest first",
                     OUTCOMES_MAX);
    for (size_t i = 0; i < count && i < OUTCOMES_MAX; i++)
        add_outcome(config, json_array_get(list, i), path_item(path, "outcomes", i), findings);
    if (config->outcome_count >= 2)
        return;
    config->outcome_count = sizeof standard / sizeof *standard;
    for (uint32_t i = 0; i < config->outcome_count; i++)
        memcpy(config->outcome[i], standard[i], strlen(standard[i]) + 1);
}

static void read_score(struct config *config, struct findings *findings)
{
    const json_t *score = json_object_get(config->root, "score");
    if (json_is_string(score) && json_string_length(score) > 0)
        config->score = json_string_value(score);
    else if (score)
        findings_add_type(findings, "score", "a formula, as a text", score);
    else if (config->model_count > 1)
        findings_add(findings, "score", 0,
                     "missing: how the scores of %u models become one, such as \"max(%s, %s)\"",
                     config->model_count, config->model[0].name, config->model[1].name);
}

static void read_threshold(struct config *config, const char *name, const json_t *value,
                           const char *path, struct findings *findings)
{
    uint32_t outcome = outcome_find(config, name);
    if (outcome == UINT32_MAX)
        findings_add_unknown(findings, path, true, "outcome", name, outcome_at, config);
    else if (outcome == 0)
        findings_add_key(findings, path,
                         "the weakest outcome needs no threshold: it is what is "
                         "left");
    if (!json_is_number(value))
        findings_add_type(findings, path, "a number", value);
    else if (outcome != UINT32_MAX && outcome != 0)
        config->threshold[outcome] = json_number_value(value);
}

/* A stronger outcome with a lower threshold would leave the weaker one unreachable. */
static void check_rise(const struct config *config, struct findings *findings)
{
    char path[FINDING_PATH_MAX];
    uint32_t last = 0;
    for (uint32_t i = 1; i < config->outcome_count; i++) {
        if (isnan(config->threshold[i]))
            continue;
        if (last && config->threshold[i] <= config->threshold[last])
            findings_add(findings, path_member(path, "thresholds", config->outcome[i]), 0,
                         "'%s' is stronger than '%s', so its threshold must be above %g",
                         config->outcome[i], config->outcome[last], config->threshold[last]);
        last = i;
    }
}

static void read_thresholds(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "thresholds", findings);
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)section, name, value)
    {
        read_threshold(config, name, value, path_member(path, "thresholds", name), findings);
    }
    check_rise(config, findings);
    if (json_object_size(section) > 0 && !config->score && config->model_count == 0 &&
        !json_object_get(config->root, "score"))
        findings_add_key(findings, "thresholds", "there is no score: give a model or a score");
}

static const struct option rule_options[] = {OPTION_END};

static void read_rule(struct config *config, const char *name, const json_t *object,
                      const char *path, struct findings *findings)
{
    static const char *const others[] = {"when", "then", NULL};
    char place[FINDING_PATH_MAX];
    struct config_rule rule = {0};
    options_read(rule_options, object, path, others, &rule, findings);
    if (!json_is_object(object))
        return;
    rule.when = config_text(object, path, "when", "the rule's condition", findings);
    path_member(place, path, "then");
    const json_t *then = json_object_get(object, "then");
    if (!then)
        findings_add(findings, place, 0, "missing: the outcome that the rule gives");
    else
        take_outcome(config, then, place, &rule.outcome, findings);
    if (!rule.when || strlen(name) >= sizeof rule.name)
        return;
    memcpy(rule.name, name, strlen(name) + 1);
    config->rule[config->rule_count++] = rule;
}

static void read_rules(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "rules", findings);
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (json_object_size(section) > RULES_MAX)
        findings_add(findings, "rules", 0, "expected at most %d rules", RULES_MAX);
    json_object_foreach((json_t *)section, name, value)
    {
        path_member(path, "rules", name);
        config_check_name("rule", name, path, findings);
        if (config->rule_count < RULES_MAX)
            read_rule(config, name, value, path, findings);
    }
}

void config_read_decisions(struct config *config, struct findings *findings)
{
    read_outcomes(config, findings);
    const json_t *alerts = json_object_get(config->root, "alerts_from");
    config->alert_outcome = 1;
    if (alerts)
        take_outcome(config, alerts, "alerts_from", &config->alert_outcome, findings);
    read_score(config, findings);
    read_thresholds(config, findings);
    read_rules(config, findings);
}
