/* The merge of lanes, and what becomes of records that are too large or malformed. */
#include "base/hash.h"
#include "base/random.h"
#include "ingest/file_source.h"
#include "ingest/inputs.h"
#include "tests/unit/ingest_rows.h"
#include "tests/unit/ingest_script.h"
#include <stdlib.h>
#include <unistd.h>

extern const struct source_kind file_source;

static struct inputs inputs;
static struct batch batch;
static struct failure failure;

static int open_batch(void **state)
{
    (void)state;
    memset(&inputs, 0, sizeof inputs);
    return batch_open(&batch, 1, 1, &failure) == STATUS_OK ? 0 : -1;
}

static int close_batch(void **state)
{
    (void)state;
    inputs_close(&inputs);
    batch_close(&batch);
    return 0;
}

static void add(struct script *script, enum record_kind role)
{
    inputs_add(&inputs, (struct source){&script_kind, script}, role, "script", 1000);
}

static void add_times(struct script *script, uint32_t lane, const int64_t *times, uint32_t count)
{
    memcpy(script->time_ms[lane], times, count * sizeof *times);
    script->count[lane] = count;
}

static enum status fill(uint32_t records_max)
{
    batch_clear(&batch);
    return inputs_fill(&inputs, &batch, records_max, &failure);
}

/* ---- tests ---- */

static void test_order(void **state)
{
    (void)state;
    struct script events = {.lanes = 3, .size = 1}, labels = {.lanes = 1, .size = 1};
    add_times(&events, 0, (int64_t[]){10, 20, 30}, 3);
    add_times(&events, 1, (int64_t[]){5, 20, 20}, 3);
    add_times(&events, 2, (int64_t[]){40}, 1);
    add_times(&labels, 0, (int64_t[]){20, 35}, 2);
    add(&events, RECORD_EVENT);
    add(&labels, RECORD_LABEL);
    static const struct {
        int64_t time_ms;
        uint32_t input;
        int32_t partition;
    } order[] = {{5, 0, 1},  {10, 0, 0}, {20, 1, 0}, {20, 0, 0}, {20, 0, 1},
                 {20, 0, 1}, {30, 0, 0}, {35, 1, 0}, {40, 0, 2}};
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(batch.count, 9);
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(batch.time_ms[i], order[i].time_ms);
        assert_int_equal(batch.position[i].input, order[i].input);
        assert_int_equal(batch.position[i].partition, order[i].partition);
        assert_int_equal(batch.kind[i], order[i].input ? RECORD_LABEL : RECORD_EVENT);
    }
    assert_int_equal(fill(256), STATUS_END);
    assert_int_equal(inputs.taken, 9);
}

/* Random times in order, in batches of random sizes: never a step back while all lanes have
 * records. */
static void test_random_order(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    struct script script[2] = {{.lanes = 3, .size = 1}, {.lanes = 3, .size = 1}};
    for (uint32_t i = 0; i < 6; i++) {
        int64_t time_ms = 0;
        for (uint32_t j = 0; j < SCRIPT_RECORDS; j++)
            script[i / 3].time_ms[i % 3][j] = time_ms += (int64_t)random_below(&random, 5);
        script[i / 3].count[i % 3] = SCRIPT_RECORDS;
    }
    add(&script[0], RECORD_EVENT);
    add(&script[1], RECORD_EVENT);
    int64_t last_ms = 0;
    uint32_t total = 0;
    while (fill(1 + (uint32_t)random_below(&random, 20)) == STATUS_OK)
        for (uint32_t i = 0; i < batch.count; i++, total++) {
            assert_true(batch.time_ms[i] >= last_ms);
            last_ms = batch.time_ms[i];
        }
    assert_int_equal(total, 6 * SCRIPT_RECORDS);
}

/* Partitions of all inputs together; the sentence names each. */
static void test_too_many_lanes(void **state)
{
    (void)state;
    struct script events = {.lanes = LANES_MAX - 400}, labels = {.lanes = 400};
    add(&events, RECORD_EVENT);
    add(&labels, RECORD_LABEL);
    assert_int_equal(inputs_check(&inputs, &failure), STATUS_OK);
    labels.lanes++;
    assert_int_equal(inputs_check(&inputs, &failure), STATUS_STOP);
    assert_non_null(
        strstr(failure.text, "the inputs have 1025 partitions (script 624, script 401)"));
    assert_int_equal(fill(256), STATUS_STOP);
    assert_non_null(strstr(failure.text, "one process reads at most 1024"));
}

