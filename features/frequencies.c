/* Counters of the frequent; see frequencies.h. */
#include "features/frequencies.h"
#include "base/assert.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { TERMS = 4096 }; /* counts whose terms are kept when they have been asked for */

/* A term is 0 until it is asked for; whoever finds it first writes what all others would. */
double count_term(uint64_t count)
{
    static _Atomic double terms[TERMS];
    if (count < 2)
        return 0;
    double term = count < TERMS ? atomic_load_explicit(&terms[count], memory_order_relaxed) : 0;
    if (term > 0)
        return term;
    term = (double)count * log((double)count);
    if (count < TERMS)
        atomic_store_explicit(&terms[count], term, memory_order_relaxed);
    return term;
}

int64_t frequency_term(uint64_t count)
{
    return count < 2 ? 0 : llrint(count_term(count) * frequency_unit);
}

static uint32_t place_of(const struct frequencies *frequencies, uint64_t image)
{
    uint32_t low = 0, left = (uint32_t)frequencies->used;
    while (left > 1) { /* a branch would be guessed wrong every other time */
        uint32_t half = left / 2;
        low += half & -(uint32_t)(frequencies->image[low + half - 1] < image);
        left -= half;
    }
    return low + (left == 1 && frequencies->image[low] < image);
}

uint32_t frequencies_find(const struct frequencies *frequencies, uint64_t image)
{
    uint32_t place = place_of(frequencies, image);
    bool found = place < frequencies->used && frequencies->image[place] == image;
    return found ? place : FREQUENCY_NONE;
}

static uint64_t both_count(const struct elsewhere *elsewhere, const struct frequencies *frequencies,
                           uint64_t place)
{
    return (uint64_t)frequencies->count[place] + elsewhere->count[place];
}

static void mode_find(struct elsewhere *elsewhere, const struct frequencies *frequencies)
{
    elsewhere->mode = elsewhere->mode_count = 0;
    for (uint64_t i = 0; i < frequencies->used; i++) {
        uint64_t count = both_count(elsewhere, frequencies, i);
        if (count > elsewhere->mode_count) {
            elsewhere->mode = frequencies->image[i];
            elsewhere->mode_count = count;
        }
    }
}

/* There are more of a value than there were. */
static void mode_raise(struct elsewhere *elsewhere, const struct frequencies *frequencies,
                       uint32_t place)
{
    uint64_t count = both_count(elsewhere, frequencies, place), image = frequencies->image[place];
    if (count < elsewhere->mode_count ||
        (count == elsewhere->mode_count && image > elsewhere->mode))
        return;
    elsewhere->mode = image;
    elsewhere->mode_count = count;
}

void elsewhere_sum(struct elsewhere *elsewhere, const struct frequencies *frequencies)
{
    elsewhere->both = elsewhere->alone = 0;
    for (uint32_t i = 0; i < frequencies->used; i++) {
        elsewhere->both += frequency_term((uint64_t)frequencies->count[i] + elsewhere->count[i]);
        elsewhere->alone += frequency_term(elsewhere->count[i]);
    }
    mode_find(elsewhere, frequencies);
}

void elsewhere_change(struct elsewhere *elsewhere, const struct frequencies *frequencies,
                      uint32_t place, int32_t change)
{
    uint32_t old = elsewhere->count[place], new = old + (uint32_t)change;
    uint64_t count = frequencies->count[place];
    ASSERT(change > 0 || old >= (uint32_t)-change);
    elsewhere->count[place] = new;
    elsewhere->both += frequency_term(count + new) - frequency_term(count + old);
    elsewhere->alone += frequency_term(new) - frequency_term(old);
    if (change > 0)
        mode_raise(elsewhere, frequencies, place);
    else if (frequencies->image[place] == elsewhere->mode)
        mode_find(elsewhere, frequencies);
}

/* What the sums owe to a counter. */
static void elsewhere_forget(struct elsewhere *elsewhere, const struct frequencies *frequencies,
                             uint64_t place)
{
    uint64_t count = elsewhere->count[place];
    elsewhere->both -= frequency_term(frequencies->count[place] + count);
    elsewhere->alone -= frequency_term(count);
}

/* All levels fall by one; counters at 0 are free. */
static void levels_fall(struct frequencies *frequencies, struct elsewhere *elsewhere)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < frequencies->used; i++) {
        if (frequencies->level[i] == 1) {
            if (elsewhere)
                elsewhere_forget(elsewhere, frequencies, i);
            continue;
        }
        frequencies->image[kept] = frequencies->image[i];
        frequencies->count[kept] = frequencies->count[i];
        frequencies->level[kept] = frequencies->level[i] - 1;
        if (elsewhere)
            elsewhere->count[kept] = elsewhere->count[i];
        kept++;
    }
    for (uint64_t i = kept; i < frequencies->used; i++) {
        frequencies->image[i] = frequencies->count[i] = frequencies->level[i] = 0;
        if (elsewhere)
            elsewhere->count[i] = 0;
    }
    frequencies->used = kept;
    frequencies->lacking++;
    if (elsewhere)
        mode_find(elsewhere, frequencies);
}

