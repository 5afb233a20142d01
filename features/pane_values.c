/* Sketches of values in panes; see pane_values.h. */
#include "features/pane_values.h"
#include "features/multiset.h"
#include "features/pane_row.h"
#include <string.h>

static uint32_t place_take(uint32_t *size, bool wanted, size_t bytes)
{
    uint32_t place = *size;
    if (!wanted)
        return INDEX_NONE;
    *size += (uint32_t)bytes;
    return place;
}

uint32_t pane_values_plan(struct multiset *multiset, uint32_t cells_size)
{
    multiset->pane = place_take(&cells_size, true, sizeof(struct past_values));
    multiset->seen = place_take(&cells_size, multiset->sketches, sizeof(struct hyperloglog));
    multiset->order = place_take(&cells_size, multiset->orders, sizeof(struct quantiles));
    multiset->frequent = place_take(&cells_size, multiset->counts, sizeof(struct frequencies));
    multiset->sample = place_take(&cells_size, multiset->spreads, sizeof(struct value_sample));
    return cells_size;
}

static void *part(uint8_t *cells, uint32_t place)
{
    return place == INDEX_NONE ? NULL : cells + place;
}

static const void *part_read(const uint8_t *cells, uint32_t place)
{
    return place == INDEX_NONE ? NULL : cells + place;
}

static struct elsewhere *held_write(const struct visit *visit, const struct multiset *multiset)
{
    return state_write(visit->state, visit->entity->panes_region, visit_head(visit)->panes - 1u,
                       multiset->held, sizeof(struct elsewhere));
}

/* ---- frequencies and what is in slots ---- */

static struct values slots_values(const struct visit *visit, const struct multiset *multiset)
{
    const struct multiset_head *head = (const void *)(visit->bytes + multiset->offset);
    if (head->count == 0)
        return (struct values){.is_key = visit->entity->cell[multiset->cell].is_key};
    struct window window = {.frame = multiset->frame,
                            .argument_count = 1,
                            .cell = {multiset->cell},
                            .multiset = INDEX_NONE};
    struct window_view view = window_open(visit, &window, false);
    return multiset_values(visit, multiset, &view);
}

static void elsewhere_find(struct elsewhere *held, const struct frequencies *frequent,
                           const struct values *values)
{
    memset(held, 0, sizeof *held);
    for (uint32_t i = 0; values->count > 0 && i < frequent->used; i++) {
        uint64_t equal;
        values_below_image(values, frequent->image[i], &equal);
        held->count[i] = (uint32_t)equal;
    }
    elsewhere_sum(held, frequent);
}

static uint32_t *sample_held_write(const struct visit *visit, const struct multiset *multiset)
{
    return state_write(visit->state, visit->entity->panes_region, visit_head(visit)->panes - 1u,
                       multiset->sample_held, VALUE_SAMPLE * sizeof(uint32_t));
}

static uint32_t slots_equal(const struct visit *visit, const struct multiset *multiset,
                            uint64_t image)
{
    struct values values;
    uint64_t equal = 0;
    if (multiset_tree(visit, multiset, &values))
        return (uint32_t)tree_equal(&values.tree, image);
    values = slots_values(visit, multiset);
    if (values.count > 0)
        values_below_image(&values, image, &equal);
    return (uint32_t)equal;
}

static void sample_find(struct value_sample *sample, uint32_t *held,
                        const struct frequencies *frequent, const struct values *values)
{
    memset(held, 0, VALUE_SAMPLE * sizeof *held);
    for (uint32_t i = 0; values->count > 0 && i < sample->used; i++) {
        uint64_t equal;
        values_below_image(values, sample->image[i], &equal);
        held[i] = (uint32_t)equal;
    }
    sample->gain = value_sample_gain(sample, held, frequent);
}

static void sample_add(const struct visit *visit, const struct multiset *multiset,
                       struct value_sample *sample, const struct frequencies *frequent,
                       bool is_total, uint64_t image)
{
    uint32_t *held = is_total ? sample_held_write(visit, multiset) : NULL;
    uint32_t place = value_sample_add(sample, held, image);
    if (!held)
        return;
    if (place != VALUE_SAMPLE_NONE)
        held[place] = slots_equal(visit, multiset, image);
    value_sample_settle(sample, held, frequent);
}

static void frequent_add(const struct visit *visit, const struct multiset *multiset,
                         struct frequencies *frequent, bool is_total, uint64_t image)
{
    struct elsewhere *held = is_total ? held_write(visit, multiset) : NULL;
    uint32_t place = frequencies_add(frequent, held, image);
    if (!held || place == FREQUENCY_NONE)
        return;
    uint32_t equal = slots_equal(visit, multiset, image);
    if (equal)
        elsewhere_change(held, frequent, place, (int32_t)equal);
}

void pane_values_held(const struct visit *visit, const struct multiset *multiset, uint64_t image,
                      int32_t change)
{
    if (multiset->held == INDEX_NONE)
        return;
    const struct frame *frame = &visit->entity->frame[multiset->frame];
    const struct frequencies *frequent = part_read(panes_total(visit, frame), multiset->frequent);
    uint32_t place = frequencies_find(frequent, image);
    if (place != FREQUENCY_NONE)
        elsewhere_change(held_write(visit, multiset), frequent, place, change);
    if (multiset->sample_held == INDEX_NONE)
        return;
    place = value_sample_find(part_read(panes_total(visit, frame), multiset->sample), image);
    if (place != VALUE_SAMPLE_NONE)
        sample_held_write(visit, multiset)[place] += (uint32_t)change;
}

