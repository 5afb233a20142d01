/* Panes go over to another plan of their entity: those of frames that cut time the same way, with
 * what both plans keep in them.  What is new begins empty. */
#include "features/form.h"
#include "features/match.h"
#include "features/moment.h"
#include "features/multiset.h"
#include "features/pane_row.h"
#include "features/pane_values.h"
#include <string.h>

struct pane_move {
    const struct match *match;
    const struct visit *new, *old;
    uint32_t to_frame, from_frame;
};

static bool conditions_equal(const struct match *match, uint32_t to, uint32_t from)
{
    return to == INDEX_NONE ? from == INDEX_NONE : match->condition[to] == from;
}

static uint32_t cell_source(const struct match *match, uint32_t cell)
{
    return cell == INDEX_NONE ? INDEX_NONE : match->cell[cell];
}

static uint32_t frame_source(const struct match *match, const struct frame *frame)
{
    for (uint32_t f = 0; f < match->from->frame_count; f++) {
        const struct frame *other = &match->from->frame[f];
        if (other->panes != INDEX_NONE && other->form == frame->form &&
            other->span_ms == frame->span_ms && other->extent == frame->extent &&
            other->delay_ms == frame->delay_ms && other->pane_ms == frame->pane_ms &&
            conditions_equal(match, frame->condition, other->condition))
            return f;
    }
    return INDEX_NONE;
}

static void moments_move(const struct pane_move *move, uint8_t *to, const uint8_t *from)
{
    const struct match *match = move->match;
    const struct frame *frame = &match->to->frame[move->to_frame];
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &match->to->moment[frame->moment_first + i];
        uint32_t cell = cell_source(match, moment->cell);
        if (moment->cell != INDEX_NONE && cell == INDEX_NONE)
            continue;
        for (uint32_t j = 0; j < match->from->moment_count; j++) {
            const struct moment *other = &match->from->moment[j];
            if (other->frame == move->from_frame && other->cell == cell &&
                moment_size(moment->needs) <= moment_size(other->needs))
                memcpy(to + moment->pane, from + other->pane, moment_size(moment->needs));
        }
    }
}

/* A sketch that has not seen what was spilled would answer for less than there is. */
static bool asks_no_more(const struct multiset *to, const struct multiset *from)
{
    return to->sketches <= from->sketches && to->orders <= from->orders &&
           to->counts <= from->counts && to->spreads <= from->spreads;
}

static void pasts_move(const struct pane_move *move, uint8_t *to, const uint8_t *from)
{
    const struct match *match = move->match;
    const struct frame *frame = &match->to->frame[move->to_frame];
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        const struct multiset *multiset = &match->to->multiset[frame->multiset_first + i];
        for (uint32_t j = 0; j < match->from->multiset_count; j++) {
            const struct multiset *other = &match->from->multiset[j];
            if (other->frame == move->from_frame && other->cell == match->cell[multiset->cell] &&
                asks_no_more(multiset, other))
                pane_values_move(multiset, to, other, from);
        }
    }
}

static void values_move(const struct pane_move *move, uint8_t *to, const uint8_t *from)
{
    const struct match *match = move->match;
    const struct frame *frame = &match->to->frame[move->to_frame];
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &match->to->window[frame->window_first + i];
        uint32_t source = match->window[frame->window_first + i];
        if (window->pane != INDEX_NONE && source != INDEX_NONE &&
            match->from->window[source].frame == move->from_frame)
            memcpy(to + window->pane, from + match->from->window[source].pane,
                   window->kind->value_size);
    }
}

static void frame_move(const struct pane_move *move)
{
    const struct frame *to = &move->match->to->frame[move->to_frame];
    const struct frame *from = &move->match->from->frame[move->from_frame];
    const struct panes *old = panes_of(move->old, from);
    struct panes *new = panes_write(move->new, to);
    new->used = old->used;
    memcpy(new->order, old->order, sizeof new->order);
    for (uint32_t i = 0; i < panes_count(old); i++) {
        struct pane *pane = pane_at(new, to, i), *source = pane_at(old, from, i);
        *pane = *source;
        moments_move(move, pane_cells(pane), pane_cells(source));
        pasts_move(move, pane_cells(pane), pane_cells(source));
        values_move(move, pane_cells(pane), pane_cells(source));
    }
    panes_refresh(move->new, to, new, visit_head(move->new)->newest_ms);
}

/* Which frame's panes go over to this frame. */
static uint32_t panes_source(const struct match *match, const struct frame *frame)
{
    bool clocks = frame->form == &period_form &&
                  match->to->zone->fingerprint != match->from->zone->fingerprint;
    return frame->panes == INDEX_NONE || clocks ? INDEX_NONE : frame_source(match, frame);
}

static bool sums_go_over(const struct match *match, const struct moment *moment, uint32_t source)
{
    uint32_t cell = cell_source(match, moment->cell);
    for (uint32_t i = 0; i < match->from->moment_count; i++) {
        const struct moment *other = &match->from->moment[i];
        if (other->frame == source && other->cell == cell &&
            (moment->cell == INDEX_NONE || cell != INDEX_NONE) &&
            moment_size(moment->needs) <= moment_size(other->needs))
            return true;
    }
    return false;
}

static bool values_go_over(const struct match *match, const struct multiset *multiset,
                           uint32_t source)
{
    for (uint32_t i = 0; i < match->from->multiset_count; i++) {
        const struct multiset *other = &match->from->multiset[i];
        if (other->frame == source && other->cell == match->cell[multiset->cell] &&
            asks_no_more(multiset, other))
            return true;
    }
    return false;
}

bool panes_go_over(const struct match *match, const struct window *window)
{
    const struct entity *to = match->to;
    const struct frame *frame = &to->frame[window->frame];
    uint32_t source = panes_source(match, frame);
    if (frame->panes == INDEX_NONE)
        return true;
    if (source == INDEX_NONE)
        return false;
    if (window->kind->finish)
        return sums_go_over(match, &to->moment[window->moment], source);
    if (window->multiset != INDEX_NONE)
        return to->multiset[window->multiset].pane == INDEX_NONE ||
               values_go_over(match, &to->multiset[window->multiset], source);
    uint32_t other = match->window[window - to->window];
    return window->pane == INDEX_NONE ||
           (other != INDEX_NONE && match->from->window[other].frame == source);
}

void panes_move(const struct match *match, const struct visit *new, const struct visit *old)
{
    struct pane_move move = {.match = match, .new = new, .old = old};
    if (visit_head(old)->panes == 0 || !panes_ready(new))
        return;
    for (uint32_t f = 0; f < match->to->frame_count; f++) {
        const struct frame *frame = &match->to->frame[f];
        move.to_frame = f;
        move.from_frame = panes_source(match, frame);
        if (move.from_frame != INDEX_NONE)
            frame_move(&move);
    }
}