static void counter_raise(struct frequencies *frequencies, struct elsewhere *elsewhere,
                          uint32_t place)
{
    uint64_t count = frequencies->count[place];
    if (count == UINT32_MAX)
        return;
    frequencies->count[place]++;
    frequencies->level[place]++;
    if (!elsewhere)
        return;
    count += elsewhere->count[place];
    elsewhere->both += frequency_term(count + 1) - frequency_term(count);
    mode_raise(elsewhere, frequencies, place);
}

static void counts_open(uint32_t *counts, uint32_t place, size_t behind, uint32_t count)
{
    memmove(&counts[place + 1], &counts[place], behind * sizeof *counts);
    counts[place] = count;
}

uint32_t frequencies_add(struct frequencies *frequencies, struct elsewhere *elsewhere,
                         uint64_t image)
{
    uint32_t place = place_of(frequencies, image);
    if (place < frequencies->used && frequencies->image[place] == image) {
        counter_raise(frequencies, elsewhere, place);
        return FREQUENCY_NONE;
    }
    if (frequencies->used == FREQUENCIES) {
        levels_fall(frequencies, elsewhere);
        return FREQUENCY_NONE;
    }
    size_t behind = frequencies->used++ - place;
    uint64_t *images = frequencies->image;
    memmove(&images[place + 1], &images[place], behind * sizeof *images);
    images[place] = image;
    counts_open(frequencies->count, place, behind, 1);
    counts_open(frequencies->level, place, behind, 1);
    if (elsewhere) {
        counts_open(elsewhere->count, place, behind, 0);
        mode_raise(elsewhere, frequencies, place);
    }
    return place;
}

/* Counters of two sketches. */
struct merged {
    uint32_t used;
    uint64_t image[2 * FREQUENCIES];
    uint32_t count[2 * FREQUENCIES], level[2 * FREQUENCIES];
};

static uint32_t sum_of(uint32_t left, uint32_t right)
{
    return left > UINT32_MAX - right ? UINT32_MAX : left + right;
}

static void merge(struct merged *merged, const struct frequencies *left,
                  const struct frequencies *right)
{
    merged->used = 0;
    for (uint32_t i = 0, j = 0; i < left->used || j < right->used;) {
        bool first = j == right->used || (i < left->used && left->image[i] <= right->image[j]);
        bool second = i == left->used || (j < right->used && right->image[j] <= left->image[i]);
        uint32_t at = merged->used++;
        merged->image[at] = first ? left->image[i] : right->image[j];
        merged->count[at] = sum_of(first ? left->count[i] : 0, second ? right->count[j] : 0);
        merged->level[at] = sum_of(first ? left->level[i] : 0, second ? right->level[j] : 0);
        i += first;
        j += second;
    }
}

/* The 129th largest level; 0 if there are not so many. */
static uint32_t excess_of(const struct merged *merged)
{
    uint32_t low = 0, high = UINT32_MAX;
    if (merged->used <= FREQUENCIES)
        return 0;
    while (low < high) { /* the least that no more than 128 exceed */
        uint32_t middle = low + (high - low) / 2, more = 0;
        for (uint32_t i = 0; i < merged->used; i++)
            more += merged->level[i] > middle;
        if (more > FREQUENCIES)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void frequencies_join(struct frequencies *frequencies, const struct frequencies *other)
{
    struct merged merged;
    merge(&merged, frequencies, other);
    uint32_t excess = excess_of(&merged), used = 0;
    memset(frequencies->image, 0, sizeof frequencies->image);
    memset(frequencies->count, 0, sizeof frequencies->count);
    memset(frequencies->level, 0, sizeof frequencies->level);
    for (uint32_t i = 0; i < merged.used; i++) {
        if (merged.level[i] <= excess)
            continue;
        frequencies->image[used] = merged.image[i];
        frequencies->count[used] = merged.count[i];
        frequencies->level[used++] = merged.level[i] - excess;
    }
    frequencies->used = used;
    frequencies->lacking += other->lacking + excess;
}

static void counts_close(uint32_t *counts, uint32_t place, size_t behind)
{
    memmove(&counts[place], &counts[place + 1], behind * sizeof *counts);
    counts[place + behind] = 0;
}

bool frequencies_exchange(struct frequencies *frequencies, uint64_t from, uint64_t to)
{
    uint32_t place = frequencies_find(frequencies, from);
    if (place == FREQUENCY_NONE)
        return false;
    frequencies->count[place]--;
    if (--frequencies->level[place] == 0) {
        size_t behind = --frequencies->used - place;
        uint64_t *images = &frequencies->image[place];
        memmove(images, images + 1, behind * sizeof *images);
        images[behind] = 0;
        counts_close(frequencies->count, place, behind);
        counts_close(frequencies->level, place, behind);
    }
    frequencies_add(frequencies, NULL, to);
    return true;
}
