/* What features cost, estimated: from a table of what was measured once (script/bench kinds), for
 * `weir explain`.  Estimates are for people; nothing is decided by them. */
#ifndef FEATURES_COST_H
#define FEATURES_COST_H

#include "features/aggregate.h"

/* Nanoseconds an event. */
struct cost {
    double few_ns;  /* while windows hold some sixteen events */
    double many_ns; /* a thousand */
};

/* Entering, leaving and reading, once the frame and the entity are paid for. */
struct cost cost_of_kind(const struct aggregate_kind *kind);

/* Slots entering and leaving one frame. */
struct cost cost_of_frame(void);

/* Finding the entity and putting the event in; `away`: its row is not in the processor's cache. */
double cost_of_visit_ns(bool away);

#endif
