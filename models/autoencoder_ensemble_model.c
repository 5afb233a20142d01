/* An ensemble of small autoencoders, one for each group of features that go together, and one above
 * that judges their errors: Yisroel Mirsky, Tomer Doitshman, Yuval Elovici, Asaf Shabtai, "Kitsune:
 * an ensemble of autoencoders for online network intrusion detection", 2018.
 *
 * The first `grace` events tell how features correlate; then groups of at most `size` are made
 * (correlation_groups.h) and every event teaches all networks:
 *
 *     x_g   = error_g / usual error_g             of the group's autoencoder
 *     error = of the upper one, which is given x_g / (x_g + 1) of all groups
 *     score = the mean of x / (x + 1) for x = error / usual error and for x = sqrt(mean x_g^2)
 *
 * The paper tells the upper error alone; with few groups that network learns to pass everything
 * through, which the second part mends.  Beside that, here inputs are standardised, not stretched
 * between extremes, errors scaled by what is usual, weights not shared between the halves, and Adam
 * moves them; negative correlation binds as much as positive.  Strange events are learned less
 * (reconstruction.h).  Missing features are given as 0 and not asked back; keys are left out.  The
 * score is 0 while features are grouped and for as many events after. */
#include "base/assert.h"
#include "models/correlation_groups.h"
#include "models/model.h"
#include "models/network_inputs.h"
#include "models/reconstruction.h"
#include <string.h>

struct ensemble_options {
    double hidden, learning_rate;
    int64_t size, grace, horizon;
};

/* The row: this; inputs; products (input_count, input_count); order (input_count); start and
 * networks' offsets (2, input_count + 2); usual errors (input_count + 1), the upper network's
 * first; networks, the upper one first. */
struct ensemble {
    uint64_t input_count, groups, size, grace, seen;
    uint64_t products_offset, order_offset, start_offset, usual_offset, networks_offset;
    double hidden, learning_rate, horizon;
    struct random random;
    struct network_inputs inputs;
};

static struct network_plan plan_for(double hidden, double rate, uint64_t inputs)
{
    uint32_t count = (uint32_t)inputs;
    return reconstruction_plan(count, reconstruction_hidden(count, hidden), NETWORK_LOGISTIC, rate);
}

/* The most that the lower networks can need: each input its share of the worst group. */
static uint64_t lower_size(const struct ensemble_options *given, uint64_t inputs)
{
    uint64_t most = 0;
    for (uint64_t i = 1; i <= (uint64_t)given->size && i <= inputs; i++) {
        struct network_plan plan = plan_for(given->hidden, given->learning_rate, i);
        uint64_t each = (network_size(&plan) + i - 1) / i;
        most = each > most ? each : most;
    }
    return most * inputs;
}

static uint64_t lay_out(struct ensemble *self, const struct ensemble_options *given,
                        const struct model_shape *shape)
{
    uint64_t inputs = network_inputs_count(shape);
    inputs = inputs < CORRELATION_MAX ? inputs : CORRELATION_MAX;
    self->input_count = inputs;
    self->products_offset =
        sizeof *self - sizeof(struct network_inputs) + network_inputs_size(shape);
    self->order_offset = self->products_offset + inputs * inputs * sizeof(double);
    self->start_offset = self->order_offset + inputs * sizeof(uint64_t);
    self->usual_offset = self->start_offset + 2 * (inputs + 2) * sizeof(uint64_t);
    self->networks_offset = self->usual_offset + (inputs + 1) * sizeof(struct reconstruction_scale);
    struct network_plan upper = plan_for(given->hidden, given->learning_rate, inputs);
    return self->networks_offset + network_size(&upper) + lower_size(given, inputs);
}

static uint64_t ensemble_state_size(const void *options, const struct model_shape *shape)
{
    struct ensemble self;
    return lay_out(&self, (const struct ensemble_options *)options, shape);
}

static enum status ensemble_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    if (network_inputs_count(shape) > CORRELATION_MAX)
        return failure_set(failure, STATUS_STOP,
                           "an ensemble of autoencoders takes at most %d inputs, of which a choice "
                           "needs eight; leave features out",
                           CORRELATION_MAX);
    return network_inputs_check(shape, failure);
}

static inline void *at(const struct ensemble *self, uint64_t offset)
{
    return (uint8_t *)(uintptr_t)self + offset;
}

static inline uint64_t *order(const struct ensemble *self)
{
    return (uint64_t *)at(self, self->order_offset);
}

static inline uint64_t *start(const struct ensemble *self)
{
    return (uint64_t *)at(self, self->start_offset);
}

static inline uint64_t *offsets(const struct ensemble *self)
{
    return start(self) + self->input_count + 2;
}

static inline struct reconstruction_scale *usual(const struct ensemble *self)
{
    return (struct reconstruction_scale *)at(self, self->usual_offset);
}

static inline struct network *network_of(const struct ensemble *self, uint64_t index)
{
    return (struct network *)at(self, offsets(self)[index]);
}

static void ensemble_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    const struct ensemble_options *given = (const struct ensemble_options *)options;
    struct ensemble *self = (struct ensemble *)memory;
    memset(self, 0, ensemble_state_size(options, shape));
    lay_out(self, given, shape);
    self->size = (uint64_t)given->size;
    self->grace = (uint64_t)given->grace;
    self->hidden = given->hidden;
    self->learning_rate = given->learning_rate;
    self->horizon = (double)given->horizon;
    network_inputs_init(&self->inputs, shape);
    self->inputs.input_count = self->input_count;
    random_seed(&self->random, seed);
}

