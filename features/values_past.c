/* Questions to slots and sketches together; see values_past.h. */
#include "features/values_past.h"
#include <math.h>

enum { AT_A_TIME = 16 }; /* counters */

/* ---- order ---- */

/* Slots and spilled values as one row, each in its order, spilled ones first where both are equal.
 * To a place of it belong so many slots and so many spilled values before it. */
struct merge {
    const struct values *values;
    uint64_t slots, spilled;           /* there are */
    uint64_t slots_done, spilled_done; /* before the next */
    uint32_t bucket;
    uint64_t bucket_before; /* spilled values before the bucket's */
    struct tree_leaf leaf;  /* no entries: there is no tree, or it has changed */
};

static uint64_t spilled_image(struct merge *merge, uint64_t place)
{
    const struct quantiles *order = merge->values->past.order;
    if (place < merge->bucket_before || place - merge->bucket_before >= order->count[merge->bucket])
        merge->bucket = quantiles_at(order, place, &merge->bucket_before);
    return bucket_image(order, merge->bucket, (uint32_t)(place - merge->bucket_before));
}

/* Mostly the leaf has it that was found first; its entry follows. */
static uint64_t slot_image(struct merge *merge, uint64_t place)
{
    struct tree_leaf *leaf = &merge->leaf;
    while (leaf->entry > 0 && place < leaf->before)
        leaf->before -= leaf->count[--leaf->entry];
    while (leaf->entry < leaf->entries && place >= leaf->before + leaf->count[leaf->entry])
        leaf->before += leaf->count[leaf->entry++];
    if (leaf->entry < leaf->entries && place >= leaf->before)
        return leaf->key[leaf->entry];
    return value_image(values_at(merge->values, place), false);
}

/* About how many slots come before a place: as many as are less than the spilled value that would
 * stand there if slots lay like those. */
static uint64_t slots_guess(struct merge *merge, uint64_t place)
{
    const struct values *values = merge->values;
    if (merge->slots == 0 || merge->spilled == 0)
        return 0;
    double share = (double)merge->slots / (double)(merge->slots + merge->spilled);
    uint64_t equal, at = place - (uint64_t)((double)place * share);
    uint64_t image = spilled_image(merge, at < merge->spilled ? at : merge->spilled - 1);
    if (values->sorted || values->change_count)
        return values_below_image(values, image, &equal);
    merge->leaf = tree_leaf_find(&values->tree, image);
    return merge->leaf.before;
}

/* How many slots come before a place: the fewest whose next is not less than the last spilled value
 * then.  Looked for around a guess, in steps that grow until it lies between two of them. */
static uint64_t slots_before(struct merge *merge, uint64_t place, uint64_t guess)
{
    uint64_t low = place > merge->spilled ? place - merge->spilled : 0, step = 1;
    uint64_t high = place < merge->slots ? place : merge->slots;
    uint64_t at = guess < low ? low : guess;
    while (low < high) {
        at = at < high ? at : high - 1;
        bool enough = spilled_image(merge, place - at - 1) <= slot_image(merge, at);
        high = enough ? at : high;
        low = enough ? low : at + 1;
        uint64_t middle = low + (high - low) / 2;
        if (enough)
            at = high > middle + step ? high - step : middle;
        else
            at = middle > low + step - 1 ? low + step - 1 : middle;
        step *= 2;
    }
    return low;
}

static struct merge merge_open(const struct values *values, uint64_t place)
{
    struct merge merge = {
        .values = values, .slots = values->count, .spilled = quantiles_count(values->past.order)};
    merge.slots_done = slots_before(&merge, place, slots_guess(&merge, place));
    merge.spilled_done = place - merge.slots_done;
    return merge;
}

