/* One input of one process (ingest/source.h): the partitions of a simulated topic, as far as their
 * records have come and this consumer has fetched them. */
#ifndef TESTS_SIMULATION_SOURCE_H
#define TESTS_SIMULATION_SOURCE_H

#include "engine/config.h"
#include "ingest/inputs.h"

struct process;

/* Opens the inputs that the configuration names, for struct world. */
enum status sim_sources_open(void *self /* struct process */, struct inputs *inputs,
                             struct config *config, struct failure *failure);

#endif
