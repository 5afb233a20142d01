/* Making, filling and emptying batches; see batch.h. */
#include "base/batch.h"
#include "base/assert.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns are read in vectors. */
enum { COLUMN_ALIGNMENT = 64 };

enum status batch_open(struct batch *batch, uint32_t column_count, uint32_t text_count,
                       struct failure *failure)
{
    return batch_open_layers(batch, column_count, text_count, 0, failure);
}

enum status batch_open_layers(struct batch *batch, uint32_t column_count, uint32_t text_count,
                              uint32_t layer_count, struct failure *failure)
{
    memset(batch, 0, sizeof *batch);
    batch->column_count = column_count;
    batch->text_count = text_count;
    size_t columns_size = (size_t)(column_count + 1) * BATCH_STRIDE * sizeof(union value);
    batch->columns = aligned_alloc(COLUMN_ALIGNMENT, columns_size);
    batch->texts = calloc((size_t)text_count * BATCH_RECORDS_MAX + 1, sizeof *batch->texts);
    batch->reason = calloc(BATCH_RECORDS_MAX, sizeof *batch->reason);
    batch->bytes = calloc(layer_count + 1, BATCH_LAYER_BYTES);
    batch->events = calloc(BATCH_EVENTS_MAX, sizeof *batch->events);
    batch->late = calloc(BATCH_RECORDS_MAX, sizeof *batch->late);
    if (!batch->columns || !batch->texts || !batch->reason || !batch->bytes || !batch->events ||
        !batch->late) {
        batch_close(batch);
        return failure_set(failure, STATUS_STOP, "could not allocate a batch: %s", strerror(errno));
    }
    memset(batch->columns, 0, columns_size);
    return STATUS_OK;
}

void batch_close(struct batch *batch)
{
    free(batch->columns);
    free(batch->texts);
    free(batch->reason);
    free(batch->bytes);
    free(batch->events);
    free(batch->late);
    memset(batch, 0, sizeof *batch);
}

void batch_clear(struct batch *batch)
{
    batch->count = 0;
    batch->bytes_used = 0;
    batch->event_count = 0;
}

bool batch_add(struct batch *batch, enum record_kind kind, struct position position,
               const void *bytes, size_t size)
{
    ASSERT(size <= BATCH_PAYLOAD_MAX);
    /* Unescaping never lengthens a text, so a second `size` bytes hold them all; the rest is for
     * fallback texts.  What fits a row's room must not depend on its neighbours. */
    size_t needed = (size + BATCH_PADDING + size + BATCH_TEXT_ROOM + 7) / 8 * 8;
    if (batch->count == BATCH_RECORDS_MAX || batch->bytes_used + needed > BATCH_BYTES_MAX)
        return false;
    uint32_t row = batch->count++;
    batch->kind[row] = (uint8_t)kind;
    batch->dead[row] = false;
    batch->room_used[row] = 0;
    batch->arrival_ms[row] = INT64_MIN;
    batch->control[row] = NULL;
    batch->position[row] = position;
    batch->payload[row] = (struct span){batch->bytes_used, (uint32_t)size};
    batch->size[row] = (uint32_t)size;
    if (size)
        memcpy(batch->bytes + batch->bytes_used, bytes, size);
    memset(batch->bytes + batch->bytes_used + size, 0, BATCH_PADDING);
    batch->bytes_used += (uint32_t)needed;
    return true;
}

bool batch_add_control(struct batch *batch, struct position position, const char *text, size_t size)
{
    if (!batch_add(batch, RECORD_CONTROL, position, NULL, 0))
        return false;
    batch->control[batch->count - 1] = text;
    batch->control_size[batch->count - 1] = size;
    return true;
}

void batch_refuse(struct batch *batch, uint32_t row, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(batch->reason[row], BATCH_REASON_MAX, format, arguments);
    va_end(arguments);
    batch->dead[row] = true;
}

bool batch_keep_text(struct batch *batch, uint32_t row, const char *text, size_t size,
                     struct span *span)
{
    struct span payload = batch->payload[row];
    if (batch->room_used[row] + size > payload.size + BATCH_TEXT_ROOM)
        return false;
    span->offset = payload.offset + payload.size + BATCH_PADDING + batch->room_used[row];
    span->size = (uint32_t)size;
    memcpy(batch->bytes + span->offset, text, size);
    batch->room_used[row] += (uint32_t)size;
    return true;
}

struct model_event *batch_add_event(struct batch *batch, enum model_event_kind kind,
                                    const char *model, uint32_t row)
{
    ASSERT(batch->event_count < BATCH_EVENTS_MAX);
    struct model_event *event = &batch->events[batch->event_count++];
    memset(event, 0, sizeof *event);
    event->kind = kind;
    event->row = row;
    event->time_ms = batch->time_ms[row];
    snprintf(event->model, sizeof event->model, "%s", model);
    return event;
}