static uint64_t merge_next(struct merge *merge)
{
    uint64_t spilled = UINT64_MAX, slot = UINT64_MAX;
    if (merge->spilled_done < merge->spilled)
        spilled = spilled_image(merge, merge->spilled_done);
    if (merge->slots_done < merge->slots)
        slot = slot_image(merge, merge->slots_done);
    bool is_spilled = spilled <= slot;
    merge->spilled_done += is_spilled;
    merge->slots_done += !is_spilled;
    return is_spilled ? spilled : slot;
}

double past_quantile(const struct values *values, double q)
{
    double place = (double)(values_count(values) - 1) * q;
    uint64_t lower = (uint64_t)place;
    double share = place - (double)lower;
    struct merge merge = merge_open(values, lower);
    double low = image_value(merge_next(&merge), false).number;
    if (share <= 0)
        return low;
    double high = image_value(merge_next(&merge), false).number;
    double step = high - low;
    return step - step == 0 ? low + share * step : (1 - share) * low + share * high;
}

double past_below(const struct values *values, uint64_t image, double *equal)
{
    const struct quantiles *order = values->past.order;
    uint32_t bucket = quantiles_bucket(order, image);
    double below = (double)quantiles_before(order, bucket);
    *equal = 0;
    if (bucket == order->used || image < bucket_first(order, bucket))
        return below;
    return below + bucket_below(order, bucket, image, equal);
}

/* ---- frequencies ---- */

/* How often it is among slots alone. */
static uint64_t slots_equal(const struct values *values, uint64_t image)
{
    uint64_t equal = 0;
    if (values->count > 0 && !values->sorted && values->change_count == 0)
        return tree_equal(&values->tree, image);
    if (values->count > 0)
        values_below_image(values, image, &equal);
    return equal;
}

uint64_t past_frequency(const struct values *values, uint64_t image)
{
    uint32_t place = frequencies_find(values->past.frequent, image);
    uint64_t equal = slots_equal(values, image);
    return equal + (place == FREQUENCY_NONE ? 0 : values->past.frequent->count[place]);
}

/* A value without a counter is in slots alone, and the most frequent of them if it is it. */
uint64_t past_mode(const struct values *values)
{
    const struct elsewhere *held = values->past.held;
    bool is_tree = values->count > 0 && !values->sorted && values->change_count == 0;
    if (values->count == 0 || (is_tree && tree_largest(&values->tree) < held->mode_count))
        return held->mode;
    uint64_t image = slots_mode(values), count = slots_equal(values, image);
    bool more = count > held->mode_count || (count == held->mode_count && image < held->mode);
    return more ? image : held->mode;
}

/* Slots count those of their values that have a counter, too.  Places without a counter are 0 in
 * both, so that some are walked at a time until there are enough. */
uint64_t past_more_frequent(const struct values *values, uint64_t count, uint64_t most)
{
    const uint32_t *spilled = values->past.frequent->count, *held = values->past.held->count;
    uint64_t found = 0, twice = 0;
    bool any = values->past.held->mode_count > count;
    for (uint64_t first = 0; any && first < FREQUENCIES && found < most; first += AT_A_TIME)
        for (uint64_t i = first; i < first + AT_A_TIME; i++) {
            found += (uint64_t)spilled[i] + held[i] > count;
            twice += held[i] > count;
        }
    if (found >= most || values->count == 0)
        return found;
    return found + slots_more_frequent(values, count, most + twice) - twice;
}

/* ---- entropy ---- */

/* The sum of c ln c over slots, and what spilled events add to it: those with a counter, and those
 * without. */
double past_entropy(const struct values *values)
{
    const struct past_view *past = &values->past;
    uint64_t counted = 0;
    for (uint64_t i = 0; i < FREQUENCIES; i++)
        counted += past->frequent->count[i];
    double n = (double)values_count(values), rest = (double)(past->values->count - counted);
    double sum = slots_spread(values) + rest * past->sample->gain;
    sum += (double)(past->held->both - past->held->alone) / frequency_unit;
    double entropy = log(n) - sum / n;
    return entropy > 0 ? entropy : 0;
}
