/* The outbox owns the encoded outputs until they are safe.  Outputs of consecutive batches make an
 * entry; an entry is closed after the commit interval, with the inputs' positions behind its last
 * record; when all sinks say that it has settled, these positions are committed and the entry is
 * used again.  So offsets are never committed before every output they caused was acknowledged, and
 * a full outbox stops the intake.
 *
 * With a ledger the node closes entries and settles them (engine/settle.h): what goes to Kafka is
 * in the entry's transaction, other sinks get their outputs when it has committed. */
#ifndef ENGINE_OUTBOX_H
#define ENGINE_OUTBOX_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "engine/config.h"
#include "engine/journal.h"
#include "ingest/inputs.h"
#include "sinks/ledger.h"

enum { OUTBOX_ENTRIES = 8 };

enum route { ROUTE_LEDGER = STREAMS, ROUTE_NOWHERE };

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
    /* with a ledger */
    bool final;           /* its transaction has committed */
    struct buffer record; /* the journal's */
    uint64_t journal_sequence, chain, records;
    struct ledger_offset *offsets; /* (JOURNAL_LANES_MAX) of the lanes that moved */
    uint32_t offset_count;
};

struct outbox {
    const struct clock *clock;
    struct inputs *inputs; /* NULL: nothing is committed from here */
    bool by_ledger;
    uint32_t sink_count;
    struct {
        const struct sink_kind *kind;
        void *self;
    } sink[STREAMS];
    uint32_t route[STREAMS]; /* index into sink, or one of enum route */
    bool wanted[STREAMS];    /* somebody or something wants its outputs encoded */
    size_t message_max;      /* bytes of an output */
    struct entry entry[OUTBOX_ENTRIES];
    uint64_t oldest, newest;  /* sequences; the newest is the open one */
    int64_t *settled_offsets; /* (LANES_MAX) behind the last entry that has settled */
    bool uncommitted;         /* a source could not take them yet */
    uint64_t commit_ns;
    uint64_t outputs[STREAMS];        /* put into the outbox so far */
    struct histogram *commit_latency; /* from an entry's opening to its settling, in ns */
};

/* Opens the configured sinks.  `inputs` may be NULL: nothing is committed.  by_ledger: streams that
 * go to Kafka get no sink, and no sink is opened before outbox_lead. */
enum status outbox_open(struct outbox *outbox, const struct config *config, struct inputs *inputs,
                        const struct clock *clock, bool by_ledger, struct failure *failure);

/* Whether a whole batch's outputs surely fit; if not, do not fill the next batch yet. */
bool outbox_has_room(const struct outbox *outbox);

bool outbox_wants(const struct outbox *outbox, enum stream stream);

/* Writing one output: outbox_begin gives the buffer for the key, outbox_body ends the key, and what
 * is written until outbox_end is the body. */
struct buffer *outbox_begin(struct outbox *outbox, enum stream stream);
void outbox_body(struct outbox *outbox);
void outbox_end(struct outbox *outbox);

/* With a ledger: opens the sinks of the streams that it does not serve. */
enum status outbox_lead(struct outbox *outbox, const struct config *config,
                        struct failure *failure);

/* The entry that outputs go into; NULL while all are on their way. */
struct entry *outbox_open_entry(struct outbox *outbox);
/* The oldest entry that is closed and not final; NULL: none. */
struct entry *outbox_unsettled(struct outbox *outbox);
/* Closes the open entry; what it holds goes on its way. */
void outbox_close_entry(struct outbox *outbox);
/* Forgets what the open entry holds: a follower's outputs are another's already. */
void outbox_discard(struct outbox *outbox);
/* A digest of what the entry holds. */
uint64_t outbox_digest(const struct entry *entry);

/* Hands outputs on, closes entries that are due (all of them with `now`), commits what has settled.
 */
enum status outbox_service(struct outbox *outbox, bool now, struct failure *failure);

/* True when nothing is on its way any more and all positions are committed. */
bool outbox_is_empty(const struct outbox *outbox);

void outbox_close(struct outbox *outbox);

#endif
