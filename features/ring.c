/* Slots: inline ones and blocks; see ring.h and the head of entity.h. */
#include "features/ring.h"
#include <string.h>

static struct block_head *block_write(const struct visit *visit, uint32_t block)
{
    return state_write_row(visit->state, visit->entity->block_region, block - 1);
}

struct slot *ring_slot_write(const struct visit *visit, struct place place)
{
    const struct entity *entity = visit->entity;
    uint8_t *first = place.block == 0
                         ? visit->bytes + entity->inline_offset
                         : (uint8_t *)block_write(visit, place.block) + sizeof(struct block_head);
    return (struct slot *)(first + (size_t)place.slot * entity->slot_size);
}

/* The last edge's cursor stands at the oldest slot. */
static const struct cursor *drop_cursor(const struct visit *visit)
{
    return &visit_cursors(visit)[visit->entity->edge_count - 1];
}

bool ring_oldest(const struct visit *visit, struct place *place)
{
    if (visit_head(visit)->slot_count == 0)
        return false;
    *place = drop_cursor(visit)->place;
    return true;
}

bool ring_newest(const struct visit *visit, struct place *place)
{
    const struct entity_head *head = visit_head(visit);
    if (head->slot_count == 0)
        return false;
    if (head->inline_count > head->inline_first)
        *place = (struct place){.block = 0, .slot = head->inline_count - 1u};
    else
        *place = (struct place){.block = head->newest_block,
                                .slot = ring_block(visit, head->newest_block)->count - 1};
    return true;
}

bool ring_older(const struct visit *visit, struct place *place)
{
    if (place_equal(*place, drop_cursor(visit)->place))
        return false;
    if (place->slot > 0) {
        place->slot--;
        return true;
    }
    uint32_t older = place->block == 0 ? visit_head(visit)->newest_block
                                       : ring_block(visit, place->block)->older;
    ASSERT(older != 0);
    *place = (struct place){.block = older, .slot = ring_block(visit, older)->count - 1};
    return true;
}

bool ring_at(const struct visit *visit, int64_t time_ms, struct place *place)
{
    if (!ring_newest(visit, place))
        return false;
    while (ring_slot(visit, *place)->time_ms > time_ms)
        if (!ring_older(visit, place))
            return false;
    return true;
}

/* Slots [from, count) of `block` are now at `to_slot`... of `to`: cursors follow. */
static void cursors_move(const struct visit *visit, uint32_t block, uint32_t from, uint32_t to,
                         int64_t by)
{
    struct cursor *cursor = visit_cursors(visit);
    for (uint32_t i = 0; i < visit->entity->edge_count; i++) {
        if (cursor[i].next_ms == TIME_NEVER || cursor[i].place.block != block ||
            cursor[i].place.slot < from)
            continue;
        cursor[i].place.block = to;
        cursor[i].place.slot = (uint32_t)(cursor[i].place.slot + by);
    }
}

static void inline_close_up(const struct visit *visit)
{
    struct entity_head *head = visit_head(visit);
    uint8_t *slots = visit->bytes + visit->entity->inline_offset;
    uint32_t size = visit->entity->slot_size, first = head->inline_first;
    memmove(slots, slots + (size_t)first * size, (head->inline_count - first) * (size_t)size);
    head->inline_count = (uint16_t)(head->inline_count - first);
    head->inline_first = 0;
    cursors_move(visit, 0, 0, 0, -(int64_t)first);
}

/* A new block after `older` (0: the first of all). */
static uint32_t block_link(const struct visit *visit, uint32_t older)
{
    uint64_t row = entity_take_block(visit);
    if (row == STATE_NO_ROW)
        return 0;
    uint32_t block = (uint32_t)row + 1;
    struct entity_head *head = visit_head(visit);
    uint32_t newer = older ? ring_block(visit, older)->newer : 0;
    struct block_head *block_head = block_write(visit, block);
    block_head->older = older;
    block_head->newer = newer;
    if (older)
        block_write(visit, older)->newer = block;
    if (newer)
        block_write(visit, newer)->older = block;
    else
        head->newest_block = block;
    return block;
}

/* Moves inline slots [from, from + count) to the end of a block that has room for them. */
static void inline_move(const struct visit *visit, uint32_t from, uint32_t count, uint32_t block)
{
    if (count == 0)
        return;
    uint32_t size = visit->entity->slot_size;
    struct block_head *head = block_write(visit, block);
    memcpy((uint8_t *)(head + 1) + (size_t)head->count * size,
           visit->bytes + visit->entity->inline_offset + (size_t)from * size, (size_t)count * size);
    struct cursor *cursor = visit_cursors(visit);
    for (uint32_t i = 0; i < visit->entity->edge_count; i++) {
        struct place *place = &cursor[i].place;
        if (cursor[i].next_ms == TIME_NEVER || place->block != 0 || place->slot < from ||
            place->slot >= from + count)
            continue;
        *place = (struct place){.block = block, .slot = head->count + place->slot - from};
    }
    head->count += count;
}

