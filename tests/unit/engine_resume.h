/* What the tests of saving and coming back share: records of a small stream, folded into a
 * pipeline, whose state goes through the bytes of a snapshot while the fold goes on. */
#ifndef TESTS_UNIT_ENGINE_RESUME_H
#define TESTS_UNIT_ENGINE_RESUME_H

#include "base/random.h"
#include "engine/snapshot.h"
#include "engine/snapshot_names.h"
#include "engine/step.h"
#include "tests/unit/engine_memory_disk.h"
#include "tests/unit/engine_trial.h"

enum { RESUME_RECORDS = 1000 };

/* One event: positives lie out, some numbers are missing. */
static inline void resume_record(uint64_t number, char *text, size_t size)
{
    static const char *const colours[] = {"red", "green", "blue"};
    struct random random;
    random_seed(&random, 1000 + number);
    int label = random_below(&random, 5) == 0;
    double x1 = floor(random_uniform(&random) * 1000) / 100 + 4 * label;
    double x2 = floor(random_uniform(&random) * 1000) / 500 - label;
    double x3 = floor(random_uniform(&random) * 8);
    unsigned colour = (unsigned)random_below(&random, 3),
             from = (unsigned)random_below(&random, 30);
    char missing[48] = "";
    if (random_below(&random, 10))
        snprintf(missing, sizeof missing, "\"x2\": %.3f, ", x2);
    snprintf(text, size,
             "{\"x1\": %.2f, %s\"x3\": %.0f, \"open\": %s, \"colour\": \"%s\", \"card\": \"c%u\", "
             "\"shop\": \"s%u\", \"fraud\": %d}",
             x1, missing, x3, x3 > 3 ? "true" : "false", colours[colour], from, from % 7, label);
}

#define RESUME_EVENTS                                                                              \
    "'events': {'source': 'file', 'path': 'x.jsonl', 'fields': {'x1': 'number',"                   \
    "'x2': {'type': 'number', 'optional': true}, 'x3': 'number', 'open': 'boolean',"               \
    "'colour': {'type': 'enum', 'values': ['red', 'green', 'blue']}, 'card': 'key',"               \
    "'shop': 'key'}}, 'labels': {'event_field': 'fraud', 'delay': '7s', 'remembered': 500}"

/* Folds the records from `from` up to `to`, in batches of a size that the random draws. */
static inline void resume_fold(struct trial *trial, uint64_t from, uint64_t to,
                               struct random *random)
{
    char text[512];
    while (from < to) {
        uint64_t until = from + 1 + random_below(random, 40);
        for (until = until < to ? until : to; from < until; from++) {
            resume_record(from, text, sizeof text);
            trial_add(trial, RECORD_EVENT, text);
        }
        step(&trial->pipeline, &trial->batch);
        for (uint32_t row = 0; row < trial->batch.count; row++)
            assert_false(trial->batch.dead[row]);
        batch_clear(&trial->batch);
    }
}

static inline void resume_begin(struct trial *trial, struct snapshots *snapshots, uint64_t sequence)
{
    struct snapshot_facts facts = {.pipeline = "resume",
                                   .program = "test",
                                   .sequence = sequence,
                                   .chain = 1,
                                   .configuration = trial->config.text,
                                   .configuration_size = trial->config.text_size};
    state_set_journal(&trial->pipeline.state, sequence, 1);
    snapshots_begin(snapshots, &trial->pipeline.state, &facts);
    snapshots_commit(snapshots, 1);
}

static inline void resume_finish(struct snapshots *snapshots)
{
    struct snapshot_facts facts;
    while (snapshots_turn(snapshots, &facts) != STATUS_OK) {
        assert_true(snapshots_busy(snapshots));
        snapshots_step(snapshots, 1000);
    }
    snapshot_facts_close(&facts);
}

/* A new process: the pipeline out of its text, the state out of the snapshot. */
static inline struct trial *resume_load(const char *text, const struct disk *disk,
                                        uint64_t sequence)
{
    struct trial *trial = trial_new(text);
    struct snapshot_facts facts;
    struct failure failure;
    struct state state;
    char name[DISK_NAME_MAX];
    snapshot_name(name, sequence);
    if (snapshot_load(disk, name, &state, &facts, NULL, NULL, &failure) != STATUS_OK ||
        pipeline_adopt(&trial->pipeline, &state, &failure) != STATUS_OK ||
        pipeline_batch(&trial->pipeline, &trial->batch, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    snapshot_facts_close(&facts);
    return trial;
}

#endif
