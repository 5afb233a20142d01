/* The outbox owns the encoded outputs until they are safe.  Outputs of consecutive batches make an
 * entry; an entry is closed after the commit interval, with the inputs' positions behind its last
 * record; when all sinks say that it has settled, these positions are committed and the entry is
 * used again.  So offsets are never committed before every output they caused was acknowledged, and
 * a full outbox stops the intake. */
#ifndef ENGINE_OUTBOX_H
#define ENGINE_OUTBOX_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "engine/config.h"
#include "ingest/inputs.h"
#include "sinks/sink.h"

enum { OUTBOX_ENTRIES = 8 };

struct entry {
    uint64_t sequence;
    bool closed, told; /* told: the sinks know that it is whole */
    struct buffer bytes;
    struct output *outputs; /* (capacity of the outbox) */
    uint32_t output_count, output_put;
    uint32_t sinks_told;           /* each is told once */
    uint64_t taken;                /* records that the inputs had given when it began */
    uint64_t opened_ns, closed_ns; /* opened: its first output or record; 0: nothing came yet */
    int64_t *next_offsets;         /* (LANES_MAX) */
};

struct outbox {
    const struct clock *clock;
    struct inputs *inputs;
    uint32_t sink_count;
    struct {
        const struct sink_kind *kind;
        void *self;
    } sink[STREAMS];
    uint32_t route[STREAMS]; /* index into sink, or UINT32_MAX: the stream goes nowhere */
    struct entry entry[OUTBOX_ENTRIES];
    uint64_t oldest, newest;  /* sequences; the newest is the open one */
    int64_t *settled_offsets; /* (LANES_MAX) behind the last entry that has settled */
    bool uncommitted;         /* a source could not take them yet */
    uint64_t commit_ns;
    uint64_t outputs[STREAMS];        /* put into the outbox so far */
    struct histogram *commit_latency; /* from an entry's opening to its settling, in ns */
};

/* Opens the configured sinks.  `inputs` may be NULL: nothing is committed. */
enum status outbox_open(struct outbox *outbox, const struct config *config, struct inputs *inputs,
                        const struct clock *clock, struct failure *failure);

/* Whether a whole batch's outputs surely fit; if not, do not fill the next batch yet. */
bool outbox_has_room(const struct outbox *outbox);

bool outbox_wants(const struct outbox *outbox, enum stream stream);

/* Writing one output: outbox_begin gives the buffer for the key, outbox_body ends the key, and what
 * is written until outbox_end is the body. */
struct buffer *outbox_begin(struct outbox *outbox, enum stream stream);
void outbox_body(struct outbox *outbox);
void outbox_end(struct outbox *outbox);

/* Hands outputs on, closes entries that are due (all of them with `now`), commits what has settled.
 */
enum status outbox_service(struct outbox *outbox, bool now, struct failure *failure);

/* True when nothing is on its way any more and all positions are committed. */
bool outbox_is_empty(const struct outbox *outbox);

void outbox_close(struct outbox *outbox);

#endif
