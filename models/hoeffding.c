/* The arena of Hoeffding trees: rows, nodes, growing and felling. */
#include "models/hoeffding.h"
#include "base/assert.h"
#include "models/lanes.h"
#include <string.h>

enum { PAIRS_A_LEAF = 2 };
enum sort { SORT_NUMBER, SORT_NOMINAL, SORT_KEY };

/* Squares of so large floats, summed over millions, stay finite. */
static const double VALUE_LIMIT = 1e15;

const char *const hoeffding_criteria[] = {"information", "gini", "hellinger", NULL};
const char *const hoeffding_predictions[] = {"majority", "naive_bayes", "adaptive", NULL};

_Static_assert(sizeof(struct hoeffding_node) == 16 && sizeof(struct hoeffding_leaf) == 64,
               "padding would be saved");

static enum sort sort_of(enum value_type type)
{
    if (value_type_is_key(type))
        return SORT_KEY;
    return type == TYPE_ENUM || type == TYPE_BOOLEAN ? SORT_NOMINAL : SORT_NUMBER;
}

static uint64_t count_sort(const struct model_shape *shape, enum sort sort)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < shape->feature_count; i++)
        count += sort_of(shape->type[i]) == sort;
    return count;
}

enum status hoeffding_check(const struct model_shape *shape, struct failure *failure)
{
    if (count_sort(shape, SORT_KEY) < shape->feature_count)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "a tree needs at least one feature that is a number, a condition or an "
                       "enumeration; identifiers are not looked at");
}

static uint64_t rounded_up(uint64_t size, uint64_t to)
{
    return (size + to - 1) / to * to;
}

/* The sizes and places that follow from options and shape; bytes of the whole. */
static uint64_t plan(struct hoeffding *self, const struct hoeffding_options *options,
                     const struct model_shape *shape, uint64_t watched, uint64_t leaves_least)
{
    uint64_t numbers = count_sort(shape, SORT_NUMBER), nominals = count_sort(shape, SORT_NOMINAL);
    uint64_t usable = numbers + nominals;
    self->class_count = shape->class_count;
    self->feature_count = shape->feature_count;
    self->watched = watched == 0 || watched > usable ? usable : watched;
    uint64_t number_slots = numbers < self->watched ? numbers : self->watched;
    uint64_t nominal_slots = nominals < self->watched ? nominals : self->watched;
    self->width = rounded_up(number_slots, LANES_WIDTH);
    self->features_at = sizeof(struct hoeffding_leaf) + self->class_count * sizeof(double);
    self->numbers_at = rounded_up(self->features_at + self->watched * sizeof(uint16_t), 32);
    self->nominals_at =
        self->numbers_at + self->class_count * NUMBER_ROWS * self->width * sizeof(float);
    uint64_t nominal_size = self->class_count * HOEFFDING_NOMINALS * sizeof(float);
    self->leaf_size = rounded_up(self->nominals_at + nominal_slots * nominal_size, 64);
    uint64_t each = self->leaf_size + PAIRS_A_LEAF * 2 * sizeof(struct hoeffding_node);
    uint64_t capacity = (uint64_t)options->memory / each;
    self->leaf_capacity = capacity > leaves_least ? capacity : leaves_least;
    self->pair_capacity = PAIRS_A_LEAF * self->leaf_capacity;
    uint64_t header = sizeof *self + self->feature_count * (sizeof(double) + 1);
    self->nodes_at = rounded_up(header, 64);
    /* Number 0 is nobody, of pairs as of leaves. */
    uint64_t nodes = (self->pair_capacity + 1) * 2 * sizeof(struct hoeffding_node);
    self->leaves_at = rounded_up(self->nodes_at + nodes, 64);
    return self->leaves_at + (self->leaf_capacity + 1) * self->leaf_size;
}

uint64_t hoeffding_size(const struct hoeffding_options *options, const struct model_shape *shape,
                        uint64_t watched, uint64_t leaves_least)
{
    struct hoeffding sizes;
    return plan(&sizes, options, shape, watched, leaves_least);
}

