/* What will become of windows when the configuration changes; see migrate.h.  Needs the plans
 * only, not the states. */
#include "features/form.h"
#include "features/match.h"
#include "features/pane.h"
#include "features/pass.h"
#include <stdlib.h>
#include <string.h>

uint32_t features_find_entity(const struct features *features, const char *name)
{
    for (uint32_t i = 0; i < features->entity_count; i++)
        if (strcmp(features->entity[i]->name, name) == 0)
            return i;
    return UINT32_MAX;
}

uint32_t features_entity_count(const struct features *features)
{
    return features->entity_count;
}

const char *features_entity_name(const struct features *features, uint32_t index)
{
    return features->entity[index]->name;
}

uint32_t features_entity_key(const struct features *features, uint32_t index)
{
    return features->entity[index]->history_key;
}

/* A walk through everything that a value is computed from. */
struct fate_walk {
    const struct features_side *to, *from;
    struct features_fate result;
    bool seen[PROGRAM_VALUES_MAX];
};

static const struct window *find_window(const struct features *features, uint32_t value,
                                        const struct entity **entity)
{
    for (uint32_t e = 0; e < features->entity_count; e++)
        for (uint32_t i = 0; i < features->entity[e]->window_count; i++)
            if (features->entity[e]->window[i].value == value) {
                *entity = features->entity[e];
                return &features->entity[e]->window[i];
            }
    return NULL;
}

static bool is_kept(const struct fate_walk *walk, const struct window *window,
                    const struct entity *from)
{
    uint64_t print = walk->to->program->value[window->value].fingerprint;
    for (uint32_t i = 0; i < from->window_count; i++)
        if (walk->from->program->value[from->window[i].value].fingerprint == print)
            return true;
    return false;
}

static bool is_taken(const struct match *match, const struct window *window)
{
    if (!window->kind->finish)
        return match->window[window - match->to->window] != INDEX_NONE;
    return match_has_needs(match, window->moment,
                           window->argument_count ? window->kind->needs : window->kind->needs_bare);
}

/* Where all windows had conditions, events that passed none were not kept (entity.h, `skips`). */
static bool keeps_all(const struct entity *entity)
{
    for (uint32_t i = 0; i < entity->frame_count; i++)
        if (entity->frame[i].condition == INDEX_NONE)
            return true;
    for (uint32_t i = 0; i < entity->condition_count; i++)
        if (entity->condition[i].level > 0)
            return true;
    return false;
}

static bool is_held(const struct match *match, const struct window *window)
{
    uint32_t condition = match->to->frame[window->frame].condition;
    if (condition == INDEX_NONE && !keeps_all(match->from))
        return false;
    if (condition != INDEX_NONE && match->condition[condition] == INDEX_NONE)
        return false;
    for (uint32_t i = 0; i < window->argument_count; i++)
        if (match->cell[window->cell[i]] == INDEX_NONE)
            return false;
    return true;
}

static enum window_fate fate_in(struct fate_walk *walk, const struct match *match,
                                const struct window *window)
{
    const struct frame *frame = &match->to->frame[window->frame];
    int64_t reach_ms = entity_reach_ms(match->from, walk->from->features->lateness_ms);
    walk->result.loses_panes |= !panes_go_over(match, window);
    if (is_kept(walk, window, match->from))
        return WINDOW_KEPT;
    if (is_taken(match, window))
        return WINDOW_TAKEN;
    if (!entity_keeps(match->from, walk->from->features->lateness_ms))
        return WINDOW_EVENTLESS;
    if (!is_held(match, window))
        return WINDOW_UNHELD;
    int64_t bound_ms = frame->form->bound_ms(frame);
    if (bound_ms && frame->delay_ms + bound_ms <= reach_ms)
        return WINDOW_FILLED;
    if (walk->result.reach_ms == 0 || reach_ms < walk->result.reach_ms)
        walk->result.reach_ms = reach_ms;
    return WINDOW_PART;
}

static enum window_fate fate_of(struct fate_walk *walk, const struct entity *entity,
                                const struct window *window)
{
    uint32_t source = features_find_entity(walk->from->features, entity->name);
    if (walk->to->rehashed)
        return WINDOW_REHASHED;
    if (source == UINT32_MAX)
        return WINDOW_ENTITYLESS;
    struct match *match = malloc(sizeof *match);
    ASSERT(match);
    match_make(match, entity, walk->to->program, walk->from->features->entity[source],
               walk->from->program);
    enum window_fate fate = fate_in(walk, match, window);
    free(match);
    return fate;
}

static enum window_fate fate_of_burst(const struct fate_walk *walk, const struct burst *burst)
{
    if (walk->to->rehashed)
        return WINDOW_REHASHED;
    return burst_find_print(walk->from->features, burst->fingerprint) ? WINDOW_KEPT
                                                                      : WINDOW_UNCOUNTED;
}

static void walk_fate(struct fate_walk *walk, enum window_fate fate)
{
    walk->result.has_window = true;
    walk->result.fate = fate > walk->result.fate ? fate : walk->result.fate;
}

/* As deep as windows over windows go and as formulas are nested; each value is seen once. */
static void walk_value(struct fate_walk *walk, uint32_t value)
{
    if (walk->seen[value])
        return;
    walk->seen[value] = true;
    const struct program_value *known = &walk->to->program->value[value];
    for (uint32_t i = 0; i < known->input_count; i++)
        walk_value(walk, known->input[i]);
    const struct burst *burst = burst_find(walk->to->features, value);
    if (burst)
        walk_fate(walk, fate_of_burst(walk, burst));
    const struct entity *entity = NULL;
    const struct window *window = find_window(walk->to->features, value, &entity);
    if (!window)
        return;
    walk_fate(walk, fate_of(walk, entity, window));
    for (uint32_t i = 0; i < window->argument_count; i++)
        walk_value(walk, entity->cell[window->cell[i]].value);
    uint32_t condition = entity->frame[window->frame].condition;
    if (condition != INDEX_NONE)
        walk_value(walk, entity->condition[condition].value);
}

struct features_fate features_fate(const struct features_side *to, const struct features_side *from,
                                   uint32_t value)
{
    struct fate_walk walk = {.to = to, .from = from, .result = {.fate = WINDOW_KEPT}};
    walk_value(&walk, value);
    return walk.result;
}
