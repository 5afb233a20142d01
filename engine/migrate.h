/* From one configuration to the next: what is unchanged keeps its state, what is new or changed
 * begins anew, and both are said.  The unit is the column: a window of an entity, a model, a
 * detector, the labels' history; each has a fingerprint of its kind, options and inputs.  New
 * windows of an entity that is kept are filled from its ring where the ring holds their arguments.
 */
#ifndef ENGINE_MIGRATE_H
#define ENGINE_MIGRATE_H

#include "engine/pipeline.h"

enum migration { MIGRATION_KEPT, MIGRATION_REFILLED, MIGRATION_ANEW, MIGRATION_GONE };

struct migration_line {
    enum migration outcome;
    char part[320]; /* "feature card_count_1h", "model fraud", "entity card", "labels" */
    char why[192];  /* ANEW, REFILLED: "new", "its options have changed", ...; else "" or counts */
};

struct migration_report {
    uint32_t count, capacity;
    struct migration_line *lines; /* grows; migration_report_close frees */
};

/* "kept", "refilled", "anew", "gone". */
const char *migration_name(enum migration outcome);

void migration_report_close(struct migration_report *report);

/* Fills `to`, which has just been started fresh, from `from`, which is as its fold left it.  Both
 * are whole pipelines.  With `to->state` not mapped yet (only built), reports what would happen;
 * `from` need not be mapped then either. */
void migrate(struct pipeline *to, const struct pipeline *from, struct migration_report *report);

#endif
