/* Events in order through the windows of plain entities; see plain.h. */
#include "features/plain.h"
#include "features/form.h"
#include "features/pane.h"
#include "features/pass.h"

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
    for (uint32_t i = 0; i < entity->edge_count; i++)
        plain = plain && entity->edge[i].distance_ms > 0;
    return plain;
}

static void window_copy(struct plain *plain, const struct entity *entity, uint32_t index)
{
    const struct window *window = &entity->window[index];
    plain->window[plain->window_count++] = (struct plain_window){
        .offset = window->offset,
        .column = window->value * BATCH_STRIDE,
        .finish = window->kind->finish_is,
        .index = index,
    };
}

/* Those that read before the event, or those after it that finish so; returns where they end. */
static uint32_t windows_copy(struct plain *plain, const struct entity *entity, bool before,
                             enum aggregate_finish finish)
{
    for (uint32_t i = 0; i < entity->window_count; i++)
        if (entity->window[i].before == before &&
            (before || entity->window[i].kind->finish_is == finish))
            window_copy(plain, entity, i);
    return plain->window_count;
}

static void frame_copy(struct plain *plain, const struct entity *entity, const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        uint32_t index = frame->moment_first + i;
        const struct moment *moment = &entity->moment[index];
        plain->moment[plain->moment_count++] = (struct plain_moment){
            .offset = moment->offset,
            .cell = moment->cell,
            .needs = moment->needs,
            .is_key = moment->cell != INDEX_NONE && entity->cell[moment->cell].is_key,
            .index = index,
        };
    }
}

/* With the moments of the frame, if there is one, that ends at it. */
static void edge_copy(struct plain *plain, const struct entity *entity, uint32_t index)
{
    struct plain_edge *edge = &plain->edge[plain->edge_count++];
    edge->distance_ms = entity->edge[index].distance_ms;
    edge->drops = entity->edge[index].drops;
    edge->first = plain->moment_count;
    for (uint32_t i = 0; i < entity->frame_count; i++)
        if (entity->frame[i].exit == index)
            frame_copy(plain, entity, &entity->frame[i]);
    edge->end = plain->moment_count;
}

void plain_make(struct entity *entity)
{
    struct plain *plain = &entity->plain;
    *plain = (struct plain){.is = entity_is_plain(entity)};
    if (!plain->is)
        return;
    plain->quick = entity->expire_ms == 0;
    for (uint32_t i = 0; i < entity->cell_count; i++)
        plain->cell[plain->cell_count++] =
            (struct plain_cell){.value = entity->cell[i].value, .is_key = entity->cell[i].is_key};
    for (uint32_t i = 0; i < entity->edge_count; i++)
        edge_copy(plain, entity, i);
    for (uint32_t i = 0; i < entity->frame_count; i++)
        if (entity->frame[i].exit == INDEX_NONE)
            frame_copy(plain, entity, &entity->frame[i]);
    plain->before_count = windows_copy(plain, entity, true, FINISH_OTHER);
    plain->count_end = windows_copy(plain, entity, false, FINISH_COUNT);
    plain->sum_end = windows_copy(plain, entity, false, FINISH_SUM);
    plain->mean_end = windows_copy(plain, entity, false, FINISH_MEAN);
    windows_copy(plain, entity, false, FINISH_OTHER);
}

static inline bool value_missing(const struct plain_moment *moment, union value value)
{
    return moment->is_key ? value.key == 0 : value.number != value.number;
}

static inline double *moment_of(const struct visit *visit, const struct plain_moment *moment)
{
    return (double *)(visit->bytes + moment->offset);
}

static inline void plain_leave(const struct visit *visit, const struct plain_moment *moment,
                               const struct slot *slot)
{
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
        moment_rebuild(visit, &visit->entity->moment[moment->index]);
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
        plain_leave(visit, &visit->entity->plain.moment[i], slot);
    if (edge->drops)
        ring_drop(visit, oldest);
}

/* How many edges are fresh.  Blocks are given back one by one, so the last one, which drops, is
 * not as long as there are any. */
