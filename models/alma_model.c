/* ALMA, the approximate maximal margin algorithm, for p = 2: a perceptron that also corrects what
 * is right by too little, with steps that shrink with the number of corrections k, and weights kept
 * within the unit ball.  Claudio Gentile, "A new approximate maximal margin classification
 * algorithm", 2001.
 *
 *     if y w x <= (1 - alpha) B / sqrt(k):   w += C / sqrt(k) y x,  w /= max(1, |w|),  k += 1
 *
 * Here y is -1 or 1, x the encoded inputs (models/encoding.h) and, unless there is no intercept, a
 * 1.  An example of weight v takes v times the step.  The ball is kept by one factor in front of
 * all weights.  The margin becomes a probability by a link of its own (models/link.h).
 *
 * Missing numbers stand for the middle, keys and enumerations as the encoding says.  With
 * `standard`, alpha 0.9, B 1/0.9, C sqrt(2), intercept false this is River's StandardScaler |
 * ALMAClassifier. */
#include "base/assert.h"
#include "models/linear.h"
#include "models/link.h"
#include <math.h>
#include <string.h>

struct alma_options {
    struct encoding_options encoding;
    double alpha, margin, step;
    bool intercept;
};

/* The weights are scale x linear's. */
struct alma {
    double least, step; /* (1 - alpha) B, C */
    double corrections; /* k */
    double norm;        /* squared, of linear's weights and intercept */
    double scale;
    uint64_t intercept;
    struct link link;
    struct linear linear;
};

static enum status alma_check(const void *options, const struct model_shape *shape,
                              struct failure *failure)
{
    const struct alma_options *given = (const struct alma_options *)options;
    return encoding_check(&given->encoding, shape, "alma", failure);
}

static uint64_t alma_state_size(const void *options, const struct model_shape *shape)
{
    const struct alma_options *given = (const struct alma_options *)options;
    return sizeof(struct alma) - sizeof(struct linear) + linear_size(&given->encoding, shape);
}

static void alma_init(void *memory, const void *options, const struct model_shape *shape,
                      uint64_t seed)
{
    const struct alma_options *given = (const struct alma_options *)options;
    struct alma *self = (struct alma *)memory;
    memset(self, 0, alma_state_size(options, shape));
    self->least = (1 - given->alpha) * given->margin;
    self->step = given->step;
    self->corrections = 1;
    self->scale = 1;
    self->intercept = given->intercept;
    linear_init(&self->linear, &given->encoding, shape, seed);
}

static double margin_of(const struct alma *self, const struct encoded *encoded)
{
    return self->scale * (linear_dot(&self->linear, encoded) + self->linear.intercept);
}

static double alma_score(const void *memory, const struct example *example)
{
    const struct alma *self = (const struct alma *)memory;
    struct encoded encoded;
    encoding_read(linear_encoding(&self->linear), example, &encoded);
    return link_score(&self->link, margin_of(self, &encoded));
}

/* Takes the factor into the weights before it grows too small to divide by. */
static void fold_scale(struct alma *self, const struct example *example)
{
    struct linear *linear = &self->linear;
    uint64_t inputs = linear->width + linear->hashed_width;
    double *weights = linear_dense(linear);
    example_touch(example, weights, inputs * sizeof *weights);
    for (uint64_t i = 0; i < inputs; i++)
        weights[i] *= self->scale;
    linear->intercept *= self->scale;
    self->norm *= self->scale * self->scale;
    self->scale = 1;
}

static void correct(struct alma *self, const struct example *example, const struct encoded *encoded,
                    double side)
{
    struct linear *linear = &self->linear;
    double step = self->step / sqrt(self->corrections) * side * example->weight / self->scale;
    double length = linear_norm(linear, encoded) + (double)self->intercept;
    double before = linear_dot(linear, encoded) + linear->intercept;
    linear_add(linear, example, encoded, step);
    linear->intercept += self->intercept ? step : 0;
    self->norm += step * (2 * before + step * length);
    double norm = sqrt(self->norm) * self->scale;
    if (norm > 1)
        self->scale /= norm;
    if (self->scale < 1e-8)
        fold_scale(self, example);
    self->corrections++;
}

static double alma_learn(void *memory, const struct example *example)
{
    struct alma *self = (struct alma *)memory;
    struct linear *linear = &self->linear;
    struct encoding *encoding = linear_encoding(linear);
    struct encoded encoded;
    encoding_read(encoding, example, &encoded);
    double score = link_score(&self->link, margin_of(self, &encoded));
    linear_touch(linear, example, self);
    encoding_renew(encoding, example, &encoded);
    double margin = margin_of(self, &encoded), side = example->label > 0.5 ? 1 : -1;
    link_learn(&self->link, margin, example->label, example->weight);
    if (side * margin <= self->least / sqrt(self->corrections))
        correct(self, example, &encoded, side);
    encoding_label(encoding, example);
    return score;
}

static void alma_explain(const void *memory, const struct example *example, double *contributions)
{
    const struct alma *self = (const struct alma *)memory;
    linear_explain(&self->linear, example, self->scale, contributions);
}

static const struct option alma_options[] = {
    {.name = "alpha",
     .type = OPTION_NUMBER,
     .standard = "0.9",
     .minimum = 0,
     .maximum = 1,
     .offset = offsetof(struct alma_options, alpha),
     .help = "how near to the largest possible margin it wants to come: 0 corrects most, 1 only "
             "what is wrong"},
    {.name = "margin",
     .type = OPTION_NUMBER,
     .standard = "1.1111111111111112",
     .minimum = 1e-6,
     .maximum = 1e6,
     .offset = offsetof(struct alma_options, margin),
     .help = "B: the margin asked for at first; the paper has 1 / alpha"},
    {.name = "step",
     .type = OPTION_NUMBER,
     .standard = "1.4142135623730951",
     .minimum = 1e-6,
     .maximum = 1e6,
     .offset = offsetof(struct alma_options, step),
     .help = "C: the first step"},
    {.name = "intercept",
     .type = OPTION_BOOLEAN,
     .standard = "true",
     .offset = offsetof(struct alma_options, intercept),
     .help = "whether there is a feature that is always 1"},
    ENCODING_OPTIONS("target"),
    OPTION_END,
};

const struct model_kind alma_model = {
    .name = "alma",
    .summary = "a linear learner of large margins with ever smaller corrections",
    .options = alma_options,
    .option_size = sizeof(struct alma_options),
    .supervised = true,
    .takes_keys = true,
    .scattered = true,
    .cost_ns = 150,
    .check = alma_check,
    .state_size = alma_state_size,
    .init = alma_init,
    .score = alma_score,
    .learn = alma_learn,
    .explain = alma_explain,
};
