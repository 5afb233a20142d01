/* Rows to outputs; see deliver.h. */
#include "engine/deliver.h"
#include "engine/encode.h"

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
    if (batch->outcome[row] < pipeline->config->alert_outcome ||
        !outbox_wants(outbox, STREAM_ALERTS))
        return;
    struct buffer *buffer = outbox_begin(outbox, STREAM_ALERTS);
    encode_id(pipeline, batch, row, buffer);
    outbox_body(outbox);
    encode_alert(pipeline, batch, row, buffer);
    outbox_end(outbox);
}

static void deliver_dead(const struct inputs *inputs, const struct batch *batch, uint32_t row,
                         struct outbox *outbox)
{
    if (!outbox_wants(outbox, STREAM_DEAD_LETTERS))
        return;
    const char *input = batch->kind[row] == RECORD_CONTROL
                            ? "control"
                            : inputs->input[batch->position[row].input].name;
    struct buffer *buffer = outbox_begin(outbox, STREAM_DEAD_LETTERS);
    outbox_body(outbox);
    encode_dead_letter(input, batch, row, buffer);
    outbox_end(outbox);
}

static void deliver_model_events(const struct batch *batch, struct outbox *outbox)
{
    for (uint32_t i = 0; i < batch->event_count; i++) {
        if (!outbox_wants(outbox, STREAM_MODEL_EVENTS))
            return;
        struct buffer *buffer = outbox_begin(outbox, STREAM_MODEL_EVENTS);
        buffer_text(buffer, batch->events[i].model);
        outbox_body(outbox);
        encode_model_event(&batch->events[i], buffer);
        outbox_end(outbox);
    }
}

void deliver(const struct pipeline *pipeline, const struct inputs *inputs,
             const struct batch *batch, struct outbox *outbox)
{
    for (uint32_t row = 0; row < batch->count; row++) {
        if (batch->dead[row])
            deliver_dead(inputs, batch, row, outbox);
        else if (batch->kind[row] == RECORD_EVENT)
            deliver_event(pipeline, batch, row, outbox);
    }
    deliver_model_events(batch, outbox);
}
