/* Slots that had to go before their time; see pane.h. */
#include "features/form.h"
#include "features/moment.h"
#include "features/multiset.h"
#include "features/pane_row.h"
#include "features/pane_values.h"
#include <string.h>

const uint8_t *panes_total(const struct visit *visit, const struct frame *frame)
{
    return (const uint8_t *)(panes_of(visit, frame) + 1);
}

/* ---- cells ---- */

/* To the pane's cells, and to the total's if there is one to follow. */
static void cells_add(const struct visit *visit, const struct frame *frame, uint8_t *cells,
                      uint8_t *total, const struct slot *slot)
{
    const struct entity *entity = visit->entity;
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        moment_enter(entity, moment, (double *)(cells + moment->pane), slot);
        if (total)
            moment_enter(entity, moment, (double *)(total + moment->pane), slot);
    }
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        const struct multiset *multiset = &entity->multiset[frame->multiset_first + i];
        const struct cell *cell = &entity->cell[multiset->cell];
        union value value = slot->cell[multiset->cell];
        if (cell_missing(cell, value))
            continue;
        uint64_t image = value_image(value, cell->is_key);
        pane_values_add(visit, frame, multiset, cells, image);
        if (total)
            pane_values_add(visit, frame, multiset, total, image);
    }
    for (uint32_t i = 0; frame->pane_ordered && i < frame->window_count; i++) {
        const struct window *window = &entity->window[frame->window_first + i];
        if (window->pane == INDEX_NONE)
            continue;
        struct window_view view = window_open(visit, window, false);
        struct slot_view shown = slot_show(entity, window, slot);
        window->kind->add(cells + window->pane, &shown, &view);
        if (total)
            window->kind->add(total + window->pane, &shown, &view);
    }
}

static void cells_see(const struct entity *entity, const struct frame *frame, uint8_t *cells,
                      const struct slot *slot)
{
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        const struct multiset *multiset = &entity->multiset[frame->multiset_first + i];
        const struct cell *cell = &entity->cell[multiset->cell];
        union value value = slot->cell[multiset->cell];
        if (multiset->sketches && !cell_missing(cell, value))
            pane_values_see(multiset, cells, value_image(value, cell->is_key));
    }
}

/* The other's slots are newer. */
static void cells_join(const struct entity *entity, const struct frame *frame, uint8_t *cells,
                       uint8_t *other)
{
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        moment_join((double *)(cells + moment->pane), (double *)(other + moment->pane),
                    moment->needs);
    }
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        const struct multiset *multiset = &entity->multiset[frame->multiset_first + i];
        pane_values_join(multiset, cells, other);
    }
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &entity->window[frame->window_first + i];
        if (window->pane != INDEX_NONE)
            window->kind->join(cells + window->pane, other + window->pane);
    }
}

/* ---- time ---- */

/* When something happens to the pane next. */
static int64_t pane_change_ms(const struct entity *entity, const struct frame *frame,
                              const struct pane *pane, int64_t now_ms)
{
    int64_t enters_ms = pane->newest_ms + frame->delay_ms;
    int64_t ends_ms = frame_leaves_ms(entity, frame, pane->newest_ms);
    return enters_ms > now_ms ? enters_ms
           : ends_ms > now_ms ? ends_ms
                              : ends_ms + entity->lateness_ms;
}

static void pane_forget(struct panes *panes, const struct frame *frame, uint32_t place)
{
    uint32_t index = panes->order[place], count = panes_count(panes);
    memset(pane_at(panes, frame, place), 0, frame->pane_size);
    memmove(&panes->order[place], &panes->order[place + 1], count - place - 1);
    panes->order[count - 1] = 0;
    panes->used &= ~(1ULL << index);
}

/* Joins all that are in at that time. */
static void panes_gather(const struct entity *entity, const struct frame *frame,
                         const struct panes *panes, int64_t time_ms, uint8_t *cells)
{
    memset(cells, 0, frame->cells_size);
    for (uint32_t i = 0; i < panes_count(panes); i++) {
        struct pane *pane = pane_at(panes, frame, i);
        if (frame_holds(entity, frame, pane->newest_ms, time_ms))
            cells_join(entity, frame, cells, pane_cells(pane));
    }
}

