/* A multi-layer perceptron: hidden layers that bend at 0, then log odds of the label (or of each
 * class, as a softmax), learned by log loss and Adam; see network.h.
 *
 *     p = 1 / (1 + exp(-output)),             slope of the loss: weight (p - label)
 *     p_k = exp(o_k) / sum_j exp(o_j),        weight (p_k - (k = label))
 *
 * Inputs are standardised as they come (network_inputs.h): missing features and keys count for
 * nothing, a choice has an input for each of eight.  A label waits in the mini-batch until `batch`
 * have come; scores do not see it before.  Adam's first steps do not depend on how large slopes
 * are, so that a weight tells only beside other weights. */
#include "base/assert.h"
#include "models/model.h"
#include "models/network.h"
#include "models/network_inputs.h"
#include "models/numbers.h"
#include <stdlib.h>
#include <string.h>

/* Beyond it a weight is a mistake of somebody's. */
static const double WEIGHT_LIMIT = 1e6;

struct perceptron_options {
    char layers[64];
    double learning_rate;
    int64_t batch;
};

/* The row: this, then the inputs, then the network. */
struct perceptron {
    uint64_t class_count, network_offset;
    struct network_inputs inputs;
};

/* "32,16" to the widths after the inputs; 0 if it is nothing of the sort. */
static uint32_t read_layers(const char *text, uint32_t *width)
{
    for (uint32_t count = 0; count + 1 < NETWORK_LAYERS_MAX; text++) {
        char *end;
        long value = strtol(text, &end, 10);
        if (end == text || value < 1 || value > NETWORK_HIDDEN_MAX)
            return 0;
        width[count++] = (uint32_t)value;
        text = end;
        if (*text == 0)
            return count;
        if (*text != ',')
            return 0;
    }
    return 0;
}

/* Options that check would refuse are taken for the standard ones. */
static struct network_plan plan_for(const struct perceptron_options *given,
                                    const struct model_shape *shape)
{
    struct network_plan plan = {.batch = (uint32_t)given->batch,
                                .bend = NETWORK_RELU,
                                .learning_rate = given->learning_rate};
    uint32_t hidden = read_layers(given->layers, &plan.width[1]);
    if (hidden == 0)
        hidden = read_layers("32,16", &plan.width[1]);
    plan.width[0] = network_inputs_count(shape);
    plan.layers = hidden + 1;
    plan.width[plan.layers] = shape->class_count > 2 ? shape->class_count : 1;
    return plan;
}

static enum status perceptron_check(const void *options, const struct model_shape *shape,
                                    struct failure *failure)
{
    const struct perceptron_options *given = (const struct perceptron_options *)options;
    uint32_t width[NETWORK_LAYERS_MAX + 1];
    if (read_layers(given->layers, width) == 0)
        return failure_set(failure, STATUS_STOP,
                           "`layers` should be one to %d numbers from 1 to %d, such as \"32,16\"",
                           NETWORK_LAYERS_MAX - 1, NETWORK_HIDDEN_MAX);
    return network_inputs_check(shape, failure);
}

static uint64_t network_offset(const struct model_shape *shape)
{
    return sizeof(struct perceptron) - sizeof(struct network_inputs) + network_inputs_size(shape);
}

static uint64_t perceptron_state_size(const void *options, const struct model_shape *shape)
{
    struct network_plan plan = plan_for((const struct perceptron_options *)options, shape);
    return network_offset(shape) + network_size(&plan);
}

static inline struct network *network_of(const struct perceptron *self)
{
    return (struct network *)(void *)((uint8_t *)(uintptr_t)self + self->network_offset);
}

static void perceptron_init(void *memory, const void *options, const struct model_shape *shape,
                            uint64_t seed)
{
    struct perceptron *self = (struct perceptron *)memory;
    struct network_plan plan = plan_for((const struct perceptron_options *)options, shape);
    memset(self, 0, perceptron_state_size(options, shape));
    self->class_count = shape->class_count;
    self->network_offset = network_offset(shape);
    network_inputs_init(&self->inputs, shape);
    struct random random;
    random_seed(&random, seed);
    network_init(network_of(self), &plan, &random);
}

/* Outputs to probabilities, in place of them; returns the score. */
static double softmax(const struct perceptron *self, const double *outputs, double *probability)
{
    uint64_t best = 0;
    double sum = 0;
    for (uint64_t i = 1; i < self->class_count; i++)
        best = outputs[i] > outputs[best] ? i : best;
    for (uint64_t i = 0; i < self->class_count; i++)
        sum += probability[i] = exp(outputs[i] - outputs[best]);
    for (uint64_t i = 0; i < self->class_count; i++)
        probability[i] /= sum;
    return (double)best;
}

static double forecast(const struct perceptron *self, const union value *feature, double *values,
                       double *probability)
{
    network_inputs_apply(&self->inputs, feature, values, NULL);
    const double *outputs = network_forward(network_of(self), values);
    if (self->class_count > 2)
        return softmax(self, outputs, probability);
    return probability[0] = numbers_logistic(outputs[0]);
}

static double perceptron_score(const void *memory, const struct example *example)
{
    double values[NETWORK_ROW_MAX], probability[MODEL_CLASSES_MAX];
    return forecast((const struct perceptron *)memory, example->feature, values, probability);
}

static double perceptron_learn(void *memory, const struct example *example)
{
    struct perceptron *self = (struct perceptron *)memory;
    double values[NETWORK_ROW_MAX], slope[MODEL_CLASSES_MAX];
    double score = forecast(self, example->feature, values, slope);
    network_inputs_learn(&self->inputs, example->feature);
    forecast(self, example->feature, values, slope);
    double weight = example->weight < WEIGHT_LIMIT ? example->weight : WEIGHT_LIMIT;
    if (self->class_count > 2)
        slope[(uint64_t)example->label] -= 1;
    else
        slope[0] -= example->label;
    for (uint64_t i = 0; i < (self->class_count > 2 ? self->class_count : 1); i++)
        slope[i] *= weight;
    network_learn(network_of(self), values, slope);
    return score;
}

static const struct option perceptron_options[] = {
    {.name = "layers",
     .type = OPTION_TEXT,
     .size = sizeof(((struct perceptron_options *)0)->layers),
     .standard = "32,16",
     .offset = offsetof(struct perceptron_options, layers),
     .help = "units of each hidden layer, at most four layers of 256"},
    {.name = "learning_rate",
     .type = OPTION_NUMBER,
     .standard = "0.003",
     .minimum = 1e-7,
     .maximum = 1,
     .offset = offsetof(struct perceptron_options, learning_rate),
     .help = "about how far a weight moves in one step"},
    {.name = "batch",
     .type = OPTION_INTEGER,
     .standard = "1",
     .minimum = 1,
     .maximum = 1024,
     .offset = offsetof(struct perceptron_options, batch),
     .help = "labels that a step is made of; more are cheaper and learn later"},
    OPTION_END,
};

const struct model_kind perceptron_model = {
    .name = "perceptron",
    .summary = "a multi-layer perceptron: learns by Adam in mini-batches",
    .options = perceptron_options,
    .option_size = sizeof(struct perceptron_options),
    .supervised = true,
    .multiclass = true,
    .cost_ns = 5000,
    .check = perceptron_check,
    .state_size = perceptron_state_size,
    .init = perceptron_init,
    .score = perceptron_score,
    .learn = perceptron_learn,
};
