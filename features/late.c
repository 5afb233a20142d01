/* An event that comes late reads its windows as they were at its own time.  What is kept of the
 * window now is taken back to it (past.h): moments, values in a tree (values_change.h), running
 * values that can be undone.  What else there is is gathered from the slots before it, as far back
 * as matters, and finished by its definition; panes that were in then join.  Exact for events that
 * are entered, as long as no slot was spilled or dropped for want of room; one that is later than
 * that reads what is still there. */
#include "features/multiset.h"
#include "features/pane_values.h"
#include "features/pass.h"
#include "features/past.h"
#include <string.h>

enum { CHANGES_PART = 2 /* of a window's values may have changed since; else it is gathered */ };

/* The newest slot that the window may hold; false if there is none. */
static bool window_end(const struct visit *visit, const struct window *window, int64_t until_ms,
                       struct place *place)
{
    bool own = visit->in_ring && !window->before && until_ms >= visit->time_ms;
    if (visit->in_ring) {
        *place = visit->place;
        if (!own && !ring_older(visit, place))
            return false;
    } else if (!visit->entity->has_slots || !ring_newest(visit, place)) {
        return false;
    }
    while (ring_slot(visit, *place)->time_ms > until_ms)
        if (!ring_older(visit, place))
            return false;
    return true;
}

/* Fills the gathered slots from the capacity's end backwards, as far as older ones matter; returns
 * the first. */
static uint32_t gather_window(const struct features *features, const struct visit *visit,
                              const struct window *window)
{
    const struct entity *entity = visit->entity;
    const struct frame *frame = &entity->frame[window->frame];
    int64_t until_ms = visit->time_ms - frame->delay_ms;
    struct form_reach reach = {.until_ms = until_ms, .newer_ms = until_ms};
    uint32_t at = features->gather.capacity;
    struct slot_view *slots = features->gather.slots;
    if (!visit->in_ring && !window->before && frame->delay_ms == 0 &&
        slot_passes(entity, frame, visit->slot)) {
        slots[--at] = slot_show(entity, window, visit->slot);
        reach.count++;
        if (window->kind->settles && window->kind->settles(&slots[at]))
            return at;
    }
    struct place place;
    bool in_start = frame->form == &ever_form && !frame->has_base;
    if (in_start || !window_end(visit, window, until_ms, &place))
        return at;
    do {
        const struct slot *slot = ring_slot(visit, place);
        if (!frame->form->reaches(entity, frame, &reach, slot->time_ms))
            break;
        if (!slot_passes(entity, frame, slot))
            continue;
        slots[--at] = slot_show(entity, window, slot);
        reach.newer_ms = slot->time_ms;
        reach.count++;
        if (window->kind->settles && window->kind->settles(&slots[at]))
            break;
    } while (ring_older(visit, &place));
    return at;
}

/* Without span, what has no slot any more comes before the slots: the base; all there is, if no
 * event is ever entered late. */
static const uint8_t *window_start(const struct visit *visit, const struct frame *frame,
                                   uint32_t offset, uint32_t base)
{
    return frame->form == &ever_form ? visit->bytes + (frame->has_base ? base : offset) : NULL;
}

static double moment_finish(const struct window *window, const struct moment *moment,
                            const double *cells, const struct window_span *span,
                            const uint8_t *total)
{
    double joined[MOMENT_CELLS_MAX];
    if (total)
        cells = panes_join(moment, cells, total, joined);
    return window->kind->finish(moment_show(cells), span);
}

