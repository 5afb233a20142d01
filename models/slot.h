/* A model's slots: where each one's memory is, and how it is asked and taught, with what all
 * learners have in common (imbalance.h) around it. */
#ifndef MODELS_SLOT_H
#define MODELS_SLOT_H

#include "models/member.h"

static inline const void *slot_read(const struct member *member, const struct state *state,
                                    const struct race_row *race, enum model_slot slot)
{
    return state_read(state, member->region, race->slot[slot].row);
}

static inline void *slot_write(const struct member *member, struct state *state,
                               const struct race_row *race, enum model_slot slot)
{
    uint64_t row = race->slot[slot].row;
    if (member->setting->kind->scattered)
        return state_row(state, member->region, row);
    return state_write_row(state, member->region, row);
}

/* The memory made fresh, and what stands beside it. */
void slot_init(const struct member *member, struct state *state, const struct race_row *race,
               enum model_slot slot);

/* What a learner says of an example, corrected for how it is taught. */
static inline double slot_score(const struct member *member, const struct state *state,
                                const struct race_row *race, enum model_slot slot,
                                const struct example *example)
{
    double score = member->setting->kind->score(slot_read(member, state, race, slot), example);
    if (member->setting->imbalance.method == IMBALANCE_NONE)
        return score;
    const struct imbalance_row *row = (const struct imbalance_row *)state_read(
        state, member->imbalance_region, race->slot[slot].row);
    return imbalance_correct(row, score);
}

/* Learns as often, with such a weight and without such features as it was told to. */
double slot_learn_imbalanced(const struct member *member, struct state *state,
                             const struct race_row *race, enum model_slot slot,
                             const struct example *example);

/* Learns, and returns the score that it had before. */
static inline double slot_learn(const struct member *member, struct state *state,
                                const struct race_row *race, enum model_slot slot,
                                const struct example *example)
{
    if (imbalance_used(&member->setting->imbalance))
        return slot_learn_imbalanced(member, state, race, slot, example);
    return member->setting->kind->learn(slot_write(member, state, race, slot), example);
}

#endif
