/* Rows of entities: their layout; see entity.h. */
#include "features/entity.h"
#include "features/form.h"
#include "features/moment.h"
#include "features/multiset.h"
#include "features/owner.h"
#include "features/pane.h"
#include <stdio.h>
#include <string.h>

enum {
    LINE = 64,
    INLINE_SLOTS_MIN = 3,
    BLOCK_SLOTS_MIN = 7,
    BLOCK_SIZE_MIN = 128,
};

static uint32_t round_up(uint32_t size, uint32_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static struct edge *edge_add(struct entity *entity, uint32_t at)
{
    memmove(&entity->edge[at + 1], &entity->edge[at],
            (entity->edge_count - at) * sizeof entity->edge[0]);
    entity->edge_count++;
    memset(&entity->edge[at], 0, sizeof entity->edge[at]);
    entity->edge[at].period = entity->edge[at].frame = INDEX_NONE;
    return &entity->edge[at];
}

static void distance_add(struct entity *entity, int64_t distance_ms)
{
    uint32_t i = 0;
    while (i < entity->edge_count && entity->edge[i].distance_ms < distance_ms)
        i++;
    if (i == entity->edge_count || entity->edge[i].distance_ms != distance_ms)
        edge_add(entity, i)->distance_ms = distance_ms;
}

static uint32_t edge_find(const struct entity *entity, uint32_t period, int64_t distance_ms)
{
    for (uint32_t i = 0; i < entity->edge_count; i++) {
        const struct edge *edge = &entity->edge[i];
        if (edge->period == period && edge->distance_ms == distance_ms && edge->frame == INDEX_NONE)
            return i;
    }
    return INDEX_NONE;
}

static void period_add(struct entity *entity, uint32_t period, int64_t distance_ms)
{
    if (edge_find(entity, period, distance_ms) != INDEX_NONE)
        return;
    struct edge *edge = edge_add(entity, entity->edge_count);
    edge->period = period;
    edge->distance_ms = distance_ms;
}

/* What late events read of frames with a cursor of their own; see form.h. */
static void keepers_add(struct entity *entity)
{
    uint32_t count = entity->lateness_ms ? entity->frame_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct frame keeper = entity->frame[i];
        keeper.delay_ms += entity->lateness_ms;
        keeper.keeps = true;
        bool found = !keeper.own;
        for (uint32_t j = 0; j < entity->frame_count && !found; j++) {
            const struct frame *other = &entity->frame[j];
            found = other->form == keeper.form && other->extent == keeper.extent &&
                    other->delay_ms == keeper.delay_ms && other->condition == keeper.condition;
        }
        if (!found)
            entity->frame[entity->frame_count++] = keeper;
    }
}

/* Distances, periods, frames' own; see the head of entity.h. */
static void edges_list(struct entity *entity)
{
    entity->edge_count = 0;
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        struct frame *frame = &entity->frame[i];
        if (frame->delay_ms)
            distance_add(entity, frame->delay_ms);
        if (frame->form == &span_form)
            distance_add(entity, frame->delay_ms + frame->span_ms);
    }
    entity->distance_count = entity->edge_count;
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        struct frame *frame = &entity->frame[i];
        if (frame->form != &period_form)
            continue;
        period_add(entity, (uint32_t)frame->extent, frame->delay_ms);
        period_add(entity, (uint32_t)frame->extent, frame->delay_ms + entity->lateness_ms);
    }
    for (uint32_t i = 0; i < entity->frame_count; i++)
        if (entity->frame[i].own) {
            entity->frame[i].exit = entity->edge_count;
            edge_add(entity, entity->edge_count)->frame = i;
        }
    entity->holds = entity->edge_count > entity->distance_count;
}

/* One more than the lateness: an event that is just not too late still finds its neighbours. */
static void edge_drops(struct entity *entity)
{
    int64_t farthest_ms = entity->holds ? 1 : 0;
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        const struct frame *frame = &entity->frame[i];
        int64_t end_ms = frame->keeps ? 0 : frame->delay_ms + frame->span_ms;
        farthest_ms = end_ms > farthest_ms ? end_ms : farthest_ms;
    }
    if (entity->lateness_ms)
        farthest_ms += entity->lateness_ms + 1;
    if (entity->holds) {
        edge_add(entity, entity->edge_count)->distance_ms = farthest_ms;
    } else {
        distance_add(entity, farthest_ms);
        entity->distance_count = entity->edge_count;
    }
    entity->edge[entity->edge_count - 1].drops = true;
}