uint64_t hoeffding_leaves(const struct hoeffding_options *options, const struct model_shape *shape,
                          uint64_t watched, uint64_t leaves_least)
{
    struct hoeffding sizes;
    plan(&sizes, options, shape, watched, leaves_least);
    return sizes.leaf_capacity;
}

uint64_t hoeffding_nodes(const struct hoeffding_options *options, const struct model_shape *shape,
                         uint64_t watched, uint64_t leaves_least)
{
    struct hoeffding sizes;
    plan(&sizes, options, shape, watched, leaves_least);
    return 2 * (sizes.pair_capacity + 1);
}

static uint8_t *sorts(const struct hoeffding *self)
{
    return (uint8_t *)(uintptr_t)(self->origin + self->feature_count);
}

void hoeffding_init(struct hoeffding *self, const struct hoeffding_options *options,
                    const struct model_shape *shape, uint64_t watched, uint64_t leaves_least,
                    enum hoeffding_subspace subspace, uint64_t seed)
{
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX);
    ASSERT(shape->class_count >= 2 && shape->class_count <= MODEL_CLASSES_MAX);
    memset(self, 0, hoeffding_size(options, shape, watched, leaves_least));
    plan(self, options, shape, watched, leaves_least);
    random_seed(&self->random, seed);
    self->subspace = subspace;
    self->candidates = (uint64_t)options->candidates;
    self->max_depth = (uint64_t)options->max_depth;
    self->criterion = (uint64_t)options->criterion;
    self->prediction = (uint64_t)options->prediction;
    self->preprune = options->preprune;
    self->grace_period = options->grace_period;
    self->tau = options->tau;
    self->logarithm = -log(options->delta);
    self->max_share = options->max_share_to_split;
    self->min_branch = options->min_branch_fraction;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        self->origin[i] = MISSING;
        sorts(self)[i] = (uint8_t)sort_of(shape->type[i]);
    }
}

static inline float value_of_number(double value, double origin)
{
    double apart = value - origin;
    apart = apart > VALUE_LIMIT ? VALUE_LIMIT : apart;
    return (float)(apart < -VALUE_LIMIT ? -VALUE_LIMIT : apart);
}

static inline float value_of_nominal(double value)
{
    if (value != value)
        return NAN;
    bool told_apart = value >= 0 && value < HOEFFDING_NOMINALS - 1;
    return (float)(told_apart ? (int)value : HOEFFDING_NOMINALS - 1);
}

void hoeffding_see(const struct hoeffding *self, const struct example *example,
                   struct hoeffding_view *view)
{
    const uint8_t *sort = sorts(self);
    view->state = example->state;
    view->label = example->label > 0 && example->label < (double)self->class_count
                      ? (uint32_t)example->label
                      : 0;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        if (sort[i] == SORT_NUMBER)
            view->value[i] = value_of_number(example->feature[i].number, self->origin[i]);
        else if (sort[i] == SORT_NOMINAL)
            view->value[i] = value_of_nominal(example->feature[i].number);
    }
}

void hoeffding_see_first(struct hoeffding *self, const struct example *example,
                         struct hoeffding_view *view)
{
    view->state = example->state;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double value = example->feature[i].number;
        if (self->origin[i] == self->origin[i] || sorts(self)[i] != SORT_NUMBER)
            continue;
        if (!(fabs(value) <= VALUE_LIMIT * VALUE_LIMIT))
            continue;
        hoeffding_touch(view, &self->origin[i], sizeof(double));
        self->origin[i] = value;
    }
    hoeffding_see(self, example, view);
}

static uint64_t pair_take(struct hoeffding *self, const struct hoeffding_view *view)
{
    uint64_t pair = self->free_pair;
    if (pair) {
        self->free_pair = hoeffding_node(self, 2 * pair)->child;
    } else {
        if (self->pairs_used == self->pair_capacity)
            return HOEFFDING_NONE;
        pair = ++self->pairs_used;
    }
    struct hoeffding_node *node = hoeffding_node(self, 2 * pair);
    hoeffding_touch(view, node, 2 * sizeof *node);
    memset(node, 0, 2 * sizeof *node);
    return pair;
}

