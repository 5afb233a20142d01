/* The parts of a migration, each in a file of its own (migrate_*.c), and what they share. */
#ifndef ENGINE_MIGRATE_PARTS_H
#define ENGINE_MIGRATE_PARTS_H

#include "engine/migrate.h"
#include "features/migrate.h"
#include "models/migrate.h"
#include "monitor/migrate.h"

struct migration_work {
    struct pipeline *to;
    const struct pipeline *from;
    struct migration_report *report;
    bool moves;    /* the states are mapped; otherwise only the report is made */
    bool rehashed; /* identifiers are hashed with another key: nothing is found by them */
    struct features_side to_features, from_features;
    struct models_side to_models, from_models;
};

void migration_add(const struct migration_work *work, enum migration outcome, const char *noun,
                   const char *name, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Entities and features (migrate_features.c). */
void migrate_entities(const struct migration_work *work);
void migrate_features(const struct migration_work *work);

/* The fold's own row, events and examples, early labels (migrate_history.c). */
void migrate_fold(const struct migration_work *work);
void migrate_history(const struct migration_work *work);

/* Models, detectors, metrics (migrate_models.c). */
void migrate_models(const struct migration_work *work);
void migrate_monitor(const struct migration_work *work);

#endif
