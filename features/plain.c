/* Events in order through the windows of plain entities; see plain.h. */
#include "features/plain.h"
#include "features/form.h"
#include "features/moment.h"

static const uint32_t NEEDS_MEAN = NEEDS_COUNT | NEEDS_SUM;

static bool frame_is_plain(const struct frame *frame)
{
    bool form = frame->form == &span_form || (frame->form == &ever_form && !frame->has_base);
    return form && frame->delay_ms == 0 && frame->condition == INDEX_NONE && frame->level == 1 &&
           !frame->own && !frame->keeps && frame->multiset_count == 0 && frame->running_count == 0;
}

static bool entity_is_plain(const struct entity *entity)
{
    bool plain = entity->has_slots && !entity->has_tag && !entity->holds &&
                 entity->edge_count <= PLAIN_MAX && entity->moment_count <= PLAIN_MAX &&
                 entity->window_count <= PLAIN_MAX && entity->cell_count <= PLAIN_MAX;
    for (uint32_t i = 0; i < entity->frame_count; i++)
        plain = plain && frame_is_plain(&entity->frame[i]);
    for (uint32_t i = 0; i < entity->cell_count; i++)
        plain = plain && entity->cell[i].level == 0 && !entity->cell[i].is_label;
    return plain;
}

static void window_copy(struct plain *plain, const struct entity *entity, uint32_t index)
{
    const struct window *window = &entity->window[index];
    plain->window[plain->window_count++] = (struct plain_window){
        .offset = window->offset,
        .value = window->value,
        .finish = window->kind->finish_is,
        .index = index,
    };
}

void plain_make(struct entity *entity)
{
    struct plain *plain = &entity->plain;
    *plain = (struct plain){.is = entity_is_plain(entity)};
    if (!plain->is)
        return;
    for (uint32_t i = 0; i < entity->cell_count; i++)
        plain->cell[plain->cell_count++] =
            (struct plain_cell){.value = entity->cell[i].value, .is_key = entity->cell[i].is_key};
    for (uint32_t i = 0; i < entity->edge_count; i++)
        plain->edge[plain->edge_count++] = (struct plain_edge){
            .distance_ms = entity->edge[i].distance_ms, .drops = entity->edge[i].drops};
    for (uint32_t i = 0; i < entity->moment_count; i++) {
        const struct moment *moment = &entity->moment[i];
        bool is_key = moment->cell != INDEX_NONE && entity->cell[moment->cell].is_key;
        plain->moment[plain->moment_count++] = (struct plain_moment){
            .offset = moment->offset, .cell = moment->cell, .needs = moment->needs, is_key};
    }
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        const struct frame *frame = &entity->frame[i];
        if (frame->exit == INDEX_NONE || frame->moment_count == 0)
            continue;
        plain->edge[frame->exit].first = (uint16_t)frame->moment_first;
        plain->edge[frame->exit].end = (uint16_t)(frame->moment_first + frame->moment_count);
    }
    for (uint32_t i = 0; i < entity->window_count; i++)
        if (entity->window[i].before)
            window_copy(plain, entity, i);
    plain->before_count = plain->window_count;
    for (uint32_t i = 0; i < entity->window_count; i++)
        if (!entity->window[i].before)
            window_copy(plain, entity, i);
}

static inline bool value_missing(const struct plain_moment *moment, union value value)
{
    return moment->is_key ? value.key == 0 : value.number != value.number;
}

static inline double *moment_of(const struct visit *visit, const struct plain_moment *moment)
{
    return (double *)(visit->bytes + moment->offset);
}

static inline void plain_leave(const struct visit *visit, uint32_t index, const struct slot *slot)
{
    const struct plain_moment *moment = &visit->entity->plain.moment[index];
    double *cells = moment_of(visit, moment);
    if (moment->cell == INDEX_NONE) {
        cells[MOMENT_COUNT] -= 1;
        return;
    }
    union value value = slot->cell[moment->cell];
    if (value_missing(moment, value))
        return;
    /* The commonest needs by themselves: then they are constants. */
    bool doubtful;
    if (__builtin_expect(moment->needs == NEEDS_MEAN, 1)) {
        moment_remove(cells, NEEDS_MEAN, value.number);
        doubtful = moment_doubtful(cells, NEEDS_MEAN, value.number);
    } else {
        moment_remove(cells, moment->needs, value.number);
        doubtful = moment_doubtful(cells, moment->needs, value.number);
    }
    if (__builtin_expect(doubtful, 0))
        moment_rebuild(visit, &visit->entity->moment[index]);
}

/* Where the row's slots are, read once for all of its edges. */
struct slots {
    uint8_t *first; /* inline */
    const uint8_t *blocks;
    uint64_t size, block_size;
    const struct entity_head *head;
};

static inline struct slots slots_of(const struct visit *visit)
{
    const struct entity *entity = visit->entity;
    return (struct slots){
        .first = visit->bytes + entity->inline_offset,
        .blocks = state_read(visit->state, entity->block_region, 0),
        .size = entity->slot_size,
        .block_size = visit->state->row_size[entity->block_region],
        .head = visit_head(visit),
    };
}

/* The slot at the place, which steps on to the next one; NULL: there is none.  As ring_slot and
 * ring_newer. */
