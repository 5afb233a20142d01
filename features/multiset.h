/* The multisets of an entity: the values of one argument in one frame, shared by all windows that
 * ask about them.
 *
 * While a window holds few values, the row knows only how many: who asks walks the slots.  Past
 * scan_max they are indexed by a tree as well, until they are half as few.
 *
 * Where only the least and the greatest are asked for (and only when the last one known has left),
 * walking is mostly cheaper: of values in no order each is the extreme one time in as many as there
 * are.  So several times as many are walked, and past them what was walked is counted against what
 * a tree would have cost the values that entered meanwhile: the tree is made when walking has
 * become dearer, as it does with values that rise or fall, and given up when it has long been asked
 * no more.
 *
 * The tree is never needed: when its region is full, or no row of it was to be had, the window
 * walks its slots again, as exact as before, only slower, and tries anew some events later. */
#ifndef FEATURES_MULTISET_H
#define FEATURES_MULTISET_H

#include "features/frame.h"

/* In the entity's row. */
struct multiset_head {
    uint32_t count;  /* values, missing ones left out */
    uint32_t root;   /* of its tree; 0: it has none */
    uint64_t walked; /* slots, less what values that entered have paid; of those nobody asks */
};

/* A kind asks its values. */
static inline void multiset_ask(struct multiset *multiset, const struct aggregate_kind *kind)
{
    multiset->sketches |= kind->sketches;
    multiset->orders |= kind->orders;
    multiset->counts |= kind->counts;
    multiset->spreads |= kind->spreads;
    multiset->asked |= kind->ask != NULL;
}

/* How many values it may hold and have no tree. */
uint32_t multiset_scan_max(const struct entity *entity, const struct multiset *multiset);

/* The slot has just entered the multiset's frame, or has just left it. */
void multiset_enter(const struct visit *visit, const struct multiset *multiset,
                    const struct slot *slot);
void multiset_leave(const struct visit *visit, const struct multiset *multiset,
                    const struct slot *slot);

/* A label has become known: a slot of the frame had `old` and has another value now. */
void multiset_correct(const struct visit *visit, const struct multiset *multiset, double old,
                      const struct slot *slot);

/* All slots have left the frame. */
void multiset_clear(const struct visit *visit, const struct multiset *multiset);

/* What the window's frame holds, as the view shows it; good until the next call. */
struct values multiset_values(const struct visit *visit, const struct multiset *multiset,
                              struct window_view *view);

/* The tree of what the frame holds; false: there is none. */
bool multiset_tree(const struct visit *visit, const struct multiset *multiset,
                   struct values *values);

/* The least or the greatest number of what the view shows; false if there is none. */
bool multiset_extreme(const struct visit *visit, const struct multiset *multiset,
                      struct window_view *view, bool greatest, union value *extreme);

/* What slots hold that were gathered; images: (count) words. */
struct values values_gather(const struct slot_view *slots, uint32_t count, bool is_key,
                            uint64_t *images);

/* Gives back the trees of a row that is to be forgotten. */
void multisets_forget(const struct entity *entity, struct state *state, uint64_t row);

#endif
