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
    }
}
