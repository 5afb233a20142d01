/* A leaf of a Hoeffding tree: what it observes, and what it answers. */
#include "models/hoeffding.h"
#include "models/lanes.h"
#include <string.h>

/* A variance below is none: its density would be infinite. */
static const float VARIANCE_LEAST = 1e-30F;
/* No single feature can say more against a class: sums stay finite. */
static const float SURPRISE_MOST = 1e30F;

/* Values of the leaf's numbers side by side, to the next multiple of the lanes. */
static inline uint64_t gather(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                              const struct hoeffding_view *view, float *value)
{
    const uint16_t *feature = leaf_features(self, leaf);
    uint64_t count = leaf->number_count;
    for (uint64_t i = 0; i < count; i++)
        value[i] = view->value[feature[i]];
    for (; count % LANES_WIDTH; count++)
        value[count] = NAN;
    return count;
}

/* Twice the negative log density of the numbers in the class's normal distributions. */
static inline float surprise(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                             uint64_t label, const float *value, uint64_t count)
{
    const float *weight = leaf_numbers(self, leaf, label, NUMBER_WEIGHT);
    const float *mean = weight + self->width, *squares = mean + self->width;
    lanes sum = {0};
    for (uint64_t i = 0; i < count; i += LANES_WIDTH) {
        lanes here = lanes_load(value + i), less = lanes_load(weight + i) - 1;
        lanes variance = lanes_load(squares + i) / less, apart = here - lanes_load(mean + i);
        lanes_mask valid = (less > 0) & (variance > VARIANCE_LEAST) & lanes_known(here);
        lanes distance = lanes_least(apart * apart / variance, lanes_of(SURPRISE_MOST));
        lanes spread = lanes_log2(variance) * 0.69314718055994531F + 1.8378770664093453F;
        sum += lanes_where(valid, distance + spread);
    }
    return lanes_sum(sum);
}

/* Log of the chance of a nominal value in the class, by Laplace's rule over the values seen. */
static double nominal_log(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                          uint64_t slot, uint64_t label, uint32_t value)
{
    double there = 0, sum = 0, seen = 0;
    for (uint32_t i = 0; i < HOEFFDING_NOMINALS; i++) {
        double any = 0;
        for (uint64_t j = 0; j < self->class_count; j++)
            any += (double)leaf_nominals(self, leaf, slot, j)[i];
        double own = (double)leaf_nominals(self, leaf, slot, label)[i];
        seen += any > 0;
        sum += own;
        there += i == value ? own : 0;
    }
    return seen > 0 ? log((there + 1) / (sum + seen)) : 0;
}

/* Shares by naive Bayes; the most likely class. */
static uint32_t naive_bayes(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                            const struct hoeffding_view *view, double *share)
{
    float value[MODEL_FEATURES_MAX + LANES_WIDTH];
    uint64_t count = gather(self, leaf, view, value);
    const uint16_t *nominal = leaf_features(self, leaf) + leaf->number_count;
    double most = -INFINITY, sum = 0;
    uint32_t best = 0;
    for (uint32_t label = 0; label < self->class_count; label++) {
        share[label] = -INFINITY;
        if (leaf->class_weight[label] <= 0)
            continue;
        share[label] = log(leaf->class_weight[label]) -
                       0.5 * (double)surprise(self, leaf, label, value, count);
        for (uint32_t slot = 0; slot < leaf->nominal_count; slot++) {
            float at = view->value[nominal[slot]];
            if (at == at)
                share[label] += nominal_log(self, leaf, slot, label, (uint32_t)at);
        }
        if (share[label] > most) {
            most = share[label];
            best = label;
        }
    }
    for (uint32_t label = 0; label < self->class_count; label++) {
        share[label] = label == best ? 1 : exp(share[label] - most);
        sum += share[label];
    }
    for (uint32_t label = 0; label < self->class_count; label++)
        share[label] /= sum;
    return best;
}

/* The shares of the classes; the largest. */
static uint32_t majority(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                         double *share)
{
    uint32_t best = 0;
    for (uint32_t label = 0; label < self->class_count; label++) {
        share[label] = leaf->class_weight[label] / leaf->total;
        best = share[label] > share[best] ? label : best;
    }
    return best;
}

