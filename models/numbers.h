/* Vectors of numbers as models use them: sums in a fixed number of lanes, so that they give the
 * same bits whatever the compiler makes of them, and lists of numbers to and from JSON. */
#ifndef MODELS_NUMBERS_H
#define MODELS_NUMBERS_H

#include "base/status.h"
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { NUMBERS_LANES = 8 };

/* No parameter of a model is larger: a product of two, summed, stays finite. */
static const double NUMBERS_LIMIT = 1e100;

/* count is a multiple of NUMBERS_LANES. */
static inline double numbers_dot(const double *a, const double *b, uint64_t count)
{
    double lane[NUMBERS_LANES] = {0};
    for (uint64_t i = 0; i < count; i += NUMBERS_LANES) {
        for (uint64_t j = 0; j < NUMBERS_LANES; j++)
            lane[j] += a[i + j] * b[i + j];
    }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static inline double numbers_logistic(double odds)
{
    return 1 / (1 + exp(-odds));
}

/* -log of the probability that was given to what came true; a certainty that was wrong costs 34.5.
 */
static inline double numbers_log_loss(double score, double label)
{
    double given = label > 0.5 ? score : 1 - score;
    return -log(given < 1e-15 ? 1e-15 : given);
}

/* A member that should be a list of numbers. */
struct numbers_list {
    const char *name;
    uint64_t count;
    bool positive; /* none below 0 */
    bool optional;
};

enum status numbers_check(const json_t *object, const struct numbers_list *list,
                          struct failure *failure);

/* Both after numbers_check, or for what is known to be finite. */
void numbers_load(const json_t *list, double *numbers, uint64_t count);
json_t *numbers_save(const double *numbers, uint64_t count);

#endif