/* Files know no times: they are read one after the other. */
static void test_files_in_turn(void **state)
{
    (void)state;
    struct script first = {.lanes = 1, .size = 1}, second = {.lanes = 1, .size = 1};
    add_times(&first, 0, (int64_t[]){INT64_MIN, INT64_MIN}, 2);
    add_times(&second, 0, (int64_t[]){INT64_MIN, INT64_MIN}, 2);
    add(&first, RECORD_EVENT);
    add(&second, RECORD_EVENT);
    assert_int_equal(fill(256), STATUS_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(batch.position[i].input, i / 2);
        assert_int_equal(batch.time_ms[i], 0);
    }
}

static void test_waiting(void **state)
{
    (void)state;
    struct script script = {.lanes = 0, .size = 1, .waits = {true}};
    add_times(&script, 0, (int64_t[]){1, 2, 3}, 3);
    script.count[0] = 1;
    add(&script, RECORD_EVENT);
    assert_int_equal(fill(256), STATUS_RETRY); /* no lane yet */
    script.lanes = 1;
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(fill(256), STATUS_RETRY);
    script.count[0] = 3;
    assert_int_equal(fill(1), STATUS_OK);
    assert_int_equal(batch.time_ms[0], 2);
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(batch.time_ms[0], 3);
    script.waits[0] = false;
    assert_int_equal(fill(256), STATUS_END);
}

/* What came before a failure goes on its way first. */
/* A lane whose next records are on their way holds up what is much newer than its last one. */
static void test_holds_for_what_comes(void **state)
{
    (void)state;
    struct script script = {.lanes = 2, .size = 1, .waits = {true, true}, .comes = {true, true}};
    add_times(&script, 0, (int64_t[]){5000, 5500, 9000}, 3);
    add_times(&script, 1, (int64_t[]){5200, 6500, 6501}, 3);
    script.count[0] = 0;
    add(&script, RECORD_EVENT);
    assert_int_equal(fill(256), STATUS_RETRY); /* lane 0 has shown nothing yet */
    script.count[0] = 2;
    assert_int_equal(fill(256), STATUS_OK); /* up to a second after its last record */
    assert_int_equal(batch.count, 4);
    assert_int_equal(batch.time_ms[3], 6500);
    assert_int_equal(fill(256), STATUS_RETRY);
    script.count[0] = 3;
    assert_int_equal(fill(256), STATUS_OK); /* but lane 1, which has shown 6501, holds 9000 */
    assert_int_equal(batch.count, 1);
    assert_int_equal(fill(256), STATUS_RETRY);
    script.comes[1] = false;
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(batch.time_ms[0], 9000);
}

static void test_failure(void **state)
{
    (void)state;
    struct script script = {.lanes = 1, .size = 1, .breaks = true};
    add_times(&script, 0, (int64_t[]){1, 2}, 2);
    add(&script, RECORD_EVENT);
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(batch.count, 2);
    assert_int_equal(fill(256), STATUS_STOP);
    assert_string_equal(failure.text, "the disk is gone");
}

static void test_commit(void **state)
{
    (void)state;
    struct script script = {.lanes = 2, .size = 1};
    add_times(&script, 1, (int64_t[]){1, 2, 3}, 3);
    add(&script, RECORD_EVENT);
    int64_t marked[LANES_MAX];
    assert_int_equal(fill(2), STATUS_OK);
    inputs_mark(&inputs, marked);
    assert_int_equal(fill(2), STATUS_OK);
    assert_int_equal(inputs_commit(&inputs, marked, &failure), STATUS_OK);
    assert_int_equal(script.committed[0], -1);
    assert_int_equal(script.committed[1], 102);
    inputs_mark(&inputs, marked);
    assert_int_equal(inputs_commit(&inputs, marked, &failure), STATUS_OK);
    assert_int_equal(script.committed[1], 103);
}

static void test_oversized(void **state)
{
    (void)state;
    struct script script = {.lanes = 1, .size = 1001};
    add_times(&script, 0, (int64_t[]){7}, 1);
    add(&script, RECORD_EVENT);
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(batch.count, 1);
    assert_true(batch.dead[0]);
    assert_int_equal(batch.payload[0].size, 0);
    assert_int_equal(batch.position[0].offset, 100);
    assert_string_equal(batch.reason[0], "the record is larger than payload_max, 1000 bytes");
}

