/* Matching plans by fingerprints; see match.h. */
#include "features/match.h"
#include "features/form.h"
#include "features/moment.h"
#include <string.h>

struct matching {
    struct match *match;
    const struct entity *to, *from;
    const struct program_value *to_value, *from_value;
};

static bool means_same(const struct matching *work, uint32_t to, uint32_t from)
{
    return work->to_value[to].fingerprint == work->from_value[from].fingerprint &&
           work->to_value[to].type == work->from_value[from].type;
}

static uint32_t find_cell(const struct matching *work, uint32_t value)
{
    for (uint32_t i = 0; i < work->from->cell_count; i++)
        if (means_same(work, value, work->from->cell[i].value))
            return i;
    return INDEX_NONE;
}

/* Of a condition that names the label both halves, which stand next to each other. */
static bool condition_same(const struct matching *work, const struct condition *to,
                           const struct condition *from)
{
    if (to->role != from->role || !means_same(work, to->value, from->value))
        return false;
    if (to->role == CONDITION_LABEL_0)
        return means_same(work, to[1].value, from[1].value);
    return to->role == CONDITION_PLAIN || means_same(work, to[-1].value, from[-1].value);
}

static uint32_t find_condition(const struct matching *work, const struct condition *condition)
{
    for (uint32_t i = 0; i < work->from->condition_count; i++)
        if (condition_same(work, condition, &work->from->condition[i]))
            return i;
    return INDEX_NONE;
}

/* Both none, or the old one that the new one was matched with. */
static bool index_matches(const uint32_t *matched, uint32_t to, uint32_t from)
{
    if (to == INDEX_NONE || from == INDEX_NONE)
        return to == from;
    return matched[to] == from;
}

/* Rules that have changed make other periods. */
static bool zones_match(const struct matching *work, const struct frame *frame)
{
    return frame->form != &period_form ||
           work->to->zone->fingerprint == work->from->zone->fingerprint;
}

static bool frame_matches(const struct matching *work, uint32_t to, uint32_t from)
{
    const struct frame *left = &work->to->frame[to], *right = &work->from->frame[from];
    return left->form == right->form && left->span_ms == right->span_ms &&
           left->extent == right->extent && left->delay_ms == right->delay_ms &&
           zones_match(work, left) &&
           index_matches(work->match->condition, left->condition, right->condition);
}

/* A frame without span needs all sums: none can be read again.  One that has just these is better
 * than one that has more: its bits are those that would have been. */
static uint32_t find_moment(const struct matching *work, const struct moment *moment)
{
    bool spans = work->to->frame[moment->frame].form != &ever_form;
    uint32_t found = INDEX_NONE;
    for (uint32_t i = 0; i < work->from->moment_count; i++) {
        const struct moment *other = &work->from->moment[i];
        if (!frame_matches(work, moment->frame, other->frame) ||
            !index_matches(work->match->cell, moment->cell, other->cell))
            continue;
        if (other->needs == moment->needs)
            return i;
        if (spans || moment_size(other->needs) >= moment_size(moment->needs))
            found = i;
    }
    return found;
}

static bool running_matches(const struct matching *work, const struct window *to,
                            const struct window *from)
{
    bool matches = to->kind == from->kind && to->parameter == from->parameter &&
                   to->argument_count == from->argument_count &&
                   frame_matches(work, to->frame, from->frame);
    for (uint32_t i = 0; matches && i < to->argument_count; i++)
        matches = index_matches(work->match->cell, to->cell[i], from->cell[i]);
    return matches;
}

/* `before` makes another window with the same running value. */
static uint32_t find_running(const struct matching *work, const struct window *window)
{
    uint32_t found = INDEX_NONE;
    for (uint32_t i = 0; i < work->from->window_count; i++) {
        const struct window *other = &work->from->window[i];
        if (means_same(work, window->value, other->value))
            return i;
        if (found == INDEX_NONE && running_matches(work, window, other))
            found = i;
    }
    return found;
}

static bool frames_same(const struct matching *work)
{
    for (uint32_t i = 0; i < work->to->frame_count; i++) {
        const struct frame *to = &work->to->frame[i], *from = &work->from->frame[i];
        if (!frame_matches(work, i, i) || to->level != from->level ||
            to->condition != from->condition || to->held != from->held || to->exit != from->exit)
            return false;
    }
    return true;
}

