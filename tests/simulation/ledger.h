/* One process's ledger (sinks/ledger.h) over the simulated broker: its membership of the group, its
 * claim, and the one transaction on its way.  Its clients' threads go on by themselves as the clock
 * does, whether or not the process is turned; not while it is frozen. */
#ifndef TESTS_SIMULATION_LEDGER_H
#define TESTS_SIMULATION_LEDGER_H

#include "sinks/ledger.h"
#include <stddef.h>

enum claim_step {
    CLAIM_NONE,
    CLAIM_CONFIRMING, /* asks the group whether it still is the owner */
    CLAIM_FENCING,    /* asks for a new epoch */
    CLAIM_WAITING,    /* until nothing is undecided */
    CLAIM_DONE,
};

enum flight_step {
    FLIGHT_NONE,
    FLIGHT_PRODUCE,
    FLIGHT_OFFSETS,
    FLIGHT_END,
    FLIGHT_ANSWER,
    FLIGHT_TOLD, /* its settlement waits to be asked for */
};

/* What becomes of a transaction, drawn when it is submitted. */
enum fate {
    FATE_GOOD,
    FATE_ABORTED,
    FATE_OFFSETS_TIMED_OUT,
    FATE_END_LOST,
    FATE_ANSWER_LOST,
    FATE_END_DELAYED,
    FATE_END_DUPLICATED,
};

struct flight {
    enum flight_step step;
    enum fate fate;
    uint64_t due_ns, epoch, generation;
    struct transaction sent; /* points into the submitter's memory, until its end is told */
    uint64_t digest;         /* of it, when it was submitted */
    uint32_t transaction;    /* index in the broker's log, once produced */
    uint64_t slowness;       /* milliseconds of a step at most */
    enum settlement settlement;
    int64_t at;
    const char *why;
};

struct simulation;

struct sim_ledger {
    struct simulation *simulation;
    uint32_t process;
    bool open;

    /* the group, as far as this process knows */
    bool owns;
    uint64_t generation;
    bool notices; /* at notice_ns it learns what the group is now */
    uint64_t notice_ns;

    /* reading */
    int64_t position;
    uint32_t awaited; /* count of transactions when the reader was placed: what of these is decided
                         but not marked is still to come */
    uint64_t empty_until_ns;
    char *lent; /* what the last read gave */
    size_t lent_size;

    enum claim_step claim;
    uint64_t claim_ns, epoch, claim_generation;
    bool may_submit;
    uint32_t leaving; /* steps that what is in the network still makes while the process does not */
    struct flight flight;
};

extern const struct ledger_kind sim_ledger_kind;

void sim_ledger_open(struct sim_ledger *ledger, struct simulation *simulation, uint32_t process);
/* The clients go on until the clock's time. */
void sim_ledger_advance(struct sim_ledger *ledger);
/* The group has another generation. */
void sim_ledger_rebalanced(struct sim_ledger *ledger);
/* The process stands still or is dead: what was sent already may still arrive. */
void sim_ledger_silence(struct sim_ledger *ledger, bool dead);
void sim_ledger_wake(struct sim_ledger *ledger);
/* Its process's memory is gone: nobody looks at what was lent any more. */
void sim_ledger_bury(struct sim_ledger *ledger);

#endif
