/* All kinds of aggregates; see aggregate.h. */
#include "features/aggregate.h"
#include <string.h>

extern const struct aggregate_kind count_aggregate, sum_aggregate, mean_aggregate, min_aggregate,
    max_aggregate, range_aggregate, sd_aggregate, variance_aggregate, skewness_aggregate,
    median_aggregate, quantile_aggregate, distinct_aggregate, mode_aggregate, entropy_aggregate,
    share_aggregate, rate_aggregate, first_aggregate, last_aggregate, previous_aggregate,
    age_aggregate, since_aggregate, streak_aggregate, trend_aggregate, correlation_aggregate,
    ewma_aggregate, ewsd_aggregate, ewsum_aggregate, z_aggregate, rank_aggregate, heavy_aggregate,
    new_aggregate, distance_aggregate, speed_aggregate, silence_aggregate;

const struct aggregate_kind *const aggregate_table[] = {
    &count_aggregate,
    &sum_aggregate,
    &mean_aggregate,
    &min_aggregate,
    &max_aggregate,
    &range_aggregate,
    &sd_aggregate,
    &variance_aggregate,
    &skewness_aggregate,
    &median_aggregate,
    &quantile_aggregate,
    &distinct_aggregate,
    &mode_aggregate,
    &entropy_aggregate,
    &share_aggregate,
    &rate_aggregate,
    &first_aggregate,
    &last_aggregate,
    &previous_aggregate,
    &age_aggregate,
    &since_aggregate,
    &streak_aggregate,
    &trend_aggregate,
    &correlation_aggregate,
    &ewma_aggregate,
    &ewsd_aggregate,
    &ewsum_aggregate,
    &z_aggregate,
    &rank_aggregate,
    &heavy_aggregate,
    &new_aggregate,
    &distance_aggregate,
    &speed_aggregate,
    &silence_aggregate,
    NULL,
};

const struct aggregate_kind *aggregate_find(const char *name)
{
    for (uint32_t i = 0; aggregate_table[i]; i++)
        if (strcmp(aggregate_table[i]->name, name) == 0)
            return aggregate_table[i];
    return NULL;
}
