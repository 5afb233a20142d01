/* burst(x, y) and burst(x, y, 1m): do the two ends of an event, or the pair of them, come more
 * often just now than their past lets one expect?  0: no; the statistic of base/edge_burst.h,
 * filtered, of what is above the expected otherwise.
 *
 * It is of no entity: all events share one sketch, a region of one row for each distinct call.  So
 * it has a pass of its own before all windows, along the rows of a batch.  Its arguments are
 * formulas of fields; what it gives is a number of level 1.
 *
 * An event that comes late by at most `lateness`, beyond its tick, takes its right place in the
 * sketch; one that is later, or too far in the future to be believed, is judged by what is there
 * and not counted.  Without one of its ends an event has missing.
 *
 * A count-min sketch holds no identifiers, and no one's count can be taken out of it: what an
 * entity added before it was erased fades as the past does. */
#ifndef FEATURES_BURST_H
#define FEATURES_BURST_H

#include "base/batch.h"
#include "base/edge_burst.h"
#include "base/program.h"
#include "base/state.h"

enum { BURSTS_MAX = 16, BURST_ENDS = 2 };

/* For `weir list`. */
struct burst_help {
    const char *name, *signature, *summary;
};
extern const struct burst_help burst_help;

struct burst {
    uint32_t end[BURST_ENDS]; /* values */
    bool hashed[BURST_ENDS];  /* their columns hold hashes, not numbers */
    struct edge_burst_setting setting;
    uint32_t value;  /* in the program: the result */
    uint32_t region; /* one row, struct burst_row */
    uint64_t fingerprint;
    char *formula; /* as it was written first; owned */
};

/* All zeros: there has been no event. */
struct burst_row {
    uint64_t counted;
    uint64_t late, ahead; /* not counted: too late, too far in the future */
    uint64_t spare[5];    /* to a cache line's end */
    struct edge_burst sketch;
};

struct features;

/* The one whose result is in that value, or that means the same; NULL: none. */
const struct burst *burst_find(const struct features *features, uint32_t value);
const struct burst *burst_find_print(const struct features *features, uint64_t fingerprint);

/* A call of that name; VALUE_NONE with the error on a mistake. */
uint32_t burst_compile(struct features *features, struct program *program,
                       const struct syntax *syntax, const struct syntax_node *node,
                       const struct program_resolver *resolver, struct syntax_error *error);

/* Bytes of the state: for one, for all of them. */
uint64_t burst_size(const struct burst *burst);
uint64_t bursts_size(const struct features *features);
void bursts_declare(struct features *features, struct state_layout *layout);
void bursts_close(struct features *features);

/* What was counted, for reports. */
struct burst_report {
    const char *formula;
    uint64_t counted, late, ahead;
};
void features_burst_report(const struct features *features, const struct state *state,
                           uint32_t index, struct burst_report *report);

/* Level 0 has run: fills their columns. */
void bursts_extract(const struct features *features, struct state *state, struct batch *batch);

#endif
