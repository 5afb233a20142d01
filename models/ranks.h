/* The last so many scores, in the order they came and in the order of their size: what share of
 * them is larger than a new one.
 *
 *     p(s) = (#{i: s_i > s} + (#{i: s_i = s} + 1) / 2) / (n + 1)
 *
 * is a conformal p-value, its ties halved: for a stream whose events could as well have come in any
 * other order it is uniform in [0, 1] (Vladimir Vovk, Alexander Gammerman, Glenn Shafer,
 * "Algorithmic learning in a random world", 2005; for anomalies: Rikard Laxhammar, Goran Falkman,
 * "Conformal prediction for distribution-independent anomaly detection in streaming vessel data",
 * 2010).  So to alarm at p <= 0.001 gives one false alarm in a thousand, whatever the scores are.
 */
#ifndef MODELS_RANKS_H
#define MODELS_RANKS_H

#include "base/assert.h"
#include "models/scores.h"
#include <string.h>

struct ranks {
    uint64_t feature, window, count, next;
    double value[]; /* window in the order they came, from `next` the oldest; then window sorted */
};

struct ranks_options {
    int64_t window;
};

static const struct option ranks_options[] = {
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "1000",
     .minimum = 10,
     .maximum = 1e6,
     .offset = offsetof(struct ranks_options, window),
     .help = "scores that a new one is compared with: p-values go down to half of 1 / window, "
             "an event's time and memory grow with it"},
    OPTION_END,
};

static inline uint64_t ranks_state_size(const void *options, const struct model_shape *shape)
{
    (void)shape;
    const struct ranks_options *given = options;
    return sizeof(struct ranks) + 2 * (uint64_t)given->window * sizeof(double);
}

static inline void ranks_init(void *memory, const void *options, const struct model_shape *shape,
                              uint64_t seed)
{
    (void)seed;
    struct ranks *self = memory;
    memset(self, 0, ranks_state_size(options, shape));
    self->window = (uint64_t)((const struct ranks_options *)options)->window;
    self->feature = score_first(shape);
}

/* How many of the sorted are less than the score (`or_equal`: or equal to it). */
static inline uint64_t ranks_below(const struct ranks *self, double score, bool or_equal)
{
    const double *sorted = self->value + self->window;
    uint64_t low = 0, high = self->count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (sorted[middle] < score || (or_equal && sorted[middle] == score))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* 1 - p: the higher the stranger; a missing score is not strange. */
static inline double ranks_score(const void *memory, const struct example *example)
{
    const struct ranks *self = memory;
    double score = score_at(example, self->feature);
    if (isnan(score))
        return 0;
    double less = (double)ranks_below(self, score, false);
    double equal = (double)ranks_below(self, score, true) - less;
    return (less + (equal + 1) / 2) / ((double)self->count + 1);
}

static inline void ranks_add(struct ranks *self, const struct example *example)
{
    ASSERT(self->window > 0);
    double score = score_at(example, self->feature), *sorted = self->value + self->window;
    if (isnan(score))
        return;
    if (self->count == self->window) {
        uint64_t gone = ranks_below(self, self->value[self->next], false);
        self->count--;
        memmove(sorted + gone, sorted + gone + 1, (self->count - gone) * sizeof *sorted);
    }
    uint64_t place = ranks_below(self, score, true);
    memmove(sorted + place + 1, sorted + place, (self->count - place) * sizeof *sorted);
    sorted[place] = score;
    self->count++;
    self->value[self->next] = score;
    self->next = (self->next + 1) % self->window;
}

#endif
