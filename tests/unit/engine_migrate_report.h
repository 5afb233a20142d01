/* A move of a state between pipelines, and what is said of it. */
#ifndef TESTS_UNIT_ENGINE_MIGRATE_REPORT_H
#define TESTS_UNIT_ENGINE_MIGRATE_REPORT_H

#include "engine/migrate.h"
#include "tests/unit/engine_trial.h"

/* Moves the old one's state to the new one, which it returns, and closes the old one. */
static inline struct trial *move_to(struct trial *new, struct trial *old,
                                    struct migration_report *report)
{
    *report = (struct migration_report){0};
    migrate(&new->pipeline, &old->pipeline, report);
    trial_close(old);
    return new;
}

static inline void check_line(const struct migration_report *report, const char *part,
                              enum migration outcome, const char *why)
{
    for (uint32_t i = 0; i < report->count; i++) {
        const struct migration_line *line = &report->lines[i];
        if (strcmp(line->part, part) != 0)
            continue;
        if (line->outcome != outcome || !strstr(line->why, why) || (!why[0] && line->why[0]))
            fail_msg("%s: %s: %s", part, migration_name(line->outcome), line->why);
        return;
    }
    fail_msg("nothing is said of %s", part);
}

#endif
