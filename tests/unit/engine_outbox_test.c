/* The outbox under an engine: sources that keep account of what is committed, sinks that are full,
 * late and out of phase.  Whatever they do, no position is committed before every output before it
 * is safe. */
#include "base/random.h"
#include "engine/engine.h"
#include "tests/unit/engine_trial.h"

enum { LANES = 3, RECORDS_MAX = 140000, OUTPUTS_MAX = 1 << 18, SEQUENCES_MAX = 1 << 14 };

static const char config_text[] =
    "{'name': 'outbox', 'memory': '64MiB', 'commit': '5ms',"
    "'events': {'source': 'file', 'path': '-', 'fields': {'id': 'id', 'time': 'time'}},"
    "'labels': {'source': 'file', 'path': '-', 'fields': {'id': 'id', 'label': 'fraud'},"
    "  'remembered': 10}}";

/* ---- the source ---- */

struct fake_source {
    uint32_t lane_count;
    int64_t count; /* records a lane */
    int64_t next[LANES], committed[LANES];
    const char *constant; /* every record, NULL: events and now and then a dead one */
    char bytes[LANES][96];
    int commit_retries; /* the next commits fail, so many of them */
    enum status commit_status;
    int64_t stops_at;  /* peeking this record fails; -1: none */
    bool *safe[LANES]; /* (count) outputs of the record are acknowledged */
};

static uint32_t source_lanes(void *self)
{
    return ((struct fake_source *)self)->lane_count;
}

static enum status source_peek(void *self, uint32_t lane, struct record *record,
                               struct failure *failure)
{
    struct fake_source *source = self;
    int64_t at = source->next[lane];
    if (at == source->stops_at)
        return failure_set(failure, STATUS_STOP, "the source is lost");
    if (at == source->count)
        return STATUS_END;
    char *bytes = source->bytes[lane];
    if (source->constant)
        snprintf(bytes, sizeof source->bytes[lane], "%s", source->constant);
    else
        snprintf(bytes, sizeof source->bytes[lane],
                 at % 7 == 3 ? "{\"id\":" : "{\"id\":\"%u-%lld\",\"time\":%lld}", lane,
                 (long long)at, (long long)at + 1000);
    *record = (struct record){.bytes = bytes,
                              .size = strlen(bytes),
                              .partition = (int32_t)lane,
                              .offset = at,
                              .timestamp_ms = at};
    return STATUS_OK;
}

static void source_take(void *self, uint32_t lane)
{
    ((struct fake_source *)self)->next[lane]++;
}

static int source_descriptor(void *self)
{
    (void)self;
    return -1;
}

/* The point of it all. */
static enum status source_commit(void *self, const int64_t *next_offsets, struct failure *failure)
{
    struct fake_source *source = self;
    for (uint32_t lane = 0; lane < source->lane_count; lane++) {
        assert_true(next_offsets[lane] >= source->committed[lane] || next_offsets[lane] == -1);
        assert_true(next_offsets[lane] <= source->next[lane]);
        for (int64_t at = source->committed[lane]; source->safe[lane] && at < next_offsets[lane];
             at++)
            assert_true(source->safe[lane][at]);
    }
    if (source->commit_status != STATUS_OK)
        return failure_set(failure, source->commit_status, "the commit was refused");
    if (source->commit_retries > 0 && source->commit_retries--)
        return failure_set(failure, STATUS_RETRY, "the broker is away");
    for (uint32_t lane = 0; lane < source->lane_count; lane++)
        if (next_offsets[lane] >= 0)
            source->committed[lane] = next_offsets[lane];
    return STATUS_OK;
}

static void source_close(void *self)
{
    struct fake_source *source = self;
    for (uint32_t lane = 0; lane < LANES; lane++)
        free(source->safe[lane]);
}

static const struct source_kind source_kind = {
    .name = "fake",
    .lane_count = source_lanes,
    .peek = source_peek,
    .take = source_take,
    .descriptor = source_descriptor,
    .commit = source_commit,
    .close = source_close,
};

