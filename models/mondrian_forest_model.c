/* Aggregated Mondrian forest: Jaouad Mourtada, Stephane Gaiffas, Erwan Scornet, "AMF: Aggregated
 * Mondrian forests for online learning", 2021; its trees are those of Balaji Lakshminarayanan,
 * Daniel Roy, Yee Whye Teh, "Mondrian forests: efficient online random forests", 2014.
 *
 * A tree cuts space at random, without looking at labels, and only where events are: each node
 * knows the box around those that it has seen.  An event that falls outside the box of a node, by
 * e_j on feature j, brings a new cut above that node after a time ~ Exponential(sum_j rate_j e_j);
 * if that is before the node's own cut it is made, on feature j with odds rate_j e_j, anywhere
 * between the box and the event.  So a tree is what it would be had all events been there at first.
 *
 * Each node forecasts by its counts, p_v(y) = (count_y + a) / (count + a classes), and has a weight
 * w_v = product over its events of p_v(label)^step.  All prunings of the tree forecast together,
 * each with weight 2^-(nodes) product of w over its leaves, exactly, by context tree weighting
 * (Frans Willems, Yuri Shtarkov, Tjalling Tjalkens, 1995):
 *
 *     W_v = w_v at a leaf,   w_v / 2 + W_left W_right / 2 elsewhere
 *     p(y | v) = (p_v(y) + r_v p(y | child)) / (1 + r_v),      r_v = W_left W_right / w_v
 *
 * Only r is kept.  A label multiplies w_v by l_v = p_v(label)^step and W_v by
 * L_v = (l_v + r_v L_child) / (1 + r_v), so r_v by L_child / l_v: no logarithm anywhere.  A new cut
 * above v begins with r = 1 over a leaf and (1 + r_v) / 2 elsewhere, and takes the place of W_v
 * with (1 + 1 / r) / 2 of it, which is part of its first L.
 *
 * A node that has seen one label only is not cut for it.  Where a leaf then meets another label,
 * the forests of 2014 cut its whole box, with all its points at hand, until the labels are apart.
 * `inside`, the standard, does it once and without points: one cut of the box stretched to the
 * event, by the same odds, with all that was counted on the side away from the event.  `outside`
 * never cuts inside boxes, so that two labels in one box stay together for ever; `always` cuts
 * outside whatever the labels are, and makes many more nodes.
 *
 * rate_j is 1 (`none`) or one over what the scaler knows of the feature's spread.  A missing number
 * stretches no box and follows the more populated side; keys are always missing; choices count as
 * their numbers.  When a tree's share of `memory` is full it makes no more cuts, and goes on
 * counting and weighing. */
#include "base/assert.h"
#include "models/mondrian_tree.h"
#include <math.h>
#include <string.h>

enum { ALIGNMENT = 64, TREES_MAX = 1000 };

/* Beyond this a value stops being told from others as far out; sums of 512 stay finite. */
static const float VALUE_LIMIT = 1e30F;

/* Beyond it a weight is a mistake of somebody's; counts stay finite. */
static const double WEIGHT_LIMIT = 1e6;

struct mondrian_options {
    int64_t trees, memory;
    double step, dirichlet;
    int scaler, cuts;
    bool aggregation;
};

static uint64_t rounded(uint64_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void lay_out(struct forest *self, const struct mondrian_options *given,
                    const struct model_shape *shape)
{
    self->feature_count = shape->feature_count;
    self->class_count = shape->class_count;
    self->width = (shape->feature_count + MONDRIAN_LANES - 1) / MONDRIAN_LANES * MONDRIAN_LANES;
    self->tree_count = (uint64_t)given->trees;
    self->box_offset = (sizeof(struct node) + self->class_count * sizeof(double) + 31) / 32 * 32;
    self->stride = rounded(self->box_offset + 2 * self->width * sizeof(float));
    self->capacity = (uint64_t)given->memory / (self->tree_count * self->stride);
    self->capacity = self->capacity < 1 ? 1 : self->capacity;
    self->capacity = self->capacity < UINT32_MAX ? self->capacity : UINT32_MAX;
    self->rates_offset = rounded(sizeof *self + self->feature_count * sizeof(struct spread));
    self->trees_offset = rounded(self->rates_offset + self->width * sizeof(float));
    self->nodes_offset = rounded(self->trees_offset + self->tree_count * sizeof(struct tree));
}

static uint64_t mondrian_state_size(const void *options, const struct model_shape *shape)
{
    struct forest self = {0};
    lay_out(&self, (const struct mondrian_options *)options, shape);
    return self.nodes_offset + self.tree_count * self.capacity * self.stride;
}

/* A cut takes two nodes beside the one that is cut. */
static enum status check_memory(const struct mondrian_options *given,
                                const struct model_shape *shape, struct failure *failure)
{
    struct forest self = {0};
    lay_out(&self, given, shape);
    uint64_t least = 3 * self.tree_count * self.stride;
    if ((uint64_t)given->memory >= least)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "%llu trees of %u features need at least %llu bytes of `memory` to make one "
                       "cut each; give more or have fewer `trees`",
                       (unsigned long long)self.tree_count, shape->feature_count,
                       (unsigned long long)least);
}