void panes_refresh(const struct visit *visit, const struct frame *frame, struct panes *panes,
                   int64_t now_ms)
{
    const struct entity *entity = visit->entity;
    panes->change_ms = TIME_NEVER;
    panes->seen = panes->spilled = (struct pane_run){0};
    for (uint32_t i = panes_count(panes); i-- > 0;) {
        const struct pane *pane = pane_at(panes, frame, i);
        if (frame_leaves_ms(entity, frame, pane->newest_ms) + entity->lateness_ms <= now_ms) {
            pane_forget(panes, frame, i);
            continue;
        }
        int64_t change_ms = pane_change_ms(entity, frame, pane, now_ms);
        panes->change_ms = change_ms < panes->change_ms ? change_ms : panes->change_ms;
    }
    panes_gather(entity, frame, panes, now_ms, (uint8_t *)(panes + 1));
    pane_values_settle(visit, frame);
}

static void panes_give(const struct entity *entity, struct state *state, struct entity_head *head)
{
    state_give(state, entity->panes_region, head->panes - 1u);
    head->panes = 0;
}

void panes_advance(const struct visit *visit, int64_t now_ms)
{
    const struct entity *entity = visit->entity;
    const struct panes_head *head = panes_head_of(visit);
    int64_t change_ms = TIME_NEVER;
    bool any = false;
    if (head->change_ms > now_ms)
        return;
    for (uint32_t f = 0; f < entity->frame_count; f++) {
        const struct frame *frame = &entity->frame[f];
        if (frame->panes == INDEX_NONE)
            continue;
        const struct panes *panes = panes_of(visit, frame);
        if (panes->change_ms <= now_ms)
            panes_refresh(visit, frame, panes_write(visit, frame), now_ms);
        change_ms = panes->change_ms < change_ms ? panes->change_ms : change_ms;
        any |= panes->used != 0;
    }
    panes_head_write(visit)->change_ms = change_ms;
    if (!any)
        panes_give(entity, visit->state, visit_head(visit));
}

void panes_forget(const struct entity *entity, struct state *state, uint64_t row)
{
    const struct entity_head *head = state_read(state, entity->row_region, row);
    if (head->panes)
        state_give(state, entity->panes_region, head->panes - 1u);
}

/* ---- slots come in ---- */

static int64_t floor_quotient(int64_t time_ms, int64_t unit_ms)
{
    return time_ms / unit_ms - (time_ms % unit_ms < 0);
}

static int pane_compare(const struct pane *pane, int64_t number, int64_t end_ms)
{
    if (pane->number != number)
        return pane->number < number ? -1 : 1;
    return pane->end_ms < end_ms ? -1 : pane->end_ms > end_ms;
}

/* Finds the place of the pane for a time, or makes it; full only if a clock did what no zone's ever
 * does, and then the nearest older pane must do. */
static uint32_t pane_place(const struct entity *entity, const struct frame *frame,
                           struct panes *panes, int64_t time_ms)
{
    int64_t number = floor_quotient(time_ms, frame->pane_ms);
    int64_t end_ms =
        frame->form == &period_form ? frame->form->leaves_ms(entity, frame, time_ms) : 0;
    uint32_t count = panes_count(panes), place = count;
    while (place > 0 && pane_compare(pane_at(panes, frame, place - 1), number, end_ms) > 0)
        place--;
    if (place > 0 && pane_compare(pane_at(panes, frame, place - 1), number, end_ms) == 0)
        return place - 1;
    if (count == PANES_MAX)
        return place > 0 ? place - 1 : 0;
    uint32_t index = (uint32_t)__builtin_ctzll(~panes->used);
    memmove(&panes->order[place + 1], &panes->order[place], count - place);
    panes->order[place] = (uint8_t)index;
    panes->used |= 1ULL << index;
    *pane_at(panes, frame, place) =
        (struct pane){.number = number, .end_ms = end_ms, .newest_ms = INT64_MIN};
    return place;
}

/* May a slot be added behind all that the total holds? */
static bool is_last(const struct frame *frame, const struct panes *panes, uint32_t place)
{
    for (uint32_t i = place + 1; frame->pane_ordered && i < panes_count(panes); i++)
        if (pane_at(panes, frame, i)->events > 0)
            return false;
    return true;
}

