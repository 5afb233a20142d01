/* Opening what a pipeline needs; see loading.h. */
#include "engine/loading.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool loading_build(struct config *config, struct pipeline *pipeline, const char *path)
{
    struct findings findings = {0};
    bool good = config_read(config, path, &findings);
    memset(pipeline, 0, sizeof *pipeline);
    if (config->buildable)
        good = pipeline_build(pipeline, config, &findings) && good;
    if (!good) {
        config_print_findings(config, &findings);
        pipeline_close(pipeline);
        config_close(config);
    }
    findings_close(&findings);
    return good;
}

void *loading_options(const struct option *table, size_t size, const char *const *pairs)
{
    void *options = calloc(1, size ? size : 1);
    json_t *object = json_object();
    ASSERT(options && object);
    for (size_t i = 0; pairs[i]; i += 2)
        json_object_set_new(object, pairs[i],
                            strcmp(pairs[i + 1], "true") == 0 ? json_true()
                                                              : json_string(pairs[i + 1]));
    struct findings findings = {0};
    options_read(table, object, "", NULL, options, &findings);
    ASSERT(findings.count == 0);
    findings_close(&findings);
    json_decref(object);
    return options;
}

enum status loading_add_file(struct inputs *inputs, const struct config *config, const char *path,
                             enum record_kind role, struct failure *failure)
{
    struct source source = {.kind = source_find("file")};
    ASSERT(source.kind);
    bool csv = role == RECORD_EVENT && strcmp(config->events.decoder->name, "csv") == 0;
    const char *pairs[] = {"path", path, "format", csv ? "csv" : "jsonl", NULL};
    void *options = loading_options(source.kind->options, source.kind->option_size, pairs);
    const struct source_setting setting = {.options = options};
    enum status status = source.kind->open(&source.self, &setting, failure);
    free(options);
    if (status == STATUS_OK)
        inputs_add(inputs, source, role, path, (uint32_t)config->events.payload_max);
    return status;
}

static enum status add_input(struct inputs *inputs, const struct config *config,
                             const struct config_input *input, enum record_kind role,
                             const struct clock *clock, bool placed, struct failure *failure)
{
    struct source source = {.kind = input->source};
    const struct source_setting setting = {
        .options = input->source_options,
        .kafka = config->kafka,
        .group = config->group,
        .clock = clock,
        .wait_ms = config->wait_ms,
        .placed = placed,
    };
    enum status status = source.kind->open(&source.self, &setting, failure);
    if (status == STATUS_OK)
        inputs_add(inputs, source, role, input->name, (uint32_t)input->payload_max);
    return status;
}

enum status loading_add_inputs(struct inputs *inputs, struct config *config,
                               const struct clock *clock, bool placed, struct failure *failure)
{
    enum status status =
        add_input(inputs, config, &config->events, RECORD_EVENT, clock, placed, failure);
    if (status == STATUS_OK && config->labels_input.present)
        status =
            add_input(inputs, config, &config->labels_input, RECORD_LABEL, clock, placed, failure);
    if (status == STATUS_OK && config->control.present)
        status =
            add_input(inputs, config, &config->control, RECORD_REQUEST, clock, placed, failure);
    return status == STATUS_OK ? inputs_check(inputs, failure) : status;
}

enum status loading_open_ledger(struct ledger *ledger, const struct config *config, bool member,
                                struct failure *failure)
{
    const char *inputs[] = {config->events.name, NULL, NULL, NULL};
    uint32_t count = 1;
    if (config->labels_input.present)
        inputs[count++] = config->labels_input.name;
    if (config->control.present)
        inputs[count++] = config->control.name;
    struct ledger_setting setting = {
        .kafka = config->kafka,
        .pipeline = config->name,
        .group = config->group,
        .journal = config->journal,
        .inputs = inputs,
        .wait_ms = config->wait_ms,
        .member = member,
    };
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        setting.topic[stream] = config_topic(config, (enum stream)stream);
        setting.message_max[stream] = config->message_max;
    }
    return kafka_ledger_open(ledger, &setting, failure);
}

void loading_state_directory(const struct config *config, const char *instead, char *path,
                             size_t size)
{
    snprintf(path, size, "%s/%s", instead ? instead : config->state.directory, config->name);
}

const char *loading_header(const struct inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct source *source = &inputs->input[i].source;
        if (inputs->input[i].role == RECORD_EVENT)
            return source->kind->header ? source->kind->header(source->self) : NULL;
    }
    return NULL;
}

void loading_output_file(struct config *config, enum stream stream, const char *path)
{
    free(config->output[stream].options);
    config->output[stream] = (struct config_output){0};
    if (!path)
        return;
    const struct sink_kind *kind = sink_find("file");
    ASSERT(kind);
    const char *pairs[] = {"path", path, "truncate", "true", NULL};
    config->output[stream].sink = kind;
    config->output[stream].options = loading_options(kind->options, kind->option_size, pairs);
}

void loading_use_brokers(struct config *config, const char *bootstrap)
{
    json_t *kafka = json_object_get(config->root, "kafka");
    if (!kafka) {
        json_object_set_new(config->root, "kafka", json_object());
        kafka = json_object_get(config->root, "kafka");
    }
    json_object_set_new(kafka, "bootstrap.servers", json_string(bootstrap));
    config->kafka = kafka;
}
