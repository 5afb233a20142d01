/* How good a split of what a leaf has observed would be.
 *
 * The merit of a split is how much less mixed the classes are in its two sides than together, by
 *     information   entropy in bits
 *     gini          1 - sum p^2
 *     hellinger     the distance sqrt(sum over the sides of (sqrt(P(side | class)) - sqrt(P(side |
 * others)))^2), the largest of the classes: David Cieslak, Nitesh Chawla, "Learning decision trees
 * for unbalanced data", 2008
 * times the share of the weight of which the feature is known (J. R. Quinlan, "C4.5", 1993).  All
 * points of a feature are judged side by side, weights being shares of all. */
#include "base/assert.h"
#include "models/hoeffding.h"
#include "models/lanes.h"

enum { GROUPS = HOEFFDING_NOMINALS / LANES_WIDTH };
_Static_assert(HOEFFDING_CANDIDATES <= HOEFFDING_NOMINALS, "one room for both");

static const double ROUNDING = 1e-6;

/* The sides of up to 8 splits of one feature, and what they come from. */
struct sides {
    double total;                    /* weight of which the feature is known */
    double share[MODEL_CLASSES_MAX]; /* of the classes, in it */
    double impurity;                 /* of these */
    lanes below[MODEL_CLASSES_MAX];  /* of a class: its share of all below, not of the class */
};

static inline lanes times_log(lanes share)
{
    return lanes_where(share > 1e-20F, share * lanes_log2(share));
}

static lanes merit_by_information(const struct sides *sides, uint64_t classes, lanes below,
                                  lanes above)
{
    lanes after = times_log(below) + times_log(above);
    for (uint64_t label = 0; label < classes; label++) {
        lanes here = sides->below[label], rest = (float)sides->share[label] - here;
        after -= times_log(here) + times_log(rest);
    }
    return (float)sides->impurity - after;
}

static lanes merit_by_gini(const struct sides *sides, uint64_t classes, lanes below, lanes above)
{
    lanes even = {0};
    for (uint64_t label = 0; label < classes; label++) {
        lanes here = sides->below[label], rest = (float)sides->share[label] - here;
        even += lanes_where(below > 0, here * here / below);
        even += lanes_where(above > 0, rest * rest / above);
    }
    return (float)sides->impurity - 1 + even;
}

static lanes root_difference(lanes a, lanes b)
{
    lanes difference;
    for (int i = 0; i < LANES_WIDTH; i++)
        difference[i] = sqrtf(a[i] > 0 ? a[i] : 0) - sqrtf(b[i] > 0 ? b[i] : 0);
    return difference * difference;
}

static lanes merit_by_hellinger(const struct sides *sides, uint64_t classes, lanes below,
                                lanes above)
{
    lanes farthest = {0};
    for (uint64_t label = 0; label < classes; label++) {
        float own = (float)sides->share[label], others = 1 - own;
        if (!(own > 0) || !(others > 0))
            continue;
        lanes here = sides->below[label], rest = own - here;
        lanes distance = root_difference(here / own, (below - here) / others) +
                         root_difference(rest / own, (above - rest) / others);
        farthest = lanes_most(farthest, distance);
    }
    for (int i = 0; i < LANES_WIDTH; i++)
        farthest[i] = sqrtf(farthest[i]);
    return farthest;
}

static lanes merits(const struct hoeffding *self, const struct sides *sides)
{
    uint64_t classes = self->class_count;
    lanes below = {0};
    for (uint64_t label = 0; label < classes; label++)
        below += sides->below[label];
    lanes above = 1 - below, merit;
    if (self->criterion == CRITERION_INFORMATION)
        merit = merit_by_information(sides, classes, below, above);
    else if (self->criterion == CRITERION_GINI)
        merit = merit_by_gini(sides, classes, below, above);
    else
        merit = merit_by_hellinger(sides, classes, below, above);
    lanes_mask allowed = (below > (float)self->min_branch) & (above > (float)self->min_branch);
    return lanes_choose(allowed, merit, lanes_of(-INFINITY));
}

