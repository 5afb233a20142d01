/* Questions to the values of a window; see values.h. */
#include "features/values_past.h"
#include <math.h>

static const double spread_unit = 0x1p32;

/* ---- sorting: by insertion while few, otherwise by a heap (Williams, "Heapsort", 1964) ---- */

enum { INSERTION_MAX = 48 };

static void insertion_sort(uint64_t *images, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint64_t image = images[i];
        uint32_t at = i;
        for (; at > 0 && images[at - 1] > image; at--)
            images[at] = images[at - 1];
        images[at] = image;
    }
}

static void sift_down(uint64_t *images, uint32_t root, uint32_t count)
{
    uint64_t image = images[root];
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && images[child + 1] > images[child])
            child++;
        if (images[child] <= image)
            break;
        images[root] = images[child];
    }
    images[root] = image;
}

void images_sort(uint64_t *images, uint32_t count)
{
    if (count <= INSERTION_MAX) {
        insertion_sort(images, count);
        return;
    }
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(images, i, count);
    for (uint32_t end = count - 1; end > 0; end--) {
        uint64_t greatest = images[0];
        images[0] = images[end];
        images[end] = greatest;
        sift_down(images, 0, end);
    }
}

/* ---- runs of equal images in the sorted array ---- */

/* The end of the run that begins at `from`. */
static uint64_t run_end(const struct values *values, uint64_t from)
{
    uint64_t end = from + 1;
    while (end < values->count && values->sorted[end] == values->sorted[from])
        end++;
    return end;
}

static uint64_t sorted_mode(const struct values *values)
{
    uint64_t mode = values->sorted[0], longest = 0;
    for (uint64_t from = 0, end; from < values->count; from = end) {
        end = run_end(values, from);
        if (end - from > longest) {
            longest = end - from;
            mode = values->sorted[from];
        }
    }
    return mode;
}

/* Runs longer than `count`. */
static uint64_t sorted_more_frequent(const struct values *values, uint64_t count, uint64_t most)
{
    uint64_t found = 0;
    for (uint64_t from = 0, end; from < values->count && found < most; from = end) {
        end = run_end(values, from);
        found += end - from > count;
    }
    return found;
}

static int64_t sorted_spread(const struct values *values)
{
    int64_t sum = 0;
    for (uint64_t from = 0, end; from < values->count; from = end) {
        end = run_end(values, from);
        sum += spread_term((uint32_t)(end - from));
    }
    return sum;
}