/* A batch whose bytes are full leaves the record where it is. */
static void test_full_batch(void **state)
{
    (void)state;
    struct script script = {.lanes = 1, .size = BATCH_PAYLOAD_MAX};
    for (int64_t i = 0; i < 10; i++)
        script.time_ms[0][i] = i;
    script.count[0] = 10;
    add(&script, RECORD_EVENT);
    inputs.input[0].payload_max = BATCH_PAYLOAD_MAX;
    int64_t next = 0;
    while (fill(256) == STATUS_OK)
        for (uint32_t i = 0; i < batch.count; i++)
            assert_int_equal(batch.time_ms[i], next++);
    assert_int_equal(next, 10);
}

/* ---- in a journal's order ---- */

/* Three lanes of ten records, times 0 to 9, offsets 100 to 109. */
static void follow(struct script *script)
{
    *script = (struct script){.lanes = 3, .size = 1, .waits = {true, true, true}};
    for (uint32_t lane = 0; lane < 3; lane++) {
        script->count[lane] = 10;
        for (int64_t i = 0; i < 10; i++)
            script->time_ms[lane][i] = i;
    }
    inputs_follow(&inputs);
    add(script, RECORD_EVENT);
}

static enum status find(int64_t partition, int64_t offset, uint32_t *lane)
{
    return inputs_lane(&inputs, hash_fingerprint("script", 6), partition, offset, lane, &failure);
}

static uint32_t find_well(int64_t partition, int64_t offset)
{
    uint32_t lane = UINT32_MAX;
    assert_int_equal(find(partition, offset, &lane), STATUS_OK);
    return lane;
}

static enum status take_run(uint32_t lane, int64_t from, int64_t to, uint64_t *count, uint32_t most)
{
    batch_clear(&batch);
    return inputs_take(&inputs, &batch, lane, from, to, count, most, &failure);
}

static void check_batch(uint32_t count, int32_t partition, int64_t from)
{
    assert_int_equal(batch.count, count);
    for (uint32_t row = 0; row < count; row++) {
        assert_int_equal(batch.position[row].partition, partition);
        assert_int_equal(batch.position[row].offset, from + row);
        assert_int_equal(batch.kind[row], RECORD_EVENT);
    }
}

static void test_takes_in_a_journals_order(void **state)
{
    (void)state;
    struct script script;
    follow(&script);
    assert_true(inputs.input[0].fingerprint == hash_fingerprint("script", 6));
    uint32_t second = find_well(1, 100);
    assert_int_equal(inputs.lane[second].next_offset, 100);
    uint64_t count = 4;
    assert_int_equal(take_run(second, 100, 104, &count, 3), STATUS_OK);
    check_batch(3, 1, 100);
    assert_int_equal(count, 1);
    assert_int_equal(take_run(second, 100, 104, &count, 3), STATUS_OK);
    check_batch(1, 1, 103);
    assert_int_equal(count, 0);
    uint32_t first = find_well(0, 105);
    count = 5;
    assert_int_equal(take_run(first, 105, 110, &count, 256), STATUS_OK);
    check_batch(5, 0, 105);
    assert_int_equal(find_well(1, 7), second); /* it stands where it stood */
    assert_int_equal(script.place[1], 100);
    assert_int_equal(inputs.lane[second].next_offset, 104);
    assert_int_equal(inputs.taken, 9);
}

/* Only the lane that is told is asked, and not beyond the run. */
static void test_asks_no_other_lane(void **state)
{
    (void)state;
    struct script script;
    follow(&script);
    uint64_t count = 2;
    assert_int_equal(take_run(find_well(1, 100), 100, 102, &count, 256), STATUS_OK);
    assert_int_equal(script.peeked[0], 0);
    assert_int_equal(script.peeked[1], 2);
    assert_int_equal(script.peeked[2], 0);
    assert_false(script.is_placed[0] || script.is_placed[2]);
}

