/* Entities with their rows, and what that means for each feature; see migrate.h. */
#include "base/calendar.h"
#include "engine/migrate_parts.h"
#include "features/silence.h"
#include <stdio.h>
#include <string.h>

static const char rehashed_why[] = "the key that identifiers are hashed with has changed";

static void report_entity(const struct migration_work *work, const char *name, bool found,
                          const struct entity_moved *moved)
{
    if (!found)
        migration_add(work, MIGRATION_ANEW, "entity", name, "new");
    else if (work->rehashed)
        migration_add(work, MIGRATION_ANEW, "entity", name, "%s", rehashed_why);
    else if (!work->moves)
        migration_add(work, MIGRATION_KEPT, "entity", name, "%s", "");
    else if (moved->left_out)
        migration_add(work, MIGRATION_KEPT, "entity", name,
                      "%llu kept; %llu, idle longest, found no room",
                      (unsigned long long)moved->kept, (unsigned long long)moved->left_out);
    else
        migration_add(work, MIGRATION_KEPT, "entity", name, "%llu kept",
                      (unsigned long long)moved->kept);
}

static void report_silence(const struct migration_work *work, const char *name, bool found,
                           const struct entity_moved *moved)
{
    unsigned long long kept = moved->kept, left_out = moved->left_out;
    if (!found)
        migration_add(work, MIGRATION_ANEW, "silence of", name, "%s",
                      "who speaks from now on is watched");
    else if (!work->moves && !left_out)
        migration_add(work, MIGRATION_KEPT, "silence of", name, "%s", "");
    else if (!work->moves)
        migration_add(work, MIGRATION_KEPT, "silence of", name,
                      "there is room for %llu fewer: if so many are watched, those silent longest "
                      "are left off",
                      left_out);
    else if (left_out)
        migration_add(work, MIGRATION_KEPT, "silence of", name,
                      "%llu kept; %llu, silent longest, found no room", kept, left_out);
    else
        migration_add(work, MIGRATION_KEPT, "silence of", name, "%llu kept", kept);
}

/* Who is watched, and since when. */
static void migrate_silences(const struct migration_work *work)
{
    for (uint32_t i = 0; i < features_silence_count(work->to->features); i++) {
        struct silence_report report;
        char name[sizeof((struct entity_setting *)0)->name + 32];
        struct entity_moved moved;
        bool found = features_move_silence(&work->to_features, i, &work->from_features, &moved);
        features_silence_report(work->to->features, NULL, i, &report);
        snprintf(name, sizeof name, "%s %llds", report.entity,
                 (long long)(report.span_ms / SECOND_MS));
        report_silence(work, name, found, &moved);
    }
}

void migrate_entities(const struct migration_work *work)
{
    const struct features *to = work->to->features, *from = work->from->features;
    if (work->moves && !work->rehashed)
        features_move_bursts(&work->to_features, &work->from_features);
    migrate_silences(work);
    for (uint32_t i = 0; i < features_entity_count(to); i++) {
        const char *name = features_entity_name(to, i);
        uint32_t source = features_find_entity(from, name);
        struct entity_moved moved = {0, 0};
        if (work->moves && !work->rehashed && source != UINT32_MAX)
            features_move_entity(&work->to_features, i, &work->from_features, source, &moved);
        report_entity(work, name, source != UINT32_MAX, &moved);
    }
    for (uint32_t i = 0; i < features_entity_count(from); i++)
        if (features_find_entity(to, features_entity_name(from, i)) == UINT32_MAX)
            migration_add(work, MIGRATION_GONE, "entity", features_entity_name(from, i),
                          "no window is taken by it any more");
}

static uint32_t find_feature(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->feature_count; i++)
        if (strcmp(config->feature[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

static void report_feature(const struct migration_work *work, const char *name, bool known,
                           const struct features_fate *fate)
{
    static const struct {
        enum migration outcome;
        const char *why;
    } rows[] = {
        [WINDOW_KEPT] = {MIGRATION_KEPT, ""},
        [WINDOW_TAKEN] = {MIGRATION_REFILLED, "from a window that kept the same"},
        [WINDOW_FILLED] = {MIGRATION_REFILLED, "from the events that its entity keeps"},
        [WINDOW_PART] = {MIGRATION_REFILLED, "from the events that its entity keeps"},
        [WINDOW_UNHELD] = {MIGRATION_ANEW, "the events that its entity keeps do not hold what it "
                                           "looks at"},
        [WINDOW_EVENTLESS] = {MIGRATION_ANEW, "its entity keeps no events to fill it from"},
        [WINDOW_UNCOUNTED] = {MIGRATION_ANEW, "a burst counts from now on, none kept the same"},
        [WINDOW_ENTITYLESS] = {MIGRATION_ANEW, "its entity is new, too"},
        [WINDOW_REHASHED] = {MIGRATION_ANEW, rehashed_why},
    };
    const char *first = fate->fate == WINDOW_KEPT       ? ""
                        : fate->fate == WINDOW_REHASHED ? ""
                        : known                         ? "changed: "
                                                        : "new: ";
    char bytes[32];
    struct buffer span;
    buffer_init(&span, bytes, sizeof bytes - 1);
    if (fate->fate == WINDOW_PART && fate->reach_ms > 0)
        duration_format(&span, fate->reach_ms / SECOND_MS * SECOND_MS);
    bytes[span.size] = '\0';
    bool spilled = fate->loses_panes && rows[fate->fate].outcome != MIGRATION_ANEW;
    migration_add(work, rows[fate->fate].outcome, "feature", name, "%s%s%s%s%s", first,
                  rows[fate->fate].why, span.size ? ", which reach back " : "", bytes,
                  !spilled                    ? ""
                  : fate->fate == WINDOW_KEPT ? "but not what was spilled past events_max"
                                              : "; not what was spilled past events_max");
}

void migrate_features(const struct migration_work *work)
{
    const struct pipeline *to = work->to, *from = work->from;
    for (uint32_t i = 0; i < to->config->feature_count; i++) {
        const char *name = to->config->feature[i].name;
        const struct features_fate fate =
            features_fate(&work->to_features, &work->from_features, to->feature_value[i]);
        if (fate.has_window)
            report_feature(work, name, find_feature(from->config, name) != UINT32_MAX, &fate);
    }
    for (uint32_t i = 0; i < from->config->feature_count; i++) {
        const char *name = from->config->feature[i].name;
        if (find_feature(to->config, name) == UINT32_MAX &&
            features_fate(&work->from_features, &work->from_features, from->feature_value[i])
                .has_window)
            migration_add(work, MIGRATION_GONE, "feature", name, "%s", "");
    }
}
