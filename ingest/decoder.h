/* Bytes to typed cells by the schema, without allocation.  What cannot be decoded becomes a dead
 * letter with a reason that names the field, what was expected and what was found.
 *
 * A kind is one file and one row of decoder_table.c: json (simdjson), csv. */
#ifndef INGEST_DECODER_H
#define INGEST_DECODER_H

#include "base/batch.h"
#include "base/schema.h"
#include "base/status.h"

struct decoder_kind {
    const char *name, *summary;
    /* `header`: the CSV's first line, NULL for others.  The schema outlives the decoder. */
    enum status (*open)(void **self, const struct schema *schema, const char *header,
                        struct failure *failure);
    /* Fills all of the row's cells that the schema names (slot, text_slot, role), missing ones
     * included; or refuses the row by batch_refuse. */
    void (*decode)(void *self, struct batch *batch, uint32_t row);
    void (*close)(void *self);
};

extern const struct decoder_kind *const decoder_table[];
const struct decoder_kind *decoder_find(const char *name);

/* What all decoders share: puts one value into its cell, checked and converted; false and the row
 * refused if the field does not take it.  The same value gives the same cell in every format: an
 * empty text is missing, -0 is 0, a text that is a number is that number. */
bool decode_number(const struct field *field, double number, struct batch *batch, uint32_t row);
bool decode_integer(const struct schema *schema, const struct field *field, int64_t number,
                    struct batch *batch, uint32_t row);
bool decode_boolean(const struct field *field, bool value, struct batch *batch, uint32_t row);
/* A text inside the row's payload is named by a span; any other (a JSON string that had escapes) is
 * kept in the row's room. */
bool decode_text(const struct schema *schema, const struct field *field, const char *text,
                 size_t size, struct batch *batch, uint32_t row);
bool decode_missing(const struct schema *schema, const struct field *field, struct batch *batch,
                    uint32_t row);

/* Refuses the row: the field cannot take what was found ("an object", "a list"); false. */
bool decode_refuse(const struct field *field, const char *found, struct batch *batch, uint32_t row);

/* Makes all of the schema's cells of a row missing, its id and label too: before decoding, and for
 * rows that are no such records (labels among events) or are dead.  time_ms stays as the inputs set
 * it. */
void decode_blank(const struct schema *schema, struct batch *batch, uint32_t row);

#endif