static inline uint32_t fresh_count(const struct visit *visit)
{
    const struct plain *plain = &visit->entity->plain;
    const struct entity_head *head = visit_head(visit);
    uint32_t most = plain->edge_count - (head->newest_block != 0), count = 0;
    if (head->slot_count == 0)
        return plain->edge_count;
    while (count < most && plain->edge[count].distance_ms <= visit->time_ms - head->newest_ms)
        count++;
    return count;
}

/* The slots that cross no farther than the visit's time. */
static inline void plain_advance(const struct visit *visit)
{
    const struct plain *plain = &visit->entity->plain;
    struct entity_head *head = visit_head(visit);
    struct cursor *cursor = visit_cursors(visit);
    if (visit->fresh == plain->edge_count) {
        head->slot_count = 0;
        head->inline_first = head->inline_count = 0;
        return;
    }
    struct slots slots = slots_of(visit);
    for (uint32_t i = visit->fresh; i < plain->edge_count; i++)
        while (cursor[i].next_ms <= visit->time_ms)
            plain_cross(visit, &slots, &plain->edge[i], &cursor[i]);
}

static inline void moments_clear(const struct visit *visit)
{
    const struct plain *plain = &visit->entity->plain;
    uint32_t end = visit->fresh ? plain->edge[visit->fresh - 1].end : 0;
    for (uint32_t i = 0; i < end; i++)
        memset(moment_of(visit, &plain->moment[i]), 0, moment_size(plain->moment[i].needs));
}

/* Slots move, or the oldest is dropped: whoever does that must find fresh edges as they are. */
static __attribute__((noinline)) void room_make(const struct visit *visit)
{
    struct cursor *cursor = visit_cursors(visit);
    for (uint32_t i = 0; i < visit->fresh; i++)
        cursor[i] = (struct cursor){.next_ms = TIME_NEVER};
    moments_clear(visit);
    visit_room(visit);
}

/* Cursors of edges that no slot is before stand at the visit's own. */
static inline void cursors_set(const struct visit *visit)
{
    const struct plain *plain = &visit->entity->plain;
    struct cursor *cursor = visit_cursors(visit);
    for (uint32_t i = 0; i < plain->edge_count; i++)
        if (i < visit->fresh || cursor[i].next_ms == TIME_NEVER)
            cursor[i] = (struct cursor){.next_ms = visit->time_ms + plain->edge[i].distance_ms,
                                        .place = visit->place};
}

static inline void begin(struct visit *visit)
{
    const struct entity *entity = visit->entity;
    struct entity_head *head = visit_head(visit);
    visit->fresh = fresh_count(visit);
    plain_advance(visit);
    head->newest_ms = visit->time_ms;
    if (__builtin_expect(head->panes != 0, 0))
        panes_advance(visit, visit->time_ms);
    if (head->slot_count == entity->slots_max || head->inline_count == entity->inline_slots)
        room_make(visit);
    visit->place = (struct place){.block = 0, .slot = head->inline_count++};
    visit->slot = (struct slot *)(visit->bytes + entity->inline_offset +
                                  (size_t)visit->place.slot * entity->slot_size);
    visit->slot->time_ms = visit->time_ms;
    visit->in_ring = true;
    head->slot_count++;
    cursors_set(visit);
}

