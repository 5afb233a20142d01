/* Panes by their definition: which of the slots that had to go a window still counts, told from the
 * order in which they went. */
#ifndef TESTS_PROPERTY_FEATURES_PANES_H
#define TESTS_PROPERTY_FEATURES_PANES_H

#include "features/form.h"
#include "features/multiset.h"
#include "features/pane.h"
#include "tests/property/features_fixture.h"
#include "tests/property/features_stream.h"

/* An event that had to go, as the frame's condition saw it then. */
struct gone {
    struct past *event;
    uint32_t by;
    int64_t at_ms; /* its entity's newest */
    bool joined;   /* into the window, at the moment that is asked about */
};

static inline const struct frame *frame_of_window(const struct entity *entity, uint32_t value)
{
    for (uint32_t i = 0; i < entity->window_count; i++)
        if (entity->window[i].value == value)
            return &entity->frame[entity->window[i].frame];
    return NULL;
}

static inline bool frame_sketches(const struct entity *entity, const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->multiset_count; i++)
        if (entity->multiset[frame->multiset_first + i].sketches)
            return true;
    return false;
}

static inline int64_t gone_leaves_ms(const struct entity *entity, const struct frame *frame,
                                     int64_t time_ms)
{
    return frame->form->leaves_ms(entity, frame, time_ms) + frame->delay_ms;
}

static inline bool same_pane(const struct entity *entity, const struct frame *frame, int64_t left,
                             int64_t right)
{
    return left / frame->pane_ms == right / frame->pane_ms &&
           (frame->form != &period_form ||
            gone_leaves_ms(entity, frame, left) == gone_leaves_ms(entity, frame, right));
}

/* Which of those gone, in the order in which they went, the frame counts at `time_ms`, when the
 * entity's newest event is of `newest_ms`; and are all of them in the order of their times? */
static inline bool gone_join(const struct entity *entity, const struct frame *frame,
                             struct gone *gone, uint32_t count, int64_t time_ms, int64_t newest_ms)
{
    bool in_order = true;
    static struct {
        int64_t newest_ms;
    } pane[RECORDS];
    for (uint32_t i = 0; i < count; i++) {
        int64_t own_ms = gone[i].event->time_ms;
        gone[i].joined =
            gone_leaves_ms(entity, frame, own_ms) + entity->lateness_ms > gone[i].at_ms;
        pane[i].newest_ms = own_ms;
        in_order &= i == 0 || own_ms >= gone[i - 1].event->time_ms;
        for (uint32_t j = 0; j < i && gone[i].joined; j++) {
            if (!gone[j].joined || !same_pane(entity, frame, own_ms, gone[j].event->time_ms))
                continue;
            if (gone_leaves_ms(entity, frame, pane[j].newest_ms) + entity->lateness_ms <=
                gone[i].at_ms)
                gone[j].joined = false; /* the pane was forgotten and began anew */
            else if (pane[j].newest_ms > pane[i].newest_ms)
                pane[i].newest_ms = pane[j].newest_ms;
        }
        for (uint32_t j = 0; j < i; j++)
            if (gone[j].joined && gone[i].joined &&
                same_pane(entity, frame, own_ms, gone[j].event->time_ms))
                pane[j].newest_ms = pane[i].newest_ms;
    }
    for (uint32_t i = 0; i < count; i++)
        gone[i].joined &=
            frame_holds(entity, frame, pane[i].newest_ms, time_ms) &&
            gone_leaves_ms(entity, frame, pane[i].newest_ms) + entity->lateness_ms > newest_ms;
    return in_order;
}

static inline bool passes_with(const struct expectation *window, const struct past *slot,
                               double label)
{
    if (window->and != VALUE_NONE && slot->value[window->and ].number != 1)
        return false;
    if (window->where == VALUE_NONE)
        return true;
    bool rest = slot->value[window->where].number == 1;
    return window->where_label == LABEL_IS_1_AND  ? label == 1 && rest
           : window->where_label == LABEL_IS_0_OR ? label == 0 || rest
                                                  : rest;
}

static inline bool passes(const struct expectation *window, const struct past *slot)
{
    return passes_with(window, slot, slot->label);
}

static inline int gone_order(const void *left, const void *right)
{
    const struct gone *a = left, *b = right;
    uint64_t first = 0, second = 0;
    for (uint32_t by = 1; by <= 3; by++) {
        first += a->event->spilled[by] * (a->by == by);
        second += b->event->spilled[by] * (b->by == by);
    }
    return first < second ? -1 : first > second;
}

/* Those gone that the window could count, in the order in which they went. */
static inline uint32_t gone_list(const struct expectation *window, struct past *past,
                                 uint32_t past_count, uint64_t key, struct gone *gone)
{
    uint32_t count = 0, by = window->by;
    for (uint32_t i = 0; i < past_count; i++)
        if (past[i].spilled[by] && past[i].key[by] == key &&
            passes_with(window, &past[i], past[i].spilled_label[by]))
            gone[count++] =
                (struct gone){.event = &past[i], .by = by, .at_ms = past[i].dropped_ms[by]};
    qsort(gone, count, sizeof *gone, gone_order);
    return count;
}

static inline bool is_one_of(const char *kind, const char *kinds)
{
    const char *found = strstr(kinds, kind);
    return found && (found == kinds || found[-1] == ' ') &&
           (found[strlen(kind)] == ' ' || !found[strlen(kind)]);
}

#endif
