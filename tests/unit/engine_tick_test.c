/* An idle stream's time: a tick moves it, a leader writes ticks only where something is due, and
 * the journal's ticks fold to the leader's bytes. */
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/watermark.h"
#include "features/silence.h"
#include "tests/unit/engine_trial.h"

enum { START_MS = 1700000000, ENTRY_BYTES = 1 << 20, TURN_MS = 10, MANY = 140 };

static const char config_text[] =
    "{'name': 'tick', 'memory': '32MiB', 'events': {'source': 'file', 'path': '-', 'idle_after': "
    "'10s', 'fields': {'id': 'id', 'time': 'time', 'device': 'key'}}, 'labels': {'source': 'file', "
    "'path': '-', 'fields': {'id': 'id', 'label': 'fraud'}, 'negative_after': %s, 'remembered': "
    "100}, 'features': {'n': 'count() by device over 1h'%s}}";

static struct trial *open_trial(const char *negative_after, bool watched)
{
    char text[1000];
    snprintf(text, sizeof text, config_text, negative_after,
             watched ? ", 'back': 'silence(30s) by device'" : "");
    return trial_open(text);
}

/* ---- the fold ---- */

/* Both return how many silences were told of. */
static uint32_t fold_row(struct trial *trial, uint32_t row, int64_t arrival_ms)
{
    trial->batch.arrival_ms[row] = arrival_ms;
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[row]);
    return trial->batch.event_count;
}

static uint32_t event(struct trial *trial, int32_t partition, int device, int64_t time_s,
                      int64_t arrival_ms)
{
    char text[100];
    snprintf(text, sizeof text, "{\"id\":\"e%lld\",\"time\":%lld,\"device\":\"d%d\"}",
             (long long)trial->offset, (long long)time_s, device);
    batch_clear(&trial->batch);
    uint32_t row = trial_add(trial, RECORD_EVENT, text);
    trial->batch.position[row].partition = partition;
    return fold_row(trial, row, arrival_ms);
}

static uint32_t tick(struct trial *trial, int64_t arrival_ms)
{
    batch_clear(&trial->batch);
    return fold_row(trial, trial_add(trial, RECORD_CONTROL, tick_text), arrival_ms);
}

static int64_t watermark_ms(const struct trial *trial)
{
    return trial_fold(trial)->watermark_ms;
}

static void test_moves(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial("0", true);
    assert_int_equal(tick(trial, START_MS), 0); /* before anything was there */
    event(trial, 0, 1, 100, START_MS);
    assert_int_equal(tick(trial, START_MS + 10000), 0); /* not yet idle */
    assert_int_equal(watermark_ms(trial), 100000);
    assert_int_equal(tick(trial, START_MS + 29999), 0);
    assert_int_equal(watermark_ms(trial), 129999);
    assert_int_equal(tick(trial, START_MS + 30000), 1);
    assert_int_equal(trial->batch.events[0].last_ms, 100000);
    assert_int_equal(tick(trial, START_MS + 60000), 0);
    assert_int_equal(tick(trial, START_MS + 50000), 0); /* a clock that was put back */
    assert_int_equal(watermark_ms(trial), 160000);
    assert_int_equal(trial_fold(trial)->newest_ms, 100000);
    trial_close(trial);
}

/* An event that comes behind a tick, but is older: it is no silence's end before the watermark, and
 * the watermark waits for events to come as far as it. */
static void test_late(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial("0", true);
    event(trial, 0, 1, 100, START_MS);
    assert_int_equal(tick(trial, START_MS + 40000), 1);
    assert_int_equal(event(trial, 0, 1, 105, START_MS + 40001), 0);
    assert_int_equal(tick(trial, START_MS + 55000), 0); /* it would have been over already */
    assert_int_equal(event(trial, 0, 1, 120, START_MS + 55001), 0);
    assert_int_equal(watermark_ms(trial), 140000);
    assert_int_equal(tick(trial, START_MS + 85000), 0);
    assert_int_equal(tick(trial, START_MS + 85001), 1);
    assert_int_equal(trial->batch.events[0].last_ms, 120000);
    trial_close(trial);
}

