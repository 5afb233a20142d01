/* Making and teaching what is in a slot; see slot.h. */
#include "models/slot.h"

static struct imbalance_row *imbalance_write(const struct member *member, struct state *state,
                                             const struct race_row *race, enum model_slot slot)
{
    return state_write_row(state, member->imbalance_region, race->slot[slot].row);
}

void slot_init(const struct member *member, struct state *state, const struct race_row *race,
               enum model_slot slot)
{
    const struct model_setting *setting = member->setting;
    setting->kind->init(state_write_row(state, member->region, race->slot[slot].row),
                        setting->options, &member->shape, member->seed);
    if (imbalance_used(&setting->imbalance))
        imbalance_init(imbalance_write(member, state, race, slot), member->seed);
}

double slot_learn_imbalanced(const struct member *member, struct state *state,
                             const struct race_row *race, enum model_slot slot,
                             const struct example *example)
{
    const struct imbalance_setting *setting = &member->setting->imbalance;
    double before = slot_score(member, state, race, slot, example);
    struct imbalance_row *row = imbalance_write(member, state, race, slot);
    union value dropped[MODEL_FEATURES_MAX];
    struct example taught = *example;
    uint32_t times = imbalance_take(row, setting, example->label, &taught.weight);
    for (; times > 0; times--) {
        if (setting->dropout > 0) {
            imbalance_drop(row, setting, &member->shape, example->feature, dropped);
            taught.feature = dropped;
        }
        member->setting->kind->learn(slot_write(member, state, race, slot), &taught);
    }
    return before;
}