static void test_waits_for_what_the_journal_names(void **state)
{
    (void)state;
    struct script script;
    uint32_t lane;
    follow(&script);
    assert_int_equal(inputs_lane(&inputs, 17, 0, 100, &lane, &failure), STATUS_RETRY);
    assert_non_null(strstr(failure.text, "an input (0000000000000011) that the configuration"));
    assert_int_equal(find(3, 100, &lane), STATUS_RETRY);
    assert_non_null(strstr(failure.text, "partition 3 of script, which is not there yet"));
    assert_int_equal(find(-1, 100, &lane), STATUS_RETRY);
    assert_int_equal(find((int64_t)1 << 32, 100, &lane), STATUS_RETRY);
    script.away = true;
    assert_int_equal(find(1, 100, &lane), STATUS_RETRY);
    script.away = false;
    script.count[1] = 0;
    lane = find_well(1, 100);
    uint64_t count = 2;
    assert_int_equal(take_run(lane, 100, 102, &count, 256), STATUS_RETRY);
    script.count[1] = 1;
    assert_int_equal(take_run(lane, 100, 102, &count, 256), STATUS_OK);
    assert_int_equal(take_run(lane, 100, 102, &count, 256), STATUS_RETRY);
    assert_int_equal(count, 1);
}

/* What the journal names and is not there is no reason to take something else. */
static void test_gaps_stop(void **state)
{
    (void)state;
    struct script script;
    follow(&script);
    script.gap_at = 2;
    script.gap = 50;
    uint32_t lane = find_well(1, 100);
    uint64_t count = 3;
    assert_int_equal(take_run(lane, 100, 103, &count, 256), STATUS_OK);
    check_batch(2, 1, 100);
    assert_int_equal(take_run(lane, 100, 103, &count, 256), STATUS_STOP);
    assert_non_null(strstr(failure.text, "script, partition 1: the journal names 1 more records at "
                                         "offsets from 100 to 102, but the next record is at 152"));
    assert_int_equal(batch.count, 0);
    count = 1;
    assert_int_equal(take_run(lane, 153, 160, &count, 256), STATUS_STOP);
    assert_int_equal(take_run(lane, 140, 153, &count, 256), STATUS_OK);
    check_batch(1, 1, 152);
    script.waits[1] = false;
    script.count[1] = 3;
    count = UINT64_MAX;
    assert_int_equal(take_run(lane, 153, 170, &count, 256), STATUS_STOP);
    assert_non_null(strstr(failure.text, "it has ended"));
}

/* A lane placed by the journal goes on; the others, and those that come, begin at the front. */
static void test_merges_after_following(void **state)
{
    (void)state;
    struct script script;
    follow(&script);
    script.lanes = 2;
    uint64_t count = 1;
    uint32_t lane = find_well(1, 105);
    assert_int_equal(take_run(lane, 105, 106, &count, 256), STATUS_OK);
    count = 1;
    assert_int_equal(take_run(lane, 0, 100, &count, 256), STATUS_STOP); /* it waits from now on */
    script.away = true;
    assert_int_equal(inputs_merge(&inputs, &failure), STATUS_RETRY);
    script.away = false;
    assert_int_equal(inputs_merge(&inputs, &failure), STATUS_OK);
    assert_int_equal(script.place[0], -1);
    assert_int_equal(inputs.lane[0].next_offset, 100); /* for the journal to name */
    assert_int_equal(fill(10), STATUS_OK);
    static const int64_t times[] = {0, 1, 2, 3, 4, 5, 6, 6, 7, 7};
    for (uint32_t row = 0; row < 10; row++)
        assert_int_equal(batch.time_ms[row], times[row]);
    script.lanes = 3;
    script.away = true;
    assert_int_equal(fill(2), STATUS_OK);
    assert_false(script.is_placed[2]);
    script.away = false;
    script.forbidden = true;
    assert_int_equal(fill(2), STATUS_STOP);
    assert_string_equal(failure.text, "not allowed");
    script.forbidden = false;
    assert_int_equal(fill(8), STATUS_OK);
    check_batch(8, 2, 100);
    assert_int_equal(script.place[2], -1);
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(inputs.taken, 10 + 5 + 10);
    assert_int_equal(fill(256), STATUS_RETRY);
}

/* The lead was lost: what another leader chose is taken, and later merged again. */
static void test_follows_again_after_merging(void **state)
{
    (void)state;
    struct script script;
    follow(&script);
    assert_int_equal(inputs_merge(&inputs, &failure), STATUS_OK);
    assert_int_equal(fill(3), STATUS_OK);
    uint64_t count = 9;
    assert_int_equal(take_run(find_well(2, 101), 101, 110, &count, 256), STATUS_OK);
    check_batch(9, 2, 101);
    assert_int_equal(inputs_merge(&inputs, &failure), STATUS_OK);
    assert_int_equal(fill(256), STATUS_OK);
    assert_int_equal(batch.count, 18);
    for (uint32_t row = 0; row < 18; row++)
        assert_int_equal(batch.time_ms[row], 1 + row / 2);
}

