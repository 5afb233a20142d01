/* last(x): x of the newest event of the window, the event itself included. */
#include "features/latest.h"

const struct aggregate_kind last_aggregate = {
    .name = "last",
    .signature = "last(x)",
    .summary = "x of the newest event",
    .argument = {{.types = TAKES_ANY}},
    .result = RESULT_ARGUMENT,
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
