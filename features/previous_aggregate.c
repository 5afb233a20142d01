/* previous(x): x of the event before this one; previous(x, n): of the n-th before this one. */
#include "features/latest.h"

extern const struct aggregate_kind earlier_aggregate;

enum { PREVIOUS_MAX = 1000 };

const struct aggregate_kind previous_aggregate = {
    .name = "previous",
    .signature = "previous(x[, n])",
    .summary = "x of the event before this one; of the n-th before",
    .argument = {{.types = TAKES_ANY}},
    .parameter = {.name = "n",
                  .type = PARAMETER_WHOLE,
                  .least = 1,
                  .most = PREVIOUS_MAX,
                  .optional = true,
                  .standard = 1},
    .over_last = &earlier_aggregate,
    .result = RESULT_ARGUMENT,
    .looks_back = true,
    .ordered = true,
    .value_size = sizeof(struct latest),
    .add = latest_add,
    .remove = latest_remove,
    .insert = latest_insert,
    .join = latest_join,
    .read = latest_read,
    .define = latest_define,
    .settles = latest_settles,
};
