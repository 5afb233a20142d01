/* When a tick is due; see tick.h. */
#include "engine/tick.h"
#include "engine/watermark.h"
#include "features/silence.h"
#include <string.h>

static const uint64_t second_ns = 1000000000;
/* Who has not looked for longer was frozen, or waited for a broker. */
static const uint64_t absence_ns = 2000000000;

const char tick_text[] = "{\"control\":\"tick\"}";

bool tick_is(const struct batch *batch, uint32_t row)
{
    const char *text = batch->control[row];
    size_t size = batch->control_size[row];
    if (!text) {
        text = batch_bytes(batch, batch->payload[row]);
        size = batch->payload[row].size;
    }
    return size == sizeof tick_text - 1 && memcmp(text, tick_text, size) == 0;
}

/* ---- what waits ---- */

/* The wait of the oldest event that has one.  Nobody is told when it ends, so several may end
 * together. */
static int64_t wait_due_ms(const struct pipeline *pipeline, uint64_t next, int64_t wait_ms)
{
    const struct fold_row *fold = pipeline_fold(pipeline);
    const struct event_row *row =
        next < fold->events ? history_event(&pipeline->history, &pipeline->state, next) : NULL;
    return row ? row->waits_from_ms + wait_ms + pipeline->config->idle_after_ms : INT64_MAX;
}

static int64_t least(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* How far the watermark must come for anything to end. */
static int64_t due_ms(const struct pipeline *pipeline)
{
    const struct config_labels *labels = &pipeline->config->labels;
    const struct fold_row *fold = pipeline_fold(pipeline);
    int64_t due = features_silence_due(pipeline->features, &pipeline->state);
    if (pipeline->has_labels && labels->event_source[0] && labels->delay_ms > 0)
        due = least(due, wait_due_ms(pipeline, fold->told, labels->delay_ms));
    if (pipeline->has_labels && labels->negative_after_ms > 0)
        due = least(due, wait_due_ms(pipeline, fold->spent, labels->negative_after_ms));
    return due;
}

/* ---- looking ---- */

/* How long no event has come, as far as is known. */
static int64_t silent_ms(struct tick_watch *watch, const struct fold_row *fold, uint64_t now_ns)
{
    int64_t measured_ms = watch->silent_ms + (int64_t)((now_ns - watch->since_ns) / 1000000);
    if (watch->events == fold->events && measured_ms >= fold->silent_ms)
        return measured_ms;
    watch->events = fold->events;
    watch->since_ns = now_ns;
    watch->silent_ms = fold->silent_ms;
    return fold->silent_ms;
}

static bool has_event(const struct batch *batch)
{
    for (uint32_t row = 0; row < batch->count; row++)
        if (batch->kind[row] == RECORD_EVENT)
            return true;
    return false;
}

/* One row ends only so many waits: what is left goes on at once. */
static bool is_due(const struct tick_watch *watch, const struct pipeline *pipeline, uint64_t now_ns)
{
    const struct fold_row *fold = pipeline_fold(pipeline);
    if (fold->arrival_ms == WATERMARK_NONE)
        return false;
    int64_t due = due_ms(pipeline);
    return due <= fold->watermark_ms || (due <= watermark_idle(pipeline, fold, watch->arrival_ms) &&
                                         now_ns - watch->ticked_ns >= second_ns);
}

bool tick_look(struct tick_watch *watch, const struct pipeline *pipeline,
               const struct inputs *inputs, const struct batch *batch, const struct clock *clock,
               bool settled)
{
    uint64_t now_ns = clock_monotonic_ns(clock);
    const struct fold_row *fold = pipeline_fold(pipeline);
    watch->arrival_ms = fold->arrival_ms + silent_ms(watch, fold, now_ns);
    bool was_absent = now_ns - watch->looked_ns > absence_ns;
    if (was_absent || has_event(batch) || !inputs_are_empty(inputs, RECORD_EVENT))
        watch->quiet_ns = now_ns;
    if (!settled && !was_absent)
        return false;
    watch->looked_ns = now_ns;
    uint64_t idle_ns = (uint64_t)pipeline->config->idle_after_ms * 1000000;
    if (!settled || now_ns - watch->quiet_ns <= idle_ns || !is_due(watch, pipeline, now_ns))
        return false;
    watch->ticked_ns = now_ns;
    return true;
}
