/* The Kafka source against librdkafka's broker in the process: lanes, waking, going on where it was
 * committed, and what becomes of failures.  Crashes are tested on a real broker, in tests/kafka. */
#include "base/kafka.h"
#include "ingest/source.h"
#include "tests/unit/base_kafka_cluster.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { API_FETCH = 1, API_OFFSET_COMMIT = 8, API_OFFSET_FETCH = 9, PARTITIONS = 3 };

struct scene {
    struct kafka_cluster cluster;
    struct kafka_writer *writer;
    const struct source_kind *kind;
    void *options, *source;
    bool placed;              /* as a journal's input */
    int64_t next[PARTITIONS]; /* one past the last record taken; -1: none */
};

static int start(void **state)
{
    struct failure failure = {0};
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    cluster_open(&scene->cluster, "in", PARTITIONS);
    const char *bootstrap = rd_kafka_mock_cluster_bootstraps(scene->cluster.broker);
    assert_int_equal(kafka_writer_open(&scene->writer, bootstrap, NULL, &failure), STATUS_OK);
    scene->kind = source_find("kafka");
    scene->options = calloc(1, scene->kind->option_size);
    memcpy(scene->options, "in", 3); /* the topic, its first option */
    *state = scene;
    return 0;
}

static void close_source(struct scene *scene)
{
    if (scene->source)
        scene->kind->close(scene->source);
    scene->source = NULL;
}

static int stop(void **state)
{
    struct scene *scene = *state;
    close_source(scene);
    kafka_writer_close(scene->writer);
    cluster_close(&scene->cluster);
    free(scene->options);
    free(scene);
    return 0;
}

static enum status open_source(struct scene *scene, struct failure *failure)
{
    const struct source_setting setting = {
        .options = scene->options,
        .kafka = scene->cluster.properties,
        .group = "test",
        .clock = &system_clock,
        .placed = scene->placed,
    };
    for (int lane = 0; lane < PARTITIONS; lane++)
        scene->next[lane] = -1;
    return scene->kind->open(&scene->source, &setting, failure);
}

