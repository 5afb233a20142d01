/* A label becomes known after its event has entered its windows: what they hold is corrected; see
 * frame.h.
 *
 * A condition that names the label is kept twice in the slot's tag, as it is if the label is 0 and
 * if it is 1.  Which of the two counts follows the label, so with it the slot may enter or leave.
 */
#include "features/form.h"
#include "features/moment.h"
#include <string.h>

enum { SLOT_WORDS_MAX = 1 + CELLS_MAX + 1 };

static void tag_flip(const struct entity *entity, union value *tag)
{
    tag->key ^= 1ULL << TAG_LABEL;
    for (uint32_t i = 0; i < entity->condition_count; i++) {
        if (entity->condition[i].role != CONDITION_LABEL_0)
            continue;
        uint64_t other = (tag->key >> i ^ tag->key >> (i + 1)) & 1;
        tag->key ^= other << i | other << (i + 1);
    }
}

/* Of kinds that the order does not matter to. */
static void window_correct(const struct visit *visit, const struct window *window,
                           const struct slot *old, const struct slot *new)
{
    const struct aggregate_kind *kind = window->kind;
    struct window_view view = window_open(visit, window, false);
    struct slot_view old_view = slot_show(visit->entity, window, old);
    struct slot_view new_view = slot_show(visit->entity, window, new);
    kind->remove(visit->bytes + window->offset, &old_view, &view);
    kind->add(visit->bytes + window->offset, &new_view, &view);
}

/* The slot is in the frame and stays in it. */
static void frame_correct(const struct visit *visit, const struct frame *frame,
                          const struct slot *old, const struct slot *new)
{
    const struct entity *entity = visit->entity;
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        if (moment->cell == INDEX_NONE || !entity->cell[moment->cell].is_label)
            continue;
        double *cells = (double *)(visit->bytes + moment->offset);
        moment_remove(cells, moment->needs, old->cell[moment->cell].number);
        moment_add(cells, moment->needs, new->cell[moment->cell].number);
    }
    bool disordered = false;
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &entity->window[frame->window_first + i];
        if (window->kind->finish || window->argument_count == 0 ||
            !entity->cell[window->cell[0]].is_label)
            continue;
        disordered |= window->kind->ordered;
        if (!window->kind->ordered)
            window_correct(visit, window, old, new);
    }
    if (disordered)
        frame_reorder(visit, frame);
}

void frames_correct(const struct visit *visit, struct place place, double label)
{
    const struct entity *entity = visit->entity;
    struct slot *slot = ring_slot_write(visit, place);
    union value *tag = &slot->cell[entity->cell_count];
    bool known = tag->key >> TAG_LABEL & 1;
    if (known == (label == 1))
        return;
    union value words[SLOT_WORDS_MAX];
    struct slot *old = (struct slot *)(void *)words;
    memcpy(old, slot, entity->slot_size);
    tag_flip(entity, tag);
    for (uint32_t i = 0; i < entity->cell_count; i++)
        if (entity->cell[i].is_label)
            slot->cell[i].number = label;
    for (uint32_t f = 0; f < entity->frame_count; f++) {
        const struct frame *frame = &entity->frame[f];
        bool passed = slot_passes(entity, frame, old), passes = slot_passes(entity, frame, slot);
        if ((!passed && !passes) || !frame_holds_slot(visit, frame, place))
            continue;
        if (passed && passes) {
            frame_correct(visit, frame, old, slot);
            continue;
        }
        if (passed)
            frame_release(visit, frame, old, false);
        else
            frame_take(visit, frame, slot, false);
        frame_reorder(visit, frame);
    }
}
