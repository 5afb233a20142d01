/* Slots that enter frames late, anywhere among the others: kinds whose value depends on the order
 * take them in where they belong, or are made anew. */
#include "features/form.h"
#include <string.h>

static void window_rebuild(const struct visit *visit, const struct frame *frame,
                           const struct window *window)
{
    uint8_t *value = visit->bytes + window->offset;
    struct window_view view = window_open(visit, window, false), shown_to = view;
    struct slot_view slot;
    window_first(&view);
    if (frame->has_base) {
        memcpy(value, visit->bytes + window->base, window->kind->value_size);
        view.more = ring_oldest(visit, &view.next);
    } else {
        memset(value, 0, window->kind->value_size);
    }
    while (window_next(&view, &slot))
        window->kind->add(value, &slot, &shown_to);
}

/* Those of the frame that are newer. */
static uint32_t newer_count(const struct visit *visit, const struct frame *frame,
                            struct place place)
{
    const struct cursor *entry =
        frame->entry == INDEX_NONE ? NULL : &visit_cursors(visit)[frame->entry];
    uint32_t count = 0;
    while (ring_newer(visit, &place)) {
        if (entry && entry->next_ms != TIME_NEVER && place_equal(place, entry->place))
            break;
        count += slot_passes(visit->entity, frame, ring_slot(visit, place));
    }
    return count;
}

void frame_insert(const struct visit *visit, const struct frame *frame, struct place place)
{
    const struct slot *slot = ring_slot(visit, place);
    uint32_t newer = UINT32_MAX;
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &visit->entity->window[frame->window_first + i];
        if (!window->kind->ordered)
            continue;
        if (!window->kind->insert || (window->kind->oldest && frame->has_base)) {
            window_rebuild(visit, frame, window);
            continue;
        }
        newer = newer == UINT32_MAX ? newer_count(visit, frame, place) : newer;
        struct slot_view shown = slot_show(visit->entity, window, slot);
        struct window_view view = window_open(visit, window, false);
        window->kind->insert(visit->bytes + window->offset, &shown, newer, &view);
    }
}

void frame_enter_late(const struct visit *visit, const struct frame *frame, struct place place)
{
    const struct slot *slot = ring_slot(visit, place);
    if (!slot_passes(visit->entity, frame, slot))
        return;
    if (frame->own) {
        frame->form->enter_late(visit, frame, place);
        return;
    }
    frame_take(visit, frame, slot, false);
    frame_insert(visit, frame, place);
}

void frame_reorder(const struct visit *visit, const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &visit->entity->window[frame->window_first + i];
        if (window->kind->ordered)
            window_rebuild(visit, frame, window);
    }
}