static void open_well(struct scene *scene)
{
    struct failure failure = {0};
    if (open_source(scene, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(scene->kind->lane_count(scene->source), PARTITIONS);
}

/* Record n of each partition bears the timestamp 1000 (n + 1). */
static void produce(const struct scene *scene, int from, int to)
{
    struct failure failure = {0};
    for (int number = from; number < to; number++)
        for (int partition = 0; partition < PARTITIONS; partition++) {
            char text[32];
            int size = snprintf(text, sizeof text, "%d/%d", partition, number);
            assert_int_equal(kafka_writer_put(scene->writer, "in", partition, "k", 1, text,
                                              (size_t)size, 1000 * (number + 1), &failure),
                             STATUS_OK);
        }
    assert_int_equal(kafka_writer_flush(scene->writer, 10000, &failure), STATUS_OK);
}

static enum status take_one(struct scene *scene, uint32_t lane, struct failure *failure)
{
    struct record record;
    enum status status = scene->kind->peek(scene->source, lane, &record, failure);
    if (status != STATUS_OK)
        return status;
    char text[32];
    snprintf(text, sizeof text, "%u/%d", lane, (int)record.offset);
    assert_int_equal(record.size, strlen(text));
    assert_memory_equal(record.bytes, text, record.size);
    assert_int_equal(record.partition, (int)lane);
    assert_int_equal(record.timestamp_ms, 1000 * (record.offset + 1));
    if (scene->next[lane] >= 0)
        assert_int_equal(record.offset, scene->next[lane]);
    scene->next[lane] = record.offset + 1;
    scene->kind->take(scene->source, lane);
    return STATUS_OK;
}

/* As the engine does it: ask all lanes; if all are dry, sleep until the descriptor says otherwise.
 */
static enum status take(struct scene *scene, int count, struct failure *failure)
{
    int dry_turns = 0;
    for (int taken = 0; taken < count;) {
        int before = taken;
        for (uint32_t lane = 0; lane < PARTITIONS; lane++) {
            enum status status = STATUS_OK;
            while (taken < count && (status = take_one(scene, lane, failure)) == STATUS_OK)
                taken++;
            if (status == STATUS_STOP)
                return STATUS_STOP;
        }
        struct pollfd readable = {scene->kind->descriptor(scene->source), POLLIN, 0};
        if (taken == before && (++dry_turns > 500 || poll(&readable, 1, 20000) == 0))
            fail_msg("%d of %d records, and nothing woke us", taken, count);
    }
    return STATUS_OK;
}

static void test_reads_all_partitions(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 100);
    open_well(scene);
    assert_int_equal(take(scene, 300, &failure), STATUS_OK);
    for (int lane = 0; lane < PARTITIONS; lane++)
        assert_int_equal(scene->next[lane], 100);
}

/* What is offered stays offered until it is taken. */
static void test_peek_does_not_take(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    struct record first, second;
    produce(scene, 0, 2);
    open_well(scene);
    assert_int_equal(take(scene, 3, &failure), STATUS_OK);
    uint32_t lane = 0;
    while (scene->next[lane] == 2)
        lane++;
    enum status status;
    while ((status = scene->kind->peek(scene->source, lane, &first, &failure)) == STATUS_RETRY)
        ;
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(scene->kind->peek(scene->source, lane, &second, &failure), STATUS_OK);
    assert_int_equal(first.offset, second.offset);
    assert_ptr_equal(first.bytes, second.bytes);
}

static void test_wakes_for_each_new_record(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    open_well(scene);
    for (int number = 0; number < 30; number++) {
        produce(scene, number, number + 1);
        assert_int_equal(take(scene, PARTITIONS, &failure), STATUS_OK);
    }
}

/* A record comes to a lane that was just asked, while the others are still being asked: asking them
 * must not swallow the sign that it came. */
static void test_asking_one_lane_does_not_swallow_anothers_record(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 1);
    open_well(scene);
    assert_int_equal(take(scene, PARTITIONS, &failure), STATUS_OK);
    for (int round = 0; round < 3; round++)
        for (uint32_t lane = 0; lane < PARTITIONS; lane++)
            assert_int_equal(take_one(scene, lane, &failure), STATUS_RETRY);
    assert_int_equal(take_one(scene, 0, &failure), STATUS_RETRY);
    assert_int_equal(kafka_writer_put(scene->writer, "in", 0, "k", 1, "0/1", 3, 2000, &failure),
                     STATUS_OK);
    assert_int_equal(kafka_writer_flush(scene->writer, 10000, &failure), STATUS_OK);
    struct pollfd readable = {scene->kind->descriptor(scene->source), POLLIN, 0};
    assert_int_equal(poll(&readable, 1, 20000), 1);
    assert_int_equal(take_one(scene, 1, &failure), STATUS_RETRY);
    assert_int_equal(take_one(scene, 2, &failure), STATUS_RETRY);
    assert_int_equal(poll(&readable, 1, 0), 1);
    assert_int_equal(take(scene, 1, &failure), STATUS_OK);
}

static void test_tombstones_and_empty_records_have_no_bytes(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    struct record record;
    enum status status;
    kafka_writer_put(scene->writer, "in", 0, "k", 1, NULL, 0, 5, &failure);
    kafka_writer_put(scene->writer, "in", 0, "k", 1, "", 0, 6, &failure);
    kafka_writer_flush(scene->writer, 10000, &failure);
    open_well(scene);
    for (int number = 0; number < 2; number++) {
        while ((status = scene->kind->peek(scene->source, 0, &record, &failure)) == STATUS_RETRY)
            ;
        assert_int_equal(status, STATUS_OK);
        assert_null(record.bytes);
        assert_int_equal(record.size, 0);
        assert_int_equal(record.timestamp_ms, 5 + number);
        scene->kind->take(scene->source, 0);
    }
}

/* What was taken but not committed comes again; what was committed does not. */
static void test_goes_on_where_it_was_committed(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 20);
    open_well(scene);
    assert_int_equal(take(scene, 60, &failure), STATUS_OK);
    int64_t decided[PARTITIONS] = {7, -1, 20};
    assert_int_equal(scene->kind->commit(scene->source, decided, &failure), STATUS_OK);
    close_source(scene);

    open_well(scene);
    assert_int_equal(take(scene, 13 + 20, &failure), STATUS_OK);
    assert_int_equal(scene->next[0], 20);
    assert_int_equal(scene->next[1], 20);
    assert_int_equal(scene->next[2], -1);
}

/* Many commits in a row become few requests, and the last one counts. */
static void test_last_commit_counts(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 20);
    open_well(scene);
    assert_int_equal(take(scene, 60, &failure), STATUS_OK);
    for (int64_t offset = 1; offset <= 20; offset++) {
        int64_t decided[PARTITIONS] = {offset, offset, offset};
        assert_int_equal(scene->kind->commit(scene->source, decided, &failure), STATUS_OK);
    }
    close_source(scene);
    produce(scene, 20, 21);
    open_well(scene);
    assert_int_equal(take(scene, 3, &failure), STATUS_OK);
    assert_int_equal(scene->next[0], 21);
}

