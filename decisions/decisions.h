/* Decisions: rules, thresholds and the combined score give one of the ordered outcomes, with
 * reasons. The strongest outcome wins.  All conditions are values of the program. */
#ifndef DECISIONS_DECISIONS_H
#define DECISIONS_DECISIONS_H

#include "base/batch.h"
#include "base/program.h"

enum { OUTCOMES_MAX = 16, RULES_MAX = 64 };

struct rule {
    char name[64];
    uint32_t value;   /* boolean */
    uint32_t outcome; /* index */
};

struct decisions {
    uint32_t outcome_count;
    char outcome[OUTCOMES_MAX][32]; /* weakest first */
    double threshold[OUTCOMES_MAX]; /* score at which the outcome is given; NaN: by rules only */
    uint32_t rule_count;
    struct rule rule[RULES_MAX];
    uint32_t score; /* value of the combined score; VALUE_NONE: rules only, score 0 */
};

/* Fills score, outcome and rules of one row; what depends on scores has been run for it.  The
 * outcome is the strongest whose threshold the score reaches (score >= threshold) or whose rule
 * fired, else the weakest. A missing score reaches no threshold and is kept as 0, so that every
 * decision has a number.  A rule that is missing does not fire. */
void decide(const struct decisions *decisions, struct batch *batch, uint32_t row);

#endif
