/* Rows to outputs; see deliver.h. */
#include "engine/deliver.h"
#include "engine/encode.h"

static void deliver_late(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                         struct outbox *outbox)
{
    if (!batch->late[row].entities || !outbox_wants(outbox, STREAM_LATE))
        return;
    struct buffer *buffer = outbox_begin(outbox, STREAM_LATE);
    encode_id(pipeline, batch, row, buffer);
    outbox_body(outbox);
    encode_late(pipeline, batch, row, buffer);
    outbox_end(outbox);
}

static void deliver_event(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                          struct outbox *outbox)
{
    if (outbox_wants(outbox, STREAM_DECISIONS)) {
        struct buffer *buffer = outbox_begin(outbox, STREAM_DECISIONS);
        encode_id(pipeline, batch, row, buffer);
        outbox_body(outbox);
        encode_decision(pipeline, batch, row, buffer);
        outbox_end(outbox);
    }
    deliver_late(pipeline, batch, row, outbox);
    if (batch->outcome[row] < pipeline->config->alert_outcome ||
        !outbox_wants(outbox, STREAM_ALERTS))
        return;
    struct buffer *buffer = outbox_begin(outbox, STREAM_ALERTS);
    encode_id(pipeline, batch, row, buffer);
    outbox_body(outbox);
    encode_alert(pipeline, batch, row, buffer);
    outbox_end(outbox);
}

static void deliver_dead(const struct pipeline *pipeline, const struct inputs *inputs,
                         const struct batch *batch, uint32_t row, struct outbox *outbox)
{
    if (!outbox_wants(outbox, STREAM_DEAD_LETTERS))
        return;
    const char *input = batch->kind[row] == RECORD_CONTROL
                            ? "control"
                            : inputs->input[batch->position[row].input].name;
    struct buffer *buffer = outbox_begin(outbox, STREAM_DEAD_LETTERS);
    outbox_body(outbox);
    encode_dead_letter(pipeline, input, batch, row, buffer);
    outbox_end(outbox);
}

static void deliver_silence(const struct model_event *event, struct outbox *outbox)
{
    if (!outbox_wants(outbox, STREAM_ALERTS))
        return;
    struct buffer *buffer = outbox_begin(outbox, STREAM_ALERTS);
    outbox_body(outbox);
    encode_silence(event, buffer);
    outbox_end(outbox);
}

/* Those of one row, so that the order of outputs does not depend on where a batch was cut; *next is
 * the first that has not been delivered. */
static void deliver_model_events(const struct batch *batch, uint32_t row, uint32_t *next,
                                 struct outbox *outbox)
{
    for (; *next < batch->event_count && batch->events[*next].row <= row; ++*next) {
        const struct model_event *event = &batch->events[*next];
        if (event->kind == MODEL_EVENT_SILENCE) {
            deliver_silence(event, outbox);
            continue;
        }
        if (!outbox_wants(outbox, STREAM_MODEL_EVENTS))
            continue;
        struct buffer *buffer = outbox_begin(outbox, STREAM_MODEL_EVENTS);
        buffer_text(buffer, event->model);
        outbox_body(outbox);
        encode_model_event(event, buffer);
        outbox_end(outbox);
    }
}

void deliver(const struct pipeline *pipeline, const struct inputs *inputs,
             const struct batch *batch, struct outbox *outbox)
{
    uint32_t next = 0;
    for (uint32_t row = 0; row < batch->count; row++) {
        if (batch->dead[row])
            deliver_dead(pipeline, inputs, batch, row, outbox);
        else if (batch->kind[row] == RECORD_EVENT)
            deliver_event(pipeline, batch, row, outbox);
        deliver_model_events(batch, row, &next, outbox);
    }
}
