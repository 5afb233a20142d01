/* Running quantiles of one number in fixed room: MARKERS marks, the first at the least value seen,
 * the last at the greatest, the others where the shares 1/16, 2/16 ... of the values lie below.
 * Kimmo Raatikainen, "Simultaneous estimation of several percentiles", 1987, after Raj Jain and
 * Imrich Chlamtac, "The P2 algorithm for dynamic calculation of quantiles and histograms without
 * storing observations", 1985: a mark whose rank has drifted from where it should be moves by one
 * rank, along the parabola through it and its neighbours, or along a line where that would pass a
 * neighbour. Until there is a value for each mark the marks are the sorted values themselves.
 *
 * A value of weight w counts as w values of the same size for all ranks. */
#ifndef MODELS_MARKERS_H
#define MODELS_MARKERS_H

#include <stdbool.h>
#include <stdint.h>

enum { MARKERS = 17 };

struct markers {
    double height[MARKERS]; /* ascending */
    double rank[MARKERS];   /* weight of the values up to the mark, less the first one's */
    double seen;            /* values, up to MARKERS */
    double weight;          /* of all values, less the first one's */
};

/* Finite values and weights above 0 alone. */
void markers_add(struct markers *markers, double value, double weight);

/* The value below which `share` of all lie, with straight lines between marks; 0 of nothing. */
double markers_quantile(const struct markers *markers, double share);

/* The share of the values that lie below, 0 to 1; 0.5 of nothing. */
double markers_share(const struct markers *markers, double value);

#endif
