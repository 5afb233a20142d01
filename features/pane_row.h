/* Where panes stand in their row; for those who write them (pane.h). */
#ifndef FEATURES_PANE_ROW_H
#define FEATURES_PANE_ROW_H

#include "features/pane.h"

static inline const struct panes_head *panes_head_of(const struct visit *visit)
{
    return state_read(visit->state, visit->entity->panes_region, visit_head(visit)->panes - 1u);
}

static inline struct panes_head *panes_head_write(const struct visit *visit)
{
    return state_write(visit->state, visit->entity->panes_region, visit_head(visit)->panes - 1u, 0,
                       sizeof(struct panes_head));
}

static inline struct panes *panes_write(const struct visit *visit, const struct frame *frame)
{
    uint64_t size =
        sizeof(struct panes) + frame->cells_size + (uint64_t)PANES_MAX * frame->pane_size;
    return state_write(visit->state, visit->entity->panes_region, visit_head(visit)->panes - 1u,
                       frame->panes, size);
}

static inline const struct panes *panes_of(const struct visit *visit, const struct frame *frame)
{
    const uint8_t *row =
        state_read(visit->state, visit->entity->panes_region, visit_head(visit)->panes - 1u);
    return (const struct panes *)(row + frame->panes);
}

static inline uint32_t panes_count(const struct panes *panes)
{
    return (uint32_t)__builtin_popcountll(panes->used);
}

/* The pane with an index; the one at a place, from the oldest. */
static inline struct pane *pane_of(const struct panes *panes, const struct frame *frame,
                                   uint32_t index)
{
    uint8_t *first = (uint8_t *)(uintptr_t)(panes + 1) + frame->cells_size;
    return (struct pane *)(first + (size_t)index * frame->pane_size);
}

static inline struct pane *pane_at(const struct panes *panes, const struct frame *frame,
                                   uint32_t place)
{
    return pane_of(panes, frame, panes->order[place]);
}

static inline uint8_t *pane_cells(struct pane *pane)
{
    return (uint8_t *)(pane + 1);
}

/* Forgets panes, and makes the total anew. */
void panes_refresh(const struct visit *visit, const struct frame *frame, struct panes *panes,
                   int64_t now_ms);

#endif
