/* The simulated Kafka: a transactional log (the journal and the output topics), the coordinator of
 * the one transactional id, and the consumer group that says who owns the journal.
 *
 * A transaction goes the way that Kafka's clients and brokers make it go:
 *
 *     PRODUCE   its records are appended under the sender's epoch; an old epoch is refused
 *     OFFSETS   the group coordinator compares the sender's generation; an old one is refused
 *     END       the transaction coordinator decides, if the epoch is the newest and it is open
 *     MARKERS   readers (read_committed) see what was decided; until then the log's end is unstable
 *     ANSWER    the sender learns of it, or not
 *
 * Each step takes simulated time, can be lost, late or doubled; what was sent may arrive although
 * its sender is dead, frozen or fenced, and is judged by its epoch when it arrives (KIP-98, KIP-447
 * of Apache Kafka). */
#ifndef TESTS_SIMULATION_BROKER_H
#define TESTS_SIMULATION_BROKER_H

#include "sinks/ledger.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/topics.h"

enum {
    BROKER_MEMBERS = 3,
    BROKER_TRANSACTIONS_MAX = 4096,
    BROKER_OUTPUTS_MAX = 1 << 15,
    BROKER_OFFSETS_MAX = 1 << 16,
    BROKER_PACKETS_MAX = 64,
    BROKER_ARENA = 64 << 20, /* bytes of address space */
};

enum transaction_state {
    TRANSACTION_OPEN,
    TRANSACTION_TO_COMMIT, /* decided, readers do not see it yet */
    TRANSACTION_TO_ABORT,
    TRANSACTION_COMMITTED,
    TRANSACTION_ABORTED,
};

/* A transaction in the log, in the order of the log. */
struct broker_transaction {
    enum transaction_state state;
    uint64_t epoch, sequence;
    uint32_t sender;
    int64_t at, end; /* offsets in the journal: of its entry's first record, behind its last */
    const char *entry;
    size_t entry_size;
    uint32_t first_offset, offset_count;
    uint64_t marked_ns;  /* when readers see what was decided */
    uint64_t timeout_ns; /* when the coordinator gives it up */
    uint64_t written_ns;
    uint32_t late; /* 1 + the transaction whose offsets arrived while this one was open; 0: none */
    bool removed;  /* by compaction */
};

/* A record of an output topic, in the order of its log. */
struct broker_output {
    struct output output;
    uint32_t transaction; /* index; UINT32_MAX: written outside of any */
};

struct broker_offset {
    enum topic topic;
    int32_t partition;
    int64_t next;
};

/* A request to end a transaction, or for its offsets, on its way by itself. */
struct packet {
    uint64_t due_ns, epoch;
    uint32_t transaction;
    bool offsets;
};

struct member {
    bool joined, alive; /* alive: its heartbeats come */
    uint64_t heard_ns;
};

struct broker {
    uint64_t away_until_ns; /* all of it */
    uint64_t session_ns;    /* after so long without a heartbeat a member is dead */
    uint64_t timeout_ns;    /* of a transaction */

    /* the group */
    uint64_t generation;
    int owner; /* -1: nobody */
    bool rebalancing;
    uint64_t rebalanced_ns; /* when the rebalance under way ends */
    struct member member[BROKER_MEMBERS];

    /* the transactional id */
    uint64_t epoch;
    uint32_t packet_count;
    struct packet packet[BROKER_PACKETS_MAX];
    uint32_t late;       /* as in struct broker_transaction, of the next one, */
    uint64_t late_epoch; /* if it has this epoch */

    /* the log */
    int64_t journal_begin, journal_end;
    uint64_t journal_moved_ns; /* its leader moves until then */
    uint32_t transaction_count;
    struct broker_transaction transaction[BROKER_TRANSACTIONS_MAX];
    uint32_t output_count, offset_count;
    struct broker_output output[BROKER_OUTPUTS_MAX];
    struct broker_offset offset[BROKER_OFFSETS_MAX];
    int64_t committed[TOPICS][TOPIC_PARTITIONS_MAX]; /* the group's offsets; -1: none */
    int64_t settled[TOPICS][TOPIC_PARTITIONS_MAX];   /* the last ones of a transaction */

    size_t arena_used;
    char *arena; /* (BROKER_ARENA), made once */
};

struct simulation;

void broker_open(struct broker *broker, struct chance *chance);
/* What became due while the clock went on. */
void broker_advance(struct simulation *simulation);
bool broker_is_away(const struct simulation *simulation);

/* ---- the group ---- */

void broker_join(struct simulation *simulation, uint32_t member);
void broker_leave(struct simulation *simulation, uint32_t member);
void broker_rebalance(struct simulation *simulation);

/* ---- transactions ---- */

/* Appends what a client sends; NULL: its epoch is old. */
struct broker_transaction *broker_produce(struct simulation *simulation,
                                          const struct transaction *transaction, uint64_t epoch,
                                          uint32_t sender);
/* Decides a transaction; false: it has no effect. */
bool broker_end(struct simulation *simulation, uint32_t transaction, uint64_t epoch, bool commit);
/* The same, some time later, whoever sent it. */
void broker_send_end(struct simulation *simulation, uint32_t transaction, uint64_t epoch,
                     uint64_t due_ns);
/* The request for its offsets arrives some time later, once more or for the first time: the group's
 * coordinator knows nothing of which transaction is open, only the epoch (before KIP-890). */
void broker_send_offsets(struct simulation *simulation, uint32_t transaction, uint64_t epoch,
                         uint64_t due_ns);
/* Fences all earlier claimants and returns the new epoch. */
uint64_t broker_fence(struct simulation *simulation);
/* Whether readers see all that was decided. */
bool broker_is_stable(const struct broker *broker);

/* Appends to the output topics. */
void broker_write(struct broker *broker, const struct output *output, uint32_t transaction);

/* A copy that lives as long as the world. */
const char *broker_keep(struct broker *broker, const void *bytes, size_t size);

/* ---- reading ---- */

/* Whether one of the first `count` transactions has committed, but readers do not see it yet. */
bool broker_awaits(const struct broker *broker, uint32_t count);
/* The first committed transaction at or behind an offset before what is undecided; NULL: none. */
const struct broker_transaction *broker_find(const struct broker *broker, int64_t offset);

#endif
