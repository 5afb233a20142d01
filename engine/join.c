/* The join: events get their numbers and their rows in the history; labels find their event; waits
 * end.
 *
 * It is the only writer of event rows (but for what was decided) and tells the later stages what
 * it decided through the batch, so that a label at row 200 cannot change what row 100 sees. */
#include "engine/watermark.h"
#include <string.h>

/* What one pass over a batch needs at hand. */
struct joining {
    struct pipeline *pipeline;
    struct state *state;
    const struct history *history;
    struct fold_row *fold;
    struct batch *batch;
};

static struct event_row *event_write(const struct joining *joining, uint64_t number)
{
    const struct history *history = joining->history;
    return state_write_row(joining->state, history->event_region, history_slot(history, number));
}

static void early_forget(const struct joining *joining, struct early_label *early)
{
    keymap_remove(&joining->pipeline->early, joining->state, early->id);
    memset(early, 0, sizeof *early);
}

/* The event's row leaves the index when its slot is taken by a newer event or its id comes again.
 */
static void index_forget(const struct joining *joining, struct event_row *row)
{
    if (row->id == 0)
        return;
    keymap_remove(&joining->history->ids, joining->state, row->id);
    row->id = 0;
}

/* Of two events with one id the later is the one that labels find. */
static void index_enter(const struct joining *joining, struct event_row *row, uint64_t id,
                        uint64_t number)
{
    const struct history *history = joining->history;
    uint64_t before = keymap_find(&history->ids, joining->state, id);
    if (before != STATE_NO_ROW)
        index_forget(joining, state_write_row(joining->state, history->event_region, before));
    row->id = id;
    keymap_insert(&history->ids, joining->state, id, history_slot(history, number));
}

/* A label that came before its event is used up by it. */
static double early_take(const struct joining *joining, uint64_t id)
{
    const struct pipeline *pipeline = joining->pipeline;
    uint64_t found = keymap_find(&pipeline->early, joining->state, id);
    if (found == STATE_NO_ROW)
        return MISSING;
    struct early_label *early = state_write_row(joining->state, pipeline->early_region, found);
    double label = early->label;
    early_forget(joining, early);
    return label;
}

/* A carried label that waits for nothing is known right after its event's decision. */
static void carried_take(const struct joining *joining, uint32_t at, struct event_row *row)
{
    const struct config_labels *labels = &joining->pipeline->config->labels;
    if (!labels->event_source[0] || labels->delay_ms > 0 || !isnan(row->label))
        return;
    row->label = row->carried;
    joining->batch->label_early[at] = row->carried;
}

static void join_remember(struct joining *joining, uint32_t at, uint64_t number)
{
    struct batch *batch = joining->batch;
    struct event_row *row = event_write(joining, number);
    if (joining->history->indexed)
        index_forget(joining, row);
    memset(row, 0, sizeof *row);
    row->number = number + 1;
    row->time_ms = batch->time_ms[at];
    row->waits_from_ms =
        row->time_ms < joining->fold->newest_ms ? row->time_ms : joining->fold->newest_ms;
    row->carried = batch->label[at];
    row->label = MISSING;
    uint64_t id = batch->id[at];
    if (joining->history->indexed && id != 0) {
        index_enter(joining, row, id, number);
        batch->label_early[at] = early_take(joining, id);
    }
    if (!isnan(batch->label_early[at])) {
        row->label = batch->label_early[at];
        row->flags |= EVENT_LABELLED;
        joining->fold->labels_learned++;
    }
    carried_take(joining, at, row);
}

/* Events that a label may still find.  The ring is larger by a batch, so that what the join finds
 * at one row is still there when a later stage reads it, whatever the batch's later rows overwrote.
 */
static bool is_remembered(const struct joining *joining, uint64_t number)
{
    return joining->fold->events - number <= joining->history->capacity - BATCH_RECORDS_MAX;
}

/* Ends the waits of the events from *next on that began `wait_ms` before the watermark; `end` marks
 * each one.  An event that is no longer remembered has lost its wait. */
static struct matured waits_end(struct joining *joining, uint64_t *next, int64_t wait_ms,
                                void (*end)(struct event_row *row))
{
    const struct history *history = joining->history;
    struct matured matured = {*next, *next};
    while (matured.to < joining->fold->events && !is_remembered(joining, matured.to))
        matured.from = ++matured.to;
    while (matured.to < joining->fold->events && matured.to - matured.from < MATURED_MAX) {
        const struct event_row *row = history_event(history, joining->state, matured.to);
        ASSERT(row);
        if (row->waits_from_ms > joining->fold->watermark_ms - wait_ms)
            break;
        end(event_write(joining, matured.to));
        matured.to++;
    }
    *next = matured.to;
    return matured;
}

