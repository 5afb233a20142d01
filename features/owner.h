/* Whose a pair is.  The rows of `new(device) by card` are pairs of a card and a device, found by
 * both together.  Who asks for a card to be forgotten names the card alone, so its pairs stand in a
 * chain that is found by the card:
 *
 *     owners | key of the card -> first ->|
 *     row    | ... | owner, before, after |  <-> the card's next pair <-> ...
 *
 * A pair is chained when its first event comes (or, after a change of the configuration that could
 * not know its owner, when the next one does), and leaves the chain with its row, whatever it is
 * forgotten for.  One kind of rows may have several sorts of owners: `new(device) by card` and
 * `new(card) by device` share theirs. */
#ifndef FEATURES_OWNER_H
#define FEATURES_OWNER_H

#include "features/entity.h"

/* In the row of a pair, one for each sort of owner. */
struct owner_link {
    uint32_t owner;         /* row plus one; 0: not chained yet */
    uint32_t before, after; /* in the chain, rows plus one */
    uint32_t spare;
};

struct owner_row {
    uint64_t key;   /* of the owner and its sort */
    uint64_t first; /* pair: row plus one */
};

/* Part `without` of the key does not belong to the owner's. */
void owner_add(struct entity *entity, uint32_t without);

void owners_declare(struct entity *entity, struct state_layout *layout);

/* Bytes of owners for each pair, at most. */
uint32_t owners_bytes(const struct entity *entity);

static inline const struct owner_link *owner_links(const struct entity *entity, const uint8_t *row)
{
    return (const struct owner_link *)(row + entity->links_offset);
}

/* Chains the pair of the event, whose row is being written, to its owners. */
void owners_chain(const struct entity *entity, struct state *state, uint64_t row,
                  const struct batch *batch, uint32_t event);

static inline void owners_note(const struct entity *entity, struct state *state, uint64_t row,
                               const struct batch *batch, uint32_t event)
{
    if (__builtin_expect(entity->owner_count == 0, 1))
        return;
    const uint8_t *bytes = state_read(state, entity->row_region, row);
    for (uint32_t i = 0; i < entity->owner_count; i++)
        if (owner_links(entity, bytes)[i].owner == 0) {
            owners_chain(entity, state, row, batch, event);
            return;
        }
}

/* The row is about to be given back. */
void owners_leave(const struct entity *entity, struct state *state, uint64_t row);

/* Does a request name an owner of such pairs by exactly its keys? */
bool owners_are_erased(const struct entity *entity, const struct batch *batch, uint32_t request);

/* Forgets all pairs of the owners that it names; how many. */
uint64_t owners_erase(const struct entity *entity, struct state *state, const struct batch *batch,
                      uint32_t request);

/* Another configuration's: whether chains mean the same, so that rows may stand as they stood; all
 * chains then; or those of one row that has been entered anew. */
bool owners_same(const struct entity *to, const struct entity *from);
void owners_copy(const struct entity *to, struct state *to_state, const struct entity *from,
                 const struct state *from_state);
void owners_move(const struct entity *to, struct state *to_state, uint64_t to_row,
                 const struct entity *from, const struct state *from_state, uint64_t from_row);

#endif