static inline const struct slot *slots_step(const struct slots *slots, struct place *place,
                                            const struct slot **next)
{
    const uint8_t *first = slots->first;
    uint32_t count = slots->head->inline_count, newer = 0;
    bool more = false;
    if (place->block != 0) {
        const struct block_head *block =
            (const struct block_head *)(slots->blocks + (place->block - 1) * slots->block_size);
        first = (const uint8_t *)(block + 1);
        more = block->newer != 0 || count > 0;
        newer = block->newer;
        count = block->count;
    }
    const uint8_t *slot = first + place->slot * slots->size;
    *next = NULL;
    if (place->slot + 1 < count) {
        place->slot++;
        *next = (const struct slot *)(slot + slots->size);
    } else if (more) {
        *place = (struct place){.block = newer, .slot = 0};
        *next = (const struct slot *)(newer ? slots->blocks + (newer - 1) * slots->block_size +
                                                  sizeof(struct block_head)
                                            : slots->first);
    }
    return (const struct slot *)slot;
}

static inline void plain_cross(const struct visit *visit, const struct slots *slots,
                               const struct plain_edge *edge, struct cursor *cursor)
{
    const struct slot *next;
    struct place place = cursor->place, oldest = place;
    const struct slot *slot = slots_step(slots, &place, &next);
    if (next)
        *cursor = (struct cursor){.next_ms = next->time_ms + edge->distance_ms, .place = place};
    else
        *cursor = (struct cursor){.next_ms = TIME_NEVER};
    for (uint32_t i = edge->first; i < edge->end; i++)
        plain_leave(visit, i, slot);
    if (edge->drops)
        ring_drop(visit, oldest);
}

void plain_advance(const struct visit *visit)
{
    const struct plain *plain = &visit->entity->plain;
    struct cursor *cursor = visit_cursors(visit);
    struct slots slots = slots_of(visit);
    for (uint32_t i = 0; i < plain->edge_count; i++)
        while (cursor[i].next_ms <= visit->time_ms)
            plain_cross(visit, &slots, &plain->edge[i], &cursor[i]);
}

void plain_entered(const struct visit *visit)
{
    const struct plain *plain = &visit->entity->plain;
    struct cursor *cursor = visit_cursors(visit);
    for (uint32_t i = 0; i < plain->edge_count; i++) {
        int64_t next_ms = visit->time_ms + plain->edge[i].distance_ms;
        /* Behind those of its own time, so an equal one stands before it. */
        if (next_ms > visit->time_ms && next_ms < cursor[i].next_ms)
            cursor[i] = (struct cursor){.next_ms = next_ms, .place = visit->place};
    }
}

static inline void plain_fill(const struct visit *visit, const struct plain *plain,
                              const struct batch *batch, uint32_t row)
{
    for (uint32_t i = 0; i < plain->cell_count; i++) {
        union value value = batch_column(batch, plain->cell[i].value)[row];
        if (!plain->cell[i].is_key) /* one NaN, one zero, as all slots have them */
            value.number = value.number == value.number ? value.number + 0.0 : MISSING;
        visit->slot->cell[i] = value;
    }
}

static inline void plain_enter(const struct visit *visit, const struct plain_moment *moment)
{
    double *cells = moment_of(visit, moment);
    if (moment->cell == INDEX_NONE) {
        cells[MOMENT_COUNT] += 1;
        return;
    }
    union value value = visit->slot->cell[moment->cell];
    if (value_missing(moment, value))
        return;
    if (__builtin_expect(moment->needs == NEEDS_MEAN, 1))
        moment_add(cells, NEEDS_MEAN, value.number);
    else
        moment_add(cells, moment->needs, value.number);
}

static double window_finish(const struct visit *visit, uint32_t index, const double *cells)
{
    const struct window *window = &visit->entity->window[index];
    struct window_span span = window_reading(visit, window);
    return window->kind->finish(moment_show(cells), &span);
}

static inline void plain_read(const struct visit *visit, const struct plain_window *window,
                              const struct batch *batch, uint32_t row)
{
    const double *cells = (const double *)(visit->bytes + window->offset);
    double result;
    if (window->finish == FINISH_COUNT)
        result = cells[MOMENT_COUNT];
    else if (window->finish == FINISH_SUM)
        result = cells[MOMENT_SUM];
    else if (window->finish == FINISH_MEAN)
        result = cells[MOMENT_COUNT] > 0 ? cells[MOMENT_SUM] / cells[MOMENT_COUNT] : MISSING;
    else
        result = window_finish(visit, window->index, cells);
    batch_column(batch, window->value)[row].number = result - result == 0 ? result : MISSING;
}

void plain_pass(const struct visit *visit, const struct batch *batch, uint32_t row)
{
    const struct plain *plain = &visit->entity->plain;
    plain_fill(visit, plain, batch, row);
    for (uint32_t i = 0; i < plain->before_count; i++)
        plain_read(visit, &plain->window[i], batch, row);
    for (uint32_t i = 0; i < plain->moment_count; i++)
        plain_enter(visit, &plain->moment[i]);
    for (uint32_t i = plain->before_count; i < plain->window_count; i++)
        plain_read(visit, &plain->window[i], batch, row);
}
