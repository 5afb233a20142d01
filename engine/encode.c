/* Writing outputs; see encode.h. */
#include "engine/encode.h"
#include "base/buffer.h"
#include "base/calendar.h"
#include "base/mask.h"
#include "features/migrate.h"
#include <string.h>

enum {
    SCORE_DECIMALS = 6,
    CONTRIBUTION_DECIMALS = 3,
    LATE_DECIMALS = 3,
};

static void encode_masked(const char *text, size_t size, struct buffer *buffer)
{
    char masked[MASKED_MAX];
    buffer_json(buffer, masked, mask_apply(text, size, masked));
}

static const struct field *id_field(const struct schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->field[i].role == ROLE_ID)
            return &schema->field[i];
    return NULL;
}

static void encode_id_json(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                           struct buffer *buffer)
{
    const struct field *field = id_field(&pipeline->config->events.schema);
    struct span text = batch->id_text[row];
    if (!field || text.size == 0)
        buffer_format(buffer, "\"#%llu\"", (unsigned long long)batch->number[row]);
    else if (field->sensitive)
        encode_masked(batch_bytes(batch, text), text.size, buffer);
    else
        buffer_json(buffer, batch_bytes(batch, text), text.size);
}

void encode_id(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
               struct buffer *buffer)
{
    const struct field *field = id_field(&pipeline->config->events.schema);
    struct span text = batch->id_text[row];
    if (!field || text.size == 0) {
        buffer_format(buffer, "#%llu", (unsigned long long)batch->number[row]);
        return;
    }
    const char *bytes = batch_bytes(batch, text);
    size_t shown = field->sensitive ? mask_shown(bytes, text.size) : text.size;
    if (field->sensitive)
        buffer_text(buffer, mask_text);
    buffer_bytes(buffer, bytes + text.size - shown, shown);
}

static void encode_time(int64_t time_ms, struct buffer *buffer)
{
    buffer_text(buffer, "\"");
    calendar_format(buffer, time_ms);
    buffer_text(buffer, "\"");
}

static void encode_rules(const struct pipeline *pipeline, uint64_t fired, struct buffer *buffer)
{
    const struct decisions *decisions = &pipeline->decisions;
    buffer_text(buffer, ",\"rules\":[");
    const char *separator = "";
    for (uint32_t i = 0; i < decisions->rule_count; i++) {
        if (!(fired >> i & 1))
            continue;
        buffer_text(buffer, separator);
        buffer_json(buffer, decisions->rule[i].name, strlen(decisions->rule[i].name));
        separator = ",";
    }
    buffer_text(buffer, "]");
}

static void encode_reasons(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                           struct buffer *buffer)
{
    buffer_text(buffer, ",\"reasons\":[");
    for (uint32_t i = 0; i < batch->reason_count[row]; i++) {
        const struct reason *reason = &batch->reasons[row][i];
        const char *name = pipeline->model_feature_name[reason->feature];
        buffer_text(buffer, i ? ",{\"feature\":" : "{\"feature\":");
        buffer_json(buffer, name, strlen(name));
        buffer_text(buffer, ",\"contribution\":");
        buffer_decimal(buffer, reason->contribution, CONTRIBUTION_DECIMALS);
        buffer_text(buffer, "}");
    }
    buffer_text(buffer, "]");
}

/* Everything of a decision but the closing brace. */
static void encode_decision_open(const struct pipeline *pipeline, const struct batch *batch,
                                 uint32_t row, struct buffer *buffer)
{
    const char *outcome = pipeline->decisions.outcome[batch->outcome[row]];
    buffer_text(buffer, "{\"id\":");
    encode_id_json(pipeline, batch, row, buffer);
    buffer_text(buffer, ",\"time\":");
    encode_time(batch->time_ms[row], buffer);
    buffer_text(buffer, ",\"outcome\":");
    buffer_json(buffer, outcome, strlen(outcome));
    buffer_text(buffer, ",\"score\":");
    buffer_decimal(buffer, batch->score[row], SCORE_DECIMALS);
    if (batch->rules[row])
        encode_rules(pipeline, batch->rules[row], buffer);
    if (batch->reason_count[row])
        encode_reasons(pipeline, batch, row, buffer);
}

