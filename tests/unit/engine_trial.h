/* What the tests of the engine share: a pipeline out of a text, records put into its batch by hand,
 * and a clock that goes on by itself. */
#ifndef TESTS_UNIT_ENGINE_TRIAL_H
#define TESTS_UNIT_ENGINE_TRIAL_H

#include "base/clock.h"
#include "engine/pipeline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct trial {
    struct config config;
    struct pipeline pipeline;
    struct batch batch;
    int64_t offset; /* of the next record */
};

/* Every call is a microsecond later than the one before. */
static inline uint64_t trial_monotonic_ns(void *self)
{
    uint64_t *now_ns = self;
    return *now_ns += 1000;
}

static inline int64_t trial_wall_ms(void *self)
{
    uint64_t *now_ns = self;
    return (int64_t)(*now_ns / 1000000U);
}

/* A configuration that must be good; JSON with ' in place of ", so that it reads well in C. */
static inline struct trial *trial_new(const char *text)
{
    struct trial *trial = calloc(1, sizeof *trial);
    char *json = strdup(text);
    assert_non_null(trial);
    assert_non_null(json);
    for (char *at = json; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    struct findings findings = {0};
    bool good = config_read_text(&trial->config, "trial", json, strlen(json), &findings) &&
                pipeline_build(&trial->pipeline, &trial->config, &findings);
    if (!good) {
        config_print_findings(&trial->config, &findings);
        fail_msg("%u findings", findings.count);
    }
    findings_close(&findings);
    free(json);
    return trial;
}

static inline struct trial *trial_open(const char *text)
{
    struct trial *trial = trial_new(text);
    struct failure failure = {0};
    if (pipeline_start(&trial->pipeline, NULL, &failure) != STATUS_OK ||
        pipeline_batch(&trial->pipeline, &trial->batch, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    return trial;
}

static inline void trial_close(struct trial *trial)
{
    batch_close(&trial->batch);
    pipeline_close(&trial->pipeline);
    config_close(&trial->config);
    free(trial);
}

/* Adds a record; returns its row. */
static inline uint32_t trial_add(struct trial *trial, enum record_kind kind, const char *text)
{
    const struct position position = {.input = kind == RECORD_LABEL, .offset = trial->offset++};
    assert_true(batch_add(&trial->batch, kind, position, text, strlen(text)));
    trial->batch.time_ms[trial->batch.count - 1] = 0;
    return trial->batch.count - 1;
}

static inline const struct fold_row *trial_fold(const struct trial *trial)
{
    return pipeline_fold(&trial->pipeline);
}

#endif
