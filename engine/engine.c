/* The turn; see engine.h. */
#include "engine/engine.h"
#include "base/assert.h"
#include "base/log.h"
#include "engine/deliver.h"
#include "engine/encode.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* In an exact replay the fold's wishes are looked at after every so many records. */
enum { WISH_RECORDS = BATCH_RECORDS_MAX };

enum status engine_open(struct engine *engine, struct pipeline *pipeline, struct inputs *inputs,
                        const struct world *world, enum pace pace, struct failure *failure)
{
    memset(engine, 0, sizeof *engine);
    engine->pipeline = pipeline;
    engine->inputs = inputs;
    engine->clock = world->clock;
    engine->pace = pace;
    engine->batch_records = (uint32_t)pipeline->config->batch;
    retrain_init(&engine->retrain, pipeline, world->children);
    engine->decision_latency = calloc(1, sizeof *engine->decision_latency);
    ASSERT(engine->decision_latency);
    engine->events = engine->first_events = pipeline_fold(pipeline)->events;
    engine->first_records = pipeline_fold(pipeline)->records;
    enum status status = pipeline_batch(pipeline, &engine->batch, failure);
    if (status != STATUS_OK)
        return status;
    bool by_ledger = world->ledger.kind != NULL;
    return outbox_open(&engine->outbox, pipeline->config, by_ledger ? NULL : inputs, world->clock,
                       by_ledger, failure);
}

/* Records until wishes may next be looked at. */
static uint32_t records_until_wishes(const struct engine *engine)
{
    uint64_t records = pipeline_fold(engine->pipeline)->records;
    return engine->pace == PACE_LIVE ? WISH_RECORDS
                                     : (uint32_t)(WISH_RECORDS - records % WISH_RECORDS);
}

/* An answer goes before the records that come after it. */
static bool engine_add_control(struct engine *engine)
{
    struct retrain *retrain = &engine->retrain;
    if (!retrain->control)
        return false;
    bool added = batch_add_control(&engine->batch, position_nowhere, retrain->control,
                                   strlen(retrain->control));
    ASSERT(added); /* the batch is empty */
    engine->control = retrain->control;
    retrain->control = NULL;
    return true;
}

/* The journal names what the batch holds, in its order. */
static void engine_write_down(struct engine *engine)
{
    struct batch *batch = &engine->batch;
    int64_t now_ms = clock_wall_ms(engine->clock);
    struct entry *open = outbox_open_entry(&engine->outbox);
    if (open->opened_ns == 0)
        open->opened_ns = clock_monotonic_ns(engine->clock);
    open->records += batch->count;
    journal_entry_arrival(engine->entry, now_ms);
    for (uint32_t row = 0; row < batch->count; row++) {
        const struct position *position = &batch->position[row];
        batch->arrival_ms[row] = now_ms;
        if (batch->control[row] && tick_is(batch, row)) {
            batch->arrival_ms[row] = engine->tick.arrival_ms;
            journal_entry_arrival(engine->entry, engine->tick.arrival_ms);
        }
        if (batch->control[row])
            journal_entry_control(engine->entry, batch->control[row], batch->control_size[row]);
        else
            journal_entry_record(engine->entry, engine->inputs->input[position->input].fingerprint,
                                 position->partition, position->offset);
    }
}

static void engine_log_events(const struct engine *engine)
{
    const struct batch *batch = &engine->batch;
    for (uint32_t i = 0; i < batch->event_count; i++) {
        const struct model_event *event = &batch->events[i];
        if (event->kind != MODEL_EVENT_SILENCE) /* an alert: there may be many, and it names */
            log_info("models", "%s%s%s: %s", model_event_name(event->kind),
                     event->model[0] ? " model=" : "", event->model, event->detail);
    }
}

void engine_fold(struct engine *engine)
{
    struct batch *batch = &engine->batch;
    step(engine->pipeline, batch);
    deliver(engine->pipeline, engine->inputs, batch, &engine->outbox);
    engine->events = pipeline_fold(engine->pipeline)->events;
    engine->turns++;
    if (engine->on_batch)
        engine->on_batch(engine->on_batch_self, batch);
}

