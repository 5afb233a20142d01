/* The engine: a pipeline with its inputs, outbox and trainings, one turn at a time.  It knows no
 * libuv: the service (run.c) turns it from a loop, a replay in a plain one, tests in a world of
 * their own. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/disk.h"
#include "engine/outbox.h"
#include "engine/pipeline.h"
#include "engine/retrain.h"
#include "engine/tick.h"
#include "sinks/ledger.h"

enum pace {
    PACE_LIVE,  /* answers enter the order as soon as they are there */
    PACE_EXACT, /* wishes are answered after every 256th record, whatever the batches: a replay */
};

struct engine {
    struct pipeline *pipeline;
    struct inputs *inputs;
    struct outbox outbox;
    struct retrain retrain;
    struct batch batch;
    const struct clock *clock;
    enum pace pace;
    uint32_t batch_records;
    uint64_t turns, events;
    uint64_t first_events, first_records; /* what the state held when the engine was opened */
    struct journal_entry *entry;          /* what is taken is written down here; NULL: no journal */
    struct tick_watch tick;
    char *control;                      /* the control under way, freed after its step */
    struct histogram *decision_latency; /* from a record's arrival to its decision, in ns */
    /* Called after each batch, before it is cleared: for files of scores and features; NULL:
     * nobody. */
    void (*on_batch)(void *self, const struct batch *batch);
    void *on_batch_self;
};

/* What turning it needs from outside; each is a seam that a test fills with its own. */
struct world {
    const struct clock *clock;
    const struct children *children;
    struct ledger ledger; /* kind NULL: no journal, delivery at least once */
    struct disk disk;     /* kind NULL: no snapshots */
    /* Opens the configured sources and adds them; a node opens them anew when it drops its state.
     */
    enum status (*open_inputs)(void *self, struct inputs *inputs, struct config *config,
                               struct failure *failure);
    /* Told before they are closed; NULL: nobody needs to know. */
    void (*closing_inputs)(void *self);
    void *self;
};

enum status engine_open(struct engine *engine, struct pipeline *pipeline, struct inputs *inputs,
                        const struct world *world, enum pace pace, struct failure *failure);

/* The heart of a turn: fill, step, deliver, answer wishes; nothing is settled.  OK, RETRY and END
 * as below.  Only while the outbox has room. */
enum status engine_advance(struct engine *engine, struct failure *failure);

/* Folds the batch as it is and delivers it into the outbox: what a follower does. */
void engine_fold(struct engine *engine);

/* One turn: fill, step, deliver, answer wishes, settle.  OK: something was done.  RETRY: nothing
 * waits (or the outbox is full): come again when a descriptor or a timer says so.  END: all inputs
 * have ended and no training is under way. */
enum status engine_turn(struct engine *engine, struct failure *failure);

/* Whether it waits for its sinks: sources need not be watched until this is false again. */
bool engine_is_full(const struct engine *engine);

/* Settles everything that was decided; waits at most timeout_ms. */
enum status engine_drain(struct engine *engine, int timeout_ms, struct failure *failure);
void engine_close(struct engine *engine);

#endif