static void test_lost_records_stop_instead_of_being_skipped(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 5);
    open_well(scene);
    int64_t beyond[PARTITIONS] = {1000, 5, 5};
    assert_int_equal(scene->kind->commit(scene->source, beyond, &failure), STATUS_OK);
    close_source(scene);
    open_well(scene);
    assert_int_equal(take(scene, 1, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "partition 0, offset 1000, is not there"));
}

static void test_fetches_that_fail_are_repeated(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 10);
    rd_kafka_mock_push_request_errors(scene->cluster.broker, API_FETCH, 2,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    open_well(scene);
    assert_int_equal(take(scene, 30, &failure), STATUS_OK);
}

static void test_broker_away_is_waited_for(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 1);
    open_well(scene);
    assert_int_equal(take(scene, 3, &failure), STATUS_OK);
    rd_kafka_mock_broker_set_down(scene->cluster.broker, 1);
    for (uint32_t lane = 0; lane < PARTITIONS; lane++)
        assert_int_equal(take_one(scene, lane, &failure), STATUS_RETRY);
    rd_kafka_mock_broker_set_up(scene->cluster.broker, 1);
    produce(scene, 1, 2);
    assert_int_equal(take(scene, 3, &failure), STATUS_OK);
}

static void test_group_in_use_stops(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 1);
    open_well(scene);
    assert_int_equal(take(scene, 3, &failure), STATUS_OK);
    rd_kafka_mock_push_request_errors(scene->cluster.broker, API_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    int64_t decided[PARTITIONS] = {1, 1, 1};
    assert_int_equal(scene->kind->commit(scene->source, decided, &failure), STATUS_OK);
    assert_int_equal(take(scene, 1, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "group of its own"));
}

/* ---- placed by a journal ---- */

/* Where a first reading begins. */
static enum status place_first(struct scene *scene, uint32_t lane, struct failure *failure)
{
    int64_t offset = -1;
    enum status status = scene->kind->place(scene->source, lane, &offset, failure);
    assert_true(status == STATUS_OK ? offset >= 0 : offset == -1);
    if (status == STATUS_OK)
        scene->next[lane] = offset;
    return status;
}

static void place(struct scene *scene, uint32_t lane, int64_t offset)
{
    struct failure failure = {0};
    if (scene->kind->place(scene->source, lane, &offset, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    assert_true(offset >= 0);
    scene->next[lane] = offset; /* take_one expects it */
}

static void open_placed(struct scene *scene)
{
    scene->placed = true;
    open_well(scene);
}

static void test_stands_still_until_placed(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 20);
    open_placed(scene);
    for (int round = 0; round < 50; round++)
        for (uint32_t lane = 0; lane < PARTITIONS; lane++) {
            assert_int_equal(take_one(scene, lane, &failure), STATUS_RETRY);
            usleep(1000);
        }
    place(scene, 1, 5);
    assert_int_equal(take(scene, 15, &failure), STATUS_OK);
    assert_int_equal(scene->next[1], 20);
    place(scene, 2, 19);
    place(scene, 0, 0);
    assert_int_equal(take(scene, 21, &failure), STATUS_OK);
    assert_int_equal(scene->next[0], 20);
    assert_int_equal(scene->next[2], 20);
}

/* Without a place: as if there were no journal. */
static void test_begins_where_it_was_committed(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 20);
    open_well(scene);
    assert_int_equal(take(scene, 60, &failure), STATUS_OK);
    int64_t decided[PARTITIONS] = {7, -1, -1};
    assert_int_equal(scene->kind->commit(scene->source, decided, &failure), STATUS_OK);
    close_source(scene);
    open_placed(scene);
    place(scene, 0, -1);
    assert_int_equal(take(scene, 13, &failure), STATUS_OK);
    assert_int_equal(scene->next[0], 20);
    place(scene, 1, -1);
    place(scene, 2, 10);
    assert_int_equal(take(scene, 30, &failure), STATUS_OK);
}

static void set_latest(struct scene *scene)
{
    const struct option *option = scene->kind->options;
    while (strcmp(option->name, "start") != 0)
        option++;
    *(int *)((char *)scene->options + option->offset) = 1;
}