static double moment_late(const struct features *features, const struct visit *visit,
                          const struct window *window, const struct window_span *span,
                          const uint8_t *total)
{
    const struct frame *frame = &visit->entity->frame[window->frame];
    const struct moment *moment = &visit->entity->moment[window->moment];
    const uint8_t *start = window_start(visit, frame, moment->offset, moment->base);
    uint32_t first = gather_window(features, visit, window);
    double cells[MOMENT_CELLS_MAX] = {0};
    if (start)
        memcpy(cells, start, moment_size(moment->needs));
    for (uint32_t i = first; i < features->gather.capacity; i++)
        if (window->argument_count == 0)
            cells[MOMENT_COUNT] += 1;
        else if (!slot_misses(&features->gather.slots[i], 0))
            moment_add(cells, moment->needs, features->gather.slots[i].argument[0].number);
    return moment_finish(window, moment, cells, span, total);
}

/* The same from the moment as it was before the event. */
static double moment_past(const struct visit *visit, const struct window *window,
                          const double *before, const struct window_span *span,
                          const uint8_t *total)
{
    const struct entity *entity = visit->entity;
    const struct frame *frame = &entity->frame[window->frame];
    const struct moment *moment = &entity->moment[window->moment];
    double cells[MOMENT_CELLS_MAX];
    memcpy(cells, before, moment_size(moment->needs));
    if (!window->before && frame->delay_ms == 0 && slot_passes(entity, frame, visit->slot))
        moment_enter(entity, moment, cells, visit->slot);
    return moment_finish(window, moment, cells, span, total);
}

/* Kinds that may go without span do not look at the view. */
static bool running_late(const struct visit *visit, const struct window *window,
                         const struct slot_view *slots, uint32_t count,
                         const struct slot_view *event, const struct window_span *span,
                         const uint8_t *total, union value *result)
{
    const struct frame *frame = &visit->entity->frame[window->frame];
    uint64_t value[AGGREGATE_VALUE_MAX / 8] = {0};
    struct window_view view = window_open(visit, window, false);
    memcpy(value,
           total ? total + window->pane : window_start(visit, frame, window->offset, window->base),
           window->kind->value_size);
    for (uint32_t i = 0; i < count; i++)
        window->kind->add(value, &slots[i], &view);
    return window->kind->read(value, event, span, &view, result);
}

/* Of those that are not missing. */
static uint32_t images_of(const struct slot_view *slots, uint32_t count, bool is_key,
                          uint64_t *images)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!slot_misses(&slots[i], 0))
            images[used++] = value_image(slots[i].argument[0], is_key);
    return used;
}

static bool ask_late(const struct features *features, const struct visit *visit,
                     const struct window *window, const struct slot_view *slots, uint32_t count,
                     const struct slot_view *event, const struct window_span *span,
                     const uint8_t *total, union value *result)
{
    bool is_key = visit->entity->cell[window->cell[0]].is_key;
    struct values values = values_gather(slots, count, is_key, features->gather.words);
    if (total)
        pane_values_show_late(visit, &visit->entity->multiset[window->multiset], &values);
    return window->kind->ask(&values, event, span, result);
}

/* The same of the tree of what the frame holds, and of what has changed; false: it is dearer, or
 * cannot be told. */
static bool ask_past(const struct features *features, const struct visit *visit,
                     const struct window *window, const struct slot_view *event,
                     const struct window_span *span, const uint8_t *total, bool *found,
                     union value *result)
{
    const struct gather *gather = &features->gather;
    const struct multiset *multiset = &visit->entity->multiset[window->multiset];
    struct values values;
    struct past_slots past;
    if (!multiset_tree(visit, multiset, &values) ||
        !past_slots_take(&past, visit, window, (uint32_t)(values.count / CHANGES_PART),
                         gather->slots))
        return false;
    uint64_t *entered = gather->words;
    uint32_t entered_count = images_of(past.entered, past.entered_count, values.is_key, entered);
    uint64_t *left = entered + entered_count;
    uint32_t left_count = images_of(past.left, past.left_count, values.is_key, left);
    values.count += left_count - (uint64_t)entered_count;
    values.change = gather->changes;
    values.change_count = changes_make(entered, entered_count, left, left_count, gather->changes);
    if (window->kind->modes && !values_mode_find(&values))
        return false;
    if (total)
        pane_values_show_late(visit, multiset, &values);
    *found = window->kind->ask(&values, event, span, result);
    return true;
}

