/* A source out of tables, for tests of the merge: what each lane shows, when it waits, ends,
 * breaks, and where it was placed. */
#ifndef TESTS_UNIT_INGEST_SCRIPT_H
#define TESTS_UNIT_INGEST_SCRIPT_H

#include "ingest/source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SCRIPT_LANES = 3, SCRIPT_RECORDS = 64 };

struct script {
    uint32_t lanes;
    uint32_t count[SCRIPT_LANES], at[SCRIPT_LANES];
    bool waits[SCRIPT_LANES]; /* RETRY after the last record rather than END */
    bool comes[SCRIPT_LANES]; /* more records are on their way */
    int64_t time_ms[SCRIPT_LANES][SCRIPT_RECORDS];
    size_t size;
    bool breaks; /* STOP after the last record */
    bool away;   /* places nothing now */
    bool forbidden;
    int64_t committed[SCRIPT_LANES];
    bool is_placed[SCRIPT_LANES];
    int64_t place[SCRIPT_LANES];   /* where it was placed */
    uint32_t peeked[SCRIPT_LANES]; /* times */
    uint32_t gap_at, gap;          /* offsets from record gap_at on are larger by gap */
};

static uint32_t script_lane_count(void *self)
{
    return ((struct script *)self)->lanes;
}

static enum status script_peek(void *self, uint32_t lane, struct record *record,
                               struct failure *failure)
{
    struct script *script = self;
    static const char bytes[BATCH_PAYLOAD_MAX + 1];
    script->peeked[lane]++;
    if (script->at[lane] == script->count[lane] && script->breaks)
        return failure_set(failure, STATUS_STOP, "the disk is gone");
    if (script->at[lane] == script->count[lane])
        return script->waits[lane] ? STATUS_RETRY : STATUS_END;
    *record = (struct record){
        .bytes = bytes,
        .size = script->size,
        .partition = (int32_t)lane,
        .offset = 100 + script->at[lane] + (script->at[lane] >= script->gap_at ? script->gap : 0),
        .timestamp_ms = script->time_ms[lane][script->at[lane]],
    };
    return STATUS_OK;
}

static void script_take(void *self, uint32_t lane)
{
    ((struct script *)self)->at[lane]++;
}

static bool script_has_more(void *self, uint32_t lane)
{
    return ((struct script *)self)->comes[lane];
}

static enum status script_commit(void *self, const int64_t *next_offsets, struct failure *failure)
{
    (void)failure;
    struct script *script = self;
    memcpy(script->committed, next_offsets, script->lanes * sizeof *next_offsets);
    return STATUS_OK;
}

static enum status script_place(void *self, uint32_t lane, int64_t *offset, struct failure *why)
{
    struct script *script = self;
    if (script->away)
        return failure_set(why, STATUS_RETRY, "the broker is away");
    if (script->forbidden)
        return failure_set(why, STATUS_STOP, "not allowed");
    assert_true(lane < script->lanes && !script->is_placed[lane]);
    script->is_placed[lane] = true;
    script->place[lane] = *offset;
    if (*offset > 100)
        script->at[lane] = (uint32_t)(*offset - 100);
    if (*offset < 0)
        *offset = 100; /* where a first reading begins */
    return STATUS_OK;
}

static void script_close(void *self)
{
    (void)self;
}

static const struct source_kind script_kind = {
    .name = "script",
    .lane_count = script_lane_count,
    .peek = script_peek,
    .take = script_take,
    .has_more = script_has_more,
    .place = script_place,
    .commit = script_commit,
    .close = script_close,
};

#endif