static void test_begins_at_the_end_if_nothing_began(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    set_latest(scene);
    produce(scene, 0, 20);
    open_placed(scene);
    for (uint32_t lane = 0; lane < PARTITIONS; lane++)
        place(scene, lane, -1);
    for (int round = 0; round < 100; round++, usleep(1000))
        assert_int_equal(take_one(scene, 0, &failure), STATUS_RETRY);
    produce(scene, 20, 21);
    for (uint32_t lane = 0; lane < PARTITIONS; lane++)
        scene->next[lane] = 20;
    assert_int_equal(take(scene, PARTITIONS, &failure), STATUS_OK);
}

/* What one lane has read before makes all the rest belong to the group. */
static void test_begins_at_the_front_if_a_journal_began(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    set_latest(scene);
    produce(scene, 0, 20);
    open_placed(scene);
    place(scene, 1, 20);
    place(scene, 0, -1);
    scene->next[0] = 0;
    assert_int_equal(take(scene, 20, &failure), STATUS_OK);
    assert_int_equal(scene->next[0], 20);
}

static void test_place_outside_the_topic_stops(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 5);
    open_placed(scene);
    place(scene, 1, 1000);
    assert_int_equal(take(scene, 1, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "partition 1, offset 1000, is not there"));
}

/* The transaction commits the offsets, nobody else. */
static void test_placed_commits_nothing(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    produce(scene, 0, 20);
    open_placed(scene);
    for (uint32_t lane = 0; lane < PARTITIONS; lane++)
        place(scene, lane, 0);
    assert_int_equal(take(scene, 60, &failure), STATUS_OK);
    int64_t decided[PARTITIONS] = {20, 20, 20};
    assert_int_equal(scene->kind->commit(scene->source, decided, &failure), STATUS_OK);
    close_source(scene);
    scene->placed = false;
    open_well(scene);
    assert_int_equal(take(scene, 60, &failure), STATUS_OK);
}

/* The group is not asked when opening, and a coordinator that is away is waited for. */
static void test_coordinator_away_is_waited_for(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    json_object_set_new(scene->cluster.properties, "reconnect.backoff.max.ms", json_integer(100));
    produce(scene, 0, 5);
    rd_kafka_mock_push_request_errors(scene->cluster.broker, API_OFFSET_FETCH, 1,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    open_placed(scene);
    place(scene, 0, 3);
    assert_int_equal(take(scene, 2, &failure), STATUS_OK);
    assert_int_equal(place_first(scene, 1, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "could not read the committed offsets of group test"));
    rd_kafka_mock_broker_set_down(scene->cluster.broker, 1);
    assert_int_equal(place_first(scene, 1, &failure), STATUS_RETRY);
    rd_kafka_mock_broker_set_up(scene->cluster.broker, 1);
    enum status status;
    int patience = 20;
    while ((status = place_first(scene, 1, &failure)) == STATUS_RETRY)
        assert_true(patience-- > 0);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(take(scene, 5, &failure), STATUS_OK);
}

static void test_missing_topic_is_named(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    rd_kafka_mock_topic_set_error(scene->cluster.broker, "in",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(open_source(scene, &failure), STATUS_STOP);
    assert_string_equal(failure.text, "topic in does not exist; create it first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_all_partitions, start, stop),
        cmocka_unit_test_setup_teardown(test_peek_does_not_take, start, stop),
        cmocka_unit_test_setup_teardown(test_wakes_for_each_new_record, start, stop),
        cmocka_unit_test_setup_teardown(test_asking_one_lane_does_not_swallow_anothers_record,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_tombstones_and_empty_records_have_no_bytes, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_goes_on_where_it_was_committed, start, stop),
        cmocka_unit_test_setup_teardown(test_last_commit_counts, start, stop),
        cmocka_unit_test_setup_teardown(test_lost_records_stop_instead_of_being_skipped, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_fetches_that_fail_are_repeated, start, stop),
        cmocka_unit_test_setup_teardown(test_broker_away_is_waited_for, start, stop),
        cmocka_unit_test_setup_teardown(test_group_in_use_stops, start, stop),
        cmocka_unit_test_setup_teardown(test_missing_topic_is_named, start, stop),
        cmocka_unit_test_setup_teardown(test_stands_still_until_placed, start, stop),
        cmocka_unit_test_setup_teardown(test_begins_where_it_was_committed, start, stop),
        cmocka_unit_test_setup_teardown(test_begins_at_the_end_if_nothing_began, start, stop),
        cmocka_unit_test_setup_teardown(test_begins_at_the_front_if_a_journal_began, start, stop),
        cmocka_unit_test_setup_teardown(test_place_outside_the_topic_stops, start, stop),
        cmocka_unit_test_setup_teardown(test_placed_commits_nothing, start, stop),
        cmocka_unit_test_setup_teardown(test_coordinator_away_is_waited_for, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
