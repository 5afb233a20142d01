/* What may go wrong in a simulated world, how often, and how often it did.  Every world has its own
 * mixture: some kinds of faults never, some rarely, some all the time (swarm testing: Groce, Zhang,
 * Eide, Chen, Regehr, "Swarm Testing", 2012), since faults that always come together hide one
 * another. */
#ifndef TESTS_SIMULATION_CHANCE_H
#define TESTS_SIMULATION_CHANCE_H

#include "base/random.h"
#include <stdbool.h>

enum fault {
    /* processes */
    FAULT_CRASH_IN_LEDGER,
    FAULT_CRASH_IN_DISK,
    FAULT_CRASH_IN_SOURCE,
    FAULT_CRASH_BETWEEN,
    FAULT_FREEZE,
    FAULT_ZOMBIE_SUBMIT, /* a consequence: a fenced one submitted */
    FAULT_STOP_IN_ORDER,
    FAULT_CONFIGURATION,
    FAULT_DISK_LOST,
    FAULT_COLD_START,
    FAULT_CLOCK_JUMP,
    /* group */
    FAULT_REBALANCE,
    FAULT_SESSION_ENDED, /* a consequence: somebody was silent too long */
    FAULT_LATE_CLAIM,    /* fences although the lead has moved on meanwhile */
    FAULT_SLOW_NOTICE,   /* owns what it has lost for long */
    /* transactions */
    FAULT_ABORTED,
    FAULT_WRONG_GENERATION, /* a consequence: offsets of one who is no member any more */
    FAULT_FENCED,           /* a consequence: writes of an old epoch */
    FAULT_END_LOST,
    FAULT_ANSWER_LOST,
    FAULT_END_DELAYED,
    FAULT_END_DUPLICATED,
    FAULT_END_WITHOUT_EFFECT,     /* a consequence: it came after the next claim, or twice */
    FAULT_END_AFTER_DEATH,        /* a consequence: it was on its way when its sender died */
    FAULT_OFFSETS_TIMED_OUT,      /* the request for offsets is not answered and arrives late */
    FAULT_OFFSETS_WITHOUT_EFFECT, /* a consequence: it arrived after the next claim */
    FAULT_TRANSACTION_SLOW,
    FAULT_TRANSACTION_TIMEOUT,
    FAULT_MARKERS_SLOW, /* decided, but readers do not see it yet */
    /* brokers */
    FAULT_BROKER_AWAY,
    FAULT_LEADER_MOVES,
    FAULT_FETCH_EMPTY,
    FAULT_JOURNAL_LAGS,
    FAULT_JOURNAL_CUT,       /* by retention */
    FAULT_JOURNAL_COMPACTED, /* somebody has set cleanup.policy=compact */
    FAULT_INPUT_CUT,
    FAULT_DENIED, /* a consequence: what a process needs was deleted */
    /* inputs */
    FAULT_MALFORMED,
    FAULT_OFFSET_GAP,
    FAULT_PARTITION_ADDED,
    FAULT_PARTITION_UNSEEN,
    FAULT_LABEL_EARLY,
    FAULT_LABEL_REPEATED,
    FAULT_EVENT_LATE,
    /* disk */
    FAULT_DISK_FULL,
    FAULT_SYNC_FAILED,
    FAULT_READ_FAILED,
    FAULT_BIT_FLIPPED,
    FAULT_WRITE_TORN, /* consequences of a crash */
    FAULT_NAME_LOST,
    /* children */
    FAULT_CHILD_FAILED,
    FAULT_CHILD_GARBAGE,
    FAULT_CHILD_NOT_STARTED,
    FAULTS
};

const char *fault_name(enum fault fault);

struct chance {
    struct random random;
    bool calm;             /* faults have stopped */
    double weight[FAULTS]; /* of this world: 0 (never), or around 1 */
    uint64_t count[FAULTS];
};

void chance_open(struct chance *chance, uint64_t seed);

/* Whether a fault happens now, with this probability times the world's weight; counts it. */
bool chance_strikes(struct chance *chance, enum fault fault, double probability);

/* The same without counting: a fault that is planned, and counted when it happens. */
bool chance_plans(struct chance *chance, enum fault fault, double probability);

/* A planned fault happened, or a consequence that nobody drew. */
void chance_count(struct chance *chance, enum fault fault);

static inline bool chance_one_in(struct chance *chance, uint64_t many)
{
    return random_below(&chance->random, many) == 0;
}

/* Uniform in [least, most]. */
static inline uint64_t chance_between(struct chance *chance, uint64_t least, uint64_t most)
{
    return least + random_below(&chance->random, most - least + 1);
}

#endif