/* Numbers as the models saw them, so that they read back to the bit; keys as their hashes, as in
 * the CSV of a replay; missing ones are left out. */
static void encode_features(const struct pipeline *pipeline, const struct batch *batch,
                            uint32_t row, struct buffer *buffer)
{
    const struct config *config = pipeline->config;
    const char *separator = "";
    buffer_text(buffer, ",\"features\":{");
    for (uint32_t i = 0; i < config->feature_count; i++) {
        uint32_t value = pipeline->feature_value[i];
        union value cell = batch_column(batch, value)[row];
        bool is_key = value_type_is_key(pipeline->program.value[value].type);
        if (is_key ? cell.key == 0 : isnan(cell.number))
            continue;
        buffer_text(buffer, separator);
        separator = ",";
        buffer_json(buffer, config->feature[i].name, strlen(config->feature[i].name));
        buffer_text(buffer, ":");
        if (pipeline->feature_masked[i])
            buffer_json(buffer, mask_text, MASK_SIZE);
        else if (is_key)
            buffer_format(buffer, "\"%016llx\"", (unsigned long long)cell.key);
        else
            buffer_number(buffer, cell.number);
    }
    buffer_text(buffer, "}");
}

void encode_decision(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                     struct buffer *buffer)
{
    encode_decision_open(pipeline, batch, row, buffer);
    if (pipeline->config->decision_features)
        encode_features(pipeline, batch, row, buffer);
    buffer_text(buffer, "}");
}

static bool cell_is_missing(const struct field *field, union value cell, struct span text)
{
    return field_type_is_key(field->type) ? cell.key == 0 || text.size == 0 : isnan(cell.number);
}

static void encode_sensitive(const struct field *field, const struct batch *batch, struct span text,
                             struct buffer *buffer)
{
    if (field_type_is_key(field->type))
        encode_masked(batch_bytes(batch, text), text.size, buffer);
    else
        buffer_json(buffer, mask_text, MASK_SIZE);
}

static void encode_cell(const struct field *field, const struct batch *batch, union value cell,
                        struct span text, struct buffer *buffer)
{
    if (field->sensitive) {
        encode_sensitive(field, batch, text, buffer);
        return;
    }
    switch (field->type) {
    case FIELD_ID:
    case FIELD_KEY:
    case FIELD_TEXT:
        buffer_json(buffer, batch_bytes(batch, text), text.size);
        return;
    case FIELD_TIME:
        encode_time(llround(cell.number * 1000), buffer);
        return;
    case FIELD_BOOLEAN:
        buffer_text(buffer, cell.number != 0 ? "true" : "false");
        return;
    case FIELD_ENUM:
        buffer_json(buffer, field->choices[(uint32_t)cell.number],
                    strlen(field->choices[(uint32_t)cell.number]));
        return;
    case FIELD_NUMBER:
    case FIELD_LATITUDE:
    case FIELD_LONGITUDE:
        buffer_number(buffer, cell.number);
        return;
    }
}

/* The event's own fields, and the closing brace of what they stand in. */
static void encode_event_close(const struct pipeline *pipeline, const struct batch *batch,
                               uint32_t row, struct buffer *buffer)
{
    const struct schema *schema = &pipeline->config->events.schema;
    buffer_text(buffer, ",\"event\":{");
    const char *separator = "";
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->field[i];
        if (field->slot == SLOT_NONE || field->role == ROLE_ID || field->role == ROLE_TIME)
            continue;
        union value cell = batch_column(batch, field->slot)[row];
        struct span text = {0, 0};
        if (field->text_slot != SLOT_NONE)
            text = batch_texts(batch, field->text_slot)[row];
        if (cell_is_missing(field, cell, text))
            continue;
        buffer_text(buffer, separator);
        buffer_json(buffer, field->name, strlen(field->name));
        buffer_text(buffer, ":");
        encode_cell(field, batch, cell, text, buffer);
        separator = ",";
    }
    buffer_text(buffer, "}}");
}

void encode_alert(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                  struct buffer *buffer)
{
    encode_decision_open(pipeline, batch, row, buffer);
    encode_event_close(pipeline, batch, row, buffer);
}

