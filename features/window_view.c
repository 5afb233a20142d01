/* What kinds of aggregates see of a window: its slots, one by one or in runs, and what is known of
 * all of them; see aggregate.h. */
#include "features/form.h"
#include "features/multiset.h"

struct slot_view slot_show(const struct entity *entity, const struct window *window,
                           const struct slot *slot)
{
    struct slot_view view = {.time_ms = slot->time_ms};
    ASSERT(window->argument_count <= AGGREGATE_ARGUMENTS_MAX);
    for (uint32_t i = 0; i < window->argument_count; i++) {
        uint32_t cell = window->cell[i];
        view.argument[i] = slot->cell[cell];
        view.missing |= (uint32_t)cell_missing(&entity->cell[cell], slot->cell[cell]) << i;
    }
    return view;
}

struct window_view window_open(const struct visit *visit, const struct window *window,
                               bool before_current)
{
    const struct frame *frame = &visit->entity->frame[window->frame];
    struct window_view view = {.visit = visit, .window = window};
    if (frame->entry != INDEX_NONE) {
        const struct cursor *cursor = &visit_cursors(visit)[frame->entry];
        view.stops = cursor->next_ms != TIME_NEVER;
        view.stop = cursor->place;
    } else if (before_current && visit->in_ring) {
        view.stops = true;
        view.stop = visit->place;
    }
    return view;
}

void window_first(struct window_view *view)
{
    const struct frame *frame = &view->visit->entity->frame[view->window->frame];
    view->more = false;
    if (frame->exit == INDEX_NONE)
        return;
    const struct cursor *cursor = &visit_cursors(view->visit)[frame->exit];
    view->more = cursor->next_ms != TIME_NEVER;
    view->next = cursor->place;
}

bool window_next(struct window_view *view, struct slot_view *shown)
{
    const struct entity *entity = view->visit->entity;
    while (view->more && !(view->stops && place_equal(view->next, view->stop))) {
        const struct slot *slot = ring_slot(view->visit, view->next);
        view->more = ring_newer(view->visit, &view->next);
        if (!slot_passes(entity, &entity->frame[view->window->frame], slot))
            continue;
        *shown = slot_show(entity, view->window, slot);
        return true;
    }
    return false;
}

bool window_run(struct window_view *view, struct slot_run *run)
{
    struct place place = view->next;
    if (!view->more || (view->stops && place_equal(place, view->stop)))
        return false;
    uint32_t end = visit_head(view->visit)->inline_count;
    view->more = false;
    if (place.block != 0) {
        const struct block_head *block = ring_block(view->visit, place.block);
        view->more = block->newer || end > 0;
        view->next = (struct place){.block = block->newer, .slot = 0};
        end = block->count;
    }
    if (view->stops && view->stop.block == place.block) {
        view->more = false;
        end = view->stop.slot;
    }
    run->first = (const uint8_t *)ring_slot(view->visit, place);
    run->count = end - place.slot;
    return true;
}

double window_parameter(const struct window_view *view)
{
    return view->window->parameter;
}

bool window_extreme(const struct window_view *view, bool greatest, union value *extreme)
{
    const struct entity *entity = view->visit->entity;
    if (view->window->multiset == INDEX_NONE)
        return false;
    struct window_view from = *view;
    return multiset_extreme(view->visit, &entity->multiset[view->window->multiset], &from, greatest,
                            extreme);
}
