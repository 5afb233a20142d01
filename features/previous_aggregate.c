/* previous(x): x of the event before this one. */
#include "features/latest.h"

const struct aggregate_kind previous_aggregate = {
    .name = "previous",
    .signature = "previous(x)",
    .summary = "x of the event before this one",
    .argument = {{.types = TAKES_ANY}},
    .result = RESULT_ARGUMENT,
    .looks_back = true,
    .ordered = true,
    .value_size = sizeof(struct latest),
    .add = latest_add,
    .remove = latest_remove,
    .read = latest_read,
    .define = latest_define,
};
