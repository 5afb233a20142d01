/* Migration from part to part; see migrate.h. */
#include "engine/migrate.h"
#include "base/state_copy.h"
#include "engine/migrate_parts.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_FIRST = 64 };

const char *migration_name(enum migration outcome)
{
    static const char *const names[] = {[MIGRATION_KEPT] = "kept",
                                        [MIGRATION_REFILLED] = "refilled",
                                        [MIGRATION_ANEW] = "anew",
                                        [MIGRATION_GONE] = "gone"};
    return names[outcome];
}

void migration_report_close(struct migration_report *report)
{
    free(report->lines);
    *report = (struct migration_report){0};
}

static struct migration_line *line_add(struct migration_report *report)
{
    if (report->count == report->capacity) {
        report->capacity = report->capacity ? 2 * report->capacity : LINES_FIRST;
        report->lines = realloc(report->lines, report->capacity * sizeof *report->lines);
        ASSERT(report->lines);
    }
    return &report->lines[report->count++];
}

void migration_add(const struct migration_work *work, enum migration outcome, const char *noun,
                   const char *name, const char *format, ...)
{
    struct migration_line *line = line_add(work->report);
    memset(line, 0, sizeof *line);
    line->outcome = outcome;
    snprintf(line->part, sizeof line->part, "%s%s%s", noun, name[0] ? " " : "", name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->why, sizeof line->why, format, arguments);
    va_end(arguments);
}

/* Where the inputs are read on, how far their times have come, and which entry of the journal this
 * state stands behind. */
static void move_journal(const struct migration_work *work)
{
    struct state *to = &work->to->state;
    const struct state *from = &work->from->state;
    state_copy_rows(to, work->to->lanes.region, from, work->from->lanes.region);
    state_copy_rows(to, work->to->partitions_region, from, work->from->partitions_region);
    state_set_journal(to, from->directory->sequence, from->directory->chain);
}

static bool keys_differ(const struct pipeline *to, const struct pipeline *from)
{
    const struct hash_key *new = &to->config->key, *old = &from->config->key;
    return new->low != old->low || new->high != old->high;
}

void migrate(struct pipeline *to, const struct pipeline *from, struct migration_report *report)
{
    struct migration_work work = {.to = to, .from = from, .report = report};
    work.moves = to->state.bytes != NULL;
    work.rehashed = keys_differ(to, from);
    work.to_features =
        (struct features_side){to->features, &to->program, &to->state, work.rehashed};
    /* Only read; the walk over its slots is the one that live events use, which may write. */
    struct state *from_state = (struct state *)(uintptr_t)&from->state;
    work.from_features =
        (struct features_side){from->features, &from->program, from_state, work.rehashed};
    work.to_models = (struct models_side){to->models, &to->program, work.rehashed};
    work.from_models = (struct models_side){from->models, &from->program, work.rehashed};
    ASSERT(!work.moves || from->state.bytes);
    if (work.moves)
        move_journal(&work);
    migrate_fold(&work);
    migrate_history(&work);
    migrate_entities(&work);
    migrate_features(&work);
    migrate_models(&work);
    migrate_monitor(&work);
}