/* ---- the sinks ---- */

/* An output as it was handed over: the bytes must stay as they are until it is safe. */
struct kept {
    struct output output;
    uint32_t lane;
    int64_t offset;
    uint64_t print;
};

struct fake_sink {
    struct fake_source *source;
    struct random random;
    double full, late; /* chance that put says RETRY; that nothing moves when asked what is safe */
    bool stuck, never; /* takes nothing; settles nothing */
    enum status put_status, settled_status;
    uint64_t told, settled;
    uint32_t count, safe_count;
    uint32_t end[SEQUENCES_MAX]; /* outputs that belong to an entry and those before */
    struct kept *kept;           /* (OUTPUTS_MAX) */
    bool open;
};

static struct fake_sink sinks[2];

static uint64_t print_output(const struct output *output)
{
    return hash_pair(hash_fingerprint(output->key, output->key_size) | 1,
                     hash_fingerprint(output->bytes, output->size) | 1);
}

/* Which record the output is about. */
static void keep_place(struct kept *kept)
{
    const struct output *output = &kept->output;
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)(output->size < 500 ? output->size : 500),
             output->bytes);
    long long offset = -1;
    const char *partition = strstr(text, "\"partition\":");
    int got = output->stream == STREAM_DEAD_LETTERS
                  ? sscanf(partition, "\"partition\":%u,\"offset\":%lld", &kept->lane, &offset)
                  : sscanf(text, "{\"id\":\"%u-%lld\"", &kept->lane, &offset);
    assert_int_equal(got, 2);
    char key[64];
    int size = snprintf(key, sizeof key, "%u-%lld", kept->lane, offset);
    assert_int_equal(output->key_size, output->stream == STREAM_DEAD_LETTERS ? 0 : size);
    assert_memory_equal(output->key, key, output->key_size);
    kept->offset = offset;
}

static enum status sink_put(void *self, const struct output *output, struct failure *failure)
{
    struct fake_sink *sink = self;
    if (sink->put_status != STATUS_OK)
        return failure_set(failure, sink->put_status, "the sink is lost");
    if (sink->stuck || random_uniform(&sink->random) < sink->full)
        return failure_set(failure, STATUS_RETRY, "the queue is full");
    assert_true(sink->count < OUTPUTS_MAX);
    struct kept *kept = &sink->kept[sink->count++];
    *kept = (struct kept){.output = *output, .print = print_output(output)};
    keep_place(kept);
    return STATUS_OK;
}

static enum status sink_settle(void *self, uint64_t sequence, struct failure *failure)
{
    struct fake_sink *sink = self;
    if (random_uniform(&sink->random) < sink->full)
        return failure_set(failure, STATUS_RETRY, "the queue is full");
    assert_int_equal(sequence, sink->told + 1);
    assert_true(sequence < SEQUENCES_MAX);
    sink->told = sequence;
    sink->end[sequence] = sink->count;
    return STATUS_OK;
}

static enum status sink_settled(void *self, uint64_t *sequence, struct failure *failure)
{
    struct fake_sink *sink = self;
    if (sink->settled_status != STATUS_OK)
        return failure_set(failure, sink->settled_status, "an output was lost for good");
    bool moves = !sink->never && random_uniform(&sink->random) >= sink->late;
    if (moves && sink->settled < sink->told)
        sink->settled += 1 + random_below(&sink->random, sink->told - sink->settled);
    for (; sink->safe_count < sink->end[sink->settled]; sink->safe_count++) {
        const struct kept *kept = &sink->kept[sink->safe_count];
        assert_int_equal(print_output(&kept->output), kept->print);
        if (!sink->source->safe[kept->lane])
            continue;
        assert_false(sink->source->safe[kept->lane][kept->offset]);
        sink->source->safe[kept->lane][kept->offset] = true;
    }
    *sequence = sink->settled;
    return STATUS_OK;
}

static int sink_descriptor(void *self)
{
    (void)self;
    return -1;
}

