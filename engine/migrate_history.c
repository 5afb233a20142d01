/* The fold's own row, the events that a label may still find, labels that came early; see
 * migrate.h.
 *
 * Rings are taken over by number: the newest that fit.  Waits begin at the oldest event that is
 * there, since the join believes that every event whose wait has not ended has its row. */
#include "base/state_copy.h"
#include "engine/migrate_parts.h"
#include <string.h>

/* How outcomes, key columns, features and scores of the old rows are found; UINT32_MAX: not. */
struct history_map {
    const struct pipeline *to, *from;
    bool identifies; /* ids are looked up in both, by the same hash */
    bool same;       /* the rows' bytes mean the same */
    uint32_t outcome[OUTCOMES_MAX];
    uint32_t key[CONFIG_ENTITIES_MAX], feature[MODEL_FEATURES_MAX], score[2 * MODELS_MAX];
};

/* An outcome that is gone counts as the weakest of its sort: alert or not. */
static uint32_t outcome_map(const struct config *to, const struct config *from, uint32_t old)
{
    for (uint32_t i = 0; i < to->outcome_count; i++)
        if (strcmp(to->outcome[i], from->outcome[old]) == 0)
            return i;
    bool alert = old >= from->alert_outcome && to->alert_outcome < to->outcome_count;
    return alert ? to->alert_outcome : 0;
}

static void map_keys(struct history_map *map, bool rehashed)
{
    const struct features *to = map->to->features, *from = map->from->features;
    for (uint32_t i = 0; i < features_entity_count(to); i++) {
        uint32_t key = features_entity_key(to, i);
        uint32_t source = features_find_entity(from, features_entity_name(to, i));
        if (key != UINT32_MAX && source != UINT32_MAX && !rehashed)
            map->key[key] = features_entity_key(from, source);
    }
}

/* Scores of a model that begins anew were another's. */
static bool is_new_score(const struct migration_work *work, uint32_t value)
{
    const struct pipeline *to = work->to;
    uint32_t source;
    for (uint32_t i = 0; i < to->config->model_count; i++)
        if (to->model_setting[i].score_value == value)
            return models_fate(&work->to_models, &work->from_models, i, &source) != MODEL_KEPT;
    return false;
}

static void map_features(struct history_map *map, const struct migration_work *work)
{
    const struct pipeline *to = map->to, *from = map->from;
    for (uint32_t i = 0; i < to->model_feature_count; i++) {
        const struct program_value *value = &to->program.value[to->model_feature_value[i]];
        if ((value->type == TYPE_TEXT && work->rehashed) ||
            is_new_score(work, to->model_feature_value[i]))
            continue;
        for (uint32_t j = 0; j < from->model_feature_count && map->feature[i] == UINT32_MAX; j++) {
            const struct program_value *other = &from->program.value[from->model_feature_value[j]];
            if (value->fingerprint == other->fingerprint && value->type == other->type)
                map->feature[i] = j;
        }
    }
}

static void map_scores(struct history_map *map, const struct migration_work *work)
{
    const struct models *to = map->to->models, *from = map->from->models;
    for (uint32_t i = 0; i < map->to->config->model_count; i++) {
        uint32_t source;
        if (models_fate(&work->to_models, &work->from_models, i, &source) != MODEL_KEPT)
            continue;
        for (uint32_t slot = SLOT_CHAMPION; slot <= SLOT_CHALLENGER; slot++) {
            uint32_t index = models_score_index(to, i, (enum model_slot)slot);
            if (index != UINT32_MAX)
                map->score[index] = models_score_index(from, source, (enum model_slot)slot);
        }
    }
}

