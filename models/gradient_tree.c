/* Trees grown from slopes; see gradient_tree.h. */
#include "models/gradient_tree.h"
#include "models/numbers.h"
#include <math.h>
#include <string.h>

enum { CELLS = GRADIENT_BINS + 1 };

/* No leaf is surer than this of what those before it have left. */
static const double VALUE_LIMIT = 8;

typedef float lanes
    __attribute__((vector_size(sizeof(struct gradient_sums)), aligned(4), may_alias));

static uint64_t sums_offset(uint64_t leaves)
{
    uint64_t size = sizeof(struct gradient_tree) + (2 * leaves - 1) * sizeof(struct gradient_node);
    return (size + 63) / 64 * 64;
}

static uint64_t slot_size(uint64_t feature_count)
{
    return feature_count * CELLS * sizeof(struct gradient_sums);
}

uint64_t gradient_tree_size(uint64_t leaves, uint64_t feature_count)
{
    return sums_offset(leaves) + leaves * slot_size(feature_count);
}

static inline struct gradient_sums *sums_of(const struct gradient_tree *self,
                                            const struct gradient_rules *rules, uint64_t slot)
{
    uint64_t offset = sums_offset(rules->leaves) + slot * slot_size(rules->feature_count);
    return (struct gradient_sums *)(void *)((uint8_t *)(uintptr_t)self + offset);
}

void gradient_tree_init(struct gradient_tree *self, uint64_t seed)
{
    random_seed(&self->random, seed);
    self->node_count = 1;
    self->node[0].sort = GRADIENT_KEY;
}

static inline uint32_t side_of(const struct gradient_node *node, double value)
{
    bool choice = node->sort == GRADIENT_CHOICE;
    if (value != value || (choice && !(value >= 0 && value < GRADIENT_BINS)))
        return node->missing;
    bool first = choice ? value == node->place : value <= node->place;
    return first ? 0U : 1U;
}

static inline const struct gradient_node *leaf_of(const struct gradient_tree *self,
                                                  const union value *feature)
{
    const struct gradient_node *node = self->node;
    while (node->sort != GRADIENT_KEY)
        node = &self->node[node->child[side_of(node, feature[node->feature].number)]];
    return node;
}

double gradient_tree_value(const struct gradient_tree *self, const union value *feature)
{
    return leaf_of(self, feature)->value;
}

void gradient_tree_forget(struct gradient_tree *self, const struct gradient_rules *rules)
{
    memset(sums_of(self, rules, 0), 0, rules->leaves * slot_size(rules->feature_count));
    for (uint64_t i = 0; i < self->node_count; i++)
        self->node[i].seen = 0;
}

/* --- Bins --- */

/* In place and without a heap, which the C library's may want: Donald Shell, "A high-speed sorting
 * procedure", 1959. */
static void sort(double *values, uint64_t count)
{
    for (uint64_t gap = count / 2; gap > 0; gap /= 2) {
        for (uint64_t i = gap; i < count; i++) {
            double value = values[i];
            uint64_t to = i;
            for (; to >= gap && values[to - gap] > value; to -= gap)
                values[to] = values[to - gap];
            values[to] = value;
        }
    }
}

void gradient_bins_renew(struct gradient_bins *bins, const double *values, uint64_t count,
                         uint64_t stride)
{
    double sorted[GRADIENT_RING];
    uint64_t known = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (values[i * stride] == values[i * stride])
            sorted[known++] = values[i * stride];
    }
    sort(sorted, known);
    memset(bins->edge, 0, sizeof bins->edge);
    bins->edge_count = 0;
    for (uint64_t i = 1; i < GRADIENT_BINS; i++) {
        uint64_t above = i * known / GRADIENT_BINS;
        if (above == 0)
            continue;
        double edge = sorted[above - 1];
        bool more = bins->edge_count == 0 || edge > bins->edge[bins->edge_count - 1];
        if (more && edge < sorted[known - 1])
            bins->edge[bins->edge_count++] = edge;
    }
}

