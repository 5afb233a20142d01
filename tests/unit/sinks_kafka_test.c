/* The Kafka sink against librdkafka's broker in the process: what counts as safe, and what becomes
 * of failures.  That nothing is lost in crashes is tested on a real broker, in tests/kafka. */
#include "sinks/sink.h"
#include "tests/unit/base_kafka_cluster.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { API_PRODUCE = 0, PARTITIONS = 3 };

struct scene {
    struct kafka_cluster cluster;
    void *options, *sink;
    const struct sink_kind *kind;
};

static int start(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    cluster_open(&scene->cluster, "out", PARTITIONS);
    scene->kind = sink_find("kafka");
    scene->options = calloc(1, scene->kind->option_size);
    memcpy(scene->options, "out", 4); /* the topic, its only option */
    *state = scene;
    return 0;
}

static int stop(void **state)
{
    struct scene *scene = *state;
    if (scene->sink)
        scene->kind->close(scene->sink);
    cluster_close(&scene->cluster);
    free(scene->options);
    free(scene);
    return 0;
}

static enum status open_sink(struct scene *scene, struct failure *failure)
{
    struct sink_setting setting = {.options = {[STREAM_DECISIONS] = scene->options},
                                   .kafka = scene->cluster.properties};
    return scene->kind->open(&scene->sink, &setting, failure);
}

static void open_well(struct scene *scene)
{
    struct failure failure = {0};
    if (open_sink(scene, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
}

/* A text that outlives the sink, as the outbox's do. */
static enum status put(const struct scene *scene, const char *key, struct failure *failure)
{
    static const char text[] = "{\"id\":\"tx\"}";
    struct output output = {STREAM_DECISIONS, key, text, (uint32_t)strlen(key), sizeof text - 1};
    return scene->kind->put(scene->sink, &output, failure);
}

/* Waits, by the descriptor alone, until the entry is safe; the status that ended the waiting. */
static enum status wait_settled(const struct scene *scene, uint64_t wanted, uint64_t *settled,
                                struct failure *failure)
{
    for (int turn = 0; turn < 50; turn++) {
        enum status status = scene->kind->settled(scene->sink, settled, failure);
        if (status != STATUS_OK || *settled >= wanted)
            return status;
        struct pollfd readable = {scene->kind->descriptor(scene->sink), POLLIN, 0};
        assert_int_not_equal(poll(&readable, 1, 10000), 0);
    }
    return STATUS_RETRY;
}

static int64_t count_records(struct scene *scene)
{
    char error[256];
    int64_t count = 0, low, high;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers",
                      rd_kafka_mock_cluster_bootstraps(scene->cluster.broker), error, sizeof error);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        assert_int_equal(
            rd_kafka_query_watermark_offsets(client, "out", partition, &low, &high, 10000), 0);
        count += high;
    }
    rd_kafka_destroy(client);
    return count;
}

static void test_entry_is_safe_when_all_is_acknowledged(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    uint64_t settled = 0;
    open_well(scene);
    for (uint64_t sequence = 1; sequence <= 20; sequence++) {
        for (int index = 0; index < 50; index++) {
            char key[24];
            snprintf(key, sizeof key, "%llu-%d", (unsigned long long)sequence, index);
            assert_int_equal(put(scene, key, &failure), STATUS_OK);
        }
        assert_int_equal(scene->kind->settle(scene->sink, sequence, &failure), STATUS_OK);
    }
    assert_int_equal(wait_settled(scene, 20, &settled, &failure), STATUS_OK);
    assert_int_equal(settled, 20);
    assert_int_equal(count_records(scene), 1000);
}

static void test_open_entry_is_not_safe(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    uint64_t settled = 99;
    open_well(scene);
    assert_int_equal(put(scene, "a", &failure), STATUS_OK);
    assert_int_equal(scene->kind->settle(scene->sink, 1, &failure), STATUS_OK);
    assert_int_equal(wait_settled(scene, 1, &settled, &failure), STATUS_OK);
    assert_int_equal(put(scene, "b", &failure), STATUS_OK);
    struct pollfd readable = {scene->kind->descriptor(scene->sink), POLLIN, 0};
    assert_int_equal(poll(&readable, 1, 10000), 1);
    assert_int_equal(scene->kind->settled(scene->sink, &settled, &failure), STATUS_OK);
    assert_int_equal(settled, 1);
}