static void pair_give(struct hoeffding *self, uint64_t pair, const struct hoeffding_view *view)
{
    struct hoeffding_node *node = hoeffding_node(self, 2 * pair);
    hoeffding_touch(view, node, 2 * sizeof *node);
    memset(node, 0, 2 * sizeof *node);
    node[0].test = node[1].test = NODE_LEAF;
    node->child = (uint32_t)self->free_pair;
    self->free_pair = pair;
}

static void leaf_give(struct hoeffding *self, uint64_t index, const struct hoeffding_view *view)
{
    struct hoeffding_leaf *leaf = hoeffding_leaf(self, index);
    hoeffding_touch(view, leaf, sizeof *leaf);
    leaf->node = HOEFFDING_NONE;
    leaf->next_free = self->free_leaf;
    self->free_leaf = index;
    self->leaves_live--;
}

static uint32_t largest_class(const struct hoeffding *self, const struct hoeffding_leaf *leaf)
{
    uint32_t largest = 0;
    for (uint32_t i = 1; i < self->class_count; i++)
        largest = leaf->class_weight[i] > leaf->class_weight[largest] ? i : largest;
    return largest;
}

/* The weight that a better answer could still win. */
static double promise(const struct hoeffding *self, const struct hoeffding_leaf *leaf)
{
    return leaf->total - leaf->class_weight[largest_class(self, leaf)];
}

static void put_to_sleep(struct hoeffding *self, uint64_t index, const struct hoeffding_view *view)
{
    const struct hoeffding_leaf *leaf = hoeffding_leaf(self, index);
    struct hoeffding_node *node = hoeffding_node(self, leaf->node);
    uint32_t largest = largest_class(self, leaf);
    hoeffding_touch(view, node, sizeof *node);
    node->leaf = HOEFFDING_NONE;
    node->child = largest;
    node->split = leaf->total > 0 ? (float)(leaf->class_weight[largest] / leaf->total)
                                  : 1 / (float)self->class_count;
    leaf_give(self, index, view);
    self->asleep++;
}

/* Puts the least promising leaf to sleep if it promises less than `above`; not that of `except`. */
static bool make_room(struct hoeffding *self, double above, uint64_t except,
                      const struct hoeffding_view *view)
{
    uint64_t least = HOEFFDING_NONE;
    for (uint64_t i = 1; i <= self->leaves_used; i++) {
        const struct hoeffding_leaf *leaf = hoeffding_leaf(self, i);
        if (leaf->node == HOEFFDING_NONE || i == except ||
            !(hoeffding_node(self, leaf->node)->test & NODE_LEAF))
            continue;
        double here = promise(self, leaf);
        if (here < above) {
            above = here;
            least = i;
        }
    }
    if (least)
        put_to_sleep(self, least, view);
    return least != HOEFFDING_NONE;
}

static uint64_t leaf_take(struct hoeffding *self)
{
    uint64_t index = self->free_leaf;
    if (index)
        self->free_leaf = hoeffding_leaf(self, index)->next_free;
    else
        index = ++self->leaves_used;
    ASSERT(index <= self->leaf_capacity);
    self->leaves_live++;
    return index;
}

struct watch {
    uint64_t number_count, nominal_count;
    uint16_t feature[MODEL_FEATURES_MAX];
};

/* `watched` of the usable features by chance, numbers first; all of them draw nothing. */
static void draw_watch(struct hoeffding *self, struct watch *watch)
{
    uint16_t usable[MODEL_FEATURES_MAX];
    uint64_t count = 0, placed = 0;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        if (sorts(self)[i] != SORT_KEY)
            usable[count++] = (uint16_t)i;
    }
    ASSERT(self->watched <= count);
    for (uint64_t i = 0; self->watched < count && i < self->watched; i++) {
        uint64_t other = i + random_below(&self->random, count - i);
        uint16_t chosen = usable[other];
        usable[other] = usable[i];
        usable[i] = chosen;
    }
    for (uint64_t i = 0; i < self->watched; i++) {
        if (sorts(self)[usable[i]] == SORT_NUMBER)
            watch->feature[placed++] = usable[i];
    }
    watch->number_count = placed;
    for (uint64_t i = 0; i < self->watched; i++) {
        if (sorts(self)[usable[i]] == SORT_NOMINAL)
            watch->feature[placed++] = usable[i];
    }
    watch->nominal_count = placed - watch->number_count;
}

