/* Keeping models; see migrate.h. */
#include "models/migrate.h"
#include "base/assert.h"
#include "models/member.h"
#include <string.h>

static const struct program_value *feature_of(const struct models_side *side,
                                              const struct member *member, uint32_t at)
{
    return &side->program->value[side->models->feature_value[member->setting->feature[at]]];
}

static bool feature_same(const struct models_side *to, const struct member *new, uint32_t i,
                         const struct models_side *from, const struct member *old, uint32_t j)
{
    return strcmp(new->name[i], old->name[j]) == 0 && new->type[i] == old->type[j] &&
           feature_of(to, new, i)->fingerprint == feature_of(from, old, j)->fingerprint;
}

static bool has_feature(const struct models_side *to, const struct member *new, uint32_t i,
                        const struct models_side *from, const struct member *old)
{
    for (uint32_t j = 0; j < old->shape.feature_count; j++)
        if (feature_same(to, new, i, from, old, j))
            return true;
    return false;
}

static enum model_fate features_compare(const struct models_side *to, const struct member *new,
                                        const struct models_side *from, const struct member *old)
{
    enum model_fate fate = MODEL_KEPT;
    if (new->shape.feature_count != old->shape.feature_count)
        return MODEL_OTHER_FEATURES;
    for (uint32_t i = 0; i < new->shape.feature_count; i++) {
        if (feature_same(to, new, i, from, old, i))
            continue;
        if (!has_feature(to, new, i, from, old))
            return MODEL_OTHER_FEATURES;
        fate = MODEL_OTHER_ORDER;
    }
    return fate;
}

/* What it learned from another's scores is worth nothing when that one begins anew. */
static bool sees_new_scores(const struct models_side *to, const struct models_side *from,
                            uint32_t model)
{
    const struct member *member = &to->models->member[model];
    for (uint32_t i = 0; i < member->shape.feature_count; i++) {
        uint32_t value = to->models->feature_value[member->setting->feature[i]], source;
        for (uint32_t j = 0; j < model; j++)
            if (to->models->setting[j].score_value == value &&
                models_fate(to, from, j, &source) != MODEL_KEPT)
                return true;
    }
    return false;
}

static bool reads_keys(const struct member *member)
{
    for (uint32_t i = 0; i < member->shape.feature_count; i++)
        if (member->type[i] == TYPE_TEXT)
            return true;
    return false;
}

enum model_fate models_fate(const struct models_side *to, const struct models_side *from,
                            uint32_t model, uint32_t *source)
{
    const struct member *new = &to->models->member[model], *old = NULL;
    *source = UINT32_MAX;
    for (uint32_t i = 0; i < from->models->model_count; i++)
        if (strcmp(from->models->setting[i].name, new->setting->name) == 0)
            *source = i;
    if (*source == UINT32_MAX)
        return MODEL_NEW;
    old = &from->models->member[*source];
    if (new->setting->kind != old->setting->kind)
        return MODEL_OTHER_KIND;
    if (member_options_fingerprint(new) != member_options_fingerprint(old))
        return MODEL_OTHER_OPTIONS;
    if (new->setting->kind->supervised &&
        (to->models->class_fingerprint != from->models->class_fingerprint ||
         new->shape.class_count != old->shape.class_count))
        return MODEL_OTHER_CLASSES;
    enum model_fate fate = features_compare(to, new, from, old);
    if (fate == MODEL_KEPT && to->rehashed && reads_keys(new))
        return MODEL_OTHER_KEYS;
    return fate == MODEL_KEPT && sees_new_scores(to, from, model) ? MODEL_OTHER_SCORES : fate;
}

static void row_copy(struct state *to_state, const struct member *to, uint64_t to_row,
                     const struct state *from_state, const struct member *from, uint64_t from_row)
{
    uint64_t size = to_state->row_size[to->region];
    ASSERT(size == from_state->row_size[from->region]);
    memcpy(state_write_row(to_state, to->region, to_row),
           state_read(from_state, from->region, from_row), size);
    if (imbalance_used(&to->setting->imbalance))
        memcpy(state_write_row(to_state, to->imbalance_region, to_row),
               state_read(from_state, from->imbalance_region, from_row),
               sizeof(struct imbalance_row));
}

/* Slots keep their books; only those that the new region has rows for stay. */
static void race_copy(struct race_row *to, const struct race_row *from, bool retrained)
{
    *to = *from;
    if (retrained)
        return;
    for (uint64_t i = 0; i < MODEL_SLOTS; i++) {
        if (i != SLOT_CHAMPION)
            memset(&to->slot[i], 0, sizeof to->slot[i]);
        to->slot[i].row = i;
    }
    to->wish = WISH_NONE;
}

void models_move(const struct models *to, struct state *to_state, uint32_t model,
                 const struct models *from, const struct state *from_state, uint32_t source)
{
    const struct member *new = &to->member[model], *old = &from->member[source];
    const struct race_row *race = state_read(from_state, from->race_region, source);
    bool retrained = new->setting->retrained && old->setting->retrained;
    struct race_row *kept = state_write_row(to_state, to->race_region, model);
    race_copy(kept, race, retrained);
    if (!retrained) {
        row_copy(to_state, new, kept->slot[SLOT_CHAMPION].row, from_state, old,
                 race->slot[SLOT_CHAMPION].row);
        return;
    }
    for (uint64_t row = 0; row < MODEL_SLOTS; row++)
        row_copy(to_state, new, row, from_state, old, row);
}

uint32_t models_score_index(const struct models *models, uint32_t model, enum model_slot slot)
{
    if (slot == SLOT_CHAMPION)
        return model;
    return slot == SLOT_CHALLENGER && models->setting[model].retrained
               ? models->member[model].challenger_score
               : UINT32_MAX;
}
