/* Reading and answering requests; see request.h.  They are few, so the JSON is read into a tree. */
#include "engine/request.h"
#include "ingest/decoder.h"
#include <jansson.h>
#include <string.h>

static const struct field *key_field(const struct schema *schema, const char *name)
{
    uint32_t index = schema_find(schema, name);
    bool known = index != SLOT_NONE && schema->field[index].slot != SLOT_NONE &&
                 field_type_is_key(schema->field[index].type);
    return known ? &schema->field[index] : NULL;
}

/* An identifier is a text or a whole number, as in events, and is hashed as there. */
static bool key_decode(const struct schema *schema, const struct field *field, const json_t *value,
                       struct batch *batch, uint32_t row)
{
    if (json_is_string(value) && json_string_length(value) > 0)
        return decode_text(schema, field, json_string_value(value), json_string_length(value),
                           batch, row);
    if (json_is_integer(value))
        return decode_integer(schema, field, json_integer_value(value), batch, row);
    batch_refuse(batch, row, "erase.%s: expected a text or a whole number", field->name);
    return false;
}

static bool keys_decode(const struct schema *schema, const json_t *keys, struct batch *batch,
                        uint32_t row)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)keys, name, value)
    {
        const struct field *field = key_field(schema, name);
        if (!field) {
            batch_refuse(batch, row, "erase: it names a field that is no key of the events");
            return false;
        }
        if (!key_decode(schema, field, value, batch, row))
            return false;
    }
    return true;
}

static void erase_decode(const struct pipeline *pipeline, const json_t *keys, struct batch *batch,
                         uint32_t row)
{
    if (!json_is_object(keys) || json_object_size(keys) == 0 ||
        json_object_size(keys) > SYNTAX_BY_MAX) {
        batch_refuse(batch, row, "erase: expected an object of 1 to %d key fields", SYNTAX_BY_MAX);
        return;
    }
    batch->request_keys[row] = (uint8_t)json_object_size(keys);
    if (keys_decode(&pipeline->config->events.schema, keys, batch, row) &&
        !features_may_erase(pipeline->features, batch, row))
        batch_refuse(batch, row, "erase: no window is taken by exactly these keys");
}

void request_decode(const struct pipeline *pipeline, struct batch *batch, uint32_t row)
{
    json_error_t error;
    struct span payload = batch->payload[row];
    json_t *request =
        json_loadb(batch_bytes(batch, payload), payload.size, JSON_REJECT_DUPLICATES, &error);
    const char *name = json_is_object(request) && json_object_size(request) == 1
                           ? json_object_iter_key(json_object_iter(request))
                           : NULL;
    if (!request) /* jansson's own words would quote the record */
        batch_refuse(batch, row, "request: not JSON, at byte %d", error.position);
    else if (!name || strcmp(name, "erase") != 0)
        batch_refuse(batch, row, "request: expected {\"erase\": {...}}");
    else
        erase_decode(pipeline, json_object_get(request, "erase"), batch, row);
    json_decref(request);
    /* What names the entity names no record. */
    batch->id[row] = 0;
    batch->id_text[row] = (struct span){0, 0};
}

/* "card,merchant" */
static void names_write(const struct schema *schema, const struct batch *batch, uint32_t row,
                        char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < schema->field_count && used < size; i++) {
        const struct field *field = &schema->field[i];
        if (field->slot == SLOT_NONE || !field_type_is_key(field->type) ||
            batch_column(batch, field->slot)[row].key == 0)
            continue;
        int more = snprintf(text + used, size - used, "%s%s", used ? "," : "", field->name);
        used += (size_t)more;
    }
}

void request_answer(struct pipeline *pipeline, struct batch *batch, uint32_t row)
{
    char names[128];
    struct fold_row *fold = state_write_row(&pipeline->state, pipeline->fold_region, 0);
    fold->requests++;
    fold->erased += batch->erased[row];
    names_write(&pipeline->config->events.schema, batch, row, names, sizeof names);
    struct model_event *event = batch_add_event(batch, MODEL_EVENT_ERASED, "", row);
    snprintf(event->detail, sizeof event->detail, "%s: %s", names,
             batch->erased[row] ? "an entity was forgotten" : "no such entity is remembered");
}