static enum status mondrian_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    if (check_memory((const struct mondrian_options *)options, shape, failure) != STATUS_OK)
        return failure->status;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (!value_type_is_key(shape->type[i]))
            return STATUS_OK;
    }
    return failure_set(failure, STATUS_STOP,
                       "a Mondrian forest needs at least one feature that is a number");
}

static void mondrian_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    const struct mondrian_options *given = (const struct mondrian_options *)options;
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX);
    struct forest *self = (struct forest *)memory;
    memset(self, 0, mondrian_state_size(options, shape));
    lay_out(self, given, shape);
    self->scaler = (uint64_t)given->scaler;
    self->aggregation = given->aggregation;
    self->cuts = (uint64_t)given->cuts;
    self->step = given->step;
    self->dirichlet = given->dirichlet;
    float *rate = (float *)forest_at(self, self->rates_offset);
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        rate[i] = given->scaler == MONDRIAN_SCALER_NONE ? 1 : 0;
        self->keys[i / 64] |= (uint64_t)value_type_is_key(shape->type[i]) << i % 64;
        self->spread[i] = (struct spread){MISSING, 0, 0, 0, INFINITY, -INFINITY};
    }
    struct random seeds;
    random_seed(&seeds, seed);
    for (uint64_t i = 0; i < self->tree_count; i++)
        random_seed(&tree_of(self, i)->random, random_bits(&seeds));
}

/* Differences from the origins, missing beyond the features. */
static void arrive(struct arrival *arrival, const struct forest *self, const union value *feature)
{
    arrival->self = self;
    arrival->rate = (const float *)forest_at(self, self->rates_offset);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double origin = self->spread[i].origin;
        double value = feature[i].number - (origin == origin ? origin : 0);
        value = value > (double)VALUE_LIMIT ? (double)VALUE_LIMIT : value;
        value = value < -(double)VALUE_LIMIT ? -(double)VALUE_LIMIT : value;
        bool key = self->keys[i / 64] >> i % 64 & 1;
        arrival->value[i] = key ? NAN : (float)value;
    }
    for (uint64_t i = self->feature_count; i < self->width; i++)
        arrival->value[i] = NAN;
}

/* --- What features look like --- */

static double spread_rate(const struct spread *spread, uint64_t scaler)
{
    double width = scaler == MONDRIAN_SCALER_RANGE ? spread->maximum - spread->minimum
                                                   : sqrt(spread->square / spread->count);
    return width > 1e-30 ? 1 / width : 0;
}

static void learn_spread(struct forest *self, const struct example *example)
{
    float *rate = (float *)forest_at(self, self->rates_offset);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        struct spread *spread = &self->spread[i];
        double value = example->feature[i].number;
        if (!(fabs(value) <= (double)VALUE_LIMIT) || self->keys[i / 64] >> i % 64 & 1)
            continue;
        spread->origin = spread->count > 0 ? spread->origin : value;
        double delta = value - spread->mean;
        spread->count += 1;
        spread->mean += delta / spread->count;
        spread->square += delta * (value - spread->mean);
        spread->minimum = value < spread->minimum ? value : spread->minimum;
        spread->maximum = value > spread->maximum ? value : spread->maximum;
        if (self->scaler != MONDRIAN_SCALER_NONE)
            rate[i] = (float)spread_rate(spread, self->scaler);
    }
}

