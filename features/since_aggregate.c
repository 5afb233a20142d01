/* since(condition): seconds since the previous event that satisfies the condition: age() of those
 * events alone.  Its argument joins `where`. */
#include "features/latest.h"

const struct aggregate_kind since_aggregate = {
    .name = "since",
    .signature = "since(condition)",
    .summary = "seconds since the previous event that satisfies the condition",
    .argument = {{.types = TAKES_CONDITION, .role = ARGUMENT_CONDITION}},
    .result = RESULT_NUMBER,
    .looks_back = true,
    .ordered = true,
    .value_size = sizeof(struct latest),
    .add = latest_add,
    .remove = latest_remove,
    .insert = latest_insert,
    .join = latest_join,
    .read = age_read,
    .define = age_define,
    .settles = latest_settles,
};
