/* What only Kafka can bring in wrong, from the source through the merge to the decoder: tombstones,
 * keys that are missing or say otherwise than the record, records above payload_max, batches that
 * unpack to a thousand times their size, a partition that is idle or far behind. */
#include "ingest/inputs.h"
#include "tests/unit/base_kafka_cluster.h"
#include "tests/unit/ingest_rows.h"
#include <stdlib.h>
#include <unistd.h>

enum {
    PARTITIONS = 2,
    PAYLOAD_MAX = 1 << 16,
    BOMB_COUNT = 5,
    BOMB_RECORDS = 100,
    BOMB_RECORD_SIZE = 1000000,
    BOMB_MEMORY_MAX = 3 * BOMB_RECORDS * BOMB_RECORD_SIZE,
    WAIT_MS = 20000,
};

struct scene {
    struct kafka_cluster cluster;
    rd_kafka_t *producer;
    struct inputs inputs;
    struct rows rows;
};

static rd_kafka_t *open_producer(const struct kafka_cluster *cluster)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const setting[][2] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster->broker)},
        {"compression.type", "gzip"},
        {"linger.ms", "300"},
        {"message.max.bytes", "200000000"},
        {"batch.size", "200000000"},
    };
    for (size_t i = 0; i < sizeof setting / sizeof *setting; i++)
        assert_int_equal(rd_kafka_conf_set(conf, setting[i][0], setting[i][1], error, sizeof error),
                         RD_KAFKA_CONF_OK);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    assert_non_null(producer);
    return producer;
}

static int start(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    cluster_open(&scene->cluster, "in", PARTITIONS);
    scene->producer = open_producer(&scene->cluster);
    rows_schema(&scene->rows.schema);
    rows_open(&scene->rows, "json", NULL);
    *state = scene;
    return 0;
}

static int stop(void **state)
{
    struct scene *scene = *state;
    inputs_close(&scene->inputs);
    rows_close(&scene->rows);
    if (scene->producer)
        rd_kafka_destroy(scene->producer);
    cluster_close(&scene->cluster);
    free(scene);
    return 0;
}