static void panes_change(const struct visit *visit, struct panes *panes, int64_t change_ms)
{
    if (change_ms < panes->change_ms)
        panes->change_ms = change_ms;
    if (panes->change_ms < panes_head_of(visit)->change_ms)
        panes_head_write(visit)->change_ms = panes->change_ms;
}

/* Up to where the pane takes in what its place in time says. */
static struct pane_run pane_run(const struct frame *frame, const struct panes *panes,
                                uint32_t place, int64_t time_ms)
{
    const struct pane *pane = pane_at(panes, frame, place);
    struct pane_run run = {.from_ms = time_ms, .to_ms = time_ms, .index = panes->order[place]};
    if (pane->number == floor_quotient(time_ms, frame->pane_ms))
        run.to_ms = (pane->number + 1) * frame->pane_ms;
    return run;
}

/* The pane of the run, if the slot belongs to it and it stays in the total, as it is.  It is in, so
 * its calendar period, if it is one's, has not ended for the frame, and no slot that has entered is
 * of a later one. */
static struct pane *run_pane(const struct frame *frame, const struct panes *panes,
                             const struct pane_run *run, int64_t time_ms, int64_t ends_ms,
                             int64_t now_ms)
{
    if (time_ms < run->from_ms || time_ms >= run->to_ms || ends_ms <= now_ms ||
        time_ms + frame->delay_ms > now_ms)
        return NULL;
    return pane_of(panes, frame, (uint32_t)run->index);
}

static void cells_take(const struct visit *visit, const struct frame *frame, struct pane *pane,
                       uint8_t *total, const struct slot *slot, bool spilled)
{
    if (slot->time_ms > pane->newest_ms)
        pane->newest_ms = slot->time_ms;
    pane->events += spilled;
    cells_see(visit->entity, frame, pane_cells(pane), slot);
    if (total)
        cells_see(visit->entity, frame, total, slot);
    if (spilled)
        cells_add(visit, frame, pane_cells(pane), total, slot);
}

/* The slot joins the pane at its place; the total follows, if it can without being made anew. */
static void panes_place(const struct visit *visit, const struct frame *frame, struct panes *panes,
                        const struct slot *slot, bool spilled)
{
    const struct entity *entity = visit->entity;
    int64_t now_ms = visit_head(visit)->newest_ms;
    struct pane_run *run = spilled ? &panes->spilled : &panes->seen;
    uint32_t place = pane_place(entity, frame, panes, slot->time_ms);
    struct pane *pane = pane_at(panes, frame, place);
    int64_t before_ms = pane->newest_ms;
    int64_t after_ms = slot->time_ms > before_ms ? slot->time_ms : before_ms;
    bool begins = before_ms == INT64_MIN;
    bool was_in = !begins && frame_holds(entity, frame, before_ms, now_ms);
    bool is_in = frame_holds(entity, frame, after_ms, now_ms);
    bool last = !spilled || is_last(frame, panes, place);
    if ((!begins && was_in != is_in) || (is_in && !last)) {
        cells_take(visit, frame, pane, NULL, slot, spilled);
        panes_refresh(visit, frame, panes, now_ms);
        panes_change(visit, panes, TIME_NEVER);
        return;
    }
    cells_take(visit, frame, pane, is_in ? (uint8_t *)(panes + 1) : NULL, slot, spilled);
    panes_change(visit, panes, pane_change_ms(entity, frame, pane, now_ms));
    *run = is_in ? pane_run(frame, panes, place, slot->time_ms) : (struct pane_run){0};
}

/* The slot joins its pane, spilled or only seen. */
static void panes_take(const struct visit *visit, const struct frame *frame,
                       const struct slot *slot, bool spilled)
{
    const struct entity *entity = visit->entity;
    int64_t now_ms = visit_head(visit)->newest_ms;
    if (!slot_passes(entity, frame, slot))
        return;
    int64_t ends_ms = frame_leaves_ms(entity, frame, slot->time_ms);
    if (ends_ms + entity->lateness_ms <= now_ms)
        return;
    struct panes *panes = panes_write(visit, frame);
    const struct pane_run *run = spilled ? &panes->spilled : &panes->seen;
    struct pane *pane = run_pane(frame, panes, run, slot->time_ms, ends_ms, now_ms);
    if (pane)
        cells_take(visit, frame, pane, (uint8_t *)(panes + 1), slot, spilled);
    else
        panes_place(visit, frame, panes, slot, spilled);
}

