/* Many outputs of one entry, which are handed to the library by the sheaf, through a queue that is
 * full in the middle of each: every one is written once, those of a partition in their order. */
#include "tests/unit/sinks_kafka_scene.h"
#include <stdio.h>
#include <stdlib.h>

enum { OUTPUTS = 1500, PARTITIONS = 3, KEYS = 7, TEXT_SIZE = 24, RECORDS_MAX = 2 * OUTPUTS };

struct outputs {
    struct output list[OUTPUTS];
    char text[OUTPUTS][TEXT_SIZE], key[OUTPUTS][4];
};

/* What a partition has, in its order: the numbers that the outputs' texts are. */
struct written {
    uint32_t count, number[RECORDS_MAX];
};

/* Lone ones, pairs, and runs that fill several sheaves, between those of streams that are not
 * served and of one more that is. */
static enum stream stream_of(uint32_t number)
{
    if (number < 200)
        return number % 5 == 1 ? STREAM_ALERTS : number % 5 == 3 ? STREAM_LATE : STREAM_DECISIONS;
    return number == 900 ? STREAM_LATE : number == 1300 ? STREAM_ALERTS : STREAM_DECISIONS;
}

static void fill(struct outputs *outputs)
{
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        int size = snprintf(outputs->text[i], TEXT_SIZE, "%u", i);
        int key_size = snprintf(outputs->key[i], sizeof outputs->key[i], "k%u", i % KEYS);
        outputs->list[i] = (struct output){.stream = stream_of(i),
                                           .key = outputs->key[i],
                                           .bytes = outputs->text[i],
                                           .key_size = (uint32_t)key_size,
                                           .size = (uint32_t)size};
    }
}

static void note(struct written written[PARTITIONS], const rd_kafka_message_t *message)
{
    char text[TEXT_SIZE] = {0}, key[8];
    struct written *of = &written[message->partition];
    assert_true(message->len < sizeof text && of->count < RECORDS_MAX);
    memcpy(text, message->payload, message->len);
    uint32_t number = (uint32_t)strtoul(text, NULL, 10);
    int key_size = snprintf(key, sizeof key, "k%u", number % KEYS);
    assert_int_equal(message->key_len, key_size);
    assert_memory_equal(message->key, key, message->key_len);
    of->number[of->count++] = number;
}

static void read_all(const struct scene *scene, const char *topic,
                     struct written written[PARTITIONS])
{
    char error[256];
    int64_t left = count_records(scene, topic, PARTITIONS);
    uint64_t until_ns = deadline_ns();
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers",
                      rd_kafka_mock_cluster_bootstraps(scene->cluster.broker), error, sizeof error);
    rd_kafka_conf_set(conf, "group.id", "eyes", error, sizeof error);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(client, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    memset(written, 0, PARTITIONS * sizeof *written);
    while (left > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        assert_true(clock_monotonic_ns(&system_clock) < until_ns);
        if (message && !message->err) {
            note(written, message);
            left--;
        }
        if (message)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

static void check(const struct scene *scene, const char *topic, enum stream stream)
{
    static struct written written[PARTITIONS];
    static uint32_t times[OUTPUTS];
    uint32_t used = 0;
    memset(times, 0, sizeof times);
    read_all(scene, topic, written);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        used += written[i].count > 0;
        for (uint32_t j = 0; j < written[i].count; j++) {
            uint32_t number = written[i].number[j];
            assert_true(number < OUTPUTS);
            times[number]++;
            if (j > 0 && number <= written[i].number[j - 1])
                fail_msg("%s: output %u behind %u", topic, number, written[i].number[j - 1]);
        }
    }
    for (uint32_t i = 0; i < OUTPUTS; i++)
        if (times[i] != (stream_of(i) == stream))
            fail_msg("%s: output %u was written %u times", topic, i, times[i]);
    assert_true(used == PARTITIONS || stream != STREAM_DECISIONS);
}

static void write_all(const char *queue_size)
{
    static struct outputs outputs;
    struct failure failure = {0};
    fill(&outputs);
    struct scene scene = {.outputs = outputs.list, .output_count = OUTPUTS};
    cluster_open(&scene.cluster, "journal", 1);
    rd_kafka_mock_topic_create(scene.cluster.broker, "in", 2, 1);
    rd_kafka_mock_topic_create(scene.cluster.broker, "out", PARTITIONS, 1);
    rd_kafka_mock_topic_create(scene.cluster.broker, "alerts", PARTITIONS, 1);
    json_object_set_new(scene.cluster.properties, "queue.buffering.max.messages",
                        json_string(queue_size));
    struct ledger_setting setting = setting_of(&scene);
    setting.topic[STREAM_ALERTS] = "alerts";
    setting.message_max[STREAM_ALERTS] = 900 << 10;
    if (kafka_ledger_open(&scene.ledger, &setting, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    scene.ledger.kind->join(scene.ledger.self);
    assert_int_equal(scene.ledger.kind->seek(scene.ledger.self, 0, &failure), STATUS_OK);
    settle_well(&scene, "entry", 5);
    check(&scene, "out", STREAM_DECISIONS);
    check(&scene, "alerts", STREAM_ALERTS);
    scene.ledger.kind->close(scene.ledger.self);
    cluster_close(&scene.cluster);
}

static void test_all_at_once(void **state)
{
    (void)state;
    write_all("100000");
}

/* Not a divisor of a sheaf, so it is full at ever other places of one. */
static void test_queue_is_full_in_the_middle(void **state)
{
    (void)state;
    write_all("190");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_queue_is_full_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