static void answer_evenly(const struct hoeffding *self, struct hoeffding_answer *answer)
{
    for (uint64_t label = 0; label < self->class_count; label++)
        answer->share[label] = 1 / (double)self->class_count;
    answer->taken = answer->majority = answer->naive = MODEL_CLASSES_MAX;
}

static void answer_asleep(const struct hoeffding *self, const struct hoeffding_node *node,
                          struct hoeffding_answer *answer)
{
    double rest = (1 - (double)node->split) / (double)(self->class_count - 1);
    for (uint64_t label = 0; label < self->class_count; label++)
        answer->share[label] = label == node->child ? (double)node->split : rest;
    answer->taken = answer->majority = answer->naive = node->child;
}

void hoeffding_answer(const struct hoeffding *self, uint64_t index,
                      const struct hoeffding_view *view, bool learning,
                      struct hoeffding_answer *answer)
{
    const struct hoeffding_node *node = hoeffding_node(self, index);
    if (!node->leaf) {
        answer_asleep(self, node, answer);
        return;
    }
    const struct hoeffding_leaf *leaf = hoeffding_leaf(self, node->leaf);
    if (leaf->total <= 0) {
        answer_evenly(self, answer);
        return;
    }
    bool adaptive = self->prediction == PREDICTION_ADAPTIVE;
    bool naively = self->prediction == PREDICTION_NAIVE_BAYES ||
                   (adaptive && leaf->naive_right >= leaf->majority_right);
    double other[MODEL_CLASSES_MAX];
    if (naively || (adaptive && learning))
        answer->naive = naive_bayes(self, leaf, view, naively ? answer->share : other);
    if (!naively || (adaptive && learning))
        answer->majority = majority(self, leaf, naively ? other : answer->share);
    answer->taken = naively ? answer->naive : answer->majority;
}

static void observe_numbers(const struct hoeffding *self, struct hoeffding_leaf *leaf,
                            const struct hoeffding_view *view, float weight)
{
    float value[MODEL_FEATURES_MAX + LANES_WIDTH];
    uint64_t count = gather(self, leaf, view, value), width = self->width;
    float *row = leaf_numbers(self, leaf, view->label, NUMBER_WEIGHT);
    hoeffding_touch(view, row, NUMBER_ROWS * width * sizeof *row);
    for (uint64_t i = 0; i < count; i += LANES_WIDTH, row += LANES_WIDTH) {
        lanes here = lanes_load(value + i), seen = lanes_load(row);
        lanes mean = lanes_load(row + width), squares = lanes_load(row + 2 * width);
        lanes_mask known = lanes_known(here);
        lanes after = seen + lanes_where(known, lanes_of(weight));
        lanes apart = here - mean;
        lanes moved = lanes_choose(known, mean + apart * (weight / after), mean);
        squares += lanes_where(known, apart * (here - moved) * weight);
        lanes_store(row, after);
        lanes_store(row + width, moved);
        lanes_store(row + 2 * width, squares);
        lanes least = lanes_load(row + 3 * width), most = lanes_load(row + 4 * width);
        lanes_store(row + 3 * width, lanes_choose(here < least, here, least));
        lanes_store(row + 4 * width, lanes_choose(here > most, here, most));
    }
}

static void observe_nominals(const struct hoeffding *self, struct hoeffding_leaf *leaf,
                             const struct hoeffding_view *view, float weight)
{
    const uint16_t *nominal = leaf_features(self, leaf) + leaf->number_count;
    for (uint32_t slot = 0; slot < leaf->nominal_count; slot++) {
        float value = view->value[nominal[slot]];
        if (value != value)
            continue;
        float *count = leaf_nominals(self, leaf, slot, view->label) + (uint32_t)value;
        hoeffding_touch(view, count, sizeof *count);
        *count += weight;
    }
}

void hoeffding_observe(struct hoeffding *self, struct hoeffding_leaf *leaf,
                       const struct hoeffding_view *view, double weight,
                       const struct hoeffding_answer *answer)
{
    hoeffding_touch(view, leaf, sizeof *leaf + self->class_count * sizeof(double));
    if (self->prediction == PREDICTION_ADAPTIVE) {
        leaf->majority_right += answer->majority == view->label ? weight : 0;
        leaf->naive_right += answer->naive == view->label ? weight : 0;
    }
    leaf->total += weight;
    leaf->class_weight[view->label] += weight;
    observe_numbers(self, leaf, view, (float)weight);
    observe_nominals(self, leaf, view, (float)weight);
}
