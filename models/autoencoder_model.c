/* An autoencoder: a network with a narrow middle learns to give events back, and what it gives back
 * badly is strange.  After Nathalie Japkowicz, Catherine Myers, Mark Gluck, "A novelty detection
 * approach to classification", 1995; network.h has the network and how it learns.
 *
 *     error = sqrt(mean_j (output_j - z_j)^2),     score = error / (error + usual error)
 *
 * The usual error is the mean of the last `horizon` or so.  Inputs are standardised as they come
 * (network_inputs.h); what is missing is given as 0 and not asked back; keys are left out.  Events
 * beyond the usual error are learned less, by its square.  The first `grace` events are learned and
 * get the score 0. */
#include "base/assert.h"
#include "models/model.h"
#include "models/network_inputs.h"
#include "models/reconstruction.h"
#include <string.h>

struct autoencoder_options {
    double hidden, learning_rate;
    int64_t grace, horizon;
};

/* The row: this, then the inputs, then the network. */
struct autoencoder {
    uint64_t network_offset, grace, seen;
    double horizon;
    struct reconstruction_scale usual;
    struct network_inputs inputs;
};

static struct network_plan plan_for(const struct autoencoder_options *given,
                                    const struct model_shape *shape)
{
    uint32_t inputs = network_inputs_count(shape);
    return reconstruction_plan(inputs, reconstruction_hidden(inputs, given->hidden),
                               NETWORK_LOGISTIC, given->learning_rate);
}

static enum status autoencoder_check(const void *options, const struct model_shape *shape,
                                     struct failure *failure)
{
    (void)options;
    return network_inputs_check(shape, failure);
}

static uint64_t network_offset(const struct model_shape *shape)
{
    return sizeof(struct autoencoder) - sizeof(struct network_inputs) + network_inputs_size(shape);
}

static uint64_t autoencoder_state_size(const void *options, const struct model_shape *shape)
{
    struct network_plan plan = plan_for((const struct autoencoder_options *)options, shape);
    return network_offset(shape) + network_size(&plan);
}

static inline struct network *network_of(const struct autoencoder *self)
{
    return (struct network *)(void *)((uint8_t *)(uintptr_t)self + self->network_offset);
}

static void autoencoder_init(void *memory, const void *options, const struct model_shape *shape,
                             uint64_t seed)
{
    const struct autoencoder_options *given = (const struct autoencoder_options *)options;
    struct autoencoder *self = (struct autoencoder *)memory;
    struct network_plan plan = plan_for(given, shape);
    memset(self, 0, autoencoder_state_size(options, shape));
    self->network_offset = network_offset(shape);
    self->grace = (uint64_t)given->grace;
    self->horizon = (double)given->horizon;
    network_inputs_init(&self->inputs, shape);
    struct random random;
    random_seed(&random, seed);
    network_init(network_of(self), &plan, &random);
}

static double error_of(const struct autoencoder *self, const union value *feature, double *values,
                       double *slopes)
{
    double known[NETWORK_ENDS_MAX];
    network_inputs_apply(&self->inputs, feature, values, known);
    return reconstruction_error(network_of(self), values, known, slopes);
}

static inline double told(const struct autoencoder *self, double error)
{
    return self->seen < self->grace ? 0 : reconstruction_score(&self->usual, error);
}

static double autoencoder_score(const void *memory, const struct example *example)
{
    const struct autoencoder *self = (const struct autoencoder *)memory;
    double values[NETWORK_ROW_MAX], slopes[NETWORK_ENDS_MAX];
    return told(self, error_of(self, example->feature, values, slopes));
}

static double autoencoder_learn(void *memory, const struct example *example)
{
    struct autoencoder *self = (struct autoencoder *)memory;
    double values[NETWORK_ROW_MAX], slopes[NETWORK_ENDS_MAX];
    double error = error_of(self, example->feature, values, slopes);
    double score = told(self, error);
    reconstruction_learn(network_of(self), values, slopes,
                         reconstruction_trust(&self->usual, error));
    network_inputs_learn(&self->inputs, example->feature);
    reconstruction_scale_learn(&self->usual, error, self->horizon);
    self->seen++;
    return score;
}

static const struct option autoencoder_options[] = {
    {.name = "hidden",
     .type = OPTION_NUMBER,
     .standard = "0.5",
     .minimum = 0.001,
     .maximum = 4,
     .offset = offsetof(struct autoencoder_options, hidden),
     .help = "units in the middle, as a share of the inputs"},
    {.name = "learning_rate",
     .type = OPTION_NUMBER,
     .standard = "0.0003",
     .minimum = 1e-7,
     .maximum = 1,
     .offset = offsetof(struct autoencoder_options, learning_rate),
     .help = "about how far a weight moves with each event"},
    {.name = "grace",
     .type = OPTION_INTEGER,
     .standard = "250",
     .maximum = 1e9,
     .offset = offsetof(struct autoencoder_options, grace),
     .help = "events that are learned before scores begin"},
    {.name = "horizon",
     .type = OPTION_INTEGER,
     .standard = "10000",
     .minimum = 1,
     .maximum = 1e12,
     .offset = offsetof(struct autoencoder_options, horizon),
     .help = "events that the usual error is a mean of"},
    OPTION_END,
};

const struct model_kind autoencoder_model = {
    .name = "autoencoder",
    .summary =
        "anomalies by how badly a narrow network, which learns from all events, gives them back",
    .options = autoencoder_options,
    .option_size = sizeof(struct autoencoder_options),
    .supervised = false,
    .cost_ns = 1200,
    .check = autoencoder_check,
    .state_size = autoencoder_state_size,
    .init = autoencoder_init,
    .score = autoencoder_score,
    .learn = autoencoder_learn,
};
