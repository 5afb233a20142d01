/* LODA: how rare are an event's places on random lines?  Tomas Pevny, "Loda: lightweight on-line
 * detector of anomalies", 2016.
 *
 * Each of k projections w takes the root of the number of features, at least one, with weights
 * N(0, 1), and keeps a histogram of w'x.  With the density p that it shows at the event's place,
 *
 *     paper's score  f = -1/k sum log p
 *     score          1 / (1 + 2 sqrt(pi) exp(-f)):  1/2 where the geometric mean of the densities
 *                    is the mean density of a normal variable, towards 1 as it falls
 *
 * which rises strictly with f.  Weights are scaled to length 1, so that all projections of places
 * (placement.h) have a spread of about 1 and may share their bins: those of float numbers |y| + 1,
 * eight an octave, so an eighth wide in the middle and wider the farther out.  A bin begins with a
 * hundredth of an event. Counts halve every `half_life` events, by letting new ones weigh more.
 *
 * A missing number stands at its mean; keys are not looked at. */
#include "base/random.h"
#include "models/model.h"
#include "models/placement.h"
#include <math.h>
#include <string.h>

enum { OCTAVE_BITS = 3, SIDE = 13 << OCTAVE_BITS, BINS = 2 * SIDE, PRODUCT = 8 };

/* Counts of more than this are all made smaller before float loses single events. */
static const double TOTAL_MAX = 0x1p22, PRIOR = 0.01, TWO_ROOT_PI = 3.5449077018110318;

struct loda_options {
    int64_t projections;
    double half_life;
};

/* The row: this; placement; at loads_offset the loads of all projections one behind the other
 * (projections, load_count); then counts (projections, BINS). */
struct load {
    uint32_t column;
    float weight;
};

struct loda {
    uint64_t projection_count, load_count;
    uint64_t loads_offset, counts_offset;
    double weight, growth; /* of the next event; from event to event */
    double total;          /* of each projection's counts, without priors */
    float inverse_width[SIDE];
    struct placement placement;
};

static void loda_layout(struct loda *self, const struct loda_options *given,
                        const struct model_shape *shape)
{
    double columns = (double)placement_columns(shape);
    uint64_t loads = (uint64_t)ceil(sqrt(columns));
    self->projection_count = (uint64_t)given->projections;
    self->load_count = loads > 0 ? loads : 1;
    self->loads_offset = offsetof(struct loda, placement) + placement_size(shape);
    self->counts_offset =
        self->loads_offset + self->projection_count * self->load_count * sizeof(struct load);
}

static uint64_t loda_state_size(const void *options, const struct model_shape *shape)
{
    struct loda layout;
    loda_layout(&layout, (const struct loda_options *)options, shape);
    return layout.counts_offset + layout.projection_count * BINS * sizeof(float);
}

static enum status loda_check(const void *options, const struct model_shape *shape,
                              struct failure *failure)
{
    (void)options;
    return placement_check(shape, "LODA", failure);
}

static inline struct load *loads(const struct loda *self)
{
    return (struct load *)(void *)((uint8_t *)(uintptr_t)self + self->loads_offset);
}

static inline float *counts(const struct loda *self)
{
    return (float *)(void *)((uint8_t *)(uintptr_t)self + self->counts_offset);
}

/* By Box and Muller. */
static double random_normal(struct random *random)
{
    double radius = sqrt(-2 * log(1 - random_uniform(random)));
    return radius * cos(2 * 3.14159265358979323846 * random_uniform(random));
}

/* Distinct columns with weights of length 1. */
static void projection_draw(const struct loda *self, struct load *load, struct random *random)
{
    uint64_t columns = self->placement.count;
    double square = 0;
    for (uint64_t i = 0; i < self->load_count; i++) {
        /* Floyd: the i-th of a sample without repetition. */
        uint64_t newest = columns - self->load_count + i;
        uint32_t chosen = (uint32_t)random_below(random, newest + 1);
        for (uint64_t j = 0; j < i; j++)
            chosen = load[j].column == chosen ? (uint32_t)newest : chosen;
        double weight = random_normal(random);
        load[i] = (struct load){chosen, (float)weight};
        square += weight * weight;
    }
    for (uint64_t i = 0; i < self->load_count && square > 0; i++)
        load[i].weight = (float)((double)load[i].weight / sqrt(square));
}

