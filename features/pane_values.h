/* What the panes of a frame keep of the values of its multisets: to each question that is asked a
 * sketch that answers it (past_values.h), in the cells of each pane and of the total.
 *
 *     cells of a multiset | count, extremes | distinct | quantiles | frequencies | sample |
 *     row of panes, behind all frames       | elsewhere | elsewhere of the sample |
 *
 * Frequencies of a value are those of the spilled and those in slots together, so the counters of
 * the total know how many of their values are in slots, and so does its sample: what they have
 * elsewhere follows whatever enters or leaves. */
#ifndef FEATURES_PANE_VALUES_H
#define FEATURES_PANE_VALUES_H

#include "features/pane.h"

/* Gives a multiset its places in the cells of panes; returns their new size. */
uint32_t pane_values_plan(struct multiset *multiset, uint32_t cells_size);

/* A value is spilled into the cells of a pane, or into the total. */
void pane_values_add(const struct visit *visit, const struct frame *frame,
                     const struct multiset *multiset, uint8_t *cells, uint64_t image);

/* A value has entered. */
void pane_values_see(const struct multiset *multiset, uint8_t *cells, uint64_t image);

void pane_values_join(const struct multiset *multiset, uint8_t *cells, const uint8_t *other);

/* The total was made anew: what else it knows follows. */
void pane_values_settle(const struct visit *visit, const struct frame *frame);

/* A value of the frame's slots came (1) or went (-1); the entity has panes. */
void pane_values_held(const struct visit *visit, const struct multiset *multiset, uint64_t image,
                      int32_t change);

/* The label of a spilled event changes from 0 to 1 or back. */
void pane_values_correct(const struct visit *visit, const struct frame *frame,
                         const struct multiset *multiset, uint8_t *cells, double change);

/* Copies what both know from the cells of another plan. */
void pane_values_move(const struct multiset *to_multiset, uint8_t *to,
                      const struct multiset *from_multiset, const uint8_t *from);

/* Adds to the values of slots what the frame's total knows; or the one in the entity's scratch,
 * gathered for an event that comes late (panes_at), to values that were gathered for it, too. */
void pane_values_show(const struct visit *visit, const struct multiset *multiset,
                      const uint8_t *total, struct values *values);
void pane_values_show_late(const struct visit *visit, const struct multiset *multiset,
                           struct values *values);

#endif
