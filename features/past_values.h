/* What panes keep of the values of one argument; see pane.h and values.h. */
#ifndef FEATURES_PAST_VALUES_H
#define FEATURES_PAST_VALUES_H

#include "features/frequencies.h"
#include "features/hyperloglog.h"
#include "features/quantiles.h"
#include "features/value_sample.h"
#include <stdint.h>

/* In the cells of a pane or a total. */
struct past_values {
    uint64_t count;           /* of spilled values; missing ones are none */
    uint64_t least, greatest; /* their images, if there are any */
};

/* What a window knows of values that have no slot any more.  NULL: there are none (values), or
 * nobody asks for what needs it. */
struct past_view {
    const struct past_values *values;
    const struct hyperloglog *seen;     /* all that have entered */
    const struct quantiles *order;      /* spilled values */
    const struct frequencies *frequent; /* likewise */
    const struct elsewhere *held;       /* of the frequent: those in slots */
    const struct value_sample *sample;  /* of spilled values */
};

static inline void past_values_add(struct past_values *past, uint64_t image)
{
    if (past->count == 0 || image < past->least)
        past->least = image;
    if (past->count == 0 || image > past->greatest)
        past->greatest = image;
    past->count++;
}

static inline void past_values_join(struct past_values *past, const struct past_values *other)
{
    if (other->count == 0)
        return;
    if (past->count == 0 || other->least < past->least)
        past->least = other->least;
    if (past->count == 0 || other->greatest > past->greatest)
        past->greatest = other->greatest;
    past->count += other->count;
}

#endif
