/* Which numbers belong together: a running correlation, and groups of at most so many by single
 * linkage, as Kitsune maps its features (autoencoder_ensemble_model.c). */
#ifndef MODELS_CORRELATION_GROUPS_H
#define MODELS_CORRELATION_GROUPS_H

#include <stdint.h>

enum { CORRELATION_MAX = 128 };

/* products (count, count), lower triangle with the diagonal, += values values'. */
void correlation_learn(double *products, uint64_t count, const double *values);

/* Groups of at most `most`: the largest branches of the tree of nearest neighbours, by 1 - |r|,
 * that are not larger.  order (count) gets the numbers group by group, start (groups + 1) where
 * each begins; returns the groups. */
uint64_t correlation_groups(const double *products, uint64_t count, uint64_t most, uint64_t *order,
                            uint64_t *start);

#endif
