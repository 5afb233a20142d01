/* Bursts of edges: is what happens between a source and a destination, or at either of them, more
 * than their past lets one expect?
 *
 * Siddharth Bhatia, Bryan Hooi, Minji Yoon, Kijung Shin, Christos Faloutsos, "MIDAS:
 * Microcluster-Based Detector of Anomalies in Edge Streams", 2020; Siddharth Bhatia, Rui Liu, Bryan
 * Hooi, Minji Yoon, Kijung Shin, Christos Faloutsos, "Real-time Anomaly Detection in Edge Streams",
 * 2022.
 *
 * Time is cut into ticks, t = 1, 2, ...  Of an edge, in tick t, a is its count in this tick and s
 * its count in all.  If it came evenly, a would be s / t, and
 *
 *     plain, relational     x = (a - s/t)^2 t^2 / (s (t - 1)) = (a t - s)^2 / (s (t - 1))
 *     filtered              x = (a + s - a t)^2 / (s (t - 1)),   s of the ticks before
 *
 * is chi-squared with one degree of freedom; x = 0 while t = 1 or s = 0, when there is no past.
 * Counts are those of a count-min sketch (Cormode, Muthukrishnan, 2005): each row of it has one
 * bucket for the edge, and the least bucket counts.
 *
 *     plain        edges alone; a begins at 0 in each tick
 *     relational   the greatest x of edge, source and destination, each with a sketch; at the end
 *                  of a tick a becomes factor a, so that what was a moment ago still counts
 *     filtered     likewise, but a tick enters s only when it ends, and a bucket whose last x was
 *                  threshold or more lets its mean enter instead, s / (t - 1): so a burst does not
 *                  become what is expected
 *
 * The papers' statistic makes much of what is rare: of a pair that comes once in a thousand ticks,
 * one event is x = 1000, and of a pair that is new x = 0 throughout its first tick, be it a
 * thousand events.  With `expected` (filtered), x = (a - m)^2 / max(m, expected), m = s / (t - 1):
 * one event is no burst, and many are one at once.  What has no past enters it, whatever its x.
 *
 * No tick's end touches all buckets.  Each knows the tick that it was counted in and catches up
 * when it is next looked at, with n ticks between, t and u = t + n:
 *
 *     a -> factor^n a
 *     s -> s + a (1 + factor + ... + factor^(n-1)),   filtered, x below the threshold
 *     s -> s (u - 1) / (t - 1),                       filtered, the product of all (1 + 1/(t - 1))
 *
 * The filtered sketch keeps m = s / (t - 1), the mean of the ticks before: the last line is then
 * m -> m, and x = (a - m)^2 / m.
 *
 * An edge that comes late, n ticks after its own, takes its right place, since sums have no order:
 * factor^n of it enters a, and s what would be there of it by now.  From then on the sketch is what
 * it would have been (filtered: as far as buckets below the threshold go); the late edge itself is
 * judged by what is known at its coming. */
#ifndef BASE_EDGE_BURST_H
#define BASE_EDGE_BURST_H

#include "base/state.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum edge_burst_variant { EDGE_BURST_PLAIN, EDGE_BURST_RELATIONAL, EDGE_BURST_FILTERED };

enum {
    EDGE_BURST_TABLES = 3, /* edges, sources, destinations */
    EDGE_BURST_ROWS_MAX = 8,
    EDGE_BURST_PLACES_MAX = EDGE_BURST_TABLES * EDGE_BURST_ROWS_MAX,
    EDGE_BURST_POWERS = 64,
};

struct edge_burst_setting {
    enum edge_burst_variant variant;
    uint32_t rows, buckets; /* of each sketch */
    int64_t tick_ms;
    double factor;    /* 0 to below 1; plain: taken as 0 */
    double threshold; /* above 0 */
    bool rises;       /* x is 0 where there is less than expected, or just that */
    double expected;  /* filtered: at least so many are expected in a tick; 0: as in the papers */
};

struct graph_edge {
    uint64_t source, destination; /* hashes; 0: missing, then the edge is 0 and not counted */
    int64_t time_ms;
    double weight; /* > 0 */
};

/* All that one edge reads of a sketch's row is half a cache line. */
struct edge_burst_bucket {
    double current, past; /* a; and s, filtered: s / (t - 1) */
    double statistic;     /* filtered: its last x */
    uint64_t tick;        /* when these were true; 0: never */
};

struct edge_burst {
    uint64_t variant, rows, buckets, tables;
    double least; /* that a square is taken of: 0 where only rises count, otherwise none */
    int64_t tick_ms;
    double factor, threshold;
    int64_t begin_ms; /* of this tick */
    uint64_t tick;    /* t; 0: there has been no edge */
    double share;     /* 1 / (t - 1); of the first tick 0 */
    double expected;
    uint64_t spare[4]; /* to a cache line's end */
    uint64_t multiplier[EDGE_BURST_PLACES_MAX];
    double power[EDGE_BURST_POWERS];   /* factor^n */
    double passed[EDGE_BURST_POWERS];  /* 1 + factor + ... + factor^(n-1) */
    struct edge_burst_bucket bucket[]; /* (tables, rows, buckets) */
};

uint64_t edge_burst_size(const struct edge_burst_setting *setting);
void edge_burst_init(struct edge_burst *self, const struct edge_burst_setting *setting,
                     uint64_t seed);
/* The same in memory that is all zeros: writes no more than the head. */
void edge_burst_begin(struct edge_burst *self, const struct edge_burst_setting *setting,
                      uint64_t seed);

/* The statistic of the edge, itself included: without counting it, or counting it.  `state` is told
 * of each change before it is made (state_touch); NULL: nobody is. */
double edge_burst_look(const struct edge_burst *self, const struct graph_edge *edge);
double edge_burst_count(struct edge_burst *self, const struct graph_edge *edge,
                        const struct state *state);

/* The indices of the buckets that it looks at; returns how many. */
uint32_t edge_burst_places(const struct edge_burst *self, const struct graph_edge *edge,
                           uint64_t places[EDGE_BURST_PLACES_MAX]);

/* Asks for their cache lines. */
void edge_burst_prefetch(const struct edge_burst *self, const struct graph_edge *edge);

/* By how many whole ticks the time is behind this one; 0: it is not. */
uint64_t edge_burst_behind(const struct edge_burst *self, int64_t time_ms);

/* A number as one end of an edge; a missing one is missing. */
uint64_t edge_burst_number(double number);

#endif