static void put(const struct scene *scene, int partition, const char *key, const char *text,
                size_t size, int64_t time_ms)
{
    assert_int_equal(rd_kafka_producev(scene->producer, RD_KAFKA_V_TOPIC("in"),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)text, size),
                                       RD_KAFKA_V_TIMESTAMP(time_ms),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void put_text(const struct scene *scene, int partition, const char *key, const char *text,
                     int64_t time_ms)
{
    put(scene, partition, key, text, strlen(text), time_ms);
}

/* The source reads what has been written so far, and what comes. */
static void open_inputs(struct scene *scene)
{
    struct failure failure = {0};
    assert_int_equal(rd_kafka_flush(scene->producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    const struct source_kind *kind = source_find("kafka");
    void *options = calloc(1, kind->option_size);
    assert_non_null(options);
    memcpy(options, "in", 3); /* the topic, its first option */
    const struct source_setting setting = {.options = options,
                                           .kafka = scene->cluster.properties,
                                           .group = "test",
                                           .clock = &system_clock};
    struct source source = {.kind = kind};
    if (kind->open(&source.self, &setting, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    free(options);
    inputs_add(&scene->inputs, source, RECORD_EVENT, "in", PAYLOAD_MAX);
}

/* Adds to the batch until it has so many records, and decodes these. */
static void read_rows(struct scene *scene, uint32_t count)
{
    struct failure failure = {0};
    struct batch *batch = &scene->rows.batch;
    batch_clear(batch);
    for (int waited_ms = 0; batch->count < count && waited_ms < WAIT_MS; waited_ms++) {
        enum status status = inputs_fill(&scene->inputs, batch, count, &failure);
        assert_true(status == STATUS_OK || status == STATUS_RETRY);
        if (status == STATUS_RETRY)
            usleep(1000);
    }
    assert_int_equal(batch->count, count);
    for (uint32_t row = 0; row < count; row++)
        scene->rows.kind->decode(scene->rows.decoder, batch, row);
}

static void assert_dead(const struct scene *scene, uint32_t row, int64_t offset, const char *reason)
{
    const struct batch *batch = &scene->rows.batch;
    assert_true(batch->dead[row]);
    assert_string_equal(batch->reason[row], reason);
    assert_int_equal(batch->position[row].offset, offset);
}

static void test_tombstones_are_dead_letters(void **state)
{
    struct scene *scene = *state;
    put(scene, 0, "c", NULL, 0, 1000);
    put(scene, 0, NULL, NULL, 0, 2000);
    put(scene, 0, "c", "", 0, 3000);
    open_inputs(scene);
    read_rows(scene, 3);
    for (uint32_t row = 0; row < 3; row++)
        assert_dead(scene, row, row, "empty record");
}

/* The entity is what the record says.  A key only chose the partition, and nobody reads it. */
static void test_keys_of_records_are_not_read(void **state)
{
    static const char text[] = "{\"id\":\"t1\",\"time\":1,\"card\":\"c\",\"amount\":5}";
    struct scene *scene = *state;
    put_text(scene, 0, NULL, text, 1000);
    put_text(scene, 0, "", text, 2000);
    put_text(scene, 0, "another card", text, 3000);
    put_text(scene, 0, "\xff\xfe", text, 4000);
    open_inputs(scene);
    read_rows(scene, 4);
    const struct hash_key key = scene->rows.schema.key;
    for (uint32_t row = 0; row < 4; row++) {
        assert_false(scene->rows.batch.dead[row]);
        assert_true(batch_column(&scene->rows.batch, ROW_CARD)[row].key == hash_bytes(key, "c", 1));
    }
}

static char *long_record(size_t size)
{
    char *text = malloc(size);
    assert_non_null(text);
    static const char open[] = "{\"id\":\"t1\",\"time\":1,\"card\":\"c\",\"amount\":5,\"x\":\"";
    memset(text, 'x', size);
    memcpy(text, open, sizeof open - 1);
    memcpy(text + size - 2, "\"}", 2);
    return text;
}

/* A record above payload_max is refused unread and holds up nothing behind it. */
static void test_large_records_are_refused_unread(void **state)
{
    static const size_t sizes[] = {PAYLOAD_MAX, PAYLOAD_MAX + 1, 1500000, 10000000, 100};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = long_record(sizes[i]);
        put(scene, 0, "c", text, sizes[i], 1000 * (int64_t)i);
        free(text);
    }
    open_inputs(scene);
    read_rows(scene, 5);
    assert_false(scene->rows.batch.dead[0]);
    for (uint32_t row = 1; row < 4; row++)
        assert_true(scene->rows.batch.dead[row] && scene->rows.batch.payload[row].size == 0);
    assert_false(scene->rows.batch.dead[4]);
}

static size_t resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A hundred megabytes in a hundred kilobytes: a batch is unpacked as a whole, but only one, and
 * what is unpacked is not kept beside the next. */
static void test_bombs_are_refused_in_bounded_memory(void **state)
{
    struct scene *scene = *state;
    char *text = long_record(BOMB_RECORD_SIZE);
    for (int bomb = 0; bomb < BOMB_COUNT; bomb++) {
        for (int i = 0; i < BOMB_RECORDS; i++)
            put(scene, 0, NULL, text, BOMB_RECORD_SIZE, 1000);
        assert_int_equal(rd_kafka_flush(scene->producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    free(text);
    put_text(scene, 0, NULL, "{\"id\":\"t1\",\"time\":1,\"amount\":5}", 2000);
    assert_int_equal(rd_kafka_flush(scene->producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    size_t before = resident(), most = before;
    open_inputs(scene);
    for (int record = 0; record < BOMB_COUNT * BOMB_RECORDS; record++) {
        read_rows(scene, 1);
        assert_dead(scene, 0, record, "the record is larger than payload_max, 65536 bytes");
        size_t now = resident();
        most = now > most ? now : most;
    }
    read_rows(scene, 1);
    assert_false(scene->rows.batch.dead[0]);
    print_message("bombs of %d MB took %zu MB\n", BOMB_RECORDS * BOMB_RECORD_SIZE / 1000000,
                  (most - before) / 1000000);
    assert_true(most - before < BOMB_MEMORY_MAX);
}

/* A partition that is empty, and one whose records are days behind the other's, hold up nobody:
 * what is there is taken, the oldest first. */
static void test_idle_partitions_stall_nobody(void **state)
{
    static const char text[] = "{\"id\":\"t1\",\"time\":1,\"amount\":5}";
    struct scene *scene = *state;
    for (int i = 0; i < 20; i++)
        put_text(scene, 0, NULL, text, 1000 * i + 500000000);
    open_inputs(scene);
    read_rows(scene, 20);
    put_text(scene, 1, NULL, text, 1000);
    assert_int_equal(rd_kafka_flush(scene->producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    read_rows(scene, 1);
    assert_int_equal(scene->rows.batch.position[0].partition, 1);
    put_text(scene, 0, NULL, text, 600000000);
    assert_int_equal(rd_kafka_flush(scene->producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    read_rows(scene, 1);
    assert_int_equal(scene->rows.batch.position[0].partition, 0);
}

/* Kafka's own timestamp orders the merge; the event's time is the one inside.  A missing, negative
 * or absurd timestamp of Kafka's changes no result. */
static void test_timestamps_of_records_are_no_event_times(void **state)
{
    static const int64_t stamps[] = {1, 4102444800000, 1000, INT64_MAX / 2};
    struct scene *scene = *state;
    for (int i = 0; i < 4; i++)
        put_text(scene, 0, NULL, "{\"id\":\"t1\",\"time\":7,\"amount\":5}", stamps[i]);
    open_inputs(scene);
    read_rows(scene, 4);
    for (uint32_t row = 0; row < 4; row++)
        assert_true(!scene->rows.batch.dead[row] && scene->rows.batch.time_ms[row] == 7000);
}

#define scene_test(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_tombstones_are_dead_letters),
        scene_test(test_keys_of_records_are_not_read),
        scene_test(test_large_records_are_refused_unread),
        scene_test(test_bombs_are_refused_in_bounded_memory),
        scene_test(test_idle_partitions_stall_nobody),
        scene_test(test_timestamps_of_records_are_no_event_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
