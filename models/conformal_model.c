/* A score told as how rare one so high is among the last so many: 1 - p with the conformal p-value
 * of models/ranks.h.  Weights of examples say nothing to it.  It looks at the first feature that is
 * no key. */
#include "models/ranks.h"

static enum status conformal_check(const void *options, const struct model_shape *shape,
                                   struct failure *failure)
{
    (void)options;
    return score_check_one(shape, "conformal", failure);
}

static double conformal_learn(void *memory, const struct example *example)
{
    double before = ranks_score(memory, example);
    ranks_add(memory, example);
    return before;
}

extern const struct model_kind conformal_model;
const struct model_kind conformal_model = {
    .name = "conformal",
    .summary = "how rare so high a score is among the last ones (conformal p-value)",
    .options = ranks_options,
    .cost_ns = 900,
    .option_size = sizeof(struct ranks_options),
    .check = conformal_check,
    .state_size = ranks_state_size,
    .init = ranks_init,
    .score = ranks_score,
    .learn = conformal_learn,
};
