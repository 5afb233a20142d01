/* Ticks: how an idle stream's time goes on.  Only events move the watermark, so while none come
 * nobody would be told of a silence.  A tick is a control record of the leader's
 *
 *     {"control":"tick"}
 *
 * whose arrival stamp stands for the events that did not come: `watermark_tick` moves the watermark
 * by it, and what waits for that ends at its row.  It is journalled like any control, so a follower
 * and a replay of the journal fold the same ticks; a replay of files has none, nor has a pipeline
 * without a journal, where no arrival is known.
 *
 * The stamp is not what the leader's wall clock says: with that, a leader whose clock is an hour
 * ahead of its predecessor's would have everybody silent for an hour.  It is the last event's stamp
 * and the time since: as much as the ticks before have told of, and what this leader has measured
 * itself by a clock that nobody sets.  Time in which nobody led is not told of: silences come later
 * then, never earlier.
 *
 * A tick comes only where something waits and its time has come: at most one moment a second for
 * silences, one each `idle_after` for waiting labels, and none while nothing is due.  And only from
 * a leader that has itself looked for `idle_after` in vain: one that begins, was frozen, waits for
 * its transactions or is known to have more to fetch cannot tell silence from its own absence. */
#ifndef ENGINE_TICK_H
#define ENGINE_TICK_H

#include "base/clock.h"
#include "engine/pipeline.h"
#include "ingest/inputs.h"

extern const char tick_text[];

/* Whether a control row is one. */
bool tick_is(const struct batch *batch, uint32_t row);

/* What the leader has seen. */
struct tick_watch {
    uint64_t looked_ns; /* last, with everything before settled */
    uint64_t quiet_ns;  /* no event has come since, as far as it has looked */
    uint64_t ticked_ns;
    /* How long no event had come at `since_ns`, when so many events had been folded. */
    int64_t silent_ms;
    uint64_t since_ns, events;
    int64_t arrival_ms; /* the stamp of the tick that was asked for */
};

/* A look, once a turn, at a batch that is filled but not folded; true: it shall end with a tick,
 * stamped watch->arrival_ms.  settled: no transaction is under way. */
bool tick_look(struct tick_watch *watch, const struct pipeline *pipeline,
               const struct inputs *inputs, const struct batch *batch, const struct clock *clock,
               bool settled);

#endif
