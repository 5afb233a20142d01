/* Small feed-forward networks; see network.h. */
#include "models/network.h"
#include "base/assert.h"
#include "models/linalg.h"
#include "models/numbers.h"
#include <string.h>

static const double BETA_1 = 0.9, BETA_2 = 0.999, LEAST = 1e-8;

/* Beyond it an output or a slope stops growing; it keeps the squares finite. */
static const double LIMIT = 1e12;

enum block { BLOCK_WEIGHTS, BLOCK_FIRST, BLOCK_SECOND, BLOCK_SLOPES, BLOCKS };

static void lay_out(struct network *self, const struct network_plan *plan)
{
    self->layers = plan->layers;
    self->batch = plan->batch;
    self->bend = plan->bend;
    self->learning_rate = plan->learning_rate;
    self->parameters = self->row = 0;
    for (uint64_t i = 0; i <= plan->layers; i++) {
        self->width[i] = plan->width[i];
        self->padded[i] = (self->width[i] / NUMBERS_LANES + 1) * NUMBERS_LANES;
        self->place[i] = self->row;
        self->row += self->padded[i];
    }
    for (uint64_t i = 0; i < plan->layers; i++) {
        self->weights[i] = self->parameters;
        self->parameters += self->width[i + 1] * self->padded[i];
    }
    ASSERT(plan->layers <= NETWORK_LAYERS_MAX && self->row <= NETWORK_ROW_MAX);
}

uint64_t network_size(const struct network_plan *plan)
{
    struct network self;
    lay_out(&self, plan);
    uint64_t cells = BLOCKS * self.parameters + 2 * self.batch * self.row;
    return sizeof self + cells * sizeof(double);
}

static inline double *block(const struct network *self, enum block which)
{
    return (double *)(uintptr_t)self->cells + which * self->parameters;
}

static inline double *batch_values(const struct network *self)
{
    return block(self, BLOCKS);
}

static inline double *batch_deltas(const struct network *self)
{
    return batch_values(self) + self->batch * self->row;
}

void network_init(struct network *self, const struct network_plan *plan, struct random *random)
{
    lay_out(self, plan);
    self->power_1 = self->power_2 = 1;
    for (uint64_t layer = 0; layer + 1 < self->layers; layer++) {
        double *weights = block(self, BLOCK_WEIGHTS) + self->weights[layer];
        uint64_t in = self->width[layer], out = self->width[layer + 1];
        double reach = sqrt(6 / (double)(in + out));
        for (uint64_t i = 0; i < out; i++) {
            for (uint64_t j = 0; j < in; j++)
                weights[i * self->padded[layer] + j] = reach * (2 * random_uniform(random) - 1);
        }
    }
}

static inline double bent(const struct network *self, double sum)
{
    if (self->bend == NETWORK_LOGISTIC)
        return numbers_logistic(sum);
    return sum > 0 ? sum : 0;
}

/* The slope of the bend where it gave this. */
static inline double bend_slope(const struct network *self, double value)
{
    if (self->bend == NETWORK_LOGISTIC)
        return value * (1 - value);
    return value > 0 ? 1 : 0;
}

static inline double limited(double value)
{
    value = value < LIMIT ? value : LIMIT;
    return value > -LIMIT ? value : -LIMIT;
}

static void finish_layer(const struct network *self, uint64_t layer, double *values)
{
    uint64_t width = self->width[layer];
    memset(values + width, 0, (self->padded[layer] - width) * sizeof *values);
    values[width] = 1;
}

const double *network_forward(const struct network *self, double *values)
{
    const double *weights = block(self, BLOCK_WEIGHTS);
    for (uint64_t layer = 0; layer < self->layers; layer++) {
        double *in = values + self->place[layer], *out = values + self->place[layer + 1];
        bool last = layer + 1 == self->layers;
        finish_layer(self, layer, in);
        for (uint64_t i = 0; i < self->width[layer + 1]; i++) {
            double sum = limited(numbers_dot(weights, in, self->padded[layer]));
            out[i] = last ? sum : bent(self, sum);
            weights += self->padded[layer];
        }
    }
    finish_layer(self, self->layers, values + self->place[self->layers]);
    return values + self->place[self->layers];
}

/* The deltas of the layer's inputs from those of its outputs. */
static void back(const struct network *self, uint64_t layer, const double *values, double *deltas)
{
    const double *in = values + self->place[layer], *from = deltas + self->place[layer + 1];
    const double *weights = block(self, BLOCK_WEIGHTS) + self->weights[layer];
    double *to = deltas + self->place[layer];
    memset(to, 0, self->padded[layer] * sizeof *to);
    for (uint64_t i = 0; i < self->width[layer + 1]; i++) {
        for (uint64_t j = 0; j < self->padded[layer]; j++)
            to[j] += weights[j] * from[i];
        weights += self->padded[layer];
    }
    for (uint64_t j = 0; j < self->width[layer]; j++)
        to[j] *= bend_slope(self, in[j]);
}

static void step(struct network *self)
{
    double *weight = block(self, BLOCK_WEIGHTS), *first = block(self, BLOCK_FIRST);
    double *second = block(self, BLOCK_SECOND);
    const double *slope = block(self, BLOCK_SLOPES);
    self->power_1 *= BETA_1;
    self->power_2 *= BETA_2;
    double rate = self->learning_rate / (1 - self->power_1), part = 1 / (1 - self->power_2);
    for (uint64_t i = 0; i < self->parameters; i++) {
        first[i] = BETA_1 * first[i] + (1 - BETA_1) * slope[i];
        second[i] = BETA_2 * second[i] + (1 - BETA_2) * (slope[i] * slope[i]);
        weight[i] -= rate * first[i] / (sqrt(second[i] * part) + LEAST);
    }
}

/* A batch of one needs no library: less to call, and the same bits under every kernel of it. */
static void learn_single(struct network *self)
{
    for (uint64_t layer = 0; layer < self->layers; layer++) {
        const double *deltas = batch_deltas(self) + self->place[layer + 1];
        const double *values = batch_values(self) + self->place[layer];
        double *slopes = block(self, BLOCK_SLOPES) + self->weights[layer];
        for (uint64_t i = 0; i < self->width[layer + 1]; i++) {
            for (uint64_t j = 0; j < self->padded[layer]; j++)
                *slopes++ = deltas[i] * values[j];
        }
    }
}

static void learn_batch(struct network *self)
{
    for (uint64_t layer = 0; layer < self->layers; layer++) {
        const struct linalg_slopes slopes = {
            .rows = (uint32_t)self->batch,
            .stride = (uint32_t)self->row,
            .deltas = batch_deltas(self) + self->place[layer + 1],
            .delta_count = (uint32_t)self->width[layer + 1],
            .values = batch_values(self) + self->place[layer],
            .value_count = (uint32_t)self->padded[layer],
        };
        linalg_slopes(&slopes, block(self, BLOCK_SLOPES) + self->weights[layer]);
    }
}

void network_learn(struct network *self, const double *values, const double *slopes)
{
    double *deltas = batch_deltas(self) + self->filled * self->row;
    memcpy(batch_values(self) + self->filled * self->row, values, self->row * sizeof *values);
    double *last = deltas + self->place[self->layers];
    for (uint64_t i = 0; i < self->width[self->layers]; i++)
        last[i] = limited(slopes[i]);
    for (uint64_t layer = self->layers; --layer > 0;)
        back(self, layer, values, deltas);
    if (++self->filled < self->batch)
        return;
    self->filled = 0;
    if (self->batch == 1)
        learn_single(self);
    else
        learn_batch(self);
    step(self);
}