/* What was taken as negative meanwhile is corrected if it carried another label. */
static void wait_end_told(struct event_row *row)
{
    if (isnan(row->carried) || (row->flags & EVENT_LABELLED) || row->label == row->carried)
        return;
    row->label = row->carried;
    row->flags |= EVENT_TOLD;
}

static void wait_end_spent(struct event_row *row)
{
    if (!isnan(row->label))
        return;
    row->label = 0;
    row->flags |= EVENT_SPENT;
}

static void join_waits(struct joining *joining, uint32_t at)
{
    const struct config_labels *labels = &joining->pipeline->config->labels;
    struct batch *batch = joining->batch;
    if (labels->event_source[0])
        batch->told[at] = waits_end(joining, &joining->fold->told, labels->delay_ms, wait_end_told);
    if (labels->negative_after_ms > 0)
        batch->spent[at] =
            waits_end(joining, &joining->fold->spent, labels->negative_after_ms, wait_end_spent);
}

/* Is the event's time believed?  An event that is not is decided and counted, but it enters no
 * window, where its entity would take all that follow for late, and moves no time.
 *
 * Where the arrival is known (everywhere but in a replay of files) it tells: what is further than
 * `future` ahead of it is a wrong clock, whoever agrees with it; what is as near to it has just
 * happened.  Otherwise the events before it tell (watermark.c). */
static bool is_believed(const struct joining *joining, uint32_t at)
{
    const struct batch *batch = joining->batch;
    int64_t future_ms = joining->pipeline->config->future_ms;
    int64_t arrival_ms = batch->arrival_ms[at], time_ms = batch->time_ms[at];
    if (arrival_ms != INT64_MIN && time_ms - arrival_ms > future_ms)
        return false;
    bool believed = watermark_move(joining->pipeline, joining->state, joining->fold, batch, at);
    return believed || (arrival_ms != INT64_MIN && arrival_ms - time_ms <= future_ms);
}

static void join_event(struct joining *joining, uint32_t at)
{
    struct batch *batch = joining->batch;
    struct fold_row *fold = joining->fold;
    batch->ahead[at] = !is_believed(joining, at);
    fold->ahead += batch->ahead[at];
    batch->newest_ms[at] = fold->newest_ms;
    batch->watermark_ms[at] = fold->watermark_ms;
    if (joining->pipeline->has_labels)
        join_waits(joining, at);
    uint64_t number = fold->events++;
    batch->number[at] = number;
    if (joining->pipeline->has_labels)
        join_remember(joining, at, number);
}

/* No event has come: what waits for the watermark ends here. */
static void join_tick(struct joining *joining, uint32_t at)
{
    struct batch *batch = joining->batch;
    struct fold_row *fold = joining->fold;
    fold->watermark_ms = watermark_idle(joining->pipeline, fold, batch->arrival_ms[at]);
    batch->time_ms[at] = batch->newest_ms[at] = fold->newest_ms;
    batch->watermark_ms[at] = fold->watermark_ms;
    if (joining->pipeline->has_labels)
        join_waits(joining, at);
}

/* Keeps a label until its event comes; the oldest kept one gives way and is refused.  One that
 * waits already is corrected or repeated, so that every label is in one count or waits. */
static enum join early_keep(struct joining *joining, uint64_t id, double label)
{
    const struct pipeline *pipeline = joining->pipeline;
    struct state *state = joining->state;
    uint64_t known = keymap_find(&pipeline->early, state, id);
    if (known != STATE_NO_ROW) {
        struct early_label *early = state_write_row(state, pipeline->early_region, known);
        if (early->label == label)
            joining->fold->labels_repeated++;
        else
            joining->fold->labels_corrected++;
        early->label = label;
        return JOIN_WAITING;
    }
    uint64_t at = joining->fold->early_kept++ % pipeline->early_max;
    struct early_label *early = state_write_row(state, pipeline->early_region, at);
    if (early->id) {
        early_forget(joining, early);
        joining->fold->labels_refused++;
    }
    *early = (struct early_label){.id = id, .label = label};
    keymap_insert(&pipeline->early, state, id, at);
    return JOIN_WAITING;
}

