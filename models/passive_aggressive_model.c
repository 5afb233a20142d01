/* Passive-aggressive: while the margin y (w x + b) of an example (y = -1 or 1) is at least 1
 * nothing changes; otherwise the weights move by the least that mends it.  Koby Crammer, Ofer
 * Dekel, Joseph Keshet, Shai Shalev-Shwartz, Yoram Singer, "Online passive-aggressive algorithms",
 * 2006.
 *
 *     loss = max(0, 1 - y (w x + b)),   (w, b) += tau y (x, 1)
 *     pa     tau = loss / |x|^2
 *     pa1    tau = min(C weight, loss / |x|^2)
 *     pa2    tau = loss / (|x|^2 + 1 / (2 C weight))
 *
 * so that C bounds what one wrong label can do, and a weight counts as that much more C.  Follows
 * what changes quickly, more than a gradient with a fixed rate; among noisy labels a small C is
 * calmer.  The margin becomes a probability by a link of its own (models/link.h); .5 is where it
 * changes its sign.
 *
 * Missing numbers stand for the middle, keys and enumerations as the encoding says
 * (models/encoding.h).  With `standard`, pa1, C 1, intercept `free` this is River's
 * StandardScaler | PAClassifier: there |x|^2 does not count the 1 of the intercept. */
#include "base/assert.h"
#include "models/linear.h"
#include "models/link.h"
#include <math.h>
#include <string.h>

/* What is shorter is no input: the step that its margin asks for would be infinite. */
static const double NORM_LEAST = 1e-24;

/* The intercept goes no further: where it does not count for the step (`free`), short inputs with
 * labels that disagree throw it to and fro, ever farther. */
static const double INTERCEPT_LIMIT = 1e6;

enum { MODE_PA1, MODE_PA2, MODE_PA };
enum { INTERCEPT_COUNTED, INTERCEPT_FREE, INTERCEPT_NONE };

struct passive_options {
    struct encoding_options encoding;
    double aggressiveness;
    int mode, intercept;
};

struct passive {
    uint64_t mode, intercept;
    double aggressiveness;
    struct link link;
    struct linear linear;
};

static enum status passive_check(const void *options, const struct model_shape *shape,
                                 struct failure *failure)
{
    const struct passive_options *given = (const struct passive_options *)options;
    return encoding_check(&given->encoding, shape, "a passive-aggressive learner", failure);
}

static uint64_t passive_state_size(const void *options, const struct model_shape *shape)
{
    const struct passive_options *given = (const struct passive_options *)options;
    return sizeof(struct passive) - sizeof(struct linear) + linear_size(&given->encoding, shape);
}

static void passive_init(void *memory, const void *options, const struct model_shape *shape,
                         uint64_t seed)
{
    const struct passive_options *given = (const struct passive_options *)options;
    struct passive *self = (struct passive *)memory;
    memset(self, 0, passive_state_size(options, shape));
    self->mode = (uint64_t)given->mode;
    self->intercept = (uint64_t)given->intercept;
    self->aggressiveness = given->aggressiveness;
    linear_init(&self->linear, &given->encoding, shape, seed);
}

static double passive_score(const void *memory, const struct example *example)
{
    const struct passive *self = (const struct passive *)memory;
    struct encoded encoded;
    encoding_read(linear_encoding(&self->linear), example, &encoded);
    return link_score(&self->link, linear_dot(&self->linear, &encoded) + self->linear.intercept);
}

/* tau; 0 where nothing could be mended by it. */
static double step_of(const struct passive *self, double loss, double norm, double weight)
{
    double most = self->aggressiveness * weight;
    if (self->mode == MODE_PA2)
        return loss / (norm + 0.5 / most);
    if (!(norm > NORM_LEAST))
        return 0;
    double step = loss / norm;
    return self->mode == MODE_PA1 && step > most ? most : step;
}

static double passive_learn(void *memory, const struct example *example)
{
    struct passive *self = (struct passive *)memory;
    struct linear *linear = &self->linear;
    struct encoding *encoding = linear_encoding(linear);
    struct encoded encoded;
    encoding_read(encoding, example, &encoded);
    double score = link_score(&self->link, linear_dot(linear, &encoded) + linear->intercept);
    linear_touch(linear, example, self);
    encoding_renew(encoding, example, &encoded);
    double margin = linear_dot(linear, &encoded) + linear->intercept;
    double side = example->label > 0.5 ? 1 : -1, loss = 1 - side * margin;
    link_learn(&self->link, margin, example->label, example->weight);
    if (loss > 0) {
        double norm = linear_norm(linear, &encoded) + (self->intercept == INTERCEPT_COUNTED);
        double step = side * step_of(self, loss, norm, example->weight);
        linear_add(linear, example, &encoded, step);
        linear->intercept += self->intercept == INTERCEPT_NONE ? 0 : step;
        linear->intercept = fmax(-INTERCEPT_LIMIT, fmin(INTERCEPT_LIMIT, linear->intercept));
    }
    encoding_label(encoding, example);
    return score;
}

static void passive_explain(const void *memory, const struct example *example,
                            double *contributions)
{
    const struct passive *self = (const struct passive *)memory;
    linear_explain(&self->linear, example, 1, contributions);
}

static const char *const mode_names[] = {"pa1", "pa2", "pa", NULL};
static const char *const intercept_names[] = {"counted", "free", "none", NULL};

static const struct option passive_options[] = {
    {.name = "mode",
     .type = OPTION_CHOICE,
     .choices = mode_names,
     .standard = "pa1",
     .offset = offsetof(struct passive_options, mode),
     .help = "how the step is held back: never further than aggressiveness (pa1), ever less "
             "willingly (pa2), or not at all (pa)"},
    {.name = "aggressiveness",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-6,
     .maximum = 1e6,
     .offset = offsetof(struct passive_options, aggressiveness),
     .help = "C: the furthest step for one label; small where labels are noisy"},
    {.name = "intercept",
     .type = OPTION_CHOICE,
     .choices = intercept_names,
     .standard = "counted",
     .offset = offsetof(struct passive_options, intercept),
     .help = "as a feature that is always 1 (counted), moved along without counting for the step "
             "(free), or none"},
    ENCODING_OPTIONS("target"),
    OPTION_END,
};

const struct model_kind passive_aggressive_model = {
    .name = "passive_aggressive",
    .summary = "a linear learner that moves as far as each label demands, for what changes quickly",
    .options = passive_options,
    .option_size = sizeof(struct passive_options),
    .supervised = true,
    .takes_keys = true,
    .scattered = true,
    .cost_ns = 150,
    .check = passive_check,
    .state_size = passive_state_size,
    .init = passive_init,
    .score = passive_score,
    .learn = passive_learn,
    .explain = passive_explain,
};