bool ring_make_room(const struct visit *visit)
{
    struct entity_head *head = visit_head(visit);
    const struct entity *entity = visit->entity;
    if (head->inline_count < entity->inline_slots)
        return true;
    if (head->inline_first > 0) {
        inline_close_up(visit);
        return true;
    }
    uint32_t tail = head->newest_block;
    uint32_t room = tail ? entity->block_slots - ring_block(visit, tail)->count : 0;
    uint32_t count = head->inline_count, into_tail = count < room ? count : room;
    uint32_t next = into_tail < count ? block_link(visit, tail) : 0;
    if (into_tail < count && !next)
        return false;
    inline_move(visit, 0, into_tail, tail);
    inline_move(visit, into_tail, count - into_tail, next);
    head->inline_count = 0;
    return true;
}

/* Opens a gap at `slot`: later slots and cursors move up by one. */
static void gap_open(const struct visit *visit, uint8_t *slots, struct place place, uint32_t count)
{
    uint32_t size = visit->entity->slot_size;
    uint8_t *gap = slots + (size_t)place.slot * size;
    memmove(gap + size, gap, (count - place.slot) * (size_t)size);
    memset(gap, 0, size);
    cursors_move(visit, place.block, place.slot, place.block, 1);
}

/* Moves the upper half of a full block to a new one behind it. */
static struct place block_split(const struct visit *visit, struct place place)
{
    uint32_t size = visit->entity->slot_size;
    uint32_t added = block_link(visit, place.block);
    ASSERT(added != 0);
    struct block_head *lower = block_write(visit, place.block);
    struct block_head *upper = block_write(visit, added);
    uint32_t half = lower->count / 2;
    upper->count = lower->count - half;
    memcpy(upper + 1, (uint8_t *)(lower + 1) + (size_t)half * size, upper->count * (size_t)size);
    lower->count = half;
    cursors_move(visit, place.block, half, added, -(int64_t)half);
    if (place.slot <= half)
        return place;
    return (struct place){.block = added, .slot = place.slot - half};
}

/* Closes the gap that dropped slots left at the front of the oldest block, so that no block is ever
 * without a live slot. */
static void block_close_up(const struct visit *visit, struct place *place)
{
    struct place oldest = drop_cursor(visit)->place;
    if (place->block != oldest.block || oldest.slot == 0)
        return;
    struct block_head *head = block_write(visit, place->block);
    uint32_t size = visit->entity->slot_size;
    head->count -= oldest.slot;
    memmove(head + 1, (uint8_t *)(head + 1) + (size_t)oldest.slot * size,
            head->count * (size_t)size);
    place->slot -= oldest.slot;
    cursors_move(visit, place->block, oldest.slot, place->block, -(int64_t)oldest.slot);
}

static void block_gap(const struct visit *visit, struct place *place)
{
    block_close_up(visit, place);
    if (ring_block(visit, place->block)->count == visit->entity->block_slots)
        *place = block_split(visit, *place);
    struct block_head *head = block_write(visit, place->block);
    gap_open(visit, (uint8_t *)(head + 1), *place, head->count);
    head->count++;
}

static void inline_gap(const struct visit *visit, struct place place)
{
    struct entity_head *head = visit_head(visit);
    gap_open(visit, visit->bytes + visit->entity->inline_offset, place, head->inline_count);
    head->inline_count++;
}

/* Where a slot goes that has `before` as its older neighbour (or is the oldest of all). */
static struct place place_behind(const struct visit *visit, bool has_before, struct place before)
{
    struct place oldest;
    if (has_before) {
        /* At the end of the last block, what comes next stands inline. */
        if (before.block != 0 && before.block == visit_head(visit)->newest_block &&
            before.slot + 1 == ring_block(visit, before.block)->count)
            return (struct place){.block = 0, .slot = 0};
        return (struct place){.block = before.block, .slot = before.slot + 1};
    }
    if (ring_oldest(visit, &oldest))
        return oldest;
    return (struct place){.block = 0, .slot = visit_head(visit)->inline_count};
}

struct place ring_insert(const struct visit *visit, int64_t time_ms)
{
    struct place before = {0};
    bool has_before = ring_at(visit, time_ms, &before);
    struct place place = place_behind(visit, has_before, before);
    if (place.block == 0)
        inline_gap(visit, place);
    else
        block_gap(visit, &place);
    ring_slot_write(visit, place)->time_ms = time_ms;
    visit_head(visit)->slot_count++;
    return place;
}

struct place ring_append(const struct visit *visit, int64_t time_ms)
{
    struct entity_head *head = visit_head(visit);
    struct place place = {.block = 0, .slot = head->inline_count++};
    struct slot *slot = ring_slot_write(visit, place);
    memset(slot, 0, visit->entity->slot_size);
    slot->time_ms = time_ms;
    head->slot_count++;
    return place;
}

static void block_unlink(const struct visit *visit, uint32_t block)
{
    const struct block_head *head = ring_block(visit, block);
    ASSERT(head->older == 0);
    if (head->newer)
        block_write(visit, head->newer)->older = 0;
    else
        visit_head(visit)->newest_block = 0;
    state_give(visit->state, visit->entity->block_region, block - 1);
}

void ring_drop(const struct visit *visit, struct place oldest)
{
    struct entity_head *head = visit_head(visit);
    head->slot_count--;
    if (oldest.block != 0) {
        if (oldest.slot + 1 == ring_block(visit, oldest.block)->count)
            block_unlink(visit, oldest.block);
        return;
    }
    head->inline_first = (uint16_t)(oldest.slot + 1);
    if (head->inline_first == head->inline_count)
        head->inline_first = head->inline_count = 0;
}
