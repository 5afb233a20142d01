/* How badly a network gives its inputs back, as autoencoders judge it. */
#ifndef MODELS_RECONSTRUCTION_H
#define MODELS_RECONSTRUCTION_H

#include "models/network.h"
#include <math.h>

/* Layers down to `hidden` units and up again; the mini-batch is one example. */
static inline struct network_plan reconstruction_plan(uint32_t inputs, uint32_t hidden,
                                                      enum network_bend bend, double rate)
{
    return (struct network_plan){.layers = 2,
                                 .width = {inputs, hidden, inputs},
                                 .batch = 1,
                                 .bend = bend,
                                 .learning_rate = rate};
}

/* A share of the inputs, at least one unit. */
static inline uint32_t reconstruction_hidden(uint32_t inputs, double share)
{
    double units = ceil(share * (double)inputs);
    units = units > NETWORK_HIDDEN_MAX ? NETWORK_HIDDEN_MAX : units;
    return units < 1 ? 1 : (uint32_t)units;
}

/* The root of the mean squared error over the inputs that are known (NULL: all), from the inputs at
 * the front of values; and the slopes of half the mean square by the outputs. */
static inline double reconstruction_error(const struct network *network, double *values,
                                          const double *known, double *slopes)
{
    const double *outputs = network_forward(network, values);
    double sum = 0, count = 0;
    for (uint64_t i = 0; i < network->width[0]; i++) {
        /* The caller has filled as many as there are inputs, which the analyzer cannot see. */
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
        double here = known ? known[i] : 1;
        slopes[i] = here * (outputs[i] - values[i]);
        sum += slopes[i] * slopes[i];
        count += here;
    }
    for (uint64_t i = 0; i < network->width[0]; i++)
        slopes[i] /= count > 0 ? count : 1;
    return count > 0 ? sqrt(sum / count) : 0;
}

/* The mean error, of late: over all events at first, over about `horizon` later. */
struct reconstruction_scale {
    double count, mean;
};

static inline void reconstruction_scale_learn(struct reconstruction_scale *self, double error,
                                              double horizon)
{
    self->count += self->count < horizon ? 1 : 0;
    self->mean += (error - self->mean) / self->count;
}

/* How much of an event's slopes is learned: all up to the usual error, beyond it as under a Cauchy
 * distribution of errors, so that a run of strange events does not become the normal at once. */
static inline double reconstruction_trust(const struct reconstruction_scale *self, double error)
{
    double far = self->mean > 0 ? error / self->mean : 0;
    return far > 1 ? 1 / (far * far) : 1;
}

static inline void reconstruction_learn(struct network *network, const double *values,
                                        double *slopes, double trust)
{
    for (uint64_t i = 0; i < network->width[0]; i++)
        slopes[i] *= trust; /* NOLINT(clang-analyzer-core.uninitialized.Assign): as above */
    network_learn(network, values, slopes);
}

/* 0 for a perfect return, 1/2 for the usual error, 1 far beyond. */
static inline double reconstruction_score(const struct reconstruction_scale *self, double error)
{
    double sum = error + self->mean;
    return sum > 0 ? error / sum : 0;
}

#endif