void encode_late(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                 struct buffer *buffer)
{
    const struct lateness *late = &batch->late[row];
    buffer_text(buffer, "{\"id\":");
    encode_id_json(pipeline, batch, row, buffer);
    buffer_text(buffer, ",\"time\":");
    encode_time(batch->time_ms[row], buffer);
    buffer_text(buffer, ",\"late\":{\"behind_s\":");
    buffer_decimal(buffer, (double)late->behind_ms / SECOND_MS, LATE_DECIMALS);
    buffer_text(buffer, ",\"lateness_s\":");
    buffer_decimal(buffer, (double)pipeline->config->lateness_ms / SECOND_MS, LATE_DECIMALS);
    buffer_text(buffer, ",\"by\":[");
    const char *separator = "";
    for (uint32_t i = 0; i < features_entity_count(pipeline->features); i++) {
        if (!(late->entities >> i & 1))
            continue;
        const char *name = features_entity_name(pipeline->features, i);
        buffer_text(buffer, separator);
        buffer_json(buffer, name, strlen(name));
        separator = ",";
    }
    buffer_text(buffer, "]}");
    encode_event_close(pipeline, batch, row, buffer);
}

void encode_dead_letter(const struct pipeline *pipeline, const char *input,
                        const struct batch *batch, uint32_t row, struct buffer *buffer)
{
    const struct position *position = &batch->position[row];
    buffer_text(buffer, "{\"input\":");
    buffer_json(buffer, input, strlen(input));
    buffer_text(buffer, ",\"partition\":");
    buffer_integer(buffer, position->partition);
    buffer_text(buffer, ",\"offset\":");
    buffer_integer(buffer, position->offset);
    buffer_text(buffer, ",\"size\":");
    buffer_integer(buffer, batch->size[row]);
    if (batch->id_text[row].size > 0) {
        buffer_text(buffer, ",\"id\":");
        encode_id_json(pipeline, batch, row, buffer);
    }
    if (batch->arrival_ms[row] != INT64_MIN) {
        buffer_text(buffer, ",\"arrived\":");
        encode_time(batch->arrival_ms[row], buffer);
    }
    buffer_text(buffer, ",\"reason\":");
    buffer_json(buffer, batch->reason[row], strlen(batch->reason[row]));
    buffer_text(buffer, "}");
}

const char *model_event_name(enum model_event_kind kind)
{
    static const char *const name[] = {
        [MODEL_EVENT_DRIFT] = "drift",           [MODEL_EVENT_TRAINING] = "training",
        [MODEL_EVENT_CHALLENGER] = "challenger", [MODEL_EVENT_PROMOTED] = "promoted",
        [MODEL_EVENT_REJECTED] = "rejected",     [MODEL_EVENT_FAILED] = "failed",
        [MODEL_EVENT_ERASED] = "erased",         [MODEL_EVENT_SILENCE] = "silence",
    };
    return name[kind];
}

void encode_model_event(const struct model_event *event, struct buffer *buffer)
{
    buffer_text(buffer, "{\"event\":\"");
    buffer_text(buffer, model_event_name(event->kind));
    buffer_text(buffer, "\",\"time\":");
    encode_time(event->time_ms, buffer);
    buffer_text(buffer, ",\"model\":");
    buffer_json(buffer, event->model, strlen(event->model));
    buffer_text(buffer, ",\"detail\":");
    buffer_json(buffer, event->detail, strlen(event->detail));
    buffer_text(buffer, "}");
}

void encode_silence(const struct model_event *event, struct buffer *buffer)
{
    buffer_text(buffer, "{\"silence\":");
    buffer_json(buffer, event->model, strlen(event->model));
    buffer_text(buffer, ",\"entity\":");
    buffer_json(buffer, event->detail, strlen(event->detail));
    buffer_text(buffer, ",\"time\":");
    encode_time(event->time_ms, buffer);
    buffer_text(buffer, ",\"last\":");
    encode_time(event->last_ms, buffer);
    buffer_text(buffer, ",\"for_s\":");
    buffer_decimal(buffer, (double)(event->time_ms - event->last_ms) / SECOND_MS, LATE_DECIMALS);
    buffer_text(buffer, "}");
}
