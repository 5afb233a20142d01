/* The generalised Pareto distribution, to which what exceeds a high threshold tends whatever the
 * values' own distribution is (Balkema and de Haan, "Residual Life Time at Great Age", 1974;
 * Pickands, "Statistical Inference Using Extreme Order Statistics", 1975):
 *
 *     P(excess > y) = (1 + shape y / scale) ^ (-1 / shape),   exp(-y / scale) for shape 0
 */
#ifndef MODELS_PARETO_H
#define MODELS_PARETO_H

#include <stdint.h>

struct pareto {
    double shape, scale; /* scale > 0 */
};

/* The natural logarithm of P(excess > y), y >= 0; -INFINITY beyond the end that a negative shape
 * has. */
double pareto_log_tail(const struct pareto *pareto, double y);

/* From the `count` > 0 largest values, falling, as excesses over `threshold` <= all of them.  By
 * probability-weighted moments (Hosking and Wallis, "Parameter and Quantile Estimation for the
 * Generalized Pareto Distribution", 1987): closed, and steadier than likelihood for few values.
 * The shape is kept in [0, 1]: no end is believed in, and a mean must exist. */
struct pareto pareto_from_moments(const double *value, uint64_t count, double threshold);

/* From `count` > 0 excesses > 0 in any order, by maximum likelihood as Grimshaw reduces it to one
 * unknown ("Computing Maximum Likelihood Estimates for the Generalized Pareto Distribution",
 * 1993).  Shapes below -1/2, where likelihood has no sensible maximum, are not taken. */
struct pareto pareto_from_likelihood(const double *excess, uint64_t count);

#endif
