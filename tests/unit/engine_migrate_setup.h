/* What the tests of migrations share: pipelines that differ in a few members, events put in one by
 * one, and what is said of the move. */
#ifndef TESTS_UNIT_ENGINE_MIGRATE_SETUP_H
#define TESTS_UNIT_ENGINE_MIGRATE_SETUP_H

#include "tests/unit/engine_migrate_report.h"

#define HEAD                                                                                       \
    "'memory': '64MiB', 'events': {'source': 'file', 'path': '-', 'fields': {'id': 'id', 'time': " \
    "'time', 'card': 'key', 'shop': {'type': 'key', 'default': 's'}, 'amount': {'type': "          \
    "'number', 'optional': true}, 'channel': {'type': 'enum', 'values': ['web', 'desk'%s], "       \
    "'default': 'desk'}}}, "
#define STREAM                                                                                     \
    "'labels': {'source': 'file', 'path': '-', 'fields': {'id': 'id', 'label': 'fraud'}, "         \
    "'remembered': %d%s}, "

enum { START_S = 1000000, TEXT = 4096 };

struct setup {
    const char *name, *choices, *lateness, *entities, *features, *more;
    int remembered; /* 0: no labels */
    const char *waits;
};

static inline struct trial *set_up(const struct setup *setup, bool started)
{
    char text[TEXT], labels[256] = "";
    if (setup->remembered)
        snprintf(labels, sizeof labels, STREAM, setup->remembered,
                 setup->waits ? setup->waits : "");
    snprintf(text, sizeof text,
             "{'name': '%s', 'lateness': %s, " HEAD "%s%s'entities': {%s}, 'features': {%s}}",
             setup->name ? setup->name : "moved", setup->lateness ? setup->lateness : "0",
             setup->choices ? setup->choices : "", labels, setup->more ? setup->more : "",
             setup->entities ? setup->entities : "", setup->features);
    return started ? trial_open(text) : trial_new(text);
}

/* Folds one event alone. */
static inline void event(struct trial *trial, int id, int64_t time_s, const char *card,
                         double amount)
{
    char text[200];
    snprintf(text, sizeof text,
             "{\"id\":\"e%d\",\"time\":%lld,\"card\":\"%s\",\"shop\":\"s\",\"amount\":%g}", id,
             (long long)(START_S + time_s), card, amount);
    batch_clear(&trial->batch);
    trial_add(trial, RECORD_EVENT, text);
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[0]);
}

static inline void label(struct trial *trial, int id, int truth)
{
    char text[100];
    snprintf(text, sizeof text, "{\"id\":\"e%d\",\"fraud\":%d}", id, truth);
    batch_clear(&trial->batch);
    trial_add(trial, RECORD_LABEL, text);
    step(&trial->pipeline, &trial->batch);
}

/* Of the event that was just folded. */
static inline double feature(const struct trial *trial, uint32_t index)
{
    return batch_column(&trial->batch, trial->pipeline.feature_value[index])[0].number;
}

static inline struct trial *move(struct trial *old, const struct setup *setup,
                                 struct migration_report *report)
{
    return move_to(set_up(setup, true), old, report);
}

#endif
