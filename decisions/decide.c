/* One row's decision: the strongest outcome that a threshold or a rule asks for; see decisions.h.
 */
#include "base/assert.h"
#include "decisions/decisions.h"

/* The strongest outcome whose threshold the score reaches; false for a missing score or threshold.
 */
static uint32_t outcome_of_score(const struct decisions *decisions, double score)
{
    for (uint32_t i = decisions->outcome_count; i-- > 1;)
        if (score >= decisions->threshold[i])
            return i;
    return 0;
}

void decide(const struct decisions *decisions, struct batch *batch, uint32_t row)
{
    ASSERT(row < batch->count);
    ASSERT(decisions->outcome_count > 0 && decisions->outcome_count <= OUTCOMES_MAX);
    ASSERT(decisions->rule_count <= RULES_MAX);
    double score = MISSING;
    if (decisions->score != VALUE_NONE)
        score = batch_column(batch, decisions->score)[row].number;
    uint32_t outcome = outcome_of_score(decisions, score);
    uint64_t fired = 0;
    for (uint32_t i = 0; i < decisions->rule_count; i++) {
        const struct rule *rule = &decisions->rule[i];
        ASSERT(rule->outcome < decisions->outcome_count);
        /* Greater, so that a missing boolean field does not fire. */
        if (!(batch_column(batch, rule->value)[row].number > 0))
            continue;
        fired |= UINT64_C(1) << i;
        if (rule->outcome > outcome)
            outcome = rule->outcome;
    }
    batch->score[row] = isnan(score) ? 0 : score;
    batch->outcome[row] = (uint8_t)outcome;
    batch->rules[row] = fired;
}
