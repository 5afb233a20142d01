/* One simulated world: a clock, brokers, and one to three processes of a pipeline, each with a disk
 * and children of its own, all driven by one seed.  The processes are real nodes (engine/node.h);
 * what they see of the world is simulated behind the seams of struct world.
 *
 *     chance.c     what goes wrong and when            topics.c     the inputs' records, made first
 *     broker.c     transactions, the log, the group    ledger.c     struct ledger_kind over it
 *     source.c     struct source_kind over the topics  disk.c       struct disk_kind, losing things
 *     child.c      struct children, training in place  process.c    a node's birth, death and sleep
 *     fold.c       the independent fold of a journal   oracle.c     what must hold at the end
 *     retention.c  deleting what somebody may need
 *     plant.c      known bugs, to see that they are found
 *     world.c      the course of one world             main.c       many worlds */
#ifndef TESTS_SIMULATION_SIMULATION_H
#define TESTS_SIMULATION_SIMULATION_H

#include "engine/node.h"
#include "tests/simulation/broker.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/child.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/plant.h"
#include "tests/simulation/source.h"
#include "tests/simulation/topics.h"
#include <stdio.h>

enum { PROCESSES_MAX = 3, SAMPLES_MAX = 256, VIOLATION_MAX = 1024 };

enum condition {
    CONDITION_ABSENT,  /* not running; wakes (starts) at wake_ns */
    CONDITION_RUNNING, /* turned now and then */
    CONDITION_FROZEN,  /* stopped by a signal; continues at wake_ns */
};

/* Which seam a planned crash is waiting for. */
enum seam { SEAM_LEDGER, SEAM_DISK, SEAM_SOURCE, SEAMS };

struct process {
    struct simulation *simulation;
    uint32_t index;
    enum condition condition;
    uint64_t wake_ns;
    bool cut;                    /* dead inside a turn: none of its calls has an effect any more */
    bool turning;                /* inside node_turn or node_open */
    bool stopping;               /* asked for an orderly end */
    bool denied;                 /* what it needs was deleted: it may refuse */
    bool cold;                   /* started cold: until it leads it only passes entries over */
    uint64_t crash_after[SEAMS]; /* calls until it dies in that seam; 0: it does not */
    int64_t skew_ms;             /* of its wall clock */
    uint32_t version;            /* of the configuration that it runs */
    uint32_t starts, refusals;   /* refusals: starts in a row that ended with STOP */
    struct clock clock;
    uint64_t last_ns; /* of its monotonic clock */
    struct children children;
    struct config config;
    bool configured;
    struct node *node;      /* NULL: not open */
    struct failure failure; /* of its last turn; for the story */
    struct sim_ledger ledger;
    struct sim_disk disk;
    struct sim_child child;
    struct world world;
};

/* What a follower's state was after an entry, to be compared with the fold. */
struct sample {
    uint32_t process;
    uint64_t sequence, hash;
};

struct simulation {
    uint64_t seed;
    bool verbose;
    enum plant plant;
    struct chance chance;
    uint64_t now_ns, turns, opens;
    bool liveness;
    uint32_t version_count; /* configurations of this world */
    char *version[2];       /* their texts */
    struct topics topics;
    struct broker broker;
    uint32_t process_count;
    struct process process[PROCESSES_MAX];
    struct process *turned; /* whose turn it is; NULL: nobody's */
    uint32_t depth;         /* turns within turns: while one is frozen the others go on */
    uint32_t sample_count;
    struct sample sample[SAMPLES_MAX];
    bool violated;
    char violation[VIOLATION_MAX];
};

/* Runs the world of a seed from beginning to end; false: something was violated, and the
 * simulation says what.  The memory is used again by the next world. */
struct simulation *simulation_new(void);
bool simulation_run(struct simulation *simulation, uint64_t seed);
void simulation_free(struct simulation *simulation);

/* The first one counts. */
void violate(struct simulation *simulation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line of the story, if somebody listens. */
void tell(const struct simulation *simulation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline int64_t simulation_ms(const struct simulation *simulation)
{
    return (int64_t)(simulation->now_ns / 1000000);
}

static inline uint64_t milliseconds(uint64_t ms)
{
    return ms * 1000000;
}

/* The world goes on until then; those who are frozen or inside a turn stand still. */
void simulation_go_on(struct simulation *simulation, uint64_t until_ns);

/* The last entry that has committed for all to see; NULL: none. */
const struct broker_transaction *simulation_last(const struct simulation *simulation);

/* Whether a node's state is that at the end of an entry: nothing more, nothing else. */
bool simulation_is_at(const struct process *process, const struct broker_transaction *entry);

/* ---- processes ---- */

void process_init(struct process *process, struct simulation *simulation, uint32_t index);

/* Opens its node; what cannot be opened is tried again later. */
void process_start(struct process *process);

/* One turn of its node, and of what goes on beside it. */
void process_turn(struct process *process);

/* Kills it: the broker and the disk see nothing of it from here on, and its memory is dropped. */
void process_crash(struct process *process);

void process_freeze(struct process *process, uint64_t until_ns);
void process_continue(struct process *process);
void process_close(struct process *process);

/* A call through a seam.  True: the process is dead, the call has no effect.  It may die in this
 * very call, before its effect or (process_leave) behind it. */
bool process_enter(struct process *process, enum seam seam);
void process_leave(struct process *process, enum seam seam);

/* ---- what is deleted ---- */

/* Now and then the brokers delete the oldest of an input or of the journal, or compact that. */
void retention_advance(struct simulation *simulation);

/* Whether a process that stops with this failure had to: it needs what was deleted. */
bool retention_excuses(const struct process *process, const struct failure *failure);

/* What people do about a process that was denied: while another one works nothing (false) or they
 * empty its state directory, else they reset the group to what is there and start it cold. */
bool retention_mend(struct process *process);

/* ---- what must hold ---- */

void oracle_check(struct simulation *simulation);

#endif