/* A partition that lags holds nobody back when all are idle. */
static void test_partitions(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial("0", false);
    event(trial, 0, 1, 100, START_MS);
    event(trial, 1, 1, 100, START_MS);
    event(trial, 0, 1, 500, START_MS + 1000);
    assert_int_equal(watermark_ms(trial), 100000);
    tick(trial, START_MS + 11000);
    assert_int_equal(watermark_ms(trial), 100000);
    tick(trial, START_MS + 11001);
    assert_int_equal(watermark_ms(trial), 510001);
    trial_close(trial);
}

static void test_waits(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial("'1m'", false);
    event(trial, 0, 1, 100, START_MS);
    tick(trial, START_MS + 59999);
    assert_int_equal(trial_fold(trial)->spent, 0);
    tick(trial, START_MS + 60000);
    assert_int_equal(trial_fold(trial)->spent, 1);
    assert_int_equal(trial_fold(trial)->matured, 1);
    trial_close(trial);
}

/* ---- the leader ---- */

/* A lane of events that come when the clock says so. */
struct stage {
    struct trial *trial;
    struct inputs inputs;
    struct engine engine;
    struct journal_entry *entry;
    uint64_t now_ns;
    struct clock clock;
    int64_t skew_ms;       /* of the wall clock */
    int64_t coming_s[256]; /* seconds after the start; an event each */
    uint32_t coming, next, devices;
    bool more; /* is known to be on its way */
    char bytes[100];
    uint32_t ticks, told;
    int64_t told_ms; /* the last, by the clock */
};

static int64_t stage_ms(const struct stage *stage)
{
    return (int64_t)(stage->now_ns / 1000000);
}

static uint64_t stage_monotonic_ns(void *self)
{
    return ((struct stage *)self)->now_ns;
}

static int64_t stage_wall_ms(void *self)
{
    return START_MS + stage_ms(self) + ((const struct stage *)self)->skew_ms;
}

static uint32_t lane_count(void *self)
{
    (void)self;
    return 1;
}

static enum status peek(void *self, uint32_t lane, struct record *record, struct failure *failure)
{
    struct stage *stage = self;
    (void)lane, (void)failure;
    if (stage->next == stage->coming || stage_ms(stage) < stage->coming_s[stage->next] * 1000)
        return STATUS_RETRY;
    snprintf(stage->bytes, sizeof stage->bytes, "{\"id\":\"e%u\",\"time\":%lld,\"device\":\"d%u\"}",
             stage->next, (long long)stage->coming_s[stage->next] + 1000,
             stage->next % stage->devices);
    *record =
        (struct record){.bytes = stage->bytes, .size = strlen(stage->bytes), .offset = stage->next};
    return STATUS_OK;
}

static void take(void *self, uint32_t lane)
{
    (void)lane;
    ((struct stage *)self)->next++;
}

static bool has_more(void *self, uint32_t lane)
{
    (void)lane;
    return ((struct stage *)self)->more;
}

static int descriptor(void *self)
{
    (void)self;
    return -1;
}

static void close_source(void *self)
{
    (void)self;
}

static const struct source_kind source_kind = {
    .name = "stage",
    .lane_count = lane_count,
    .peek = peek,
    .take = take,
    .has_more = has_more,
    .descriptor = descriptor,
    .close = close_source,
};

static void stage_on_batch(void *self, const struct batch *batch)
{
    struct stage *stage = self;
    for (uint32_t row = 0; row < batch->count; row++)
        stage->ticks += batch->kind[row] == RECORD_TICK;
    stage->told += batch->event_count;
    if (batch->event_count > 0)
        stage->told_ms = stage_ms(stage);
}

