/* What both decoders' fuzz targets share: a schema of every type, and what must hold of any row. */
#ifndef TESTS_FUZZ_INGEST_FUZZ_H
#define TESTS_FUZZ_INGEST_FUZZ_H

#include "base/assert.h"
#include "ingest/decoder.h"
#include "ingest/utf8.h"
#include <stdio.h>
#include <string.h>

static inline void fuzz_field(struct schema *schema, const char *name, enum field_type type,
                              enum field_role role)
{
    struct field *field = &schema->field[schema->field_count];
    snprintf(field->name, sizeof field->name, "%s", name);
    snprintf(field->source, sizeof field->source, "%s", name);
    field->type = type;
    field->role = role;
    field->slot = schema->field_count;
    field->text_slot = field_type_is_key(type) ? schema->field_count : SLOT_NONE;
    schema->field_count++;
}

static inline void fuzz_schema(struct schema *schema)
{
    static char channels[2][SCHEMA_NAME_MAX] = {"pos", "web"};
    schema->key = (struct hash_key){1, 2};
    fuzz_field(schema, "id", FIELD_ID, ROLE_ID);
    fuzz_field(schema, "t", FIELD_TIME, ROLE_NONE);
    fuzz_field(schema, "c.i", FIELD_KEY, ROLE_NONE);
    fuzz_field(schema, "n", FIELD_NUMBER, ROLE_NONE);
    fuzz_field(schema, "b", FIELD_BOOLEAN, ROLE_LABEL);
    fuzz_field(schema, "e", FIELD_ENUM, ROLE_NONE);
    schema->field[5].choices = channels;
    schema->field[5].choice_count = 2;
    fuzz_field(schema, "lat", FIELD_LATITUDE, ROLE_NONE);
    fuzz_field(schema, "lon", FIELD_LONGITUDE, ROLE_NONE);
}

/* Refused with a reason and empty, or every cell is a value its type allows and its text is text.
 */
static inline void fuzz_check(const struct schema *schema, const struct batch *batch)
{
    if (batch->dead[0])
        ASSERT(batch->reason[0][0] != '\0' && memchr(batch->reason[0], '\0', BATCH_REASON_MAX));
    for (uint32_t i = 0; i < schema->field_count; i++) {
        union value cell = batch_column(batch, i)[0];
        bool key = field_type_is_key(schema->field[i].type);
        struct span text = batch_texts(batch, i)[0];
        ASSERT(!batch->dead[0] || (key ? cell.key == 0 : isnan(cell.number)));
        ASSERT(key || !isinf(cell.number));
        ASSERT(!key || (cell.key == 0) == (text.size == 0));
        ASSERT(text.offset + text.size <= batch->bytes_used);
        ASSERT(text.size == 0 || utf8_valid(batch_bytes(batch, text), text.size));
    }
}

#endif
