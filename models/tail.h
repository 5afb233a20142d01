/* How rare a value is among those before it: the surprise -log10 P(value >= x), estimated from the
 * largest values alone.  Of n values the k = sqrt(n) / 2 largest are taken for the tail; within the
 * rest the probability is the share of values that were as large, within and beyond the tail it is
 * k / n times what a generalised Pareto distribution gives (models/pareto.h).  Nothing is assumed
 * of the values below; memory is bounded; values are forgotten after `remembered` others. */
#ifndef MODELS_TAIL_H
#define MODELS_TAIL_H

#include <stdint.h>

/* More than any k, so that forgetting some leaves the order of the rest complete. */
enum { TAIL_VALUES = 192 };

struct tail {
    uint64_t seen, held, remembered;
    uint64_t hand;                /* looks at one value an event, whether it is too old */
    double value[TAIL_VALUES];    /* (held), falling */
    uint64_t number[TAIL_VALUES]; /* (held): which of the seen it was */
};

/* On zeroed memory; remembered up to 65536. */
void tail_init(struct tail *tail, uint64_t remembered);

/* 0 while too little is known, and for NaN. */
double tail_surprise(const struct tail *tail, double x);

/* NaN is passed over. */
void tail_learn(struct tail *tail, double x);

#endif