static enum join join_found(struct joining *joining, uint32_t at, uint64_t slot)
{
    struct batch *batch = joining->batch;
    struct event_row *row = state_write_row(joining->state, joining->history->event_region, slot);
    if (!is_remembered(joining, row->number - 1)) {
        joining->fold->labels_refused++;
        return JOIN_REFUSED;
    }
    batch->number[at] = row->number - 1;
    batch->label_before[at] = row->label;
    bool had = !isnan(row->label);
    if (had && row->label == batch->label[at]) {
        row->flags |= EVENT_LABELLED;
        joining->fold->labels_repeated++;
        return JOIN_REPEATED;
    }
    row->label = batch->label[at];
    row->flags |= EVENT_LABELLED;
    if (had)
        joining->fold->labels_corrected++;
    else
        joining->fold->labels_learned++;
    return had ? JOIN_CORRECTED : JOIN_LEARNED;
}

static enum join join_label(struct joining *joining, uint32_t at)
{
    const struct batch *batch = joining->batch;
    joining->fold->labels++;
    if (!joining->history->indexed || batch->id[at] == 0 || isnan(batch->label[at])) {
        joining->fold->labels_refused++;
        return JOIN_REFUSED;
    }
    uint64_t slot = keymap_find(&joining->history->ids, joining->state, batch->id[at]);
    if (slot == STATE_NO_ROW)
        return early_keep(joining, batch->id[at], batch->label[at]);
    return join_found(joining, at, slot);
}

/* The lines of the row that a label will find, and of its example, which is learned. */
static void label_prefetch(const struct pipeline *pipeline, uint64_t id)
{
    enum { LINE = 64 };
    const struct history *history = &pipeline->history;
    uint64_t row = keymap_guess(&history->ids, &pipeline->state, id);
    if (row == STATE_NO_ROW)
        return;
    __builtin_prefetch(state_read(&pipeline->state, history->event_region, row), 1);
    const uint8_t *example = state_read(&pipeline->state, history->example_region, row);
    for (uint64_t offset = 0; offset < history_example_size(history); offset += LINE)
        __builtin_prefetch(example + offset);
}

/* The index entries of a batch's ids are cold, and so is what they name; fetched together they
 * overlap. */
static void join_prefetch(const struct pipeline *pipeline, const struct batch *batch)
{
    for (uint32_t at = 0; at < batch->count; at++) {
        if (batch->dead[at] || batch->kind[at] > RECORD_LABEL)
            continue;
        keymap_prefetch(&pipeline->history.ids, &pipeline->state, batch->id[at]);
        if (batch->kind[at] == RECORD_EVENT)
            keymap_prefetch(&pipeline->early, &pipeline->state, batch->id[at]);
    }
    for (uint32_t at = 0; at < batch->count; at++)
        if (!batch->dead[at] && batch->kind[at] == RECORD_LABEL && batch->id[at] != 0)
            label_prefetch(pipeline, batch->id[at]);
}

static void join_clear(struct batch *batch, uint32_t at)
{
    batch->ahead[at] = false;
    batch->number[at] = NUMBER_NONE;
    batch->join[at] = JOIN_REFUSED;
    batch->label_before[at] = MISSING;
    batch->label_early[at] = MISSING;
    batch->told[at] = (struct matured){0, 0};
    batch->spent[at] = (struct matured){0, 0};
}

void join(struct pipeline *pipeline, struct batch *batch)
{
    struct joining joining = {
        .pipeline = pipeline,
        .state = &pipeline->state,
        .history = &pipeline->history,
        .fold = state_write_row(&pipeline->state, pipeline->fold_region, 0),
        .batch = batch,
    };
    if (pipeline->history.indexed)
        join_prefetch(pipeline, batch);
    for (uint32_t at = 0; at < batch->count; at++) {
        join_clear(batch, at);
        if (batch->kind[at] == RECORD_OUTSIDE)
            continue;
        if (batch->kind[at] == RECORD_CONTROL) {
            batch->time_ms[at] = joining.fold->newest_ms;
            continue;
        }
        if (batch->kind[at] == RECORD_TICK) {
            join_tick(&joining, at);
            continue;
        }
        if (batch->dead[at]) {
            joining.fold->dead_letters++;
            continue;
        }
        if (batch->kind[at] == RECORD_REQUEST) {
            batch->time_ms[at] = joining.fold->newest_ms;
            continue;
        }
        joining.fold->records++;
        if (batch->kind[at] == RECORD_EVENT)
            join_event(&joining, at);
        else
            batch->join[at] = (uint8_t)join_label(&joining, at);
    }
}
