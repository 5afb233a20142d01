/* Which values are frequent in a stream, and about how often, from 128 counters.
 *
 * A counter has a level.  A value that has a counter raises it; one that has none takes one that is
 * free; if none is, all levels fall by one, which frees those that reach 0, and the value is let go
 * (Misra and Gries, "Finding repeated elements", 1982; the same knowledge as Space-Saving's:
 * Agarwal, Cormode, Huang, Phillips, Wei and Yi, "Mergeable summaries", 2012).  Sketches join by
 * adding; then all levels fall by the 129th largest.  Each fall by c is at the cost of 129 c
 * events, so all falls together, `lacking`, are at most n / 129 after n events, and
 *
 *     count <= true number <= level + lacking
 *
 * where the count is that of the events since the value got its counter, which no fall touches: so
 * values that have been frequent from the beginning are counted exactly.  A value without a counter
 * came no oftener than `lacking`; while there are no more than 128 different ones it is 0. */
#ifndef FEATURES_FREQUENCIES_H
#define FEATURES_FREQUENCIES_H

#include <stdbool.h>
#include <stdint.h>

enum { FREQUENCIES = 128, FREQUENCY_NONE = FREQUENCIES };

/* Zero bytes are an empty stream.  Images rise. */
struct frequencies {
    uint64_t lacking, used;
    uint64_t image[FREQUENCIES];
    uint32_t count[FREQUENCIES], level[FREQUENCIES];
};

/* Beside the counters: how many of the value there are elsewhere, in what is known exactly; and two
 * sums of c ln c (frequency_term): of both counts together, and of these alone.  Of both together
 * also the most frequent value, of several the least, and how often it occurs. */
struct elsewhere {
    int64_t both, alone;
    uint64_t mode, mode_count; /* 0: there are no counters */
    uint32_t count[FREQUENCIES];
};

/* elsewhere, if there is one, follows.  Returns the place of a counter that is new, where elsewhere
 * says 0; or FREQUENCY_NONE. */
uint32_t frequencies_add(struct frequencies *frequencies, struct elsewhere *elsewhere,
                         uint64_t image);

void frequencies_join(struct frequencies *frequencies, const struct frequencies *other);

/* One value is another: false, and nothing changed, if it has no counter.  Leaves elsewhere to be
 * made anew. */
bool frequencies_exchange(struct frequencies *frequencies, uint64_t from, uint64_t to);

/* The value's counter, or FREQUENCY_NONE. */
uint32_t frequencies_find(const struct frequencies *frequencies, uint64_t image);

/* There are so many more, or fewer, elsewhere. */
void elsewhere_change(struct elsewhere *elsewhere, const struct frequencies *frequencies,
                      uint32_t place, int32_t change);

/* Makes the sums and finds the most frequent, when all numbers are in. */
void elsewhere_sum(struct elsewhere *elsewhere, const struct frequencies *frequencies);

/* c ln c. */
double count_term(uint64_t count);

/* The same in units of 2^-24: whole numbers, so that what was added can be taken out. */
int64_t frequency_term(uint64_t count);
static const double frequency_unit = 0x1p24;

#endif