static void test_run_larger_than_the_batch(void **state)
{
    (void)state;
    struct script script;
    follow(&script);
    script.size = BATCH_PAYLOAD_MAX;
    inputs.input[0].payload_max = BATCH_PAYLOAD_MAX;
    uint32_t lane = find_well(0, 100), taken = 0;
    uint64_t count = 10;
    while (count > 0) {
        assert_int_equal(take_run(lane, 100, 110, &count, 256), STATUS_OK);
        check_batch(batch.count, 0, 100 + taken);
        taken += batch.count;
    }
    assert_int_equal(taken, 10);
    assert_true(batch.count < 10);
}

/* ---- malformed records among good ones ---- */

static const char *const malformed[] = {
    "",
    "{",
    "nonsense",
    "[]",
    "{\"id\":\"t\",\"time\":1}",
    "{\"id\":\"t\",\"time\":1,\"amount\":\"x\"}",
    "{\"id\":\"t\",\"time\":1,\"amount\":1,\"amount\":1}",
    "{\"id\":\"t\",\"time\":\"never\",\"amount\":1}",
    "{\"id\":\"\xFF\",\"time\":1,\"amount\":1}",
    "{\"id\":\"t\",\"time\":1,\"amount\":1e999}",
};

static char *write_lines(int good, int bad, size_t *size)
{
    struct random random;
    random_seed(&random, 11);
    char *text = malloc((size_t)(good + bad) * 128), *at = text;
    for (int left = good + bad; left > 0; left--) {
        if ((int)random_below(&random, (uint64_t)left) < bad)
            at += sprintf(at, "%s\n", malformed[--bad % 10]);
        else
            at += sprintf(at, "{\"id\":\"t%d\",\"time\":%d,\"amount\":%d.5}\n", left, left,
                          left % 999);
    }
    *size = (size_t)(at - text);
    return text;
}

static void add_file(struct rows *rows, const char *path)
{
    struct file_options options = {.format = FILE_FORMAT_JSONL};
    snprintf(options.path, sizeof options.path, "%s", path);
    const struct source_setting setting = {.options = &options};
    struct source source = {.kind = &file_source};
    assert_int_equal(file_source.open(&source.self, &setting, &failure), STATUS_OK);
    inputs_add(&inputs, source, RECORD_EVENT, path, 1 << 16);
    rows_schema(&rows->schema);
    rows_open(rows, "json", NULL);
}

static void test_malformed_among_good(void **state)
{
    (void)state;
    enum { GOOD = 100000, BAD = 1000 };
    size_t size;
    char *text = write_lines(GOOD, BAD, &size), path[] = "/tmp/weir_inputs_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && write(descriptor, text, size) == (ssize_t)size);
    close(descriptor);
    static struct rows rows;
    add_file(&rows, path);
    int dead = 0, good = 0;
    int64_t line = 0;
    batch_clear(&rows.batch);
    while (inputs_fill(&inputs, &rows.batch, 256, &failure) == STATUS_OK) {
        for (uint32_t row = 0; row < rows.batch.count; row++) {
            rows.kind->decode(rows.decoder, &rows.batch, row);
            assert_int_equal(rows.batch.position[row].offset, ++line);
            dead += rows.batch.dead[row];
            good += !rows.batch.dead[row];
            assert_true(!rows.batch.dead[row] || rows.batch.reason[row][0] != '\0');
        }
        batch_clear(&rows.batch);
    }
    assert_int_equal(dead, BAD);
    assert_int_equal(good, GOOD);
    rows_close(&rows);
    unlink(path);
    free(text);
}

#define test(function) cmocka_unit_test_setup_teardown(function, open_batch, close_batch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_order),
        test(test_too_many_lanes),
        test(test_random_order),
        test(test_files_in_turn),
        test(test_waiting),
        test(test_holds_for_what_comes),
        test(test_failure),
        test(test_commit),
        test(test_oversized),
        test(test_full_batch),
        test(test_takes_in_a_journals_order),
        test(test_asks_no_other_lane),
        test(test_waits_for_what_the_journal_names),
        test(test_gaps_stop),
        test(test_merges_after_following),
        test(test_follows_again_after_merging),
        test(test_run_larger_than_the_batch),
        test(test_malformed_among_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
