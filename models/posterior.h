/* A normal distribution over the weights of a linear model, moved by Bayes' rule, one example at a
 * time: what `newton` keeps.
 *
 * Of its covariance P only a root S is kept, P = S S': James Potter's form (in Richard Battin,
 * "Astronautical Guidance", 1964).  An example z that tells of z'w with curvature c, so that
 * P <- P - P z z'P c / (1 + c z'Pz), becomes
 *
 *     f = S'z,  spread = f'f = z'Pz,  fall = c / (1 + c spread)
 *     S <- S - S f f' fall / (1 + sqrt(fall / c))
 *
 * However rounding falls, S S' has no negative direction, and half as many digits are lost as in P.
 *
 * Forgetting multiplies P with `growth` at each example.  Where nothing is learned any more that
 * would let P grow without bound, and one odd example would throw the weights anywhere: so no
 * weight is ever less certain than before anything was known. */
#ifndef MODELS_POSTERIOR_H
#define MODELS_POSTERIOR_H

#include "models/numbers.h"

/* root (count, width): rows of weights, width a multiple of NUMBERS_LANES; variance (count): P's
 * diagonal. */
struct posterior {
    double *root, *variance;
    const double *prior; /* (count): variances before anything is known, in today's units */
    uint64_t count, width;
    double growth;
};

/* All weights apart and equally uncertain; none less than its prior. */
void posterior_spread(const struct posterior *posterior, double variance);

/* A feature's values have become `ratio` (count) times smaller numbers than they were when its
 * weight was last learned.  What the labels told of the weight, a likelihood of precision
 * 1 / P - 1 / prior, becomes as many times wider and meets the prior again, that of one unit as it
 * is now: changes the weights (count) and fills by what the rows of the root are to be multiplied.
 * So a weight that was learned from values of next to no spread does not grow with it. */
void posterior_rescale(const struct posterior *posterior, const double *ratio, double *weight,
                       double *scale);

/* The log odds at the mode of the posterior, where they were normal around `odds` with variance
 * `spread` and the label's own likelihood comes to it: the root of a - odds - spread (label -
 * p(a)). A step from where the odds were would throw the weights where these were certain and
 * wrong, since a certainty has next to no curvature to hold the step back. */
double posterior_mode(double odds, double spread, double label);

/* f (width) = S'z, z (width); returns z'Pz >= 0.  `scale` (count) multiplies the rows of the root;
 * posterior_learn makes it so. */
double posterior_look(const struct posterior *posterior, const double *scale, const double *z,
                      double *f);

/* After posterior_look: moves `weight` (count) by step P z and learns the curvature c >= 0. */
void posterior_learn(const struct posterior *posterior, const double *scale, const double *f,
                     double spread, double curvature, double step, double *weight);

/* From the lower triangle of P, row after row.  A list that is no covariance leaves the posterior
 * as it is and returns false. */
bool posterior_load(const struct posterior *posterior, const json_t *list);

#endif