static bool is_identity(const uint32_t *map, uint32_t count, uint32_t other_count)
{
    if (count != other_count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (map[i] != i)
            return false;
    return true;
}

static void map_make(struct history_map *map, const struct migration_work *work)
{
    const struct pipeline *to = work->to, *from = work->from;
    const struct history *new = &to->history, *old = &from->history;
    memset(map, 0xff, sizeof *map);
    map->to = to;
    map->from = from;
    map->identifies = new->indexed && old->indexed && !work->rehashed;
    for (uint32_t i = 0; i < from->config->outcome_count; i++)
        map->outcome[i] = outcome_map(to->config, from->config, i);
    map_keys(map, work->rehashed);
    map_features(map, work);
    map_scores(map, work);
    map->same =
        new->capacity == old->capacity &&new->indexed == old->indexed &&
        (map->identifies || !new->indexed) &&
        to->early_max == from->early_max &&is_identity(map->outcome, from->config->outcome_count,
                                                       to->config->outcome_count) &&
        is_identity(map->key, new->key_count, old->key_count) &&
        is_identity(map->feature, new->feature_count, old->feature_count) &&
        is_identity(map->score, new->score_count, old->score_count);
}

/* ---- the fold's row ---- */

/* A label is the place of its class among them. */
static bool same_classes(const struct config_labels *one, const struct config_labels *other)
{
    bool same = one->class_count == other->class_count && !one->classes == !other->classes;
    for (uint32_t i = 0; same && one->classes && i < one->class_count; i++)
        same = strcmp(one->classes[i], other->classes[i]) == 0;
    return same;
}

/* Whether what is remembered for labels goes over. */
static bool labels_go_on(const struct pipeline *to, const struct pipeline *from)
{
    return to->has_labels && from->has_labels &&
           same_classes(&to->config->labels, &from->config->labels);
}

static uint64_t events_fit(const struct pipeline *to, const struct pipeline *from)
{
    uint64_t events = pipeline_fold(from)->events;
    if (!labels_go_on(to, from))
        return 0;
    uint64_t new = to->history.capacity, old = from->history.capacity;
    uint64_t fit = new < old ? new : old;
    return events < fit ? events : fit;
}

void migrate_fold(const struct migration_work *work)
{
    if (!work->moves)
        return;
    const struct pipeline *to = work->to, *from = work->from;
    struct fold_row *fold = state_write_row(&work->to->state, to->fold_region, 0);
    const struct fold_row *old = pipeline_fold(from);
    *fold = *old;
    memset(fold->outcomes, 0, sizeof fold->outcomes);
    for (uint32_t i = 0; i < from->config->outcome_count; i++)
        fold->outcomes[outcome_map(to->config, from->config, i)] += old->outcomes[i];
    uint64_t first = old->events - events_fit(to, from);
    if (to->config->labels.event_source[0] && fold->told < first)
        fold->told = first;
    if (to->config->labels.negative_after_ms > 0 && fold->spent < first)
        fold->spent = first;
}

/* ---- events and examples ---- */

static void move_event(const struct history_map *map, struct state *state,
                       const struct event_row *old, uint64_t slot)
{
    const struct history *history = &map->to->history;
    struct event_row *row = state_write_row(state, history->event_region, slot);
    *row = *old;
    row->id = map->identifies ? old->id : 0;
    row->outcome = (uint16_t)map->outcome[old->outcome];
    if (row->id)
        keymap_insert(&history->ids, state, row->id, slot);
}

static void move_example(const struct history_map *map, struct state *state, uint64_t number,
                         uint64_t slot)
{
    const struct history *new = &map->to->history, *old = &map->from->history;
    const struct state *from = &map->from->state;
    uint64_t *key = state_write_row(state, new->example_region, slot);
    union value *feature = (union value *)(key + new->key_count);
    double *score = (double *)(feature + new->feature_count);
    for (uint32_t i = 0; i < new->key_count; i++)
        key[i] = map->key[i] == UINT32_MAX ? 0 : history_keys(old, from, number)[map->key[i]];
    for (uint32_t i = 0; i < new->feature_count; i++) {
        if (map->feature[i] != UINT32_MAX)
            feature[i] = history_features(old, from, number)[map->feature[i]];
        else if (map->to->model_feature_type[i] == TYPE_TEXT)
            feature[i].key = 0;
        else
            feature[i].number = MISSING;
    }
    for (uint32_t i = 0; i < new->score_count; i++)
        score[i] = map->score[i] == UINT32_MAX ? MISSING
                                               : history_scores(old, from, number)[map->score[i]];
}

static void move_events(const struct history_map *map, struct state *state)
{
    const struct history *new = &map->to->history, *old = &map->from->history;
    uint64_t events = pipeline_fold(map->from)->events;
    for (uint64_t number = events - events_fit(map->to, map->from); number < events; number++) {
        const struct event_row *event = history_event(old, &map->from->state, number);
        if (!event)
            continue;
        move_event(map, state, event, history_slot(new, number));
        move_example(map, state, number, history_slot(new, number));
    }
}

/* ---- labels that came early ---- */

static const struct early_label *early_read(const struct pipeline *pipeline, uint64_t kept)
{
    return state_read(&pipeline->state, pipeline->early_region, kept % pipeline->early_max);
}

static uint64_t early_count(const struct pipeline *pipeline)
{
    uint64_t count = 0;
    if (pipeline->has_labels && pipeline->history.indexed)
        for (uint64_t i = 0; i < pipeline->early_max; i++)
            count += early_read(pipeline, i)->id != 0;
    return count;
}

static uint64_t move_early(const struct history_map *map, struct state *state)
{
    const struct pipeline *to = map->to, *from = map->from;
    uint64_t kept = pipeline_fold(from)->early_kept, moved = 0;
    uint64_t fit = to->early_max < from->early_max ? to->early_max : from->early_max;
    for (uint64_t i = kept < fit ? 0 : kept - fit; i < kept; i++) {
        const struct early_label *old = early_read(from, i);
        if (!old->id)
            continue;
        struct early_label *row = state_write_row(state, to->early_region, i % to->early_max);
        *row = *old;
        keymap_insert(&to->early, state, row->id, i % to->early_max);
        moved++;
    }
    return moved;
}

/* ---- as they stand ---- */

static void copy_whole(const struct history_map *map, struct state *to)
{
    const struct pipeline *new = map->to, *old = map->from;
    const struct state *from = &old->state;
    state_copy_rows(to, new->history.event_region, from, old->history.event_region);
    state_copy_rows(to, new->history.example_region, from, old->history.example_region);
    if (!new->history.indexed)
        return;
    state_copy_rows(to, new->history.ids.index_region, from, old->history.ids.index_region);
    state_copy_rows(to, new->early_region, from, old->early_region);
    state_copy_rows(to, new->early.index_region, from, old->early.index_region);
}

/* Early labels that are not taken over end as refused, so that every label is in one count. */
static void move_history(const struct migration_work *work)
{
    struct state *state = &work->to->state;
    struct history_map map;
    uint64_t waited = early_count(work->from), moved = 0;
    if (labels_go_on(work->to, work->from)) {
        map_make(&map, work);
        if (map.same) {
            copy_whole(&map, state);
            return;
        }
        move_events(&map, state);
        moved = map.identifies ? move_early(&map, state) : 0;
    }
    struct fold_row *fold = state_write_row(state, work->to->fold_region, 0);
    fold->labels_refused += waited - moved;
}

/* How many of the model features the old examples do not hold. */
static uint32_t missing_features(const struct migration_work *work)
{
    struct history_map map;
    uint32_t count = 0;
    map_make(&map, work);
    for (uint32_t i = 0; i < work->to->model_feature_count; i++)
        count += map.feature[i] == UINT32_MAX;
    return count;
}

static void report_kept(const struct migration_work *work)
{
    const struct config_labels *new = &work->to->config->labels, *old = &work->from->config->labels;
    uint32_t missing = missing_features(work);
    if (work->rehashed)
        migration_add(work, MIGRATION_KEPT, "labels", "",
                      "but labels on their own find no earlier event: the hash key has changed");
    else if (work->to->config->labels_input.present && !work->from->config->labels_input.present)
        migration_add(work, MIGRATION_KEPT, "labels", "",
                      "but labels on their own find no earlier event: ids were not kept");
    else if (missing)
        migration_add(work, MIGRATION_KEPT, "labels", "",
                      "of earlier events %u of %u model features are missing", missing,
                      work->to->model_feature_count);
    else if (new->remembered < old->remembered)
        migration_add(work, MIGRATION_KEPT, "labels", "", "the newest %lld events",
                      (long long)new->remembered);
    else
        migration_add(work, MIGRATION_KEPT, "labels", "", "%s", "");
}

void migrate_history(const struct migration_work *work)
{
    if (work->moves)
        move_history(work);
    if (labels_go_on(work->to, work->from))
        report_kept(work);
    else if (work->to->has_labels)
        migration_add(work, MIGRATION_ANEW, "labels", "", "%s",
                      work->from->has_labels ? "their classes have changed" : "new");
    else if (work->from->has_labels)
        migration_add(work, MIGRATION_GONE, "labels", "", "%s", "");
}