static void engine_step(struct engine *engine, uint64_t arrived_ns)
{
    uint64_t before = engine->events;
    if (engine->entry)
        engine_write_down(engine);
    engine_fold(engine);
    engine_log_events(engine);
    histogram_add(engine->decision_latency, clock_monotonic_ns(engine->clock) - arrived_ns,
                  engine->events - before);
    free(engine->control);
    engine->control = NULL;
}

/* Looks at the wishes where the order allows it.  In an exact replay the training runs to its end.
 */
static void engine_answer(struct engine *engine)
{
    struct retrain *retrain = &engine->retrain;
    if (engine->pace == PACE_LIVE) {
        retrain_turn(retrain);
        return;
    }
    if (pipeline_fold(engine->pipeline)->records % WISH_RECORDS != 0)
        return;
    do
        retrain_turn(retrain);
    while (retrain->running);
}

/* Behind what has come, if no event has come for long. */
static bool engine_add_tick(struct engine *engine)
{
    struct batch *batch = &engine->batch;
    bool settled = outbox_unsettled(&engine->outbox) == NULL;
    return engine->entry &&
           tick_look(&engine->tick, engine->pipeline, engine->inputs, batch, engine->clock,
                     settled) &&
           batch_add_control(batch, position_nowhere, tick_text, strlen(tick_text));
}

static enum status engine_fill(struct engine *engine, struct failure *failure)
{
    uint32_t most = engine->batch_records;
    uint32_t until = records_until_wishes(engine);
    if (until < most)
        most = until;
    batch_clear(&engine->batch);
    bool control = engine_add_control(engine);
    enum status status =
        inputs_fill(engine->inputs, &engine->batch, engine->batch.count + most, failure);
    bool tick = status != STATUS_STOP && engine_add_tick(engine);
    return status != STATUS_STOP && (control || tick) ? STATUS_OK : status;
}

enum status engine_advance(struct engine *engine, struct failure *failure)
{
    uint64_t arrived_ns = clock_monotonic_ns(engine->clock);
    enum status status = engine_fill(engine, failure);
    if (status == STATUS_OK)
        engine_step(engine, arrived_ns);
    if (status != STATUS_STOP)
        engine_answer(engine);
    return status == STATUS_END && retrain_is_busy(&engine->retrain) ? STATUS_RETRY : status;
}

enum status engine_turn(struct engine *engine, struct failure *failure)
{
    enum status service = outbox_service(&engine->outbox, false, failure);
    if (service == STATUS_STOP)
        return service;
    if (!outbox_has_room(&engine->outbox))
        return STATUS_RETRY;
    enum status status = engine_advance(engine, failure);
    if (status == STATUS_OK && outbox_service(&engine->outbox, false, failure) == STATUS_STOP)
        return STATUS_STOP;
    return status;
}

bool engine_is_full(const struct engine *engine)
{
    return !outbox_has_room(&engine->outbox);
}

enum status engine_drain(struct engine *engine, int timeout_ms, struct failure *failure)
{
    uint64_t last = engine->outbox.newest;
    uint64_t deadline_ns = clock_monotonic_ns(engine->clock) + (uint64_t)timeout_ms * 1000000U;
    while (engine->outbox.oldest <= last || engine->outbox.uncommitted) {
        enum status status =
            outbox_service(&engine->outbox, engine->outbox.newest == last, failure);
        if (status == STATUS_STOP)
            return status;
        if (engine->outbox.oldest > last && !engine->outbox.uncommitted)
            break;
        if (clock_monotonic_ns(engine->clock) > deadline_ns)
            return failure_set(
                failure, STATUS_STOP,
                "could not settle the last outputs within %d ms; they will come again "
                "after the next start",
                timeout_ms);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return STATUS_OK;
}

void engine_close(struct engine *engine)
{
    retrain_close(&engine->retrain);
    outbox_close(&engine->outbox);
    batch_close(&engine->batch);
    free(engine->decision_latency);
    free(engine->control);
}
