/* Writing and applying control records; see control.h. */
#include "engine/control.h"
#include <string.h>

static const char *const control_name[] = {
    [CONTROL_MODEL] = "model",
    [CONTROL_PROMOTE] = "promote",
    [CONTROL_REJECT] = "reject",
    [CONTROL_FAILED] = "failed",
};

enum { CONTROL_KINDS = sizeof control_name / sizeof *control_name };

char *control_make(const struct pipeline *pipeline, enum control_kind kind, uint32_t model,
                   uint64_t training, const json_t *file, const char *why)
{
    json_t *record = json_object();
    json_object_set_new(record, "control", json_string(control_name[kind]));
    json_object_set_new(record, "model", json_string(pipeline->config->model[model].name));
    json_object_set_new(record, "training", json_integer((json_int_t)training));
    if (file)
        json_object_set(record, "file", (json_t *)file);
    if (why)
        json_object_set_new(record, "why", json_string(why));
    char *text = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(record);
    return text;
}

static bool control_read(const struct pipeline *pipeline, const json_t *record,
                         struct control *control)
{
    const char *name = json_string_value(json_object_get(record, "control"));
    const char *model = json_string_value(json_object_get(record, "model"));
    if (!name || !model)
        return false;
    int kind = 0;
    while (kind < CONTROL_KINDS && strcmp(name, control_name[kind]) != 0)
        kind++;
    uint32_t index = 0;
    while (index < pipeline->config->model_count &&
           strcmp(model, pipeline->config->model[index].name) != 0)
        index++;
    *control = (struct control){
        .kind = (enum control_kind)kind,
        .model = index,
        .training = (uint64_t)json_integer_value(json_object_get(record, "training")),
        .file = json_object_get(record, "file"),
        .why = json_string_value(json_object_get(record, "why")),
    };
    return kind < CONTROL_KINDS && index < pipeline->config->model_count;
}

void control_apply(struct pipeline *pipeline, struct batch *batch, uint32_t row)
{
    const char *text = batch->control[row];
    size_t size = batch->control_size[row];
    if (!text) {
        text = batch_bytes(batch, batch->payload[row]);
        size = batch->payload[row].size;
    }
    json_error_t error;
    json_t *record = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    struct control control;
    if (!record || !control_read(pipeline, record, &control)) {
        struct fold_row *fold = state_write_row(&pipeline->state, pipeline->fold_region, 0);
        fold->dead_letters++;
        batch_refuse(batch, row, "control: %s", record ? "names no model or action" : error.text);
    } else {
        models_control(pipeline->models, &pipeline->state, &control, batch, row);
    }
    json_decref(record);
}
