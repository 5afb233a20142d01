/* How the surprises of features, each looked at by itself, become one score: what detectors that
 * look at one feature after the other have in common. */
#ifndef MODELS_SURPRISES_H
#define MODELS_SURPRISES_H

#include "models/model.h"

enum surprises_combination { SURPRISES_SUM, SURPRISES_MAX };

static const char *const surprises_combinations[] = {"sum", "max", NULL};

/* A row of a kind's table of options. */
#define SURPRISES_OPTION(structure, member)                                                        \
    {                                                                                              \
        .name = "combine", .type = OPTION_CHOICE, .choices = surprises_combinations,               \
        .standard = "max", .offset = offsetof(struct structure, member),                           \
        .help = "what counts: all features' surprises together, or the greatest alone"             \
    }

/* Replaces each of the surprises (count) by its part of the score. */
static inline void surprises_share(double *surprises, uint64_t count, uint64_t combination,
                                   double score)
{
    double sum = 0;
    uint64_t most = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += surprises[i];
        most = surprises[i] > surprises[most] ? i : most;
    }
    for (uint64_t i = 0; i < count; i++) {
        double part = sum > 0 ? surprises[i] / sum : 0;
        surprises[i] = score * (combination == SURPRISES_MAX ? i == most : part);
    }
}

#endif