/* Total and shares from the class weights in share; false: nothing is known. */
static bool sides_begin(const struct hoeffding *self, struct sides *sides)
{
    sides->total = 0;
    for (uint64_t label = 0; label < self->class_count; label++)
        sides->total += sides->share[label];
    if (!(sides->total > 0))
        return false;
    double entropy = 0, even = 0;
    for (uint64_t label = 0; label < self->class_count; label++) {
        double share = sides->share[label] /= sides->total;
        entropy -= share > 0 ? share * log2(share) : 0;
        even += share * share;
    }
    sides->impurity = self->criterion == CRITERION_INFORMATION ? entropy : 1 - even;
    return true;
}

/* Of a leaf's numbers, the one at `slot`; points from least to most, and what is below them. */
static void number_sides(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                         uint64_t slot, lanes point, struct sides *sides)
{
    for (uint64_t label = 0; label < self->class_count; label++) {
        const float *row = leaf_numbers(self, leaf, label, NUMBER_WEIGHT) + slot;
        float weight = row[0], mean = row[self->width], squares = row[2 * self->width];
        lanes least = lanes_of(row[3 * self->width]), most = lanes_of(row[4 * self->width]);
        sides->below[label] = (lanes){0};
        if (!(weight > 0))
            continue;
        float variance = weight > 1 ? squares / (weight - 1) : 0;
        lanes inside = {0};
        if (variance > 0)
            inside = lanes_normal_below((point - mean) * (1 / sqrtf(variance)));
        lanes share = lanes_choose(point >= most, lanes_of(1), inside);
        share = lanes_choose(point < least, lanes_of(0), share);
        sides->below[label] = share * (float)sides->share[label];
    }
}

struct range {
    float least, step, most;
};

static bool number_begin(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                         uint64_t slot, struct sides *sides, struct range *range)
{
    range->least = INFINITY;
    range->most = -INFINITY;
    for (uint64_t label = 0; label < self->class_count; label++) {
        const float *row = leaf_numbers(self, leaf, label, NUMBER_WEIGHT) + slot;
        sides->share[label] = (double)row[0];
        range->least = fminf(range->least, row[3 * self->width]);
        range->most = fmaxf(range->most, row[4 * self->width]);
    }
    range->step = (range->most - range->least) / (float)(self->candidates + 1);
    return range->most > range->least && sides_begin(self, sides);
}

static lanes points(const struct range *range, uint64_t group)
{
    static const lanes counting = {1, 2, 3, 4, 5, 6, 7, 8};
    return range->least + (counting + (float)(group * LANES_WIDTH)) * range->step;
}

/* Of the leaf's nominals, the one at `slot`: below is what is another value. */
static bool nominal_begin(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                          uint64_t slot, struct sides *sides)
{
    for (uint64_t label = 0; label < self->class_count; label++) {
        lanes sum = {0};
        for (uint64_t i = 0; i < HOEFFDING_NOMINALS; i += LANES_WIDTH)
            sum += lanes_load(leaf_nominals(self, leaf, slot, label) + i);
        sides->share[label] = (double)lanes_sum(sum);
    }
    return sides_begin(self, sides);
}

static void nominal_sides(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                          uint64_t slot, uint64_t group, struct sides *sides)
{
    float inverse = (float)(1 / sides->total);
    for (uint64_t label = 0; label < self->class_count; label++) {
        lanes equal = lanes_load(leaf_nominals(self, leaf, slot, label) + group * LANES_WIDTH);
        sides->below[label] = (float)sides->share[label] - equal * inverse;
    }
}

/* The best split by one feature. */
struct candidate {
    double merit;
    float split;
    uint64_t group, lane;
};

static void consider(struct candidate *best, lanes merit, lanes split, uint64_t group,
                     uint64_t count)
{
    for (uint64_t lane = 0; lane < LANES_WIDTH && group * LANES_WIDTH + lane < count; lane++) {
        if ((double)merit[lane] > best->merit)
            *best = (struct candidate){(double)merit[lane], split[lane], group, lane};
    }
}

