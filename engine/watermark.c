/* Event time's progress, by two measures.
 *
 *     newest       the newest time of all events that is believed
 *     watermark    the least of the active partitions' newest times; it never goes back
 *
 * What waits (a label that an event carries, a negative that is taken for granted) waits for the
 * watermark: a partition that lags still has events to come that the others are far beyond.  A
 * partition without records for `idle_after`, by arrival stamps, holds nobody back.  What looks for
 * the idle and the future (expiry of entities, wrong clocks) goes by the newest time.  Where nobody
 * knows when records arrived (a replay of files, which lie one behind the other in one order), both
 * are the same.
 *
 * While all partitions are idle nobody moves it but a tick (tick.h), whose arrival stamp says how
 * long they have been.  It may pass the newest time then, and waits for events to come so far.
 *
 * Only the order of the journal and its arrival stamps count, so every fold of it agrees. */
#include "engine/watermark.h"

enum { PARTITIONS_MAX = JOURNAL_LANES_MAX };

void watermark_declare(struct pipeline *pipeline, struct state_layout *layout)
{
    pipeline->partitions_region =
        state_layout_add(layout, "partitions", 0, sizeof(struct partition_row), 8, PARTITIONS_MAX,
                         STATE_ROWS_ALWAYS);
}

static const struct partition_row *partition_read(const struct pipeline *pipeline,
                                                  const struct state *state, uint64_t partition)
{
    return state_read(state, pipeline->partitions_region, partition);
}

/* An event that is further than `future` ahead of all before it waits for the next one: two in a
 * row mean that time has really moved, as after a gap in a history.  Returns whether it is
 * believed. */
static bool newest_move(struct fold_row *fold, int64_t time_ms, int64_t future_ms)
{
    bool first = fold->newest_ms == WATERMARK_NONE;
    if (first || time_ms - fold->newest_ms <= future_ms) {
        if (first || time_ms > fold->newest_ms)
            fold->newest_ms = time_ms;
        fold->suspect_ms = WATERMARK_NONE;
        return true;
    }
    bool confirmed = fold->suspect_ms > fold->newest_ms + future_ms;
    int64_t lower_ms = time_ms < fold->suspect_ms ? time_ms : fold->suspect_ms;
    int64_t higher_ms = time_ms < fold->suspect_ms ? fold->suspect_ms : time_ms;
    if (confirmed)
        fold->newest_ms = lower_ms;
    else
        higher_ms = time_ms;
    /* Where events are rare each one confirms the last. */
    bool suspects = !confirmed || higher_ms - lower_ms > future_ms;
    fold->suspect_ms = suspects ? higher_ms : WATERMARK_NONE;
    return confirmed;
}

static bool is_active(const struct pipeline *pipeline, const struct fold_row *fold,
                      const struct partition_row *row)
{
    int64_t silent_ms = fold->arrival_ms - row->arrival_ms;
    return row->events > 0 && silent_ms <= pipeline->config->idle_after_ms;
}

/* Who is last? */
static void watermark_take(const struct pipeline *pipeline, const struct state *state,
                           struct fold_row *fold)
{
    int64_t least_ms = INT64_MAX;
    for (uint64_t i = 0; i < fold->partitions; i++) {
        const struct partition_row *row = partition_read(pipeline, state, i);
        if (!is_active(pipeline, fold, row) || row->newest_ms >= least_ms)
            continue;
        least_ms = row->newest_ms;
        fold->holder = i;
    }
    if (least_ms != INT64_MAX && least_ms > fold->watermark_ms)
        fold->watermark_ms = least_ms;
}

/* Returns whether another may be last now. */
static bool partition_move(const struct pipeline *pipeline, struct state *state,
                           struct fold_row *fold, uint64_t partition, int64_t time_ms)
{
    struct partition_row *row = state_write_row(state, pipeline->partitions_region, partition);
    bool changes = row->events == 0 || partition == fold->holder;
    int64_t believed_ms = time_ms < fold->newest_ms ? time_ms : fold->newest_ms;
    if (row->events++ == 0 || believed_ms > row->newest_ms)
        row->newest_ms = believed_ms;
    row->arrival_ms = fold->arrival_ms;
    if (partition >= fold->partitions)
        fold->partitions = partition + 1;
    return changes;
}

bool watermark_move(const struct pipeline *pipeline, struct state *state, struct fold_row *fold,
                    const struct batch *batch, uint32_t at)
{
    bool believed = newest_move(fold, batch->time_ms[at], pipeline->config->future_ms);
    int64_t arrival_ms = batch->arrival_ms[at];
    if (arrival_ms == INT64_MIN) {
        fold->watermark_ms = fold->newest_ms;
        return believed;
    }
    fold->silent_ms = 0;
    bool later = arrival_ms > fold->arrival_ms;
    if (later)
        fold->arrival_ms = arrival_ms;
    uint64_t partition = (uint64_t)batch->position[at].partition % PARTITIONS_MAX;
    if (partition_move(pipeline, state, fold, partition, batch->time_ms[at]) || later)
        watermark_take(pipeline, state, fold);
    return believed;
}

int64_t watermark_idle(const struct pipeline *pipeline, const struct fold_row *fold,
                       int64_t arrival_ms)
{
    if (fold->arrival_ms == WATERMARK_NONE || arrival_ms == INT64_MIN)
        return fold->watermark_ms;
    int64_t silent_ms = arrival_ms - fold->arrival_ms;
    int64_t time_ms = fold->newest_ms + silent_ms;
    bool moves = silent_ms > pipeline->config->idle_after_ms && time_ms > fold->watermark_ms;
    return moves ? time_ms : fold->watermark_ms;
}

void watermark_tick(const struct pipeline *pipeline, struct fold_row *fold, int64_t arrival_ms)
{
    fold->ticks++;
    fold->watermark_ms = watermark_idle(pipeline, fold, arrival_ms);
    if (fold->arrival_ms == WATERMARK_NONE || arrival_ms == INT64_MIN)
        return;
    int64_t silent_ms = arrival_ms - fold->arrival_ms;
    fold->silent_ms = silent_ms > fold->silent_ms ? silent_ms : fold->silent_ms;
}

bool watermark_report(const struct pipeline *pipeline, uint32_t *partition,
                      struct partition_report *report)
{
    const struct fold_row *fold = pipeline_fold(pipeline);
    for (; *partition < fold->partitions; ++*partition) {
        const struct partition_row *row = partition_read(pipeline, &pipeline->state, *partition);
        if (row->events == 0)
            continue;
        *report = (struct partition_report){
            .partition = *partition,
            .events = row->events,
            .newest_ms = row->newest_ms,
            .behind_ms = fold->newest_ms - row->newest_ms,
            .idle = !is_active(pipeline, fold, row),
        };
        ++*partition;
        return true;
    }
    return false;
}