/* Makes the edges, then tells frames and edges of each other. */
static void edges_make(struct entity *entity)
{
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        struct frame *frame = &entity->frame[i];
        frame->entry = frame->exit = INDEX_NONE;
        frame->has_base = frame->form == &ever_form && entity->lateness_ms > 0;
    }
    edges_list(entity);
    entity->has_slots = entity->edge_count > 0 || entity->lateness_ms > 0;
    if (!entity->has_slots)
        return;
    edge_drops(entity);
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        struct frame *frame = &entity->frame[i];
        if (frame->delay_ms) {
            frame->entry = edge_find(entity, INDEX_NONE, frame->delay_ms);
            struct edge *edge = &entity->edge[frame->entry];
            edge->enter[edge->enter_count++] = (uint8_t)i;
        }
        if (!frame->form->leaves_ms)
            continue;
        frame->exit = frame->form == &period_form
                          ? edge_find(entity, (uint32_t)frame->extent, frame->delay_ms)
                          : edge_find(entity, INDEX_NONE, frame->delay_ms + frame->span_ms);
        struct edge *edge = &entity->edge[frame->exit];
        edge->leave[edge->leave_count++] = (uint8_t)i;
    }
}

/* An event that passes none of the conditions is in no window. */
static bool entity_skips(const struct entity *entity)
{
    for (uint32_t i = 0; i < entity->frame_count; i++)
        if (entity->frame[i].condition == INDEX_NONE)
            return false;
    for (uint32_t i = 0; i < entity->condition_count; i++)
        if (entity->condition[i].level > 0)
            return false;
    return entity->has_slots;
}

/* Sorts frames by level, and the windows and moments by their frames; few enough for a plain sort.
 */
static void frames_sort(struct entity *entity)
{
    static const struct frame zero;
    struct frame *frame = entity->frame;
    uint32_t place[KEPT_FRAMES_MAX], count = 0;
    struct frame sorted[KEPT_FRAMES_MAX] = {zero};
    for (uint32_t level = 0; level <= PROGRAM_SCORE_LEVEL; level++) {
        entity->level_first[level] = count;
        for (uint32_t i = 0; i < entity->frame_count; i++) {
            if (frame[i].level == level) {
                place[i] = count;
                sorted[count++] = frame[i];
            }
        }
    }
    entity->level_first[PROGRAM_SCORE_LEVEL + 1] = count;
    memcpy(frame, sorted, count * sizeof *frame);
    for (uint32_t i = 0; i < entity->window_count; i++)
        entity->window[i].frame = place[entity->window[i].frame];
    for (uint32_t i = 0; i < entity->moment_count; i++)
        entity->moment[i].frame = place[entity->moment[i].frame];
    for (uint32_t i = 0; i < entity->multiset_count; i++)
        entity->multiset[i].frame = place[entity->multiset[i].frame];
}

/* Stable insertion sorts, so that equal configurations give equal layouts. */
static void moments_sort(struct entity *entity)
{
    uint32_t moved[MOMENTS_MAX], order[MOMENTS_MAX];
    struct moment *moment = entity->moment;
    for (uint32_t i = 0; i < entity->moment_count; i++) {
        struct moment current = moment[i];
        uint32_t at = i;
        for (; at > 0 && moment[at - 1].frame > current.frame; at--) {
            moment[at] = moment[at - 1];
            order[at] = order[at - 1];
        }
        moment[at] = current;
        order[at] = i;
    }
    for (uint32_t i = 0; i < entity->moment_count; i++)
        moved[order[i]] = i;
    for (uint32_t i = 0; i < entity->window_count; i++)
        if (entity->window[i].moment != INDEX_NONE)
            entity->window[i].moment = moved[entity->window[i].moment];
}

static void multisets_sort(struct entity *entity)
{
    uint32_t moved[MULTISETS_MAX], count = 0;
    struct multiset sorted[MULTISETS_MAX] = {{0}};
    for (uint32_t frame = 0; frame < entity->frame_count; frame++) {
        entity->frame[frame].multiset_first = count;
        for (uint32_t i = 0; i < entity->multiset_count; i++) {
            if (entity->multiset[i].frame != frame)
                continue;
            moved[i] = count;
            sorted[count++] = entity->multiset[i];
        }
        entity->frame[frame].multiset_count = count - entity->frame[frame].multiset_first;
    }
    memcpy(entity->multiset, sorted, count * sizeof *sorted);
    for (uint32_t i = 0; i < entity->window_count; i++)
        if (entity->window[i].multiset != INDEX_NONE)
            entity->window[i].multiset = moved[entity->window[i].multiset];
}

static uint32_t window_rank(const struct window *window)
{
    return window->frame * 2 + !window->before;
}

static void windows_sort(struct entity *entity)
{
    struct window *window = entity->window;
    for (uint32_t i = 0; i < entity->window_count; i++) {
        struct window current = window[i];
        uint32_t at = i;
        for (; at > 0 && window_rank(&window[at - 1]) > window_rank(&current); at--)
            window[at] = window[at - 1];
        window[at] = current;
    }
}