/* Entries without outputs are as safe as the one before them. */
static void test_empty_entries(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    uint64_t settled = 99;
    open_well(scene);
    scene->kind->settle(scene->sink, 1, &failure);
    scene->kind->settled(scene->sink, &settled, &failure);
    assert_int_equal(settled, 1);
    rd_kafka_mock_broker_set_down(scene->cluster.broker, 1);
    assert_int_equal(put(scene, "a", &failure), STATUS_OK);
    scene->kind->settle(scene->sink, 2, &failure);
    scene->kind->settle(scene->sink, 3, &failure);
    scene->kind->settled(scene->sink, &settled, &failure);
    assert_int_equal(settled, 1);
    rd_kafka_mock_broker_set_up(scene->cluster.broker, 1);
    assert_int_equal(wait_settled(scene, 3, &settled, &failure), STATUS_OK);
    assert_int_equal(settled, 3);
}

static void test_lost_output_stops(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    uint64_t settled = 99;
    open_well(scene);
    rd_kafka_mock_push_request_errors(scene->cluster.broker, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(put(scene, "a", &failure), STATUS_OK);
    scene->kind->settle(scene->sink, 1, &failure);
    assert_int_equal(wait_settled(scene, 1, &settled, &failure), STATUS_STOP);
    assert_int_equal(settled, 0);
    assert_non_null(strstr(failure.text, "could not write 11 bytes to topic out: Broker: Topic"));
    assert_int_equal(put(scene, "b", &failure), STATUS_STOP);
}

static void test_brokers_errors_that_pass_are_retried(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    uint64_t settled = 0;
    open_well(scene);
    rd_kafka_mock_push_request_errors(scene->cluster.broker, API_PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    assert_int_equal(put(scene, "a", &failure), STATUS_OK);
    scene->kind->settle(scene->sink, 1, &failure);
    assert_int_equal(wait_settled(scene, 1, &settled, &failure), STATUS_OK);
    assert_int_equal(count_records(scene), 1);
}

static void test_full_queue_asks_for_patience(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    uint64_t settled = 0;
    json_object_set_new(scene->cluster.properties, "queue.buffering.max.messages",
                        json_integer(10));
    open_well(scene);
    rd_kafka_mock_broker_set_down(scene->cluster.broker, 1);
    for (int index = 0; index < 10; index++)
        assert_int_equal(put(scene, "a", &failure), STATUS_OK);
    assert_int_equal(put(scene, "a", &failure), STATUS_RETRY);
    scene->kind->settle(scene->sink, 1, &failure);
    rd_kafka_mock_broker_set_up(scene->cluster.broker, 1);
    assert_int_equal(wait_settled(scene, 1, &settled, &failure), STATUS_OK);
    assert_int_equal(put(scene, "a", &failure), STATUS_OK);
}

static void test_missing_topic_is_named(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    rd_kafka_mock_topic_set_error(scene->cluster.broker, "out",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(open_sink(scene, &failure), STATUS_STOP);
    assert_string_equal(failure.text,
                        "output decisions: topic out does not exist; create it first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entry_is_safe_when_all_is_acknowledged, start, stop),
        cmocka_unit_test_setup_teardown(test_open_entry_is_not_safe, start, stop),
        cmocka_unit_test_setup_teardown(test_empty_entries, start, stop),
        cmocka_unit_test_setup_teardown(test_lost_output_stops, start, stop),
        cmocka_unit_test_setup_teardown(test_brokers_errors_that_pass_are_retried, start, stop),
        cmocka_unit_test_setup_teardown(test_full_queue_asks_for_patience, start, stop),
        cmocka_unit_test_setup_teardown(test_missing_topic_is_named, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