void pane_values_settle(const struct visit *visit, const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        const struct multiset *multiset = &visit->entity->multiset[frame->multiset_first + i];
        if (multiset->held == INDEX_NONE)
            continue;
        uint8_t *total = (uint8_t *)(panes_write(visit, frame) + 1);
        struct frequencies *frequent = part(total, multiset->frequent);
        struct value_sample *sample = part(total, multiset->sample);
        struct values values = slots_values(visit, multiset);
        elsewhere_find(held_write(visit, multiset), frequent, &values);
        if (sample)
            sample_find(sample, sample_held_write(visit, multiset), frequent, &values);
    }
}

/* ---- cells ---- */

void pane_values_add(const struct visit *visit, const struct frame *frame,
                     const struct multiset *multiset, uint8_t *cells, uint64_t image)
{
    struct quantiles *order = part(cells, multiset->order);
    struct frequencies *frequent = part(cells, multiset->frequent);
    struct value_sample *sample = part(cells, multiset->sample);
    bool is_total = cells == panes_total(visit, frame);
    past_values_add(part(cells, multiset->pane), image);
    if (order)
        quantiles_add(order, image);
    if (frequent)
        frequent_add(visit, multiset, frequent, is_total, image);
    if (sample)
        sample_add(visit, multiset, sample, frequent, is_total, image);
}

void pane_values_see(const struct multiset *multiset, uint8_t *cells, uint64_t image)
{
    if (multiset->seen != INDEX_NONE)
        hyperloglog_add(part(cells, multiset->seen), image);
}

void pane_values_join(const struct multiset *multiset, uint8_t *cells, const uint8_t *other)
{
    past_values_join(part(cells, multiset->pane), part_read(other, multiset->pane));
    if (multiset->seen != INDEX_NONE)
        hyperloglog_join(part(cells, multiset->seen), part_read(other, multiset->seen));
    if (multiset->order != INDEX_NONE)
        quantiles_join(part(cells, multiset->order), part_read(other, multiset->order));
    if (multiset->frequent != INDEX_NONE)
        frequencies_join(part(cells, multiset->frequent), part_read(other, multiset->frequent));
    if (multiset->sample != INDEX_NONE)
        value_sample_join(part(cells, multiset->sample), part_read(other, multiset->sample));
}

void pane_values_correct(const struct visit *visit, const struct frame *frame,
                         const struct multiset *multiset, uint8_t *cells, double change)
{
    union value from = {.number = change < 0}, to = {.number = change > 0};
    uint64_t old = value_image(from, false), new = value_image(to, false);
    struct quantiles *order = part(cells, multiset->order);
    struct frequencies *frequent = part(cells, multiset->frequent);
    if (order)
        quantiles_exchange(order, old, new);
    if (!frequent)
        return;
    frequencies_exchange(frequent, old, new);
    if (cells != panes_total(visit, frame))
        return;
    struct values values = slots_values(visit, multiset);
    elsewhere_find(held_write(visit, multiset), frequent, &values);
}

/* ---- to another plan ---- */

static void part_move(uint8_t *to, uint32_t to_place, const uint8_t *from, uint32_t from_place,
                      size_t bytes)
{
    if (to_place != INDEX_NONE && from_place != INDEX_NONE)
        memcpy(to + to_place, from + from_place, bytes);
}

void pane_values_move(const struct multiset *to_multiset, uint8_t *to,
                      const struct multiset *from_multiset, const uint8_t *from)
{
    const struct multiset *a = to_multiset, *b = from_multiset;
    part_move(to, a->pane, from, b->pane, sizeof(struct past_values));
    part_move(to, a->seen, from, b->seen, sizeof(struct hyperloglog));
    part_move(to, a->order, from, b->order, sizeof(struct quantiles));
    part_move(to, a->frequent, from, b->frequent, sizeof(struct frequencies));
    part_move(to, a->sample, from, b->sample, sizeof(struct value_sample));
}

/* ---- reading ---- */

static void parts_show(const struct multiset *multiset, const uint8_t *total, struct values *values)
{
    values->past = (struct past_view){
        .values = part_read(total, multiset->pane),
        .seen = part_read(total, multiset->seen),
        .order = part_read(total, multiset->order),
        .frequent = part_read(total, multiset->frequent),
        .sample = part_read(total, multiset->sample),
    };
}

void pane_values_show(const struct visit *visit, const struct multiset *multiset,
                      const uint8_t *total, struct values *values)
{
    const uint8_t *row =
        state_read(visit->state, visit->entity->panes_region, visit_head(visit)->panes - 1u);
    parts_show(multiset, total, values);
    values->past.held = part_read(row, multiset->held);
}

void pane_values_show_late(const struct visit *visit, const struct multiset *multiset,
                           struct values *values)
{
    uint8_t *total = visit->entity->panes_scratch;
    struct elsewhere *held = part(visit->entity->panes_scratch, multiset->held);
    struct frequencies *frequent = part(total, multiset->frequent);
    struct value_sample *sample = part(total, multiset->sample);
    parts_show(multiset, total, values);
    if (!held)
        return;
    elsewhere_find(held, frequent, values);
    values->past.held = held;
    if (sample)
        sample_find(sample, part(visit->entity->panes_scratch, multiset->sample_held), frequent,
                    values);
}