static bool sums_same(const struct matching *work)
{
    for (uint32_t i = 0; i < work->to->moment_count; i++) {
        const struct moment *to = &work->to->moment[i], *from = &work->from->moment[i];
        if (work->match->moment[i] != i || to->frame != from->frame || to->offset != from->offset ||
            to->needs != from->needs || to->base != from->base)
            return false;
    }
    for (uint32_t i = 0; i < work->to->window_count; i++) {
        const struct window *to = &work->to->window[i], *from = &work->from->window[i];
        if (!means_same(work, to->value, from->value) || to->frame != from->frame ||
            to->offset != from->offset)
            return false;
    }
    return true;
}

static bool multisets_same(const struct matching *work)
{
    const struct entity *to = work->to, *from = work->from;
    for (uint32_t i = 0; i < to->multiset_count; i++)
        if (to->multiset[i].frame != from->multiset[i].frame ||
            to->multiset[i].cell != from->multiset[i].cell ||
            to->multiset[i].asked != from->multiset[i].asked ||
            to->multiset[i].offset != from->multiset[i].offset)
            return false;
    return to->multiset_count == from->multiset_count && to->scan_max == from->scan_max &&
           to->tree.node_size == from->tree.node_size && to->tree.spreads == from->tree.spreads;
}

static bool slots_same(const struct matching *work)
{
    const struct entity *to = work->to, *from = work->from;
    for (uint32_t i = 0; i < to->cell_count; i++)
        if (work->match->cell[i] != i)
            return false;
    for (uint32_t i = 0; i < to->edge_count; i++)
        if (to->edge[i].distance_ms != from->edge[i].distance_ms ||
            to->edge[i].period != from->edge[i].period || to->edge[i].frame != from->edge[i].frame)
            return false;
    return to->has_slots == from->has_slots && to->has_tag == from->has_tag &&
           (to->history_key == INDEX_NONE) == (from->history_key == INDEX_NONE) &&
           to->slot_size == from->slot_size && to->block_size == from->block_size &&
           to->inline_slots == from->inline_slots && to->inline_offset == from->inline_offset;
}

static bool plans_same(const struct matching *work)
{
    const struct entity *to = work->to, *from = work->from;
    return to->cell_count == from->cell_count && to->condition_count == from->condition_count &&
           to->frame_count == from->frame_count && to->moment_count == from->moment_count &&
           to->window_count == from->window_count && to->edge_count == from->edge_count &&
           to->row_size == from->row_size && to->lateness_ms == from->lateness_ms &&
           to->slots_max >= from->slots_max && frames_same(work) && sums_same(work) &&
           multisets_same(work) && slots_same(work);
}

void match_make(struct match *match, const struct entity *to, const struct program *to_program,
                const struct entity *from, const struct program *from_program)
{
    struct matching work = {match, to, from, to_program->value, from_program->value};
    memset(match, 0, sizeof *match);
    match->to = to;
    match->from = from;
    for (uint32_t i = 0; i < to->cell_count; i++)
        match->cell[i] = find_cell(&work, to->cell[i].value);
    for (uint32_t i = 0; i < to->condition_count; i++)
        match->condition[i] = find_condition(&work, &to->condition[i]);
    for (uint32_t i = 0; i < to->moment_count; i++)
        match->moment[i] = find_moment(&work, &to->moment[i]);
    for (uint32_t i = 0; i < to->window_count; i++)
        match->window[i] =
            to->window[i].kind->read ? find_running(&work, &to->window[i]) : INDEX_NONE;
    match->same = plans_same(&work);
}

bool match_has_needs(const struct match *match, uint32_t moment, uint32_t needs)
{
    uint32_t found = match->moment[moment];
    return found != INDEX_NONE &&
           moment_size(match->from->moment[found].needs) >= moment_size(needs);
}

int64_t entity_reach_ms(const struct entity *entity, int64_t lateness_ms)
{
    int64_t reach_ms = 0;
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        const struct frame *frame = &entity->frame[i];
        int64_t end_ms = frame->keeps ? 0 : frame->delay_ms + frame->span_ms;
        reach_ms = end_ms > reach_ms ? end_ms : reach_ms;
    }
    return lateness_ms > 0 ? reach_ms + lateness_ms + 1 : reach_ms;
}

bool entity_holds(const struct entity *entity)
{
    for (uint32_t i = 0; i < entity->frame_count; i++)
        if (entity->frame[i].own || entity->frame[i].form == &period_form)
            return true;
    return false;
}

bool entity_keeps(const struct entity *entity, int64_t lateness_ms)
{
    return entity_reach_ms(entity, lateness_ms) > 0 || entity_holds(entity);
}
