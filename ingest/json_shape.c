/* A record beside the one before it; see json_shape.h. */
#include "ingest/json_shape.h"
#include "ingest/cells.h"
#include "ingest/decoder.h"
#include "ingest/json_scan.h"

enum { PAUSE_MAX = 255 };

/* ---- reading ---- */

#ifdef __AVX2__

static inline bool is_here(const struct json_place *place, const char *at)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i wanted = _mm256_loadu_si256((const __m256i *)(const void *)place->literal);
    uint32_t same = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, wanted));
    return (same & place->mask) == place->mask;
}

#else

static inline bool is_here(const struct json_place *place, const char *at)
{
    return memcmp(at, place->literal, place->size) == 0;
}

#endif

/* A plain text has no zero byte, and it stands in the payload. */
static inline bool take_text(const struct schema *schema, const struct field *field,
                             const struct json_flat_member *member, struct batch *batch,
                             uint32_t row)
{
    const char *text = member->text;
    uint32_t size = member->text_size;
    if (!field_type_is_key(field->type) || size == 0 || size > SCHEMA_TEXT_MAX)
        return decode_text(schema, field, text, size, batch, row);
    cell_span(field, (struct span){(uint32_t)(text - batch->bytes), size}, batch, row);
    cell_hash(field, hash_bytes(schema->key, text, size), batch, row);
    return true;
}

static inline bool take(const struct schema *schema, const struct field *field,
                        const struct json_flat_member *member, struct batch *batch, uint32_t row)
{
    switch (member->type) {
    case FLAT_TEXT:
        return take_text(schema, field, member, batch, row);
    case FLAT_INTEGER:
        return decode_integer(schema, field, member->integer, batch, row);
    case FLAT_DECIMAL:
        return decode_number(field, member->decimal, batch, row);
    case FLAT_TRUE:
    case FLAT_FALSE:
        return decode_boolean(field, member->type == FLAT_TRUE, batch, row);
    case FLAT_NULL:
        return decode_missing(schema, field, batch, row);
    }
    return false;
}

static bool read_places(const struct json_shape *shape, const struct schema *schema,
                        struct batch *batch, uint32_t row)
{
    struct span payload = batch->payload[row];
    const char *record = batch_bytes(batch, payload), *at = record;
    struct json_flat_member member = {0};
    for (uint32_t i = 0; i < shape->place_count; i++) {
        const struct json_place *place = &shape->place[i];
        if (!is_here(place, at))
            return false;
        at = scan_value(at + place->size, &member);
        if (!at)
            return false;
        for (uint32_t want = place->first; want < place->last; want++)
            if (!take(schema, shape->want[want], &member, batch, row))
                return false;
    }
    at = scan_space(at);
    return *at == '}' && scan_space(at + 1) == record + payload.size;
}

static bool read_record(const struct json_shape *shape, const struct schema *schema,
                        struct batch *batch, uint32_t row)
{
    if (!read_places(shape, schema, batch, row))
        return false;
    for (uint32_t i = 0; i < shape->absent_count; i++)
        if (!decode_missing(schema, shape->absent[i], batch, row))
            return false;
    return true;
}

bool json_shape_decode(struct json_shape *shape, const struct schema *schema, struct batch *batch,
                       uint32_t row)
{
    if (shape->left > 0) {
        shape->left--;
        return false;
    }
    bool read = shape->place_count > 0 && read_record(shape, schema, batch, row);
    if (read)
        shape->pause = 0;
    else
        shape->left = shape->pause = shape->pause < PAUSE_MAX ? 2 * shape->pause + 1 : PAUSE_MAX;
    return read;
}

/* ---- learning ---- */

bool json_shape_wants(const struct json_shape *shape)
{
    return shape->left == shape->pause || shape->left == 0;
}

void json_shape_begin(struct json_shape *shape)
{
    shape->place_count = shape->want_count = shape->absent_count = 0;
}

void json_shape_member(struct json_shape *shape, const char *before,
                       const struct json_flat_member *member)
{
    struct json_place *place = &shape->place[shape->place_count++];
    size_t size = (size_t)(member->value - before);
    *place = (struct json_place){.first = shape->want_count, .last = shape->want_count};
    if (size > JSON_LITERAL_MAX)
        return;
    place->size = (uint32_t)size;
    place->mask = (uint32_t)((UINT64_C(1) << size) - 1);
    memcpy(place->literal, before, size);
}

void json_shape_want(struct json_shape *shape, const struct field *field)
{
    shape->want[shape->want_count++] = field;
    shape->place[shape->place_count - 1].last = shape->want_count;
}

static bool is_wanted(const struct json_shape *shape, const struct field *field)
{
    for (uint32_t i = 0; i < shape->want_count; i++)
        if (shape->want[i] == field)
            return true;
    return false;
}

void json_shape_end(struct json_shape *shape, const struct schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (!is_wanted(shape, &schema->field[i]))
            shape->absent[shape->absent_count++] = &schema->field[i];
    for (uint32_t i = 0; i < shape->place_count; i++)
        if (shape->place[i].size == 0)
            shape->place_count = 0;
}
