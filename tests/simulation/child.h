/* Trainings (engine/retrain.h) that end after a while of simulated time, well or not. */
#ifndef TESTS_SIMULATION_CHILD_H
#define TESTS_SIMULATION_CHILD_H

#include "engine/retrain.h"

struct process;

struct sim_child {
    struct process *process;
    bool running;
    uint64_t end_ns;
    int exit_code;
};

void sim_child_init(struct sim_child *child, struct process *process, struct children *children);

#endif