static struct stage *stage_open(bool watched)
{
    struct stage *stage = calloc(1, sizeof *stage);
    struct failure failure;
    assert_non_null(stage);
    stage->trial = open_trial("0", watched);
    stage->entry = calloc(1, sizeof *stage->entry);
    assert_non_null(stage->entry);
    buffer_init(&stage->entry->items, malloc(ENTRY_BYTES), ENTRY_BYTES);
    struct pipeline *pipeline = &stage->trial->pipeline;
    journal_entry_begin(stage->entry, &pipeline->lanes, &pipeline->state);
    stage->devices = 3;
    stage->now_ns = UINT64_C(3600000000000);
    stage->clock = (struct clock){stage_wall_ms, stage_monotonic_ns, stage};
    inputs_add(&stage->inputs, (struct source){&source_kind, stage}, RECORD_EVENT, "stage", 1000);
    const struct world world = {.clock = &stage->clock};
    if (engine_open(&stage->engine, pipeline, &stage->inputs, &world, PACE_LIVE, &failure) !=
        STATUS_OK)
        fail_msg("%s", failure.text);
    stage->engine.entry = stage->entry;
    stage->engine.on_batch = stage_on_batch;
    stage->engine.on_batch_self = stage;
    return stage;
}

static void stage_close(struct stage *stage)
{
    engine_close(&stage->engine);
    inputs_close(&stage->inputs);
    trial_close(stage->trial);
    free(stage->entry->items.bytes);
    free(stage->entry);
    free(stage);
}

static void stage_event(struct stage *stage, int64_t after_s)
{
    stage->coming_s[stage->coming++] = 3600 + after_s;
}

/* Until so many seconds after the start. */
static void stage_run(struct stage *stage, int64_t until_s)
{
    struct failure failure;
    while (stage_ms(stage) < (3600 + until_s) * 1000) {
        while (engine_advance(&stage->engine, &failure) == STATUS_OK)
            continue;
        stage->now_ns += TURN_MS * UINT64_C(1000000);
    }
}

/* What a follower does with the entry. */
static uint64_t fold_again(struct stage *stage)
{
    struct journal_head head = {.sequence = 1};
    struct buffer record;
    static struct journal_reader reader;
    struct journal_item item;
    struct failure failure;
    struct trial *trial = open_trial("0", true);
    struct stage other = {
        .coming = stage->coming, .devices = stage->devices, .now_ns = UINT64_MAX / 2};
    memcpy(other.coming_s, stage->coming_s, sizeof other.coming_s);
    buffer_init(&record, malloc(ENTRY_BYTES), ENTRY_BYTES);
    journal_entry_finish(stage->entry, &head, &record);
    assert_int_equal(journal_read(&reader, record.bytes, record.size, &failure), STATUS_OK);
    journal_read_lanes(&reader, &trial->pipeline.lanes, &trial->pipeline.state);
    int64_t arrival_ms = INT64_MIN;
    while (journal_read_item(&reader, &item, &failure) == STATUS_OK) {
        if (item.kind == JOURNAL_ARRIVAL)
            arrival_ms = item.arrival_ms;
        for (uint64_t i = 0; item.kind == JOURNAL_RUN && i < item.count; i++) {
            struct record event_record;
            assert_int_equal(peek(&other, 0, &event_record, &failure), STATUS_OK);
            uint32_t row = trial_add(trial, RECORD_EVENT, event_record.bytes);
            trial->batch.arrival_ms[row] = arrival_ms;
            take(&other, 0);
        }
        if (item.kind != JOURNAL_CONTROL)
            continue;
        assert_true(batch_add_control(&trial->batch, position_nowhere, item.bytes, item.size));
        trial->batch.arrival_ms[trial->batch.count - 1] = arrival_ms;
    }
    step(&trial->pipeline, &trial->batch);
    uint64_t hash = state_hash(&trial->pipeline.state);
    free(record.bytes);
    trial_close(trial);
    return hash;
}

static void test_idle_is_told(void **unused)
{
    (void)unused;
    struct stage *stage = stage_open(true);
    for (int64_t i = 0; i < 6; i++)
        stage_event(stage, i);
    stage_run(stage, 32);
    assert_int_equal(stage->told, 0);
    assert_int_equal(stage->ticks, 0);
    stage_run(stage, 34);
    assert_int_equal(stage->told, 1);
    assert_in_range(stage->told_ms, 3633 * 1000, 3633 * 1000 + TURN_MS);
    stage_run(stage, 600);
    assert_int_equal(stage->told, 3);
    assert_int_equal(stage->ticks, 3);
    stage_event(stage, 700);
    stage_run(stage, 1000);
    assert_int_equal(stage->told, 4);
    assert_int_equal(stage->ticks, 4);
    assert_int_equal(trial_fold(stage->trial)->ticks, 4);
    assert_true(fold_again(stage) == state_hash(&stage->trial->pipeline.state));
    stage_close(stage);
}