static void sink_close(void *self)
{
    struct fake_sink *sink = self;
    assert_true(sink->open);
    sink->open = false;
    free(sink->kept);
    sink->kept = NULL;
}

static enum status sink_open(struct fake_sink *sink, void **self)
{
    assert_false(sink->open);
    sink->open = true;
    sink->kept = calloc(OUTPUTS_MAX, sizeof *sink->kept);
    assert_non_null(sink->kept);
    *self = sink;
    return STATUS_OK;
}

static enum status sink_open_first(void **self, const struct sink_setting *setting,
                                   struct failure *failure)
{
    (void)setting;
    (void)failure;
    return sink_open(&sinks[0], self);
}

static enum status sink_open_second(void **self, const struct sink_setting *setting,
                                    struct failure *failure)
{
    (void)setting;
    (void)failure;
    return sink_open(&sinks[1], self);
}

static const struct sink_kind sink_kinds[2] = {
    {.name = "first",
     .open = sink_open_first,
     .put = sink_put,
     .settle = sink_settle,
     .settled = sink_settled,
     .descriptor = sink_descriptor,
     .close = sink_close},
    {.name = "second",
     .open = sink_open_second,
     .put = sink_put,
     .settle = sink_settle,
     .settled = sink_settled,
     .descriptor = sink_descriptor,
     .close = sink_close},
};

/* ---- an engine between them ---- */

struct stage {
    struct trial *trial;
    struct inputs inputs;
    struct engine engine;
    struct fake_source source;
    uint64_t now_ns, step_ns;
    struct clock clock;
    struct failure failure;
};

static uint64_t stage_monotonic_ns(void *self)
{
    struct stage *stage = self;
    return stage->now_ns += stage->step_ns;
}

/* Decisions go to one sink, dead letters to another; nobody wants the rest. */
static struct stage *stage_new(uint32_t lane_count, int64_t count)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->trial = trial_open(config_text);
    stage->trial->config.output[STREAM_DECISIONS].sink = &sink_kinds[0];
    stage->trial->config.output[STREAM_DEAD_LETTERS].sink = &sink_kinds[1];
    stage->step_ns = 100000;
    stage->clock = (struct clock){.monotonic_ns = stage_monotonic_ns, .self = stage};
    memset(sinks, 0, sizeof sinks);
    for (int i = 0; i < 2; i++) {
        sinks[i].source = &stage->source;
        random_seed(&sinks[i].random, (uint64_t)i + 1);
    }
    stage->source = (struct fake_source){.lane_count = lane_count, .count = count, .stops_at = -1};
    for (uint32_t lane = 0; lane < lane_count; lane++)
        stage->source.safe[lane] = calloc((size_t)count + 1, sizeof(bool));
    return stage;
}

static void stage_open(struct stage *stage, enum record_kind role)
{
    const struct source source = {.kind = &source_kind, .self = &stage->source};
    inputs_add(&stage->inputs, source, role, "fake", 1000);
    const struct world world = {.clock = &stage->clock};
    if (engine_open(&stage->engine, &stage->trial->pipeline, &stage->inputs, &world, PACE_LIVE,
                    &stage->failure) != STATUS_OK)
        fail_msg("%s", stage->failure.text);
}

static void stage_close(struct stage *stage)
{
    engine_close(&stage->engine);
    inputs_close(&stage->inputs);
    assert_false(sinks[0].open || sinks[1].open);
    trial_close(stage->trial);
    free(stage);
}

/* Until all inputs have ended. */
static void stage_run(struct stage *stage)
{
    enum status status = STATUS_OK;
    for (int turns = 0; status != STATUS_END; turns++) {
        status = engine_turn(&stage->engine, &stage->failure);
        assert_int_not_equal(status, STATUS_STOP);
        assert_true(turns < 1000000);
    }
}

static void check_all_committed(const struct stage *stage)
{
    for (uint32_t lane = 0; lane < stage->source.lane_count; lane++)
        assert_int_equal(stage->source.committed[lane], stage->source.count);
    assert_true(outbox_is_empty(&stage->engine.outbox));
}