static struct candidate best_of_number(const struct hoeffding *self,
                                       const struct hoeffding_leaf *leaf, uint64_t slot)
{
    struct candidate best = {.merit = -INFINITY};
    struct sides sides;
    struct range range;
    if (!number_begin(self, leaf, slot, &sides, &range))
        return best;
    for (uint64_t group = 0; group * LANES_WIDTH < self->candidates; group++) {
        lanes point = points(&range, group);
        number_sides(self, leaf, slot, point, &sides);
        lanes_mask inner = (point > range.least) & (point < range.most);
        lanes merit = lanes_choose(inner, merits(self, &sides), lanes_of(-INFINITY));
        consider(&best, merit, point, group, self->candidates);
    }
    best.merit *= sides.total / (leaf->total - leaf->begun_at);
    return best;
}

static struct candidate best_of_nominal(const struct hoeffding *self,
                                        const struct hoeffding_leaf *leaf, uint64_t slot)
{
    static const lanes counting = {0, 1, 2, 3, 4, 5, 6, 7};
    struct candidate best = {.merit = -INFINITY};
    struct sides sides;
    if (!nominal_begin(self, leaf, slot, &sides))
        return best;
    for (uint64_t group = 0; group < GROUPS; group++) {
        nominal_sides(self, leaf, slot, group, &sides);
        lanes value = counting + (float)(group * LANES_WIDTH);
        consider(&best, merits(self, &sides), value, group, HOEFFDING_NOMINALS);
    }
    best.merit *= sides.total / (leaf->total - leaf->begun_at);
    return best;
}

/* What the children of the chosen split begin with. */
static void weigh(const struct hoeffding *self, const struct hoeffding_leaf *leaf, uint64_t slot,
                  const struct candidate *chosen, struct hoeffding_split *split)
{
    struct sides sides = {0};
    struct range range;
    double below = 0;
    if (slot < leaf->number_count) {
        number_begin(self, leaf, slot, &sides, &range);
        number_sides(self, leaf, slot, points(&range, chosen->group), &sides);
    } else {
        nominal_begin(self, leaf, slot - leaf->number_count, &sides);
        nominal_sides(self, leaf, slot - leaf->number_count, chosen->group, &sides);
    }
    for (uint64_t label = 0; label < self->class_count; label++) {
        double all = sides.share[label], here = (double)sides.below[label][chosen->lane];
        /* What is left by rounding alone is nothing: it would be taken for a class that was seen.
         */
        here = here > ROUNDING * all ? here : 0;
        here = here < all - ROUNDING * all ? here : all;
        split->below[label] = here * sides.total;
        split->above[label] = (all - here) * sides.total;
        below += here;
    }
    split->test = leaf_features(self, leaf)[slot];
    split->test |= slot < leaf->number_count ? 0 : NODE_EQUAL;
    split->test |= below < 0.5 ? NODE_MISSING_RIGHT : 0;
}

void hoeffding_choose(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                      struct hoeffding_choice *choice)
{
    uint64_t slot_count = leaf->number_count + leaf->nominal_count, best_slot = 0;
    struct candidate best = {.merit = -INFINITY};
    choice->second = choice->current_merit = -INFINITY;
    for (uint64_t slot = 0; slot < slot_count; slot++) {
        struct candidate here = slot < leaf->number_count
                                    ? best_of_number(self, leaf, slot)
                                    : best_of_nominal(self, leaf, slot - leaf->number_count);
        if (leaf_features(self, leaf)[slot] == choice->current)
            choice->current_merit = here.merit;
        if (here.merit > best.merit) {
            choice->second = best.merit;
            best = here;
            best_slot = slot;
        } else if (here.merit > choice->second) {
            choice->second = here.merit;
        }
    }
    choice->best.merit = best.merit;
    choice->best.split = best.split;
    if (best.merit > -INFINITY)
        weigh(self, leaf, best_slot, &best, &choice->best);
}

/* The range of information is that of the classes that were seen. */
double hoeffding_bound(const struct hoeffding *self, const struct hoeffding_leaf *leaf)
{
    double range = self->criterion == CRITERION_HELLINGER ? sqrt(2) : 1, seen = 0;
    for (uint64_t label = 0; label < self->class_count; label++)
        seen += leaf->class_weight[label] > 0;
    if (self->criterion == CRITERION_INFORMATION)
        range = log2(seen > 2 ? seen : 2);
    return sqrt(range * range * self->logarithm / (2 * leaf->total));
}
