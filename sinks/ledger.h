/* Where decisions become final: the journal's topic, who may write it, and the transaction that
 * holds outputs, offsets and the journal's entry together.  The engine (engine/node.c) decides what
 * is done; a ledger only does it and says truly what became of it, so that a test can put a broker
 * of its own in its place.
 *
 * One process of a pipeline owns the journal (its partition, in the consumer group).  Owning alone
 * permits nothing: an owner claims, which proves to the broker that it still is a member, fences
 * every earlier claimant and ends its open transaction; then it reads the journal to its end; then
 * it may settle.  All calls are the loop's and none waits, except open, seek and close. */
#ifndef SINKS_LEDGER_H
#define SINKS_LEDGER_H

#include "base/status.h"
#include "sinks/sink.h"
#include <stdbool.h>

struct ledger_record {
    const void *bytes; /* good until the next call of read, seek or close */
    size_t size;
    int64_t at; /* offset in the journal of its first (mostly its only) record: a reader placed
                   there gets it again */
};

/* The next record to read of an input. */
struct ledger_offset {
    const char *topic;
    int32_t partition;
    int64_t next;
};

/* All of it becomes visible, or nothing. */
struct transaction {
    uint64_t sequence; /* of its entry, for messages */
    const struct output *outputs;
    uint32_t output_count; /* those of streams that the ledger does not serve are passed over */
    const void *entry;
    size_t entry_size; /* may be larger than a record: it is written in parts, records one behind
                          the other with a header "part" = "2/7", and read as one */
    const struct ledger_offset *offsets;
    uint32_t offset_count;
};

enum settlement {
    SETTLEMENT_NONE, /* nothing was submitted, or its end was already told */
    SETTLEMENT_RUNNING,
    SETTLEMENT_COMMITTED,
    SETTLEMENT_ABORTED,  /* none of it will ever be seen; the same may be submitted again */
    SETTLEMENT_DOUBTFUL, /* it may or may not have committed, or the lead is lost: nothing may be
                            submitted before the next claim, and the journal tells which */
};

struct ledger_kind {
    const char *name;

    /* The next record read is the first at `offset` or after it; 0: the first there is.  RETRY: not
     * yet, the same again later.  STOP if the journal does not reach back so far any more, or is
     * compacted. */
    enum status (*seek)(void *self, int64_t offset, struct failure *failure);

    /* OK: a committed record.  RETRY: none now.  END: none, and nothing that had committed when the
     * reader was last placed or the last claim succeeded is still to come. */
    enum status (*read)(void *self, struct ledger_record *record, struct failure *failure);

    /* Becomes a member of the group: whoever has something to catch up with first joins later, lest
     * it be given what it cannot lead yet.  Once. */
    void (*join)(void *self);

    /* Serves the group; whether this process owns the journal, as far as it knows.  To be called at
     * least once a second; nothing else drains the descriptor. */
    bool (*owns)(void *self);

    /* Begins a claim or goes on with it.  OK: done; from now on END counts anew.  RETRY: under way,
     * or the broker is away, or it is no owner any more (owns says so). */
    enum status (*claim)(void *self, struct failure *failure);

    /* One transaction at a time; everything that it points to stays until settlement tells its end.
     * Only after a claim. */
    void (*submit)(void *self, const struct transaction *transaction);

    /* What became of it.  COMMITTED: *at is the offset of its entry's first record, as in struct
     * ledger_record.  ABORTED, DOUBTFUL: the failure says why; STOP in it means that trying again
     * is of no use. */
    enum settlement (*settlement)(void *self, int64_t *at, struct failure *failure);

    /* Becomes readable when any of the above may have news. */
    int (*descriptor)(void *self);

    /* Leaves the group for good, so that another takes over at once; only while nothing is
     * submitted. Reading goes on; it never owns again.  Waits a little. */
    void (*leave)(void *self);

    /* Leaves the group if that was not done; waits for what was submitted. */
    void (*close)(void *self);
};

struct ledger {
    const struct ledger_kind *kind; /* NULL: there is none; delivery is at least once */
    void *self;
};

struct ledger_setting {
    const json_t *kafka;          /* librdkafka properties of the pipeline */
    const char *pipeline;         /* its name: the transactional id is weir-NAME */
    const char *group;            /* the consumer group */
    const char *journal;          /* topic; made if it is not there */
    const char *topic[STREAMS];   /* of the streams that it serves; NULL: not this one */
    int64_t message_max[STREAMS]; /* bytes; a topic that takes less is refused when opening */
    const char *const *inputs; /* topics that are read, to check their retention; NULL-terminated */
    int64_t wait_ms;           /* for brokers that are away: <0: for ever; 0: a while */
    bool member;               /* false: only reads; never owns */
};

/* The ledger of a Kafka cluster (sinks/kafka_ledger.c). */
enum status kafka_ledger_open(struct ledger *result, const struct ledger_setting *setting,
                              struct failure *failure);

#endif
