/* How long the stretches of a frame's panes are, and where panes stand; see pane.h.
 *
 * An event matters while it has not left the frame for longer than the lateness.  So at one moment
 * those that matter lie within reach = span + delay + lateness of the newest, that is in no more
 * than reach / pane_ms + 2 stretches.  Calendar periods cut stretches in two where they end, which
 * in a reach happens (delay + lateness) / period + 2 times. */
#include "base/calendar.h"
#include "features/form.h"
#include "features/moment.h"
#include "features/pane.h"
#include "features/pane_values.h"

enum {
    STRETCHES_SPAN = 60,
    STRETCHES_PERIOD = 40,
    PERIODS_MAX = 12,
    COARSEST_PART = 4, /* a stretch of more than a fourth of the span says nothing */
};

static const int64_t least_period_ms[] = {[PERIOD_HOUR] = HOUR_MS,
                                          [PERIOD_DAY] = DAY_MS,
                                          [PERIOD_WEEK] = 7LL * DAY_MS,
                                          [PERIOD_MONTH] = 28LL * DAY_MS,
                                          [PERIOD_YEAR] = 365LL * DAY_MS};

/* 0: the frame can have no panes. */
static int64_t stretch_ms(const struct entity *entity, const struct frame *frame)
{
    if (!frame->form->leaves_ms || frame->window_count == 0)
        return 0;
    int64_t before_ms = frame->delay_ms + entity->lateness_ms;
    int64_t reach_ms = frame->form->bound_ms(frame) + before_ms;
    if (frame->form == &span_form) {
        int64_t found_ms = reach_ms / STRETCHES_SPAN + 1;
        return found_ms <= frame->span_ms / COARSEST_PART ? found_ms : 0;
    }
    bool few = before_ms <= PERIODS_MAX * least_period_ms[frame->extent];
    return few ? reach_ms / STRETCHES_PERIOD + 1 : 0;
}

int64_t frame_error_ms(const struct frame *frame)
{
    bool exact = frame->form == &period_form && frame->delay_ms == 0;
    return frame->panes == INDEX_NONE || exact ? 0 : frame->pane_ms;
}

static void cells_plan(struct entity *entity, struct frame *frame)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        struct moment *moment = &entity->moment[frame->moment_first + i];
        moment->pane = size;
        size += moment_size(moment->needs);
    }
    for (uint32_t i = 0; i < frame->multiset_count; i++) {
        struct multiset *multiset = &entity->multiset[frame->multiset_first + i];
        size = pane_values_plan(multiset, size);
    }
    for (uint32_t i = 0; i < frame->window_count; i++) {
        struct window *window = &entity->window[frame->window_first + i];
        window->pane = window->kind->join ? size : INDEX_NONE;
        size += window->kind->join ? window->kind->value_size : 0;
        frame->pane_ordered |= window->kind->join != NULL;
    }
    frame->cells_size = size;
    frame->pane_size = (uint32_t)sizeof(struct pane) + size;
}

/* Behind the frames. */
static uint64_t held_plan(struct entity *entity, uint64_t offset)
{
    for (uint32_t i = 0; i < entity->multiset_count; i++) {
        struct multiset *multiset = &entity->multiset[i];
        bool wanted = entity->frame[multiset->frame].panes != INDEX_NONE && multiset->counts;
        multiset->held = wanted ? (uint32_t)offset : INDEX_NONE;
        offset += wanted ? sizeof(struct elsewhere) : 0;
        wanted &= multiset->spreads;
        multiset->sample_held = wanted ? (uint32_t)offset : INDEX_NONE;
        offset += wanted ? VALUE_SAMPLE * sizeof(uint32_t) : 0;
    }
    return offset;
}

void panes_plan(struct entity *entity)
{
    uint64_t offset = sizeof(struct panes_head);
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        struct frame *frame = &entity->frame[i];
        frame->panes = INDEX_NONE;
        frame->pane_ms = entity->has_slots ? stretch_ms(entity, frame) : 0;
        if (frame->pane_ms == 0)
            continue;
        cells_plan(entity, frame);
        frame->panes = (uint32_t)offset;
        offset += sizeof(struct panes) + frame->cells_size + (uint64_t)PANES_MAX * frame->pane_size;
    }
    uint64_t size = held_plan(entity, offset);
    entity->panes_size = offset > sizeof(struct panes_head) ? (uint32_t)size : 0;
}