static void leaf_watch(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                       struct watch *watch)
{
    watch->number_count = leaf->number_count;
    watch->nominal_count = leaf->nominal_count;
    memcpy(watch->feature, leaf_features(self, leaf),
           (leaf->number_count + leaf->nominal_count) * sizeof *watch->feature);
}

static void leaf_begin(struct hoeffding *self, uint64_t node, uint32_t depth,
                       const double *class_weight, const struct watch *watch,
                       const struct hoeffding_view *view)
{
    uint64_t index = leaf_take(self);
    struct hoeffding_leaf *leaf = hoeffding_leaf(self, index);
    hoeffding_touch(view, leaf, self->leaf_size);
    memset(leaf, 0, self->leaf_size);
    leaf->node = (uint32_t)node;
    leaf->depth = depth;
    leaf->number_count = (uint32_t)watch->number_count;
    leaf->nominal_count = (uint32_t)watch->nominal_count;
    for (uint64_t i = 0; class_weight && i < self->class_count; i++) {
        leaf->class_weight[i] = class_weight[i];
        leaf->total += class_weight[i];
    }
    leaf->begun_at = leaf->tried_at = leaf->total;
    memcpy(leaf_features(self, leaf), watch->feature,
           (watch->number_count + watch->nominal_count) * sizeof *watch->feature);
    for (uint64_t label = 0; label < self->class_count; label++) {
        for (uint64_t i = 0; i < self->width; i++) {
            leaf_numbers(self, leaf, label, NUMBER_LEAST)[i] = INFINITY;
            leaf_numbers(self, leaf, label, NUMBER_MOST)[i] = -INFINITY;
        }
    }
    hoeffding_node(self, node)->leaf = (uint32_t)index;
}

uint64_t hoeffding_plant(struct hoeffding *self, const struct hoeffding_view *view)
{
    hoeffding_touch(view, self, sizeof *self);
    if (self->leaves_live == self->leaf_capacity)
        make_room(self, INFINITY, HOEFFDING_NONE, view);
    uint64_t root = 2 * pair_take(self, view);
    if (root == HOEFFDING_NONE)
        return HOEFFDING_NONE;
    struct watch watch;
    draw_watch(self, &watch);
    hoeffding_node(self, root)->test = NODE_LEAF;
    leaf_begin(self, root, 0, NULL, &watch, view);
    return root;
}

bool hoeffding_divide(struct hoeffding *self, uint64_t index, const struct hoeffding_split *split,
                      bool keep, const struct hoeffding_view *view)
{
    struct hoeffding_node *node = hoeffding_node(self, index);
    uint64_t own = node->leaf;
    struct hoeffding_leaf *leaf = hoeffding_leaf(self, own);
    hoeffding_touch(view, self, sizeof *self);
    /* Of the two leaves that it needs one is its own, unless that is kept. */
    while (self->leaf_capacity - self->leaves_live < (keep ? 2 : 1)) {
        if (!make_room(self, promise(self, leaf), own, view))
            return false;
    }
    uint64_t pair = pair_take(self, view);
    if (!pair)
        return false;
    struct watch watch;
    uint32_t depth = leaf->depth + 1;
    leaf_watch(self, leaf, &watch);
    if (!keep)
        leaf_give(self, own, view);
    hoeffding_touch(view, node, sizeof *node);
    *node = (struct hoeffding_node){split->split, split->test, (uint32_t)(2 * pair),
                                    keep ? (uint32_t)own : HOEFFDING_NONE};
    for (uint64_t side = 0; side < 2; side++) {
        hoeffding_node(self, 2 * pair + side)->test = NODE_LEAF;
        if (self->subspace == SUBSPACE_OF_LEAF)
            draw_watch(self, &watch);
        leaf_begin(self, 2 * pair + side, depth, side ? split->above : split->below, &watch, view);
    }
    self->splits++;
    return true;
}

static void push(struct hoeffding *self, uint64_t pair, uint64_t *pending,
                 const struct hoeffding_view *view)
{
    struct hoeffding_node *node = hoeffding_node(self, 2 * pair);
    uint32_t link = (uint32_t)*pending;
    hoeffding_touch(view, node, sizeof *node);
    memcpy(&node->split, &link, sizeof link);
    *pending = pair;
}