/* ---- the tests ---- */

static void test_random_sinks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        struct stage *stage = stage_new(LANES, 1500);
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < 2; i++) {
            random_seed(&sinks[i].random, seed * 2 + (uint64_t)i);
            sinks[i].full = random_uniform(&random) * 0.05;
            sinks[i].late = random_uniform(&random) * 0.9;
        }
        stage->source.commit_retries = (int)random_below(&random, 20);
        stage->step_ns = 1 + random_below(&random, 2000000);
        stage_open(stage, RECORD_EVENT);
        stage_run(stage);
        assert_int_equal(engine_drain(&stage->engine, 1000000, &stage->failure), STATUS_OK);
        check_all_committed(stage);
        /* Each record once: 6 of 7 to the one sink, the dead to the other. */
        assert_int_equal(sinks[0].count + sinks[1].count, LANES * 1500);
        assert_int_equal(sinks[1].count, LANES * 214);
        assert_int_equal(sinks[0].safe_count, sinks[0].count);
        assert_int_equal(sinks[1].safe_count, sinks[1].count);
        stage_close(stage);
    }
}

/* Nothing settles: entries fill up one after the other, then nothing is taken any more. */
static void test_full_outbox_stops_intake(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1, 10000);
    stage->step_ns = 5000000;
    sinks[0].never = true;
    stage_open(stage, RECORD_EVENT);
    enum status status = STATUS_OK;
    for (int turns = 0; turns < 100 && status == STATUS_OK; turns++)
        status = engine_turn(&stage->engine, &stage->failure);
    assert_int_equal(status, STATUS_RETRY);
    uint64_t taken = stage->inputs.taken;
    assert_true(taken <= OUTBOX_ENTRIES * BATCH_RECORDS_MAX);
    for (int turns = 0; turns < 100; turns++)
        assert_int_equal(engine_turn(&stage->engine, &stage->failure), STATUS_RETRY);
    assert_int_equal(stage->inputs.taken, taken);
    assert_int_equal(stage->source.committed[0], 0);
    sinks[0].never = false;
    stage_run(stage);
    assert_int_equal(engine_drain(&stage->engine, 1000000, &stage->failure), STATUS_OK);
    check_all_committed(stage);
    stage_close(stage);
}

/* A sink takes nothing: one entry grows as far as memory is meant for it. */
static void test_full_sink_stops_intake(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1, RECORDS_MAX);
    stage->source.constant = "?";
    sinks[1].stuck = true;
    stage_open(stage, RECORD_EVENT);
    enum status status = STATUS_OK;
    while (status == STATUS_OK)
        status = engine_turn(&stage->engine, &stage->failure);
    assert_int_equal(status, STATUS_RETRY);
    uint64_t taken = stage->inputs.taken;
    assert_true(taken > 10000 && taken < RECORDS_MAX);
    assert_int_equal(engine_turn(&stage->engine, &stage->failure), STATUS_RETRY);
    assert_int_equal(stage->inputs.taken, taken);
    sinks[1].stuck = false;
    stage_run(stage);
    assert_int_equal(engine_drain(&stage->engine, 1000000, &stage->failure), STATUS_OK);
    check_all_committed(stage);
    assert_int_equal(sinks[1].count, RECORDS_MAX);
    stage_close(stage);
}

/* Records that cause no output are committed too, at the latest by the drain. */
static void test_without_outputs(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1, 700);
    free(stage->source.safe[0]);
    stage->source.safe[0] = NULL;
    stage->source.constant = "{\"id\":\"x\",\"fraud\":1}";
    stage_open(stage, RECORD_LABEL);
    stage_run(stage);
    assert_int_equal(engine_drain(&stage->engine, 1000, &stage->failure), STATUS_OK);
    check_all_committed(stage);
    assert_int_equal(sinks[0].count + sinks[1].count, 0);
    stage_close(stage);
}

/* Nobody wants any output: positions are committed all the same, without a drain, when it is time.
 */
