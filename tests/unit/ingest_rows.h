/* What the tests of decoding share: a schema of every type, and a batch with one record at a time.
 */
#ifndef TESTS_UNIT_INGEST_ROWS_H
#define TESTS_UNIT_INGEST_ROWS_H

#include "base/batch.h"
#include "base/schema.h"
#include "ingest/decoder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum row_field {
    ROW_ID,
    ROW_TIME,
    ROW_CARD,
    ROW_AMOUNT,
    ROW_ONLINE,
    ROW_CHANNEL,
    ROW_LATITUDE,
    ROW_LONGITUDE,
    ROW_COUNTRY,
    ROW_FRAUD,
    ROW_FIELDS,
};

struct rows {
    struct schema schema;
    struct batch batch;
    const struct decoder_kind *kind;
    void *decoder;
};

static inline struct field *rows_field(struct schema *schema, const char *name, const char *source,
                                       enum field_type type)
{
    struct field *field = &schema->field[schema->field_count];
    memset(field, 0, sizeof *field);
    snprintf(field->name, sizeof field->name, "%s", name);
    snprintf(field->source, sizeof field->source, "%s", source);
    field->type = type;
    field->slot = schema->field_count;
    field->text_slot = field_type_is_key(type) ? schema->field_count : SLOT_NONE;
    schema->field_count++;
    return field;
}

static inline void rows_schema(struct schema *schema)
{
    static char channels[3][SCHEMA_NAME_MAX] = {"pos", "web", "atm"};
    memset(schema, 0, sizeof *schema);
    schema->key = (struct hash_key){1, 2};
    struct field *id = rows_field(schema, "id", "id", FIELD_ID);
    id->role = ROLE_ID;
    id->required = true;
    rows_field(schema, "time", "time", FIELD_TIME)->role = ROLE_TIME;
    rows_field(schema, "card", "card", FIELD_KEY)->sensitive = true;
    struct field *amount = rows_field(schema, "amount", "amount", FIELD_NUMBER);
    amount->required = true;
    amount->minimum = -1e6;
    amount->maximum = 1e6;
    rows_field(schema, "online", "online", FIELD_BOOLEAN);
    struct field *channel = rows_field(schema, "channel", "channel", FIELD_ENUM);
    channel->choices = channels;
    channel->choice_count = 3;
    rows_field(schema, "latitude", "lat", FIELD_LATITUDE);
    rows_field(schema, "longitude", "lon", FIELD_LONGITUDE);
    rows_field(schema, "country", "card_issuer.bank.country", FIELD_TEXT);
    rows_field(schema, "fraud", "fraud", FIELD_NUMBER)->role = ROLE_LABEL;
}

static inline void rows_open(struct rows *rows, const char *kind, const char *header)
{
    struct failure failure;
    rows->kind = decoder_find(kind);
    assert_non_null(rows->kind);
    assert_int_equal(batch_open(&rows->batch, ROW_FIELDS, ROW_FIELDS, &failure), STATUS_OK);
    if (rows->kind->open(&rows->decoder, &rows->schema, header, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
}

static inline void rows_close(struct rows *rows)
{
    rows->kind->close(rows->decoder);
    batch_close(&rows->batch);
}

/* Decodes one record as row 0. */
static inline void rows_decode_bytes(struct rows *rows, const void *bytes, size_t size)
{
    batch_clear(&rows->batch);
    assert_true(batch_add(&rows->batch, RECORD_EVENT, (struct position){0, 0, 1}, bytes, size));
    rows->kind->decode(rows->decoder, &rows->batch, 0);
}

static inline void rows_decode(struct rows *rows, const char *text)
{
    rows_decode_bytes(rows, text, strlen(text));
}

static inline void rows_accept(struct rows *rows, const char *text)
{
    rows_decode(rows, text);
    if (rows->batch.dead[0])
        fail_msg("%s\nrefused: %s", text, rows->batch.reason[0]);
}

static inline void rows_assert_reason(const struct rows *rows, const char *reason)
{
    assert_true(rows->batch.dead[0]);
    assert_string_equal(rows->batch.reason[0], reason);
    for (uint32_t i = 0; i < rows->schema.field_count; i++) {
        union value cell = batch_column(&rows->batch, i)[0];
        bool key = field_type_is_key(rows->schema.field[i].type);
        assert_true(key ? cell.key == 0 : isnan(cell.number));
    }
    assert_true(rows->batch.id[0] == 0 && isnan(rows->batch.label[0]));
}

static inline void rows_refuse(struct rows *rows, const char *text, const char *reason)
{
    rows_decode(rows, text);
    rows_assert_reason(rows, reason);
}

static inline double rows_number(const struct rows *rows, uint32_t field)
{
    return batch_column(&rows->batch, field)[0].number;
}

static inline uint64_t rows_key(const struct rows *rows, uint32_t field)
{
    return batch_column(&rows->batch, field)[0].key;
}

static inline void rows_assert_key(const struct rows *rows, uint32_t field, const char *text)
{
    struct span span = batch_texts(&rows->batch, field)[0];
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(batch_bytes(&rows->batch, span), text, span.size);
    assert_true(rows_key(rows, field) == hash_bytes(rows->schema.key, text, strlen(text)));
}

#endif