double hoeffding_root_score(const struct hoeffding *self, uint64_t root,
                            const struct example *example)
{
    struct hoeffding_view view;
    struct hoeffding_answer answer;
    hoeffding_see(self, example, &view);
    hoeffding_answer(self, hoeffding_walk(self, root, &view), &view, false, &answer);
    return hoeffding_score(self, answer.share);
}

/* The pairs still to be felled are a list through the left nodes' split, which nobody needs any
 * more: no stack, however deep the tree. */
void hoeffding_clear(struct hoeffding *self, uint64_t index, const struct hoeffding_view *view)
{
    struct hoeffding_node *node = hoeffding_node(self, index);
    uint64_t pending = HOEFFDING_NONE;
    hoeffding_touch(view, self, sizeof *self);
    if (!(node->test & NODE_LEAF))
        push(self, node->child / 2, &pending, view);
    while (pending) {
        uint64_t pair = pending;
        uint32_t link;
        memcpy(&link, &hoeffding_node(self, 2 * pair)->split, sizeof link);
        pending = link;
        for (uint64_t side = 0; side < 2; side++) {
            const struct hoeffding_node *below = hoeffding_node(self, 2 * pair + side);
            if (below->leaf)
                leaf_give(self, below->leaf, view);
            if (!(below->test & NODE_LEAF))
                push(self, below->child / 2, &pending, view);
        }
        pair_give(self, pair, view);
    }
    hoeffding_touch(view, node, sizeof *node);
    node->test = NODE_LEAF;
    node->child = HOEFFDING_NONE;
}

void hoeffding_fell(struct hoeffding *self, uint64_t root, const struct hoeffding_view *view)
{
    hoeffding_clear(self, root, view);
    uint32_t leaf = hoeffding_node(self, root)->leaf;
    if (leaf)
        leaf_give(self, leaf, view);
    pair_give(self, root / 2, view);
}

void hoeffding_graft(struct hoeffding *self, uint64_t index, uint64_t root,
                     const struct hoeffding_view *view)
{
    struct hoeffding_node *node = hoeffding_node(self, index);
    const struct hoeffding_node *scion = hoeffding_node(self, root);
    hoeffding_touch(view, self, sizeof *self);
    hoeffding_touch(view, node, sizeof *node);
    if (node->leaf)
        leaf_give(self, node->leaf, view);
    *node = *scion;
    if (node->leaf) {
        struct hoeffding_leaf *leaf = hoeffding_leaf(self, node->leaf);
        hoeffding_touch(view, leaf, sizeof *leaf);
        leaf->node = (uint32_t)index;
    }
    pair_give(self, root / 2, view);
}

bool hoeffding_is_mixed(const struct hoeffding *self, const struct hoeffding_leaf *leaf)
{
    double largest = leaf->class_weight[largest_class(self, leaf)];
    return largest < leaf->total && largest <= self->max_share * leaf->total;
}

void hoeffding_learn(struct hoeffding *self, uint64_t index, const struct hoeffding_view *view,
                     double weight, const struct hoeffding_answer *answer)
{
    uint64_t own = hoeffding_node(self, index)->leaf;
    if (!own)
        return;
    struct hoeffding_leaf *leaf = hoeffding_leaf(self, own);
    hoeffding_observe(self, leaf, view, weight, answer);
    if (leaf->total - leaf->tried_at < self->grace_period || leaf->depth >= self->max_depth)
        return;
    leaf->tried_at = leaf->total;
    if (!hoeffding_is_mixed(self, leaf))
        return;
    struct hoeffding_choice choice = {.current = MODEL_FEATURES_MAX};
    hoeffding_choose(self, leaf, &choice);
    if (choice.best.merit == -INFINITY)
        return;
    double second = self->preprune && choice.second < 0 ? 0 : choice.second;
    double bound = hoeffding_bound(self, leaf);
    if (choice.best.merit - second > bound || bound < self->tau) {
        if (!self->preprune || choice.best.merit > 0)
            hoeffding_divide(self, index, &choice.best, false, view);
    }
}
