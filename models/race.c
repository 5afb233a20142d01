/* The race between champion and challenger; see race.h. */
#include "models/race.h"
#include "base/assert.h"
#include <math.h>
#include <string.h>

void race_init(struct race_row *race)
{
    memset(race, 0, sizeof *race);
    for (uint64_t i = 0; i < MODEL_SLOTS; i++)
        race->slot[i].row = i;
    race->slot[SLOT_CHAMPION].present = 1;
}

/* What is wished after a comparison was decided on the labels until then, so those after do not
 * count: the figures that people read are the ones that decided. */
void race_judge(struct race_row *race, enum model_slot slot, double own, double champion)
{
    struct slot_row *row = &race->slot[slot];
    row->labels++;
    row->loss_sum += own;
    if (slot == SLOT_CHAMPION || (slot == SLOT_CHALLENGER && race->wish != WISH_NONE))
        return;
    row->race_labels++;
    row->champion_sum += champion;
    row->own_sum += own;
}

void race_compare(struct race_row *race, const struct race_setting *setting)
{
    const struct slot_row *challenger = &race->slot[SLOT_CHALLENGER];
    if (!challenger->present || race->wish != WISH_NONE ||
        challenger->race_labels < (uint64_t)setting->compare_labels)
        return;
    bool better = challenger->own_sum < (1 - setting->margin) * challenger->champion_sum;
    race->wish = better ? WISH_PROMOTION : WISH_REJECTION;
}

bool race_ask(struct race_row *race, const struct race_setting *setting)
{
    bool recent = race->training > 0 &&
                  race->labels - race->asked_labels < (uint64_t)setting->cooldown_labels;
    if (race->wish != WISH_NONE || race->slot[SLOT_CHALLENGER].present || recent)
        return false;
    race->wish = WISH_TRAINING;
    race->training++;
    race->asked_labels = race->labels;
    return true;
}

bool race_expects(const struct race_row *race, enum control_kind kind, uint64_t training)
{
    if (training != race->training)
        return false;
    if (kind == CONTROL_MODEL || kind == CONTROL_FAILED)
        return race->wish == WISH_TRAINING;
    return race->slot[SLOT_CHALLENGER].present != 0;
}

static void slot_clear(struct slot_row *slot, bool present)
{
    *slot = (struct slot_row){.row = slot->row, .present = present};
}

void race_enter(struct race_row *race)
{
    slot_clear(&race->slot[SLOT_CHALLENGER], true);
    race->challengers++;
    race->wish = WISH_NONE;
}

void race_promote(struct race_row *race)
{
    struct slot_row *slot = race->slot;
    ASSERT(slot[SLOT_CHALLENGER].present);
    uint64_t freed = slot[SLOT_PREVIOUS].row;
    slot[SLOT_PREVIOUS].row = slot[SLOT_CHAMPION].row;
    slot[SLOT_CHAMPION].row = slot[SLOT_CHALLENGER].row;
    slot[SLOT_CHALLENGER].row = freed;
    slot_clear(&slot[SLOT_CHAMPION], true);
    slot_clear(&slot[SLOT_PREVIOUS], true);
    slot_clear(&slot[SLOT_CHALLENGER], false);
    race->promotions++;
    race->wish = WISH_NONE;
}

void race_reject(struct race_row *race)
{
    slot_clear(&race->slot[SLOT_CHALLENGER], false);
    race->rejections++;
    race->wish = WISH_NONE;
}

void race_fail(struct race_row *race)
{
    race->failures++;
    race->wish = WISH_NONE;
}

static double mean(double sum, uint64_t count)
{
    return count ? sum / (double)count : NAN;
}

void race_report(const struct race_row *race, enum model_slot slot, struct slot_report *report)
{
    const struct slot_row *row = &race->slot[slot];
    *report = (struct slot_report){
        .present = row->present != 0,
        .labels = row->labels,
        .loss = mean(row->loss_sum, row->labels),
        .race_loss = {mean(row->champion_sum, row->race_labels),
                      mean(row->own_sum, row->race_labels)},
        .race_labels = row->race_labels,
        .trainings = race->training,
        .promotions = race->promotions,
        .stale = race->stale,
    };
}