/* Slots of the run join its pane and the total. */
static void run_take(const struct visit *visit, const struct frame *frame, struct panes *panes,
                     const struct slot *const slot[], uint32_t count)
{
    const struct entity *entity = visit->entity;
    struct pane *pane = pane_of(panes, frame, (uint32_t)panes->spilled.index);
    uint8_t *cells = pane_cells(pane), *total = (uint8_t *)(panes + 1);
    if (count == 0)
        return;
    pane->events += count;
    if (slot[count - 1]->time_ms > pane->newest_ms)
        pane->newest_ms = slot[count - 1]->time_ms;
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        double sums[MOMENT_CELLS_MAX] = {0};
        for (uint32_t j = 0; j < count; j++)
            moment_enter(entity, moment, sums, slot[j]);
        moment_join((double *)(cells + moment->pane), sums, moment->needs);
        moment_join((double *)(total + moment->pane), sums, moment->needs);
    }
}

/* A group joins the panes of a frame of sums. */
static void sums_take(const struct visit *visit, const struct frame *frame,
                      const struct slot *const slot[], uint32_t count)
{
    const struct entity *entity = visit->entity;
    int64_t now_ms = visit_head(visit)->newest_ms;
    struct panes *panes = panes_write(visit, frame);
    const struct slot *joining[SPILL_MAX];
    uint32_t joining_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t ends_ms = frame_leaves_ms(entity, frame, slot[i]->time_ms);
        if (!slot_passes(entity, frame, slot[i]) || ends_ms + entity->lateness_ms <= now_ms)
            continue;
        if (run_pane(frame, panes, &panes->spilled, slot[i]->time_ms, ends_ms, now_ms)) {
            joining[joining_count++] = slot[i];
            continue;
        }
        run_take(visit, frame, panes, joining, joining_count);
        joining_count = 0;
        panes_place(visit, frame, panes, slot[i], true);
    }
    run_take(visit, frame, panes, joining, joining_count);
}

void panes_see(const struct visit *visit, const struct frame *frame, const struct slot *slot)
{
    for (uint32_t i = 0; i < frame->multiset_count; i++)
        if (visit->entity->multiset[frame->multiset_first + i].sketches) {
            panes_take(visit, frame, slot, false);
            return;
        }
}

/* What had entered before there were panes. */
static void sketches_begin(const struct visit *visit)
{
    const struct entity *entity = visit->entity;
    int64_t newest_ms = visit_head(visit)->newest_ms;
    struct place place;
    if (!ring_oldest(visit, &place))
        return;
    do {
        const struct slot *slot = ring_slot(visit, place);
        for (uint32_t f = 0; f < entity->frame_count; f++) {
            const struct frame *frame = &entity->frame[f];
            if (frame->panes != INDEX_NONE && frame->multiset_count &&
                frame_holds(entity, frame, slot->time_ms, newest_ms))
                panes_see(visit, frame, slot);
        }
    } while (ring_newer(visit, &place));
}

bool panes_ready(const struct visit *visit)
{
    const struct entity *entity = visit->entity;
    struct entity_head *head = visit_head(visit);
    if (head->panes)
        return true;
    if (entity->panes_max == 0)
        return false;
    uint64_t row = state_take(visit->state, entity->panes_region);
    if (row == STATE_NO_ROW)
        return false;
    head->panes = (uint32_t)(row + 1) & 0x7FFFFFFF;
    panes_head_write(visit)->change_ms = INT64_MIN; /* given back at once if it stays empty */
    for (uint32_t f = 0; f < entity->frame_count; f++)
        if (entity->frame[f].panes != INDEX_NONE)
            panes_write(visit, &entity->frame[f])->change_ms = TIME_NEVER;
    sketches_begin(visit);
    return true;
}

void panes_enter(const struct visit *visit, uint32_t first, uint32_t end, const struct slot *slot)
{
    for (uint32_t f = first; f < end; f++)
        if (visit->entity->frame[f].panes != INDEX_NONE)
            panes_take(visit, &visit->entity->frame[f], slot, true);
}

bool panes_spill(const struct visit *visit, const struct slot *slot)
{
    if (!panes_ready(visit))
        return false;
    panes_enter(visit, 0, visit->entity->frame_count, slot);
    return true;
}

