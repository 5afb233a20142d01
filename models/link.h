/* From a margin, any number whose sign decides, to a probability with .5 at that sign's change:
 *
 *     p = 1 / (1 + exp(-exp(s) margin))
 *
 * after John Platt, "Probabilistic outputs for support vector machines", 1999, without his shift,
 * and with s learned as labels come, by one Newton step each on the log loss. */
#ifndef MODELS_LINK_H
#define MODELS_LINK_H

#include "models/numbers.h"

struct link {
    double log_scale;
    double curvature; /* of the log loss in log_scale, fading; what the next label is weighed by */
};

static inline double link_score(const struct link *self, double margin)
{
    return numbers_logistic(exp(self->log_scale) * margin);
}

static inline void link_learn(struct link *self, double margin, double label, double weight)
{
    static const double memory = 0.999, least = 10, furthest = 12;
    double scaled = exp(self->log_scale) * margin;
    double p = numbers_logistic(scaled);
    self->curvature = self->curvature * memory + weight * p * (1 - p) * scaled * scaled;
    double moved = self->log_scale + weight * (label - p) * scaled / (self->curvature + least);
    moved = moved > furthest ? furthest : moved;
    self->log_scale = moved < -furthest ? -furthest : moved;
}

#endif
