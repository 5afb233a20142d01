/* Drawing faults and counting them; see chance.h. */
#include "tests/simulation/chance.h"
#include "base/assert.h"
#include <string.h>

static const char *const names[FAULTS] = {
    [FAULT_CRASH_IN_LEDGER] = "crash in a ledger's call",
    [FAULT_CRASH_IN_DISK] = "crash in a disk's call",
    [FAULT_CRASH_IN_SOURCE] = "crash in a source's call",
    [FAULT_CRASH_BETWEEN] = "crash between two turns",
    [FAULT_FREEZE] = "process frozen and continued",
    [FAULT_ZOMBIE_SUBMIT] = "a zombie submitted",
    [FAULT_STOP_IN_ORDER] = "stop in order",
    [FAULT_CONFIGURATION] = "another configuration",
    [FAULT_DISK_LOST] = "disk lost",
    [FAULT_COLD_START] = "cold start",
    [FAULT_CLOCK_JUMP] = "wall clock jumped",
    [FAULT_REBALANCE] = "rebalance for no reason",
    [FAULT_SESSION_ENDED] = "session ended by silence",
    [FAULT_LATE_CLAIM] = "claim of one who owned a moment ago",
    [FAULT_SLOW_NOTICE] = "loss of the lead noticed late",
    [FAULT_ABORTED] = "transaction aborted",
    [FAULT_WRONG_GENERATION] = "offsets of an old generation refused",
    [FAULT_FENCED] = "write of an old epoch refused",
    [FAULT_END_LOST] = "commit request lost",
    [FAULT_ANSWER_LOST] = "commit answer lost",
    [FAULT_END_DELAYED] = "commit request delayed",
    [FAULT_END_DUPLICATED] = "commit request duplicated",
    [FAULT_END_WITHOUT_EFFECT] = "late commit request without effect",
    [FAULT_END_AFTER_DEATH] = "commit request outlived its sender",
    [FAULT_OFFSETS_TIMED_OUT] = "request for offsets not answered",
    [FAULT_OFFSETS_WITHOUT_EFFECT] = "late request for offsets without effect",
    [FAULT_TRANSACTION_SLOW] = "transaction slow",
    [FAULT_TRANSACTION_TIMEOUT] = "transaction ended by its timeout",
    [FAULT_MARKERS_SLOW] = "commit markers late",
    [FAULT_BROKER_AWAY] = "brokers away",
    [FAULT_LEADER_MOVES] = "a partition's leader moved",
    [FAULT_FETCH_EMPTY] = "input fetch empty",
    [FAULT_JOURNAL_LAGS] = "journal fetch empty",
    [FAULT_JOURNAL_CUT] = "journal cut off by retention",
    [FAULT_JOURNAL_COMPACTED] = "journal compacted",
    [FAULT_INPUT_CUT] = "input cut off by retention",
    [FAULT_DENIED] = "what a process needs was deleted",
    [FAULT_MALFORMED] = "malformed record",
    [FAULT_OFFSET_GAP] = "gap in the offsets",
    [FAULT_PARTITION_ADDED] = "partition added",
    [FAULT_PARTITION_UNSEEN] = "partition not yet seen",
    [FAULT_LABEL_EARLY] = "label before its event",
    [FAULT_LABEL_REPEATED] = "label repeated",
    [FAULT_EVENT_LATE] = "event late",
    [FAULT_DISK_FULL] = "disk full",
    [FAULT_SYNC_FAILED] = "sync failed",
    [FAULT_READ_FAILED] = "read failed",
    [FAULT_BIT_FLIPPED] = "bit flipped on disk",
    [FAULT_WRITE_TORN] = "unsynced write torn",
    [FAULT_NAME_LOST] = "unsynced name lost",
    [FAULT_CHILD_FAILED] = "training failed",
    [FAULT_CHILD_GARBAGE] = "training left garbage",
    [FAULT_CHILD_NOT_STARTED] = "training not started",
};

const char *fault_name(enum fault fault)
{
    ASSERT(fault < FAULTS && names[fault]);
    return names[fault];
}

void chance_open(struct chance *chance, uint64_t seed)
{
    static const double weights[] = {0, 0, 0.3, 1, 1, 3};
    memset(chance, 0, sizeof *chance);
    random_seed(&chance->random, seed);
    for (int i = 0; i < FAULTS; i++)
        chance->weight[i] =
            weights[random_below(&chance->random, sizeof weights / sizeof *weights)];
    /* After a loss much of the rest is never reached. */
    if (chance_one_in(chance, 4))
        return;
    chance->weight[FAULT_JOURNAL_CUT] = chance->weight[FAULT_JOURNAL_COMPACTED] = 0;
    chance->weight[FAULT_INPUT_CUT] = 0;
}

bool chance_plans(struct chance *chance, enum fault fault, double probability)
{
    return !chance->calm && chance->weight[fault] > 0 &&
           random_uniform(&chance->random) < probability * chance->weight[fault];
}

bool chance_strikes(struct chance *chance, enum fault fault, double probability)
{
    bool strikes = chance_plans(chance, fault, probability);
    chance->count[fault] += strikes;
    return strikes;
}

void chance_count(struct chance *chance, enum fault fault)
{
    chance->count[fault]++;
}