/* At the end of the grace: groups, and a network for each. */
static void form(struct ensemble *self)
{
    const double *products = (const double *)at(self, self->products_offset);
    self->groups =
        correlation_groups(products, self->input_count, self->size, order(self), start(self));
    uint64_t next = self->networks_offset;
    for (uint64_t i = 0; i <= self->groups; i++) {
        uint64_t inputs = i == 0 ? self->groups : start(self)[i] - start(self)[i - 1];
        struct network_plan plan = plan_for(self->hidden, self->learning_rate, inputs);
        offsets(self)[i] = next;
        network_init(network_of(self, i), &plan, &self->random);
        next += network_size(&plan);
    }
}

/* One network's share: its values stand at the front of the row. */
static double judge(const struct ensemble *self, uint64_t index, double *row, const double *known,
                    bool learning)
{
    struct network *network = network_of(self, index);
    struct reconstruction_scale *scale = &usual(self)[index];
    double slopes[CORRELATION_MAX];
    double error = reconstruction_error(network, row, known, slopes);
    double score = reconstruction_score(scale, error);
    if (learning) {
        reconstruction_learn(network, row, slopes, reconstruction_trust(scale, error));
        reconstruction_scale_learn(scale, error, self->horizon);
    }
    return score;
}

static double judge_all(const struct ensemble *self, const double *values, const double *known,
                        bool learning)
{
    double row[NETWORK_ROW_MAX], upper[NETWORK_ROW_MAX], there[CORRELATION_MAX], squares = 0;
    for (uint64_t i = 0; i < self->groups; i++) {
        uint64_t first = start(self)[i], last = start(self)[i + 1];
        for (uint64_t j = first; j < last; j++) {
            row[j - first] = values[order(self)[j]];
            there[j - first] = known[order(self)[j]];
        }
        upper[i] = judge(self, i + 1, row, there, learning);
        double times = upper[i] / (1 - upper[i] + 1e-12);
        squares += times * times;
    }
    double lower = sqrt(squares / (double)self->groups);
    return (judge(self, 0, upper, NULL, learning) + lower / (lower + 1)) / 2;
}

static inline double told(const struct ensemble *self, double score)
{
    return self->seen < 2 * self->grace ? 0 : score;
}

static double ensemble_score(const void *memory, const struct example *example)
{
    const struct ensemble *self = (const struct ensemble *)memory;
    double values[CORRELATION_MAX], known[CORRELATION_MAX];
    if (self->groups == 0)
        return 0;
    network_inputs_apply(&self->inputs, example->feature, values, known);
    return told(self, judge_all(self, values, known, false));
}

static double ensemble_learn(void *memory, const struct example *example)
{
    struct ensemble *self = (struct ensemble *)memory;
    double values[CORRELATION_MAX], known[CORRELATION_MAX], score = 0;
    network_inputs_apply(&self->inputs, example->feature, values, known);
    if (self->groups > 0)
        score = told(self, judge_all(self, values, known, true));
    else
        correlation_learn((double *)at(self, self->products_offset), self->input_count, values);
    network_inputs_learn(&self->inputs, example->feature);
    self->seen++;
    if (self->groups == 0 && self->seen >= self->grace)
        form(self);
    return score;
}

static const struct option ensemble_options[] = {
    {.name = "size",
     .type = OPTION_INTEGER,
     .standard = "10",
     .minimum = 1,
     .maximum = CORRELATION_MAX,
     .offset = offsetof(struct ensemble_options, size),
     .help = "features of one small autoencoder at most"},
    {.name = "hidden",
     .type = OPTION_NUMBER,
     .standard = "0.75",
     .minimum = 0.001,
     .maximum = 1,
     .offset = offsetof(struct ensemble_options, hidden),
     .help = "units in the middle of each, as a share of its inputs"},
    {.name = "learning_rate",
     .type = OPTION_NUMBER,
     .standard = "0.0003",
     .minimum = 1e-7,
     .maximum = 1,
     .offset = offsetof(struct ensemble_options, learning_rate),
     .help = "about how far a weight moves with each event"},
    {.name = "grace",
     .type = OPTION_INTEGER,
     .standard = "500",
     .minimum = 2,
     .maximum = 1e9,
     .offset = offsetof(struct ensemble_options, grace),
     .help = "events that tell which features go together; as many again pass before scores begin"},
    {.name = "horizon",
     .type = OPTION_INTEGER,
     .standard = "10000",
     .minimum = 1,
     .maximum = 1e12,
     .offset = offsetof(struct ensemble_options, horizon),
     .help = "events that the usual errors are means of"},
    OPTION_END,
};

const struct model_kind autoencoder_ensemble_model = {
    .name = "autoencoder_ensemble",
    .summary = "anomalies by small autoencoders over groups of features that go together (Kitsune)",
    .options = ensemble_options,
    .option_size = sizeof(struct ensemble_options),
    .supervised = false,
    .cost_ns = 2000,
    .check = ensemble_check,
    .state_size = ensemble_state_size,
    .init = ensemble_init,
    .score = ensemble_score,
    .learn = ensemble_learn,
};
