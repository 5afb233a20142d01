/* Bugs that are known, planted from outside the program under test, to see that the simulation
 * finds them.  Some sit in the simulated seams, some wrap a function at link time (CMakeLists.txt
 * names them to the linker). */
#ifndef TESTS_SIMULATION_PLANT_H
#define TESTS_SIMULATION_PLANT_H

#include "tests/simulation/topics.h"

enum plant {
    PLANT_NONE,
    PLANT_COMMIT_BEFORE_ACKNOWLEDGE, /* an entry counts as committed as soon as it was sent */
    PLANT_SNAPSHOT_AHEAD,            /* a snapshot is published before its entry has committed */
    PLANT_LOST_LABEL,                /* a leader passes a label over */
    PLANT_DOUBLE_LEARN,              /* a leader learns a label twice */
    PLANT_KEEP_EPOCH, /* after a request for offsets without an answer the producer goes on */
    PLANT_REPLAY_WITH_OUTPUT, /* a follower writes the outputs, too */
    PLANTS
};

const char *plant_name(enum plant plant);

struct broker_transaction;
struct process;
struct sim_ledger;
struct simulation;

/* The world that the wrapped functions belong to. */
void plant_in(struct simulation *simulation);

void plant_submit(struct sim_ledger *ledger);
bool plant_keeps_epoch(void);
void plant_read(struct simulation *simulation, const struct broker_transaction *read);
void plant_peek(const struct process *process, enum topic topic,
                const struct topic_partition *partition, uint32_t *next);

#endif