uint32_t gradient_bin(const struct gradient_bins *bins, union value value)
{
    double number = value.number;
    if (bins->sort == GRADIENT_KEY || number != number)
        return GRADIENT_MISSING;
    if (bins->sort == GRADIENT_CHOICE)
        return number >= 0 && number < GRADIENT_BINS ? (uint32_t)number : GRADIENT_MISSING;
    uint32_t bin = 0;
    for (uint64_t i = 0; i < bins->edge_count; i++)
        bin += number > bins->edge[i];
    return bin;
}

/* --- Cuts --- */

struct cut {
    uint32_t feature, bin, missing;
    double change, chance; /* of the loss, in sum; that there is none */
    struct gradient_sums side[2];
};

static inline struct gradient_sums add(struct gradient_sums a, struct gradient_sums b)
{
    lanes sum = *(const lanes *)(const void *)&a + *(const lanes *)(const void *)&b;
    return *(const struct gradient_sums *)(const void *)&sum;
}

static inline struct gradient_sums take(struct gradient_sums a, struct gradient_sums b)
{
    lanes rest = *(const lanes *)(const void *)&a - *(const lanes *)(const void *)&b;
    return *(const struct gradient_sums *)(const void *)&rest;
}

static double step_of(const struct gradient_sums *sums, double l2)
{
    return -(double)sums->g / ((double)sums->h + l2);
}

/* Adds what the step does to the loss of the examples, and to its square. */
static void add_change(const struct gradient_sums *sums, double l2, double *change, double *square)
{
    double step = step_of(sums, l2);
    *change += (double)sums->g * step + (double)sums->h * step * step / 2;
    *square += step * step *
               ((double)sums->gg + (double)sums->gh * step + (double)sums->hh * step * step / 4);
}

/* The chance of such a change, or a greater one, where none is to be had. */
static void judge(struct cut *cut, double l2)
{
    double change = 0, square = 0;
    double count = (double)cut->side[0].count + (double)cut->side[1].count;
    add_change(&cut->side[0], l2, &change, &square);
    add_change(&cut->side[1], l2, &change, &square);
    double mean = change / count, variance = square / count - mean * mean;
    cut->change = change;
    cut->chance = 1;
    if (mean < 0 && variance > 0)
        cut->chance = erfc(-mean * sqrt(count / variance) / sqrt(2)) / 2;
}

static void consider(struct cut *best, struct cut *cut, const struct gradient_rules *rules,
                     const struct gradient_sums *left, const struct gradient_sums *all)
{
    cut->side[0] = *left;
    cut->side[1] = take(*all, *left);
    if (!(cut->side[0].count > 1) || !(cut->side[1].count > 1))
        return;
    judge(cut, rules->l2);
    if (cut->change < best->change)
        *best = *cut;
}

/* Returns how many cuts of the feature were looked at. */
static uint64_t look_at(struct cut *best, const struct gradient_rules *rules,
                        const struct gradient_bins *bins, const struct gradient_sums *sums,
                        uint32_t feature)
{
    struct gradient_sums all = {0}, below = {0}, missing = sums[GRADIENT_MISSING];
    struct cut cut = {.feature = feature};
    bool choice = bins->sort == GRADIENT_CHOICE;
    uint64_t cuts = choice ? GRADIENT_BINS : bins->edge_count;
    for (uint64_t i = 0; i < CELLS; i++)
        all = add(all, sums[i]);
    for (cut.bin = 0; cut.bin < cuts; cut.bin++) {
        below = choice ? sums[cut.bin] : add(below, sums[cut.bin]);
        cut.missing = 1;
        consider(best, &cut, rules, &below, &all);
        if (!(missing.count > 0))
            continue;
        struct gradient_sums with = add(below, missing);
        cut.missing = 0;
        consider(best, &cut, rules, &with, &all);
    }
    return cuts;
}

static void make_leaf(struct gradient_tree *self, const struct gradient_rules *rules,
                      uint32_t index, double value, const struct gradient_sums *sums, uint32_t slot)
{
    double moved = value + step_of(sums, rules->l2);
    moved = moved < VALUE_LIMIT ? moved : VALUE_LIMIT;
    moved = moved > -VALUE_LIMIT ? moved : -VALUE_LIMIT;
    self->node[index] = (struct gradient_node){
        .value = moved, .curvature = (double)sums->h, .sort = GRADIENT_KEY, .slot = slot};
    memset(sums_of(self, rules, slot), 0, slot_size(rules->feature_count));
}