/* A running value, with what has entered since taken out of a copy of it. */
static bool running_past(const struct features *features, const struct visit *visit,
                         const struct window *window, const struct slot_view *event,
                         const struct window_span *span, const uint8_t *total, bool *found,
                         union value *result)
{
    const struct aggregate_kind *kind = window->kind;
    uint64_t value[AGGREGATE_VALUE_MAX / 8] = {0}, joined[AGGREGATE_VALUE_MAX / 8] = {0};
    struct past_slots past;
    memcpy(value, visit->bytes + window->offset, kind->value_size);
    if (!past_slots_take(&past, visit, window, UINT32_MAX, features->gather.slots) ||
        !kind->undo(value, past.entered, past.entered_count))
        return false;
    struct window_view view = window_open(visit, window, false);
    for (uint32_t i = 0; i < past.left_count; i++)
        kind->add(value, &past.left[i], &view);
    if (total && kind->join) {
        memcpy(joined, total + window->pane, kind->value_size);
        kind->join(joined, value);
        memcpy(value, joined, kind->value_size);
    }
    *found = kind->read(value, event, span, &view, result);
    return true;
}

/* Of what is gathered. */
static bool gathered_late(const struct features *features, const struct visit *visit,
                          const struct window *window, const struct slot_view *event,
                          const struct window_span *span, const uint8_t *total, union value *result)
{
    const struct frame *frame = &visit->entity->frame[window->frame];
    const struct slot_view *slots = features->gather.slots;
    uint32_t first = 0, count;
    if (!window->kind->oldest || !past_oldest(visit, window, features->gather.slots, &count)) {
        first = gather_window(features, visit, window);
        count = features->gather.capacity - first;
    }
    slots += first;
    if (window->kind->ask)
        return ask_late(features, visit, window, slots, count, event, span, total, result);
    if (frame->form != &ever_form && !(total && window->kind->join))
        return window->kind->define(slots, count, event, span, features->gather.words, result);
    return running_late(visit, window, slots, count, event, span, total, result);
}

/* Of kinds that do not finish moments. */
static bool window_late(const struct features *features, const struct visit *visit,
                        const struct window *window, const struct window_span *span,
                        const uint8_t *total, union value *result)
{
    struct slot_view event = slot_show(visit->entity, window, visit->slot);
    bool found = false;
    if (window->kind->ask && ask_past(features, visit, window, &event, span, total, &found, result))
        return found;
    if (window->kind->undo &&
        running_past(features, visit, window, &event, span, total, &found, result))
        return found;
    return gathered_late(features, visit, window, &event, span, total, result);
}

static void frame_late(const struct features *features, const struct visit *visit,
                       const struct frame *frame, const struct batch *batch, uint32_t row)
{
    struct past past;
    past_take(&past, visit, frame);
    const uint8_t *total =
        frame_has_panes(visit, frame) ? panes_at(visit, frame, visit->time_ms) : NULL;
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &visit->entity->window[frame->window_first + i];
        struct window_span span = window_reading(visit, window);
        uint32_t moment = window->moment - frame->moment_first;
        union value result = {0};
        bool found = true;
        if (!window->kind->finish)
            found = window_late(features, visit, window, &span, total, &result);
        else if (past.known[moment])
            result.number = moment_past(visit, window, past.cells[moment], &span, total);
        else
            result.number = moment_late(features, visit, window, &span, total);
        window_result(window, batch, row, found, result);
    }
}

void late_read(const struct features *features, const struct visit *visit, uint32_t level,
               const struct batch *batch, uint32_t row)
{
    const struct entity *entity = visit->entity;
    for (uint32_t f = entity->level_first[level]; f < entity->level_first[level + 1]; f++)
        frame_late(features, visit, &entity->frame[f], batch, row);
}