void plain_begin(struct visit *visit)
{
    begin(visit);
    memset(visit->slot->cell, 0, visit->entity->slot_size - sizeof *visit->slot);
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

/* The event is the moment's first. */
static inline void plain_start(const struct visit *visit, const struct plain_moment *moment)
{
    double *cells = moment_of(visit, moment);
    if (moment->cell == INDEX_NONE) {
        cells[MOMENT_COUNT] = 1;
        return;
    }
    union value value = visit->slot->cell[moment->cell];
    if (__builtin_expect(moment->needs == NEEDS_MEAN && !value_missing(moment, value), 1)) {
        cells[MOMENT_COUNT] = 1;
        cells[MOMENT_SUM] = value.number;
        cells[MOMENT_SUM + 1] = 0;
        return;
    }
    memset(cells, 0, moment_size(moment->needs));
    plain_enter(visit, moment);
}

static double window_finish(const struct visit *visit, uint32_t index, const double *cells)
{
    const struct window *window = &visit->entity->window[index];
    struct window_span span = window_reading(visit, window);
    return window->kind->finish(moment_show(cells), &span);
}

static inline double plain_result(const struct visit *visit, const struct plain_window *window,
                                  const double *cells, enum aggregate_finish finish)
{
    if (finish == FINISH_COUNT)
        return cells[MOMENT_COUNT];
    double result;
    if (finish == FINISH_SUM)
        result = cells[MOMENT_SUM];
    else if (finish == FINISH_MEAN)
        result = cells[MOMENT_COUNT] > 0 ? cells[MOMENT_SUM] / cells[MOMENT_COUNT] : MISSING;
    else
        result = window_finish(visit, window->index, cells);
    return result - result == 0 ? result : MISSING;
}

/* Windows [first, end); `results` is the row's place in the first of all columns. */
static inline void plain_read(const struct visit *visit, uint32_t first, uint32_t end,
                              enum aggregate_finish finish, union value *results)
{
    const struct plain_window *window = visit->entity->plain.window;
    for (uint32_t i = first; i < end; i++) {
        const double *cells = (const double *)(visit->bytes + window[i].offset);
        results[window[i].column].number = plain_result(visit, &window[i], cells, finish);
    }
}

/* The same with what the panes hold. */
static void joined_read(const struct visit *visit, uint32_t first, uint32_t end,
                        union value *results)
{
    const struct entity *entity = visit->entity;
    for (uint32_t i = first; i < end; i++) {
        const struct plain_window *plain = &entity->plain.window[i];
        const struct window *window = &entity->window[plain->index];
        const struct frame *frame = &entity->frame[window->frame];
        const double *cells = (const double *)(visit->bytes + plain->offset);
        double joined[MOMENT_CELLS_MAX];
        if (frame->panes != INDEX_NONE)
            cells = panes_join(&entity->moment[window->moment], cells, panes_total(visit, frame),
                               joined);
        results[plain->column].number = plain_result(visit, plain, cells, plain->finish);
    }
}

static void read_before(const struct visit *visit, union value *results)
{
    const struct plain *plain = &visit->entity->plain;
    moments_clear(visit);
    if (visit_head(visit)->panes) {
        joined_read(visit, 0, plain->before_count, results);
        return;
    }
    for (uint32_t i = 0; i < plain->before_count; i++)
        plain_read(visit, i, i + 1, plain->window[i].finish, results);
}

static inline void pass(const struct visit *visit, const struct batch *batch, uint32_t row)
{
    const struct plain *plain = &visit->entity->plain;
    union value *results = batch_column(batch, 0) + row;
    uint32_t started = visit->fresh ? plain->edge[visit->fresh - 1].end : 0;
    plain_fill(visit, plain, batch, row);
    if (plain->before_count)
        read_before(visit, results);
    for (uint32_t i = 0; i < started; i++)
        plain_start(visit, &plain->moment[i]);
    for (uint32_t i = started; i < plain->moment_count; i++)
        plain_enter(visit, &plain->moment[i]);
    if (__builtin_expect(visit_head(visit)->panes != 0, 0)) {
        joined_read(visit, plain->before_count, plain->window_count, results);
        return;
    }
    plain_read(visit, plain->before_count, plain->count_end, FINISH_COUNT, results);
    plain_read(visit, plain->count_end, plain->sum_end, FINISH_SUM, results);
    plain_read(visit, plain->sum_end, plain->mean_end, FINISH_MEAN, results);
    plain_read(visit, plain->mean_end, plain->window_count, FINISH_OTHER, results);
}

void plain_pass(const struct visit *visit, const struct batch *batch, uint32_t row)
{
    pass(visit, batch, row);
}

bool plain_visit(const struct entity *entity, struct state *state, const struct batch *batch,
                 uint32_t row, uint64_t key, uint64_t at)
{
    if (key == 0 || at == STATE_NO_ROW || batch->ahead[row])
        return false;
    const struct entity_head *head = state_read(state, entity->row_region, at);
    if (head->key != key || !head->live || head->newest_ms > batch->time_ms[row])
        return false;
    struct visit visit = {.entity = entity, .state = state, .row = at};
    visit.bytes = state_write_row(state, entity->row_region, at);
    visit.time_ms = batch->time_ms[row];
    visit.kind = VISIT_ORDER;
    begin(&visit);
    pass(&visit, batch, row);
    return true;
}