/* Gives each moment and running value its bytes of the row; returns the end. */
static uint32_t frame_layout(struct entity *entity, uint32_t index, uint32_t offset)
{
    struct frame *frame = &entity->frame[index];
    frame->moment_count = frame->window_count = frame->before_count = frame->running_count = 0;
    frame->held = offset;
    offset += frame->own ? (uint32_t)sizeof(struct held) : 0;
    for (uint32_t i = 0; i < entity->moment_count; i++) {
        struct moment *moment = &entity->moment[i];
        if (moment->frame != index)
            continue;
        if (frame->moment_count++ == 0)
            frame->moment_first = i;
        moment->offset = offset;
        moment->base = offset + moment_size(moment->needs);
        offset += moment_size(moment->needs) * (frame->has_base ? 2 : 1);
    }
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        entity->multiset[frame->multiset_first + i].offset = offset;
        offset += (uint32_t)sizeof(struct multiset_head);
    }
    for (uint32_t i = 0; i < entity->window_count; i++) {
        struct window *window = &entity->window[i];
        if (window->frame != index)
            continue;
        if (frame->window_count++ == 0)
            frame->window_first = i;
        frame->before_count += window->before;
        if (window->kind->finish) {
            window->offset = entity->moment[window->moment].offset;
            continue;
        }
        if (window->kind->ask)
            continue;
        frame->running_count++;
        window->offset = offset;
        window->base = offset + window->kind->value_size;
        offset += window->kind->value_size * (frame->has_base ? 2 : 1);
    }
    return offset;
}

static void slots_layout(struct entity *entity)
{
    entity->has_tag = entity->condition_count > 0 || entity->history_key != INDEX_NONE;
    entity->slot_size = 8 + 8 * (entity->cell_count + entity->has_tag);
    entity->block_size = BLOCK_SIZE_MIN;
    while ((entity->block_size - sizeof(struct block_head)) / entity->slot_size < BLOCK_SLOTS_MIN)
        entity->block_size *= 2;
    entity->block_slots =
        (entity->block_size - (uint32_t)sizeof(struct block_head)) / entity->slot_size;
}

void entity_seal(struct entity *entity)
{
    keepers_add(entity);
    frames_sort(entity);
    moments_sort(entity);
    multisets_sort(entity);
    windows_sort(entity);
    edges_make(entity);
    entity->skips = entity_skips(entity);
    slots_layout(entity);
    uint32_t offset =
        (uint32_t)(sizeof(struct entity_head) + entity->edge_count * sizeof(struct cursor));
    for (uint32_t i = 0; i < entity->frame_count; i++)
        offset = frame_layout(entity, i, offset);
    entity->links_offset = offset;
    offset += entity->owner_count * (uint32_t)sizeof(struct owner_link);
    entity->inline_offset = offset;
    panes_plan(entity);
    plain_make(entity);
    if (!entity->has_slots) {
        entity->row_size = round_up(offset, LINE);
        return;
    }
    entity->row_size = round_up(offset + INLINE_SLOTS_MIN * entity->slot_size, LINE);
    entity->inline_slots = (entity->row_size - offset) / entity->slot_size;
    /* All inline slots must fit into what is left of one block and one more. */
    if (entity->inline_slots > entity->block_slots)
        entity->inline_slots = entity->block_slots;
}

void entity_declare(struct entity *entity, struct state_layout *layout)
{
    char name[STATE_NAME_MAX];
    snprintf(name, sizeof name, "%.40s rows", entity->name);
    entity->row_region = state_layout_add(layout, name, entity->fingerprint, entity->row_size, LINE,
                                          entity->rows_max, STATE_ROWS_TAKEN);
    snprintf(name, sizeof name, "%.40s index", entity->name);
    keymap_declare(&entity->map, layout, name, entity->row_region, entity->rows_max);
    owners_declare(entity, layout);
    if (!entity->has_slots)
        return;
    snprintf(name, sizeof name, "%.40s blocks", entity->name);
    entity->block_region = state_layout_add(layout, name, entity->fingerprint, entity->block_size,
                                            BLOCK_SIZE_MIN, entity->blocks_max, STATE_ROWS_TAKEN);
    if (entity->panes_max) {
        snprintf(name, sizeof name, "%.40s panes", entity->name);
        entity->panes_region =
            state_layout_add(layout, name, entity->fingerprint, entity->panes_size, LINE,
                             entity->panes_max, STATE_ROWS_TAKEN);
    }
    if (entity->multiset_count == 0)
        return;
    snprintf(name, sizeof name, "%.40s values", entity->name);
    entity->tree.region =
        state_layout_add(layout, name, entity->fingerprint, entity->tree.node_size, LINE,
                         entity->nodes_max, STATE_ROWS_TAKEN);
}
