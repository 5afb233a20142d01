/* The slots of one entity in their order: where they stand, walking, putting in, letting go.  Knows
 * the edges' cursors only as places that must stay right when slots move. */
#ifndef FEATURES_RING_H
#define FEATURES_RING_H

#include "features/entity.h"

static inline const struct slot *ring_slot(const struct visit *visit, struct place place)
{
    const struct entity *entity = visit->entity;
    const uint8_t *first =
        place.block == 0
            ? visit->bytes + entity->inline_offset
            : (const uint8_t *)state_read(visit->state, entity->block_region, place.block - 1) +
                  sizeof(struct block_head);
    return (const struct slot *)(first + (size_t)place.slot * entity->slot_size);
}

static inline bool place_equal(struct place left, struct place right)
{
    return left.block == right.block && left.slot == right.slot;
}

struct slot *ring_slot_write(const struct visit *visit, struct place place);

static inline const struct block_head *ring_block(const struct visit *visit, uint32_t block)
{
    return state_read(visit->state, visit->entity->block_region, block - 1);
}

/* Step to the neighbour; false, and nothing changed, at the end. */
static inline bool ring_newer(const struct visit *visit, struct place *place)
{
    const struct entity_head *head = visit_head(visit);
    if (place->block == 0) {
        if (place->slot + 1 >= head->inline_count)
            return false;
        place->slot++;
        return true;
    }
    const struct block_head *block = ring_block(visit, place->block);
    if (place->slot + 1 < block->count) {
        place->slot++;
        return true;
    }
    if (!block->newer && head->inline_count == 0)
        return false;
    *place = (struct place){.block = block->newer, .slot = 0};
    return true;
}

bool ring_older(const struct visit *visit, struct place *place);

/* The ends; false if there are no slots. */
bool ring_newest(const struct visit *visit, struct place *place);
bool ring_oldest(const struct visit *visit, struct place *place);

/* The newest slot that is not newer than time_ms; false if there is none. */
bool ring_at(const struct visit *visit, int64_t time_ms, struct place *place);

/* Makes room for one more inline; false if a block was needed and none was to be had. */
bool ring_make_room(const struct visit *visit);

/* Puts a slot of that time, otherwise zero, behind all others; there must be room inline. */
struct place ring_append(const struct visit *visit, int64_t time_ms);

/* Puts it behind all that are not newer; there must be room inline and a block in reserve.  Cursors
 * keep their slots. */
struct place ring_insert(const struct visit *visit, int64_t time_ms);

/* Lets go of the oldest slot; no cursor stands at it any more but the last edge's, which stands at
 * `next` (or nowhere) already. */
void ring_drop(const struct visit *visit, struct place oldest);

#endif