static inline bool keeps_sums(const struct frame *frame)
{
    return frame->multiset_count == 0 && !frame->pane_ordered;
}

bool panes_spill_single(const struct visit *visit, const struct slot *slot)
{
    const struct entity *entity = visit->entity;
    if (!panes_ready(visit))
        return false;
    for (uint32_t f = 0; f < entity->frame_count; f++)
        if (entity->frame[f].panes != INDEX_NONE && !keeps_sums(&entity->frame[f]))
            panes_take(visit, &entity->frame[f], slot, true);
    return true;
}

void panes_spill_sums(const struct visit *visit, const struct slot *const slot[], uint32_t count)
{
    const struct entity *entity = visit->entity;
    ASSERT(count <= SPILL_MAX);
    for (uint32_t f = 0; f < entity->frame_count; f++)
        if (entity->frame[f].panes != INDEX_NONE && keeps_sums(&entity->frame[f]))
            sums_take(visit, &entity->frame[f], slot, count);
}

/* ---- reading ---- */

const uint8_t *panes_at(const struct visit *visit, const struct frame *frame, int64_t time_ms)
{
    panes_gather(visit->entity, frame, panes_of(visit, frame), time_ms,
                 visit->entity->panes_scratch);
    return visit->entity->panes_scratch;
}

/* Extremes are repaired by reading, so that they can be joined. */
bool panes_read(const struct visit *visit, const struct window *window, const uint8_t *total,
                const struct slot_view *event, const struct window_span *span,
                struct window_view *view, union value *result)
{
    uint64_t joined[AGGREGATE_VALUE_MAX / 8];
    uint8_t *value = visit->bytes + window->offset;
    if (window->kind->extremes)
        window->kind->read(value, event, span, view, result);
    memcpy(joined, total + window->pane, window->kind->value_size);
    window->kind->join(joined, value);
    return window->kind->read(joined, event, span, view, result);
}

/* ---- labels ---- */

/* All values are 0 or 1, and so are their squares and cubes.  Whether the event was spilled at all
 * cannot be told any more; no sum gets what its count does not allow. */
static void moment_correct(double *cells, uint32_t needs, double change)
{
    double sum = cells[MOMENT_SUM] + change;
    if (!(needs & (NEEDS_SUM | NEEDS_SQUARES | NEEDS_CUBES)) || sum < 0 ||
        sum > cells[MOMENT_COUNT])
        return;
    for (uint32_t i = MOMENT_SUM; i < moment_size(needs) / sizeof(double); i += 2)
        pair_add(cells + i, change, 0);
}

static void cells_correct(const struct visit *visit, const struct frame *frame, uint8_t *cells,
                          double change)
{
    const struct entity *entity = visit->entity;
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        if (moment->cell != INDEX_NONE && entity->cell[moment->cell].is_label)
            moment_correct((double *)(cells + moment->pane), moment->needs, change);
    }
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        const struct multiset *multiset = &entity->multiset[frame->multiset_first + i];
        if (entity->cell[multiset->cell].is_label)
            pane_values_correct(visit, frame, multiset, cells, change);
    }
}

static void panes_relabel(const struct visit *visit, const struct frame *frame, int64_t time_ms,
                          double change)
{
    const struct entity *entity = visit->entity;
    struct panes *panes = panes_write(visit, frame);
    int64_t number = floor_quotient(time_ms, frame->pane_ms);
    for (uint32_t i = 0; i < panes_count(panes); i++) {
        struct pane *pane = pane_at(panes, frame, i);
        if (pane->number != number || pane->events == 0 || pane->newest_ms < time_ms)
            continue;
        cells_correct(visit, frame, pane_cells(pane), change);
        if (frame_holds(entity, frame, pane->newest_ms, visit_head(visit)->newest_ms))
            cells_correct(visit, frame, (uint8_t *)(panes + 1), change);
        return;
    }
}

void panes_correct(const struct visit *visit, int64_t time_ms, double change)
{
    const struct entity *entity = visit->entity;
    if (visit_head(visit)->panes == 0 || change == 0)
        return;
    for (uint32_t f = 0; f < entity->frame_count; f++) {
        const struct frame *frame = &entity->frame[f];
        if (frame->panes != INDEX_NONE && frame->condition == INDEX_NONE)
            panes_relabel(visit, frame, time_ms, change);
    }
}
