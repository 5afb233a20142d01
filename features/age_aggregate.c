/* age(): seconds since the entity's previous event; missing for its first. */
#include "features/latest.h"

const struct aggregate_kind age_aggregate = {
    .name = "age",
    .signature = "age()",
    .summary = "seconds since the previous event, missing for the first",
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
