/* Factorisation machine: a linear model that also weighs all pairs of inputs, each pair by the
 * product of a few learned factors of its two, so that pairs hardly ever seen together can be
 * judged.  Steffen Rendle, "Factorization machines", 2010.
 *
 *     log odds = b + sum_i w_i x_i + sum_(i < j) <v_i, v_j> x_i x_j
 *              = b + sum_i w_i x_i + 1/2 sum_f ((sum_i v_if x_i)^2 - sum_i v_if^2 x_i^2)
 *
 * over the encoded inputs (models/encoding.h); with `hash`, the standard, every value of a key or
 * an enumeration is an input.  Learned by the gradient of the log loss, with a rate a parameter, as
 * adagrad has it: John Duchi, Elad Hazan, Yoram Singer, "Adaptive subgradient methods for online
 * learning and stochastic optimization", 2011.  Factors start as small random numbers: at 0 they
 * would stay there.
 *
 * Missing numbers stand for the middle, a missing name is no input. */
#include "base/assert.h"
#include "base/random.h"
#include "models/encoding.h"
#include <math.h>
#include <string.h>

enum { FACTORS_MAX = 64 };

struct machine_options {
    struct encoding_options encoding;
    int64_t factors;
    double learning_rate, l2, spread;
};

/* The row: this; the encoding; then a parameter block an input, the scaled numbers first: weight,
 * its squared gradients, factors (factors), theirs (factors), all float. */
struct machine {
    uint64_t width, factors;
    uint64_t parameters_offset, block; /* floats of an input */
    double learning_rate, l2;
    double intercept, intercept_squares;
};

/* What an example's pairs come to, a factor. */
struct sums {
    float factor[FACTORS_MAX]; /* sum_i v_if x_i */
    double odds;
};

static uint64_t block_of(const struct machine_options *given)
{
    return 2 + 2 * (uint64_t)given->factors;
}

static uint64_t parameters_offset(const struct machine_options *given,
                                  const struct model_shape *shape)
{
    return sizeof(struct machine) + encoding_size(&given->encoding, shape);
}

static uint64_t input_count(const struct machine_options *given, const struct model_shape *shape)
{
    return encoding_width(shape) + encoding_hashed_width(&given->encoding, shape);
}

static uint64_t machine_state_size(const void *options, const struct model_shape *shape)
{
    const struct machine_options *given = (const struct machine_options *)options;
    uint64_t cells = input_count(given, shape) * block_of(given);
    return (parameters_offset(given, shape) + cells * sizeof(float) + 7) / 8 * 8;
}

static enum status machine_check(const void *options, const struct model_shape *shape,
                                 struct failure *failure)
{
    const struct machine_options *given = (const struct machine_options *)options;
    return encoding_check(&given->encoding, shape, "a factorization machine", failure);
}

static struct encoding *encoding_of(const struct machine *self)
{
    return (struct encoding *)(uintptr_t)(self + 1);
}

static inline float *parameters(const struct machine *self, uint64_t input)
{
    void *first = (uint8_t *)(uintptr_t)self + self->parameters_offset;
    return (float *)first + input * self->block;
}

static void machine_init(void *memory, const void *options, const struct model_shape *shape,
                         uint64_t seed)
{
    const struct machine_options *given = (const struct machine_options *)options;
    ASSERT(given->factors <= FACTORS_MAX);
    struct machine *self = (struct machine *)memory;
    memset(self, 0, machine_state_size(options, shape));
    self->width = encoding_width(shape);
    self->factors = (uint64_t)given->factors;
    self->parameters_offset = parameters_offset(given, shape);
    self->block = block_of(given);
    self->learning_rate = given->learning_rate;
    self->l2 = given->l2;
    encoding_init(encoding_of(self), &given->encoding, shape, seed);
    struct random random;
    random_seed(&random, seed);
    for (uint64_t i = 0; i < input_count(given, shape); i++) {
        for (uint64_t f = 0; f < self->factors; f++) {
            double drawn = 2 * random_uniform(&random) - 1;
            parameters(self, i)[2 + f] = (float)(given->spread * drawn);
        }
    }
}

/* Adds an input to the sums; squares gather sum_i v_if^2 x_i^2. */
static inline void sum_input(const struct machine *self, uint64_t input, float x, struct sums *sums,
                             float *squares)
{
    const float *parameter = parameters(self, input);
    sums->odds += (double)(parameter[0] * x);
    for (uint64_t f = 0; f < self->factors; f++) {
        float part = parameter[2 + f] * x;
        sums->factor[f] += part;
        squares[f] += part * part;
    }
}