/* While nothing is due the journal stays as it is. */
static void test_nothing_due(void **unused)
{
    (void)unused;
    struct stage *stage = stage_open(false);
    for (int64_t i = 0; i < 3; i++)
        stage_event(stage, i);
    stage_run(stage, 3);
    uint64_t size = stage->entry->items.size, turns = stage->engine.turns;
    stage_run(stage, 900);
    assert_int_equal(stage->ticks, 0);
    assert_true(stage->entry->items.size == size && stage->engine.turns == turns);
    stage_close(stage);
}

/* Who knows of more, or was away, waits and looks for itself. */
static void test_not_sure(void **unused)
{
    (void)unused;
    struct stage *stage = stage_open(true);
    stage_event(stage, 0);
    stage_run(stage, 1);
    stage->more = true;
    stage_run(stage, 100);
    assert_int_equal(stage->ticks, 0);
    stage->more = false;
    stage_run(stage, 109);
    assert_int_equal(stage->ticks, 0);
    stage->now_ns += UINT64_C(100000000000); /* frozen */
    stage_run(stage, 218);
    assert_int_equal(stage->ticks, 0);
    stage_run(stage, 220);
    assert_int_equal(stage->ticks, 1);
    assert_int_equal(stage->told, 1);
    stage_close(stage);
}

/* Another process leads from now on, on a machine whose clock is an hour off. */
static void check_clock(int64_t skew_ms)
{
    struct stage *stage = stage_open(true);
    stage_event(stage, 0);
    stage_run(stage, 20);
    stage->engine.tick = (struct tick_watch){0};
    stage->skew_ms = skew_ms;
    stage_run(stage, 49);
    assert_int_equal(stage->told, 0);
    stage_run(stage, 51);
    assert_int_equal(stage->told, 1);
    assert_int_equal(trial_fold(stage->trial)->ticks, 1);
    stage_event(stage, 60);
    stage_run(stage, 89);
    assert_int_equal(stage->told, 1);
    stage_run(stage, 91);
    assert_int_equal(stage->told, 2);
    assert_true(fold_again(stage) == state_hash(&stage->trial->pipeline.state));
    stage_close(stage);
}

static void test_clock(void **unused)
{
    (void)unused;
    check_clock(0);
    check_clock(3600000);
    check_clock(-3600000);
}

/* What the ticks of the one before have told of is known, even where an event came behind them. */
static void test_taken_over(void **unused)
{
    (void)unused;
    struct stage *stage = stage_open(true);
    stage_event(stage, 0);
    stage_event(stage, 20);
    stage_run(stage, 35);
    assert_int_equal(stage->told, 1);
    stage->engine.tick = (struct tick_watch){0};
    stage_run(stage, 54);
    assert_int_equal(stage->told, 1);
    stage_run(stage, 56); /* a tick told of 10 s, and 20 were measured since */
    assert_int_equal(stage->told, 2);
    stage_close(stage);
}

/* More are due than one row may tell of; without a journal they wait for the next event. */
static void check_many(bool journal, uint32_t ticks, uint32_t told)
{
    struct stage *stage = stage_open(true);
    stage->devices = 200;
    if (!journal)
        stage->engine.entry = NULL;
    for (int i = 0; i < MANY; i++)
        stage_event(stage, 0);
    stage_event(stage, 50);
    stage_run(stage, 61);
    assert_int_equal(stage->ticks, ticks);
    assert_int_equal(stage->told, told);
    stage_close(stage);
}

static void test_many(void **unused)
{
    (void)unused;
    check_many(true, 3, MANY);
}

static void test_no_journal(void **unused)
{
    (void)unused;
    check_many(false, 0, SILENCE_TOLD_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),        cmocka_unit_test(test_late),
        cmocka_unit_test(test_partitions),   cmocka_unit_test(test_waits),
        cmocka_unit_test(test_idle_is_told), cmocka_unit_test(test_nothing_due),
        cmocka_unit_test(test_not_sure),     cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_journal),   cmocka_unit_test(test_clock),
        cmocka_unit_test(test_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