static void loda_init(void *memory, const void *options, const struct model_shape *shape,
                      uint64_t seed)
{
    const struct loda_options *given = (const struct loda_options *)options;
    struct loda *self = (struct loda *)memory;
    memset(self, 0, loda_state_size(options, shape));
    loda_layout(self, given, shape);
    self->weight = 1;
    self->growth = given->half_life > 0 ? exp2(1 / given->half_life) : 1;
    for (int i = 0; i < SIDE; i++)
        self->inverse_width[i] = (float)ldexp(1 << OCTAVE_BITS, -(i >> OCTAVE_BITS));
    placement_init(&self->placement, shape);
    struct random random;
    random_seed(&random, seed);
    for (uint64_t i = 0; self->placement.count && i < self->projection_count; i++)
        projection_draw(self, loads(self) + i * self->load_count, &random);
}

/* The bin that a place on a line falls into, counted from the middle; negative ones after all
 * others. */
static inline uint32_t bin_of(float place)
{
    float size = (place < 0 ? -place : place) + 1;
    uint32_t bits;
    memcpy(&bits, &size, sizeof bits);
    uint32_t bin = (bits - (127U << 23)) >> (23 - OCTAVE_BITS);
    bin = bin < SIDE ? bin : SIDE - 1;
    return place < 0 ? bin + SIDE : bin;
}

static inline __attribute__((always_inline)) double
visit(const struct loda *self, const union value *feature, float *count, const float adding)
{
    float place[MODEL_FEATURES_MAX];
    const struct load *load = loads(self);
    placement_place(&self->placement, feature, place);
    double sum = 0, product = 1;
    float prior = (float)(PRIOR * self->weight);
    for (uint64_t i = 0; i < self->projection_count; i++, count += BINS) {
        float at = 0;
        for (uint64_t j = 0; j < self->load_count; j++, load++)
            at += load->weight * place[load->column];
        uint32_t bin = bin_of(at);
        product *= (double)((count[bin] + prior) * self->inverse_width[bin % SIDE]);
        if (adding > 0)
            count[bin] += adding;
        if (i % PRODUCT == PRODUCT - 1 || i + 1 == self->projection_count) {
            sum += log(product);
            product = 1;
        }
    }
    if (self->total <= 0)
        return 0;
    double density = exp(sum / (double)self->projection_count) / self->total;
    return 1 / (1 + TWO_ROOT_PI * density);
}

static double loda_score(const void *memory, const struct example *example)
{
    const struct loda *self = (const struct loda *)memory;
    if (self->placement.count == 0)
        return 0;
    return visit(self, example->feature, counts(self), 0);
}

/* New events weigh ever more; from time to time everything is made smaller. */
static void loda_age(struct loda *self)
{
    self->total += self->weight;
    self->weight *= self->growth;
    if (self->total < TOTAL_MAX && self->weight < TOTAL_MAX)
        return;
    double factor = self->growth > 1 ? 1 / self->weight : 0.5;
    float *count = counts(self);
    for (uint64_t i = 0; i < self->projection_count * BINS; i++)
        count[i] *= (float)factor;
    self->total *= factor;
    self->weight = 1;
}

static double loda_learn(void *memory, const struct example *example)
{
    struct loda *self = (struct loda *)memory;
    if (self->placement.count == 0)
        return 0;
    double score = visit(self, example->feature, counts(self), (float)self->weight);
    loda_age(self);
    placement_learn(&self->placement, example->feature);
    return score;
}

static const struct option loda_options[] = {
    {.name = "projections",
     .type = OPTION_INTEGER,
     .standard = "100",
     .minimum = 1,
     .maximum = 10000,
     .offset = offsetof(struct loda_options, projections),
     .help = "random lines; more give a steadier score and take longer"},
    {.name = "half_life",
     .type = OPTION_NUMBER,
     .standard = "1000",
     .minimum = 0,
     .maximum = 1e15,
     .offset = offsetof(struct loda_options, half_life),
     .help = "events after which an event counts half; 0 forgets nothing"},
    OPTION_END,
};

const struct model_kind loda_model = {
    .name = "loda",
    .summary = "anomalies by how rare their places on many random lines are",
    .options = loda_options,
    .option_size = sizeof(struct loda_options),
    .supervised = false,
    .cost_ns = 1200,
    .check = loda_check,
    .state_size = loda_state_size,
    .init = loda_init,
    .score = loda_score,
    .learn = loda_learn,
};