static void sum_all(const struct machine *self, const struct encoded *encoded, struct sums *sums)
{
    float squares[FACTORS_MAX] = {0};
    memset(sums, 0, sizeof *sums);
    for (uint64_t i = 0; i < self->width; i++)
        if (encoded->dense[i] != 0)
            sum_input(self, i, (float)encoded->dense[i], sums, squares);
    for (uint64_t i = 0; i < encoded->hashed; i++)
        sum_input(self, self->width + encoded->bucket[i], 1, sums, squares);
    double pairs = 0;
    for (uint64_t f = 0; f < self->factors; f++)
        pairs += (double)sums->factor[f] * (double)sums->factor[f] - (double)squares[f];
    sums->odds += self->intercept + pairs / 2;
}

static double machine_score(const void *memory, const struct example *example)
{
    const struct machine *self = (const struct machine *)memory;
    struct encoded encoded;
    struct sums sums;
    encoding_read(encoding_of(self), example, &encoded);
    sum_all(self, &encoded, &sums);
    return numbers_logistic(sums.odds);
}

/* One step of adagrad.  Even a slope whose square is beyond floats moves it by the rate at most. */
static inline void descend(const struct machine *self, float *parameter, float *squares,
                           double slope)
{
    double all = slope + self->l2 * (double)*parameter, sum = (double)*squares + all * all;
    *squares = sum < 1e30 ? (float)sum : 1e30F;
    *parameter -= (float)(self->learning_rate * all / sqrt(sum + 1e-10));
}

static void learn_input(const struct machine *self, uint64_t input, double x,
                        const struct sums *sums, double gradient)
{
    float *parameter = parameters(self, input), *squares = parameter + 2 + self->factors;
    descend(self, &parameter[0], &parameter[1], gradient * x);
    for (uint64_t f = 0; f < self->factors; f++) {
        double own = (double)parameter[2 + f] * x;
        descend(self, &parameter[2 + f], &squares[f],
                gradient * x * ((double)sums->factor[f] - own));
    }
}

static void learn_inputs(struct machine *self, const struct example *example,
                         const struct encoded *encoded, const struct sums *sums, double gradient)
{
    example_touch(example, parameters(self, 0), self->width * self->block * sizeof(float));
    for (uint64_t i = 0; i < self->width; i++)
        if (encoded->dense[i] != 0)
            learn_input(self, i, encoded->dense[i], sums, gradient);
    for (uint64_t i = 0; i < encoded->hashed; i++) {
        uint64_t input = self->width + encoded->bucket[i];
        example_touch(example, parameters(self, input), self->block * sizeof(float));
        learn_input(self, input, 1, sums, gradient);
    }
}

static double machine_learn(void *memory, const struct example *example)
{
    struct machine *self = (struct machine *)memory;
    struct encoding *encoding = encoding_of(self);
    struct encoded encoded;
    struct sums sums;
    double score = machine_score(memory, example);
    example_touch(example, self, sizeof *self + encoding_head(encoding));
    encoding_renew(encoding, example, &encoded);
    sum_all(self, &encoded, &sums);
    double gradient = (numbers_logistic(sums.odds) - example->label) * example->weight;
    self->intercept_squares += gradient * gradient;
    self->intercept -= self->learning_rate * gradient / sqrt(self->intercept_squares + 1e-10);
    learn_inputs(self, example, &encoded, &sums, gradient);
    encoding_label(encoding, example);
    return score;
}

static const struct option machine_options[] = {
    {.name = "factors",
     .type = OPTION_INTEGER,
     .standard = "8",
     .minimum = 1,
     .maximum = FACTORS_MAX,
     .offset = offsetof(struct machine_options, factors),
     .help = "factors of each input: how much pairs may differ, 8 bytes each"},
    {.name = "learning_rate",
     .type = OPTION_NUMBER,
     .standard = "0.1",
     .minimum = 1e-9,
     .maximum = 1,
     .offset = offsetof(struct machine_options, learning_rate),
     .help = "first step of each parameter"},
    {.name = "l2",
     .type = OPTION_NUMBER,
     .standard = "0",
     .maximum = 1,
     .offset = offsetof(struct machine_options, l2),
     .help = "penalty on squared parameters, a label"},
    {.name = "spread",
     .type = OPTION_NUMBER,
     .standard = "0.1",
     .minimum = 1e-6,
     .maximum = 10,
     .offset = offsetof(struct machine_options, spread),
     .help = "factors start at random between this and its negative"},
    ENCODING_OPTIONS("hash"),
    OPTION_END,
};

const struct model_kind factorization_machine_model = {
    .name = "factorization_machine",
    .summary = "a linear learner of pairs, for keys and enumerations that matter together",
    .options = machine_options,
    .option_size = sizeof(struct machine_options),
    .supervised = true,
    .takes_keys = true,
    .scattered = true,
    .cost_ns = 430,
    .check = machine_check,
    .state_size = machine_state_size,
    .init = machine_init,
    .score = machine_score,
    .learn = machine_learn,
};
