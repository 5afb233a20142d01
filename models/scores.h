/* Features that are scores of other models: what the kinds around models share. */
#ifndef MODELS_SCORES_H
#define MODELS_SCORES_H

#include "models/model.h"
#include "models/numbers.h"

/* Odds beyond these are certainties: about one in nine million. */
static const double SCORE_ODDS_MAX = 16;

/* In [0, 1]; what is not a number stays MISSING. */
static inline double score_clip(double score)
{
    return score < 0 ? 0 : score > 1 ? 1 : score;
}

/* The logarithm of its odds, within SCORE_ODDS_MAX; MISSING stays. */
static inline double score_odds(double score)
{
    double odds = log(score / (1 - score));
    return odds < -SCORE_ODDS_MAX ? -SCORE_ODDS_MAX : odds > SCORE_ODDS_MAX ? SCORE_ODDS_MAX : odds;
}

/* The first feature that is no key: the score that a kind with one looks at; UINT32_MAX: none. */
static inline uint32_t score_first(const struct model_shape *shape)
{
    for (uint32_t i = 0; i < shape->feature_count; i++)
        if (shape->type[i] != TYPE_TEXT)
            return i;
    return UINT32_MAX;
}

static inline double score_at(const struct example *example, uint64_t feature)
{
    return feature == UINT32_MAX ? MISSING : score_clip(example->feature[feature].number);
}

/* Neither identifiers nor choices, such as the class that a model of many classes names. */
static inline bool score_type(enum value_type type)
{
    return type != TYPE_TEXT && type != TYPE_ENUM;
}

/* For kinds that look at one score. */
static inline enum status score_check_one(const struct model_shape *shape, const char *kind,
                                          struct failure *failure)
{
    if (shape->feature_count == 1 && score_type(shape->type[0]))
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "%s looks at one score: name the model whose score it is in `features`",
                       kind);
}

/* For kinds that join several. */
static inline enum status score_check_some(const struct model_shape *shape, const char *kind,
                                           struct failure *failure)
{
    for (uint32_t i = 0; i < shape->feature_count; i++)
        if (!score_type(shape->type[i]))
            return failure_set(failure, STATUS_STOP,
                               "%s joins scores, and `%s` is none: name models that stand before "
                               "it, of two classes, in `features`",
                               kind, shape->feature_name[i]);
    return STATUS_OK;
}

#endif