/* The first place whose image is not less. */
static uint64_t sorted_place(const struct values *values, uint64_t image)
{
    uint64_t low = 0, high = values->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (values->sorted[middle] < image)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- the tree, with what has changed against it ---- */

static struct values_changes changes_of(const struct values *values)
{
    return (struct values_changes){
        .tree = &values->tree, .change = values->change, .count = values->change_count};
}

static uint64_t tree_or_changes_at(const struct values *values, uint64_t place)
{
    struct values_changes changes = changes_of(values);
    return changes.count ? changes_at(&changes, place) : tree_at(&values->tree, place);
}

static uint64_t tree_or_changes_distinct(const struct values *values)
{
    struct values_changes changes = changes_of(values);
    return changes.count ? changes_distinct(&changes) : tree_distinct(&values->tree);
}

/* ---- questions ---- */

double values_distinct(const struct values *values)
{
    uint64_t exact = values->sorted ? sorted_more_frequent(values, 0, UINT64_MAX)
                                    : tree_or_changes_distinct(values);
    if (!values_spilled(values))
        return (double)exact;
    double estimate = rint(hyperloglog_count(values->past.seen));
    return estimate > (double)exact ? estimate : (double)exact;
}

bool values_range(const struct values *values, double *range)
{
    const struct past_values *past = values->past.values;
    bool spilled = values_spilled(values);
    if (!spilled && values->count == 0)
        return false;
    uint64_t least = spilled ? past->least : UINT64_MAX, greatest = spilled ? past->greatest : 0;
    if (values->count > 0) {
        uint64_t first = value_image(values_at(values, 0), false);
        uint64_t last = value_image(values_at(values, values->count - 1), false);
        least = first < least ? first : least;
        greatest = last > greatest ? last : greatest;
    }
    *range = image_value(greatest, false).number - image_value(least, false).number;
    return true;
}

union value values_at(const struct values *values, uint64_t place)
{
    uint64_t image = values->sorted ? values->sorted[place] : tree_or_changes_at(values, place);
    return image_value(image, values->is_key);
}

uint64_t values_below_image(const struct values *values, uint64_t image, uint64_t *equal)
{
    struct values_changes changes = changes_of(values);
    if (!values->sorted)
        return changes.count ? changes_below(&changes, image, equal)
                             : tree_below(&values->tree, image, equal);
    uint64_t place = sorted_place(values, image);
    bool found = place < values->count && values->sorted[place] == image;
    *equal = found ? run_end(values, place) - place : 0;
    return place;
}

bool values_mode_find(struct values *values)
{
    struct values_changes changes = changes_of(values);
    return changes.count == 0 || changes_mode(&changes, &values->mode);
}

uint64_t slots_mode(const struct values *values)
{
    return values->sorted              ? sorted_mode(values)
           : values->change_count == 0 ? tree_mode(&values->tree)
                                       : values->mode;
}

uint64_t slots_more_frequent(const struct values *values, uint64_t count, uint64_t most)
{
    struct values_changes changes = changes_of(values);
    if (values->sorted)
        return sorted_more_frequent(values, count, most);
    return changes.count ? changes_more_frequent(&changes, count, most)
                         : tree_more_frequent(&values->tree, count, most);
}

static int64_t slots_terms(const struct values *values)
{
    struct values_changes changes = changes_of(values);
    return values->sorted  ? sorted_spread(values)
           : changes.count ? changes_spread(&changes)
                           : tree_spread(&values->tree);
}

double slots_spread(const struct values *values)
{
    return (double)slots_terms(values) / spread_unit;
}

double values_rank(const struct values *values, union value value)
{
    uint64_t image = value_image(value, values->is_key), equal;
    uint64_t below = values_below_image(values, image, &equal);
    double rank = (double)below + (double)equal / 2, past_equal;
    if (!values_spilled(values))
        return rank;
    double past = past_below(values, image, &past_equal);
    return rank + past + past_equal / 2;
}

union value values_mode(const struct values *values)
{
    uint64_t image = values_spilled(values) ? past_mode(values) : slots_mode(values);
    return image_value(image, values->is_key);
}

uint64_t values_frequency(const struct values *values, union value value)
{
    uint64_t image = value_image(value, values->is_key), equal;
    if (values_spilled(values))
        return past_frequency(values, image);
    values_below_image(values, image, &equal);
    return equal;
}

uint64_t values_more_frequent(const struct values *values, uint64_t count, uint64_t most)
{
    return values_spilled(values) ? past_more_frequent(values, count, most)
                                  : slots_more_frequent(values, count, most);
}

double values_quantile(const struct values *values, double q)
{
    if (values_spilled(values))
        return past_quantile(values, q);
    double place = (double)(values->count - 1) * q;
    uint64_t lower = (uint64_t)place;
    double share = place - (double)lower, low = values_at(values, lower).number;
    if (share <= 0)
        return low;
    double high = values_at(values, lower + 1).number, step = high - low;
    return step - step == 0 ? low + share * step : (1 - share) * low + share * high;
}

int64_t spread_term(uint32_t count)
{
    return count < 2 ? 0 : llrint(count * log(count) * spread_unit);
}

double values_entropy(const struct values *values)
{
    if (values_spilled(values))
        return past_entropy(values);
    double n = (double)values->count;
    double entropy = log(n) - slots_spread(values) / n;
    return entropy > 0 ? entropy : 0;
}
