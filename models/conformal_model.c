/* A score told as how rare one so high is among the last so many: 1 - p with the conformal p-value
 * of models/ranks.h.  Weights of examples say nothing to it.  It looks at the first feature that is
 * no key. */
#include "models/ranks.h"

struct conformal_options {
    int64_t window;
};

static enum status conformal_check(const void *options, const struct model_shape *shape,
                                   struct failure *failure)
{
    (void)options;
    return score_check_one(shape, "conformal", failure);
}

static uint64_t conformal_state_size(const void *options, const struct model_shape *shape)
{
    (void)shape;
    return ranks_size(((const struct conformal_options *)options)->window);
}

static void conformal_init(void *memory, const void *options, const struct model_shape *shape,
                           uint64_t seed)
{
    (void)seed;
    ranks_init(memory, ((const struct conformal_options *)options)->window, shape);
}

static double conformal_score(const void *memory, const struct example *example)
{
    return ranks_score(memory, example);
}

static double conformal_learn(void *memory, const struct example *example)
{
    double before = ranks_score(memory, example);
    ranks_add(memory, example);
    return before;
}

static const struct option conformal_options[] = {
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "1000",
     .minimum = 10,
     .maximum = 1e6,
     .offset = offsetof(struct conformal_options, window),
     .help = "scores that a new one is compared with; p-values go down to 1 / window"},
    OPTION_END,
};

extern const struct model_kind conformal_model;
const struct model_kind conformal_model = {
    .name = "conformal",
    .summary = "how rare so high a score is among the last ones (conformal p-value)",
    .options = conformal_options,
    .cost_ns = 900,
    .option_size = sizeof(struct conformal_options),
    .check = conformal_check,
    .state_size = conformal_state_size,
    .init = conformal_init,
    .score = conformal_score,
    .learn = conformal_learn,
};
