/* A value that is checked into the batch: its column, and the fixed array of its role.  For the
 * decoders alone. */
#ifndef INGEST_CELLS_H
#define INGEST_CELLS_H

#include "base/batch.h"
#include "base/schema.h"

static inline bool cell_number(const struct field *field, double number, struct batch *batch,
                               uint32_t row)
{
    if (field->slot != SLOT_NONE)
        batch_column(batch, field->slot)[row].number = number;
    if (field->role == ROLE_LABEL)
        batch->label[row] = number;
    return true;
}

static inline void cell_span(const struct field *field, struct span span, struct batch *batch,
                             uint32_t row)
{
    if (field->text_slot != SLOT_NONE)
        batch_texts(batch, field->text_slot)[row] = span;
    if (field->role == ROLE_ID)
        batch->id_text[row] = span;
}

static inline void cell_hash(const struct field *field, uint64_t hash, struct batch *batch,
                             uint32_t row)
{
    if (field->slot != SLOT_NONE)
        batch_column(batch, field->slot)[row].key = hash;
    if (field->role == ROLE_ID)
        batch->id[row] = hash;
}

#endif
