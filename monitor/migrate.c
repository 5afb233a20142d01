/* Keeping metrics and detectors; see migrate.h. */
#include "monitor/migrate.h"
#include "base/state_copy.h"
#include "monitor/watcher.h"
#include <string.h>

static const struct watcher *find_watcher(const struct monitor *monitor, const char *name)
{
    for (uint32_t i = 0; i < monitor->watcher_count; i++)
        if (strcmp(monitor->watcher[i].setting.name, name) == 0)
            return &monitor->watcher[i];
    return NULL;
}

enum detector_fate monitor_fate(const struct monitor *to, uint32_t detector,
                                const struct monitor *from)
{
    const struct detector_setting *new = &to->watcher[detector].setting;
    const struct watcher *watcher = find_watcher(from, new->name);
    if (!watcher)
        return DETECTOR_NEW;
    const struct detector_setting *old = &watcher->setting;
    if (new->kind != old->kind)
        return DETECTOR_OTHER_KIND;
    if (new->watched != old->watched || new->fingerprint != old->fingerprint)
        return DETECTOR_OTHER_SUBJECT;
    return watcher_fingerprint(new) == watcher_fingerprint(old) ? DETECTOR_KEPT
                                                                : DETECTOR_OTHER_OPTIONS;
}

/* The newest that fit, each at the place of its number. */
static void recent_move(const struct monitor *to, struct state *to_state,
                        const struct monitor *from, const struct state *from_state)
{
    const struct prequential_sums *sums = state_read(from_state, from->sums_region, 0);
    uint64_t fits =
        to->recent_labels < from->recent_labels ? to->recent_labels : from->recent_labels;
    uint64_t first = sums->labels > fits ? sums->labels - fits : 0;
    for (uint64_t number = first; number < sums->labels; number++) {
        struct prequential_row *row =
            state_write_row(to_state, to->recent_region, number % to->recent_labels);
        *row = *(const struct prequential_row *)state_read(from_state, from->recent_region,
                                                           number % from->recent_labels);
    }
}

void monitor_move(const struct monitor *to, struct state *to_state, const struct monitor *from,
                  const struct state *from_state)
{
    state_copy_rows(to_state, to->sums_region, from_state, from->sums_region);
    state_copy_rows(to_state, to->bins_region, from_state, from->bins_region);
    if (to->class_count == from->class_count)
        state_copy_rows(to_state, to->classes_region, from_state, from->classes_region);
    recent_move(to, to_state, from, from_state);
    for (uint32_t i = 0; i < to->watcher_count; i++)
        if (monitor_fate(to, i, from) == DETECTOR_KEPT)
            state_copy_rows(to_state, to->watcher[i].region, from_state,
                            find_watcher(from, to->watcher[i].setting.name)->region);
}