static void test_without_sinks(void **state)
{
    (void)state;
    struct stage *stage = stage_new(2, 700);
    for (int lane = 0; lane < 2; lane++) {
        free(stage->source.safe[lane]);
        stage->source.safe[lane] = NULL;
    }
    memset(stage->trial->config.output, 0, sizeof stage->trial->config.output);
    stage_open(stage, RECORD_EVENT);
    engine_turn(&stage->engine, &stage->failure);
    assert_int_equal(stage->source.committed[0] + stage->source.committed[1], 0);
    stage_run(stage);
    for (int turns = 0; turns < 100; turns++)
        assert_int_equal(engine_turn(&stage->engine, &stage->failure), STATUS_END);
    check_all_committed(stage);
    uint64_t entries = stage->engine.outbox.newest;
    for (int turns = 0; turns < 100; turns++)
        engine_turn(&stage->engine, &stage->failure);
    assert_int_equal(stage->engine.outbox.newest, entries); /* no entry about nothing */
    stage_close(stage);
}

static void test_commit_comes_again(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1, 100);
    stage->source.commit_retries = 5;
    stage_open(stage, RECORD_EVENT);
    stage_run(stage);
    assert_int_equal(stage->source.committed[0], 0);
    assert_int_equal(engine_drain(&stage->engine, 1000000, &stage->failure), STATUS_OK);
    assert_int_equal(stage->source.commit_retries, 0);
    check_all_committed(stage);
    stage_close(stage);
}

static void test_drain_gives_up(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1, 100);
    sinks[0].never = true;
    stage_open(stage, RECORD_EVENT);
    stage_run(stage);
    assert_int_equal(engine_drain(&stage->engine, 2, &stage->failure), STATUS_STOP);
    assert_non_null(strstr(stage->failure.text, "could not settle the last outputs within 2 ms"));
    assert_int_equal(stage->source.committed[0], 0);
    stage_close(stage);
}

/* Turns until something stops it. */
static void check_stops(struct stage *stage, const char *why)
{
    stage_open(stage, RECORD_EVENT);
    enum status status = STATUS_OK;
    for (int turns = 0; turns < 1000 && status != STATUS_STOP && status != STATUS_END; turns++)
        status = engine_turn(&stage->engine, &stage->failure);
    if (status == STATUS_END)
        status = engine_drain(&stage->engine, 1000, &stage->failure);
    assert_int_equal(status, STATUS_STOP);
    assert_string_equal(stage->failure.text, why);
    stage_close(stage);
}

static void test_stops(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1, 1000);
    sinks[1].put_status = STATUS_STOP;
    check_stops(stage, "the sink is lost");
    stage = stage_new(1, 1000);
    sinks[0].settled_status = STATUS_STOP;
    check_stops(stage, "an output was lost for good");
    stage = stage_new(1, 1000);
    stage->source.commit_status = STATUS_STOP;
    check_stops(stage, "the commit was refused");
    stage = stage_new(1, 1000);
    stage->source.stops_at = 600;
    check_stops(stage, "the source is lost");
}

/* What came before a source was lost is decided; after a stop it may be settled in order. */
static void test_stop_then_drain(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1, 1000);
    stage->source.stops_at = 600;
    stage_open(stage, RECORD_EVENT);
    while (engine_turn(&stage->engine, &stage->failure) != STATUS_STOP)
        ;
    assert_int_equal(trial_fold(stage->trial)->records + trial_fold(stage->trial)->dead_letters,
                     600);
    assert_int_equal(engine_drain(&stage->engine, 1000000, &stage->failure), STATUS_OK);
    assert_int_equal(stage->source.committed[0], 600);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sinks),
        cmocka_unit_test(test_full_outbox_stops_intake),
        cmocka_unit_test(test_full_sink_stops_intake),
        cmocka_unit_test(test_without_outputs),
        cmocka_unit_test(test_without_sinks),
        cmocka_unit_test(test_commit_comes_again),
        cmocka_unit_test(test_drain_gives_up),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_stop_then_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
