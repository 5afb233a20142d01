/* The values of an earlier moment; see values_change.h. */
#include "features/values_change.h"
#include "features/values.h"

/* The end of the run of equal images that begins at `from`. */
static uint32_t run_end(const uint64_t *images, uint32_t count, uint32_t from)
{
    uint32_t end = from + 1;
    while (end < count && images[end] == images[from])
        end++;
    return end;
}

uint32_t changes_make(uint64_t *entered, uint32_t entered_count, uint64_t *left,
                      uint32_t left_count, struct values_change *change)
{
    uint32_t count = 0, e = 0, l = 0;
    int64_t before = 0;
    images_sort(entered, entered_count);
    images_sort(left, left_count);
    while (e < entered_count || l < left_count) {
        bool of_entered = l == left_count || (e < entered_count && entered[e] <= left[l]);
        bool of_left = e == entered_count || (l < left_count && left[l] <= entered[e]);
        struct values_change next = {.image = of_left ? left[l] : entered[e], .before = before};
        uint32_t e_end = of_entered ? run_end(entered, entered_count, e) : e;
        uint32_t l_end = of_left ? run_end(left, left_count, l) : l;
        next.by = (int64_t)(l_end - l) - (int64_t)(e_end - e);
        before += next.by;
        e = e_end;
        l = l_end;
        if (next.by != 0)
            change[count++] = next;
    }
    return count;
}

/* How many of the tree's values are the changed one. */
static uint64_t old_count(const struct values_changes *changes, uint32_t i)
{
    return tree_equal(changes->tree, changes->change[i].image);
}

static uint64_t new_count(const struct values_changes *changes, uint32_t i, uint64_t old)
{
    return (uint64_t)((int64_t)old + changes->change[i].by);
}

/* Where the changed value's run begins now. */
static uint64_t new_below(const struct values_changes *changes, uint32_t i, uint64_t *equal)
{
    uint64_t below = tree_below(changes->tree, changes->change[i].image, equal);
    *equal = new_count(changes, i, *equal);
    return (uint64_t)((int64_t)below + changes->change[i].before);
}

uint64_t changes_at(const struct values_changes *changes, uint64_t place)
{
    uint32_t low = 0, high = changes->count; /* the first whose run begins behind the place */
    uint64_t equal, begins = 0, length = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t below = new_below(changes, middle, &equal);
        if (below <= place) {
            low = middle + 1;
            begins = below;
            length = equal;
        } else {
            high = middle;
        }
    }
    if (low == 0)
        return tree_at(changes->tree, place);
    const struct values_change *change = &changes->change[low - 1];
    if (place < begins + length)
        return change->image;
    return tree_at(changes->tree, (uint64_t)((int64_t)place - change->before - change->by));
}

uint64_t changes_below(const struct values_changes *changes, uint64_t image, uint64_t *equal)
{
    uint64_t below = tree_below(changes->tree, image, equal);
    uint32_t low = 0, high = changes->count; /* the first that is not less */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (changes->change[middle].image < image)
            low = middle + 1;
        else
            high = middle;
    }
    const struct values_change *at = &changes->change[low];
    if (low < changes->count) {
        if (at->image == image)
            *equal = new_count(changes, low, *equal);
        return (uint64_t)((int64_t)below + at->before);
    }
    return low == 0 ? below : (uint64_t)((int64_t)below + at[-1].before + at[-1].by);
}

/* The tree looks so much further as the changes may take back. */
uint64_t changes_more_frequent(const struct values_changes *changes, uint64_t count, uint64_t most)
{
    uint64_t found = tree_more_frequent(changes->tree, count, most + changes->count);
    for (uint32_t i = 0; i < changes->count; i++) {
        uint64_t old = old_count(changes, i);
        found += new_count(changes, i, old) > count;
        found -= old > count;
    }
    return found < most ? found : most;
}

uint64_t changes_distinct(const struct values_changes *changes)
{
    uint64_t found = tree_distinct(changes->tree);
    for (uint32_t i = 0; i < changes->count; i++) {
        uint64_t old = old_count(changes, i);
        found += new_count(changes, i, old) > 0;
        found -= old > 0;
    }
    return found;
}

int64_t changes_spread(const struct values_changes *changes)
{
    int64_t sum = tree_spread(changes->tree);
    for (uint32_t i = 0; i < changes->count; i++) {
        uint64_t old = old_count(changes, i);
        sum += spread_term((uint32_t)new_count(changes, i, old)) - spread_term((uint32_t)old);
    }
    return sum;
}

/* The best of the changed values, unless there is a better one among the others: which that is the
 * tree tells only if it is its best of all. */
bool changes_mode(const struct values_changes *changes, uint64_t *image)
{
    uint64_t best = 0, mode = tree_mode(changes->tree);
    bool is_changed = false;
    for (uint32_t i = 0; i < changes->count; i++) {
        uint64_t count = new_count(changes, i, old_count(changes, i));
        if (count > best) {
            best = count;
            *image = changes->change[i].image;
        }
        is_changed |= changes->change[i].image == mode;
    }
    if (!is_changed) {
        uint64_t mode_count = tree_equal(changes->tree, mode);
        if (mode_count > best || (mode_count == best && mode < *image))
            *image = mode;
        return true;
    }
    if (best == 0)
        return false;
    uint64_t others = tree_more_frequent(changes->tree, best - 1, (uint64_t)changes->count + 1);
    for (uint32_t i = 0; i < changes->count; i++)
        others -= old_count(changes, i) >= best;
    return others == 0;
}