static void make_cut(struct gradient_tree *self, const struct gradient_rules *rules,
                     const struct gradient_bins *bins, struct gradient_node *leaf,
                     const struct cut *cut, const struct gradient_lesson *lesson)
{
    uint32_t first = (uint32_t)self->node_count, slot = (first + 1) / 2;
    const struct gradient_bins *of = &bins[cut->feature];
    uint64_t size = slot_size(rules->feature_count);
    example_touch(lesson->example, &self->node[first], 2 * sizeof *leaf);
    example_touch(lesson->example, sums_of(self, rules, slot), size);
    make_leaf(self, rules, first, leaf->value, &cut->side[0], leaf->slot);
    make_leaf(self, rules, first + 1, leaf->value, &cut->side[1], slot);
    self->node_count += 2;
    leaf->feature = cut->feature;
    leaf->sort = (uint32_t)of->sort;
    leaf->place = of->sort == GRADIENT_CHOICE ? (double)cut->bin : of->edge[cut->bin];
    leaf->missing = cut->missing;
    leaf->child[0] = first;
    leaf->child[1] = first + 1;
}

static void try_cut(struct gradient_tree *self, const struct gradient_rules *rules,
                    const struct gradient_bins *bins, struct gradient_node *leaf,
                    const struct gradient_lesson *lesson)
{
    const struct gradient_sums *sums = sums_of(self, rules, leaf->slot);
    struct cut best = {.change = 0, .chance = 1};
    uint64_t looked = 0;
    for (uint32_t i = 0; i < rules->feature_count; i++) {
        if (random_uniform(&self->random) < rules->features)
            looked += look_at(&best, rules, &bins[i], sums + i * CELLS, i);
    }
    if (best.change < 0 && best.chance * (double)looked < rules->significance)
        make_cut(self, rules, bins, leaf, &best, lesson);
}

/* --- Learning --- */

static void add_sums(struct gradient_sums *sums, const struct gradient_rules *rules,
                     const struct gradient_lesson *lesson, double g, double h)
{
    double weight = lesson->weight;
    lanes one = {(float)weight,           (float)(weight * g),     (float)(weight * h),
                 (float)(weight * g * g), (float)(weight * h * h), (float)(weight * g * h)};
    for (uint64_t i = 0; i < rules->feature_count; i++) {
        lanes *cell = (lanes *)(void *)&sums[i * CELLS + lesson->bin[i]];
        *cell += one;
    }
}

double gradient_tree_learn(struct gradient_tree *self, const struct gradient_rules *rules,
                           const struct gradient_bins *bins, const struct gradient_lesson *lesson)
{
    struct gradient_node *leaf = (struct gradient_node *)(uintptr_t)leaf_of(self, lesson->feature);
    double value = leaf->value, p = numbers_logistic(lesson->odds + value);
    double g = p - lesson->label, h = p * (1 - p);
    example_touch(lesson->example, leaf, sizeof *leaf);
    leaf->curvature = rules->keep * leaf->curvature + lesson->weight * h;
    double moved = value - lesson->weight * g / (leaf->curvature + rules->l2);
    moved = moved < VALUE_LIMIT ? moved : VALUE_LIMIT;
    leaf->value = moved > -VALUE_LIMIT ? moved : -VALUE_LIMIT;
    if (self->node_count + 2 > 2 * rules->leaves - 1)
        return value;
    example_touch(lesson->example, self, sizeof *self);
    if (random_uniform(&self->random) >= rules->subsample)
        return value;
    struct gradient_sums *sums = sums_of(self, rules, leaf->slot);
    example_touch(lesson->example, sums, slot_size(rules->feature_count));
    add_sums(sums, rules, lesson, g, h);
    leaf->seen += 1;
    if (leaf->seen >= rules->grace) {
        leaf->seen = 0;
        try_cut(self, rules, bins, leaf, lesson);
    }
    return value;
}