static double forest_score(const struct forest *self, const struct arrival *arrival, bool learning)
{
    double sums[MODEL_CLASSES_MAX] = {0};
    if (tree_of(self, 0)->used == 0)
        return self->class_count == 2 ? 0.5 : 0;
    mondrian_forecast(arrival, learning, sums);
    if (self->class_count == 2) {
        double score = sums[1] / (double)self->tree_count;
        return score < 1 ? score : 1;
    }
    uint64_t best = 0;
    for (uint64_t i = 1; i < self->class_count; i++)
        best = sums[i] > sums[best] ? i : best;
    return (double)best;
}

static double mondrian_score(const void *memory, const struct example *example)
{
    const struct forest *self = (const struct forest *)memory;
    struct arrival arrival;
    arrive(&arrival, self, example->feature);
    return forest_score(self, &arrival, false);
}

static double mondrian_learn(void *memory, const struct example *example)
{
    struct forest *self = (struct forest *)memory;
    struct arrival arrival;
    arrive(&arrival, self, example->feature);
    double score = forest_score(self, &arrival, true);
    example_touch(example, self, self->nodes_offset);
    learn_spread(self, example);
    arrive(&arrival, self, example->feature);
    arrival.label = (uint64_t)example->label;
    ASSERT(arrival.label < self->class_count);
    arrival.weight = example->weight < WEIGHT_LIMIT ? example->weight : WEIGHT_LIMIT;
    arrival.example = example;
    for (uint64_t i = 0; i < self->tree_count; i++)
        mondrian_tree_learn(&arrival, i);
    return score;
}

static const char *const scaler_names[] = {"none", "range", "standard", NULL};
static const char *const cuts_names[] = {"inside", "outside", "always", NULL};

static const struct option mondrian_options[] = {
    {.name = "trees",
     .type = OPTION_INTEGER,
     .standard = "20",
     .minimum = 1,
     .maximum = TREES_MAX,
     .offset = offsetof(struct mondrian_options, trees),
     .help = "trees; more are steadier and take longer"},
    {.name = "memory",
     .type = OPTION_SIZE,
     .standard = "64MiB",
     .minimum = 4096,
     .maximum = 1e12,
     .offset = offsetof(struct mondrian_options, memory),
     .help = "for all nodes, an equal share a tree; a tree whose share is full makes no more cuts"},
    {.name = "step",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-6,
     .maximum = 100,
     .offset = offsetof(struct mondrian_options, step),
     .help = "how fast prunings that forecast badly lose their weight"},
    {.name = "dirichlet",
     .type = OPTION_NUMBER,
     .standard = "0.5",
     .minimum = 1e-6,
     .maximum = 100,
     .offset = offsetof(struct mondrian_options, dirichlet),
     .help = "added to each class's count in a node's forecast"},
    {.name = "scaler",
     .type = OPTION_CHOICE,
     .choices = scaler_names,
     .standard = "standard",
     .offset = offsetof(struct mondrian_options, scaler),
     .help = "what a feature's distances are divided by: nothing, its range or its deviation so "
             "far"},
    {.name = "aggregation",
     .type = OPTION_BOOLEAN,
     .standard = "true",
     .offset = offsetof(struct mondrian_options, aggregation),
     .help = "whether all prunings forecast, by weight; false: the leaves alone"},
    {.name = "cuts",
     .type = OPTION_CHOICE,
     .choices = cuts_names,
     .standard = "inside",
     .offset = offsetof(struct mondrian_options, cuts),
     .help =
         "inside: where one leaf meets two labels; outside: only beyond the boxes of nodes that "
         "have seen two; always: beyond any box, with many more nodes"},
    OPTION_END,
};

const struct model_kind mondrian_forest_model = {
    .name = "mondrian_forest",
    .summary = "random trees that grow where events are, all their prunings weighed exactly",
    .options = mondrian_options,
    .option_size = sizeof(struct mondrian_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .cost_ns = 22000,
    .check = mondrian_check,
    .state_size = mondrian_state_size,
    .init = mondrian_init,
    .score = mondrian_score,
    .learn = mondrian_learn,
};
