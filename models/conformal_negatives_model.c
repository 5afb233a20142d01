/* The same as conformal, but beside the events whose label came out negative: what was a positive
 * does not make the next one look common (a label-conditional, or Mondrian, p-value: Vladimir Vovk,
 * Alexander Gammerman, Glenn Shafer, "Algorithmic learning in a random world", 2005, chapter 4.5).
 * So 1 - p is the confidence that the event is no negative, with the guarantee that of the
 * negatives one in a thousand comes above 0.999.  Weights of examples say nothing to it. */
#include "models/ranks.h"

static enum status conformal_check(const void *options, const struct model_shape *shape,
                                   struct failure *failure)
{
    (void)options;
    return score_check_one(shape, "conformal_negatives", failure);
}

static double conformal_learn(void *memory, const struct example *example)
{
    double before = ranks_score(memory, example);
    if (example->label < 0.5)
        ranks_add(memory, example);
    return before;
}

extern const struct model_kind conformal_negatives_model;
const struct model_kind conformal_negatives_model = {
    .name = "conformal_negatives",
    .summary = "how rare so high a score is among those of the last negatives",
    .options = ranks_options,
    .cost_ns = 900,
    .option_size = sizeof(struct ranks_options),
    .supervised = true,
    .check = conformal_check,
    .state_size = ranks_state_size,
    .init = ranks_init,
    .score = ranks_score,
    .learn = conformal_learn,
};
