/* The Kafka ledger against librdkafka's broker in the process: what it makes of each class of
 * error, parts, refusals.  That broker knows no transactions worth the name, so what survives
 * crashes is tested on a real one, in tests/kafka/ledger.sh. */
#include "tests/unit/sinks_kafka_scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PRODUCE = 0, OFFSET_COMMIT = 8, INIT_PRODUCER = 22, ADD_PARTITIONS = 24 };
enum { ADD_OFFSETS = 25, END_TRANSACTION = 26, OFFSETS_IN_TRANSACTION = 28 };
enum { LARGE_SIZE = 3000000, ERRORS_MAX = 4 };

static const struct output outputs[] = {
    {STREAM_DECISIONS, "a", "{\"id\":\"a\"}", 1, 10},
    {STREAM_ALERTS, "a", "{\"id\":\"a\"}", 1, 10}, /* of a stream that is not served */
    {STREAM_DECISIONS, "b", "{\"id\":\"b\"}", 1, 10},
};

/* One ledger for all tests: to join a group takes seconds. */
static int start(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct failure failure = {0};
    assert_non_null(scene);
    scene->outputs = outputs;
    scene->output_count = sizeof outputs / sizeof outputs[0];
    cluster_open(&scene->cluster, "journal", 1);
    rd_kafka_mock_topic_create(scene->cluster.broker, "in", 2, 1);
    rd_kafka_mock_topic_create(scene->cluster.broker, "out", 3, 1);
    rd_kafka_mock_topic_create(scene->cluster.broker, "wide", 3, 1);
    struct ledger_setting setting = setting_of(scene);
    if (kafka_ledger_open(&scene->ledger, &setting, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    scene->ledger.kind->join(scene->ledger.self);
    assert_int_equal(scene->ledger.kind->seek(scene->ledger.self, 0, &failure), STATUS_OK);
    *state = scene;
    return 0;
}

static int stop(void **state)
{
    struct scene *scene = *state;
    if (scene->ledger.kind)
        scene->ledger.kind->close(scene->ledger.self);
    cluster_close(&scene->cluster);
    free(scene);
    return 0;
}

static void inject(const struct scene *scene, int16_t api, size_t count,
                   const rd_kafka_resp_err_t *errors)
{
    rd_kafka_mock_push_request_errors_array(scene->cluster.broker, api, count, errors);
}

static enum status read_next(const struct ledger *ledger, struct ledger_record *record)
{
    struct failure failure = {0};
    uint64_t until_ns = deadline_ns();
    enum status status;
    while ((status = ledger->kind->read(ledger->self, record, &failure)) == STATUS_RETRY) {
        wait_for_news(ledger, until_ns);
        ledger->kind->owns(ledger->self);
    }
    if (status == STATUS_STOP)
        fail_msg("%s", failure.text);
    return status;
}

/* ---- what is written is read ---- */

static void test_entry_is_written_and_read(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    struct ledger_record record;
    int64_t at = settle_well(scene, "one", 3);
    assert_true(at >= 0);
    assert_true(settle_well(scene, "two", 3) > at);
    int64_t nothing;
    assert_int_equal(scene->ledger.kind->settlement(scene->ledger.self, &nothing, &failure),
                     SETTLEMENT_NONE);
    assert_int_equal(scene->ledger.kind->seek(scene->ledger.self, 0, &failure), STATUS_OK);
    assert_int_equal(read_next(&scene->ledger, &record), STATUS_OK);
    assert_int_equal(record.at, at);
    assert_int_equal(record.size, 3);
    assert_memory_equal(record.bytes, "one", 3);
    assert_int_equal(read_next(&scene->ledger, &record), STATUS_OK);
    assert_memory_equal(record.bytes, "two", 3);
    assert_int_equal(read_next(&scene->ledger, &record), STATUS_END);
    assert_int_equal(settle_well(scene, "three", 5), record.at + 1);
}

static void fill(char *bytes, size_t size, unsigned seed)
{
    for (size_t index = 0; index < size; index++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[index] = (char)(seed >> 24);
    }
}

/* The reader's place is the first part; from inside the series the next entry is read. */
static void test_large_entry_is_one_record(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    struct ledger_record record;
    char *entry = malloc(LARGE_SIZE);
    assert_non_null(entry);
    fill(entry, LARGE_SIZE, 5);
    int64_t at = settle_well(scene, entry, LARGE_SIZE);
    int64_t after = settle_well(scene, "after", 5);
    assert_int_equal(after, at + 4);
    assert_int_equal(scene->ledger.kind->seek(scene->ledger.self, at, &failure), STATUS_OK);
    assert_int_equal(read_next(&scene->ledger, &record), STATUS_OK);
    assert_int_equal(record.at, at);
    assert_int_equal(record.size, LARGE_SIZE);
    assert_memory_equal(record.bytes, entry, LARGE_SIZE);
    for (int64_t inside = at + 1; inside <= after; inside++) {
        assert_int_equal(scene->ledger.kind->seek(scene->ledger.self, inside, &failure), STATUS_OK);
        assert_int_equal(read_next(&scene->ledger, &record), STATUS_OK);
        assert_int_equal(record.at, after);
        assert_memory_equal(record.bytes, "after", 5);
        assert_int_equal(read_next(&scene->ledger, &record), STATUS_END);
    }
    free(entry);
}

/* Its size is a multiple of the parts'. */
static void test_entry_of_whole_parts(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    struct ledger_record record;
    size_t size = 2 * (900 << 10);
    char *entry = malloc(size);
    assert_non_null(entry);
    fill(entry, size, 6);
    int64_t at = settle_well(scene, entry, size);
    assert_int_equal(scene->ledger.kind->seek(scene->ledger.self, at, &failure), STATUS_OK);
    assert_int_equal(read_next(&scene->ledger, &record), STATUS_OK);
    assert_int_equal(record.size, size);
    assert_memory_equal(record.bytes, entry, size);
    assert_int_equal(settle_well(scene, "x", 1), at + 2);
    free(entry);
}

static void test_only_served_streams_are_written(void **state)
{
    struct scene *scene = *state;
    int64_t before = count_records(scene, "out", 3);
    settle_well(scene, "x", 1);
    assert_int_equal(count_records(scene, "out", 3), before + 2);
}

static void test_reader_beyond_the_end_is_refused(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    assert_int_equal(scene->ledger.kind->seek(scene->ledger.self, 1000000, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "before 1000000 where the state stands"));
    assert_int_equal(scene->ledger.kind->seek(scene->ledger.self, 0, &failure), STATUS_OK);
}

/* ---- errors ---- */

struct injection {
    const char *name;
    int16_t api;
    rd_kafka_resp_err_t errors[ERRORS_MAX]; /* up to the first 0 */
    enum settlement settlement;
    enum status status; /* of the failure */
    const char *words;
};

#define ERROR(name) RD_KAFKA_RESP_ERR_##name
static const struct injection injections[] = {
    {"leader moves",
     PRODUCE,
     {ERROR(NOT_LEADER_FOR_PARTITION), ERROR(NOT_LEADER_FOR_PARTITION)},
     SETTLEMENT_COMMITTED,
     STATUS_OK,
     ""},
    {"topic forbidden",
     PRODUCE,
     {ERROR(TOPIC_AUTHORIZATION_FAILED)},
     SETTLEMENT_ABORTED,
     STATUS_STOP,
     "the user needs the rights Write and Describe"},
    {"too large",
     PRODUCE,
     {ERROR(MSG_SIZE_TOO_LARGE)},
     SETTLEMENT_ABORTED,
     STATUS_STOP,
     "message_max"},
    {"fenced at the partition",
     PRODUCE,
     {ERROR(INVALID_PRODUCER_EPOCH)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "transactional id weir-test"},
    {"still busy",
     ADD_PARTITIONS,
     {ERROR(CONCURRENT_TRANSACTIONS), ERROR(CONCURRENT_TRANSACTIONS)},
     SETTLEMENT_COMMITTED,
     STATUS_OK,
     ""},
    {"id forbidden",
     ADD_PARTITIONS,
     {ERROR(TRANSACTIONAL_ID_AUTHORIZATION_FAILED)},
     SETTLEMENT_DOUBTFUL,
     STATUS_STOP,
     "on the transactional id"},
    {"fenced", ADD_PARTITIONS, {ERROR(PRODUCER_FENCED)}, SETTLEMENT_DOUBTFUL, STATUS_RETRY, ""},
    {"group forbidden",
     ADD_OFFSETS,
     {ERROR(GROUP_AUTHORIZATION_FAILED)},
     SETTLEMENT_ABORTED,
     STATUS_STOP,
     "the right Read on the group"},
    {"coordinator loads",
     OFFSETS_IN_TRANSACTION,
     {ERROR(COORDINATOR_LOAD_IN_PROGRESS), ERROR(COORDINATOR_LOAD_IN_PROGRESS)},
     SETTLEMENT_COMMITTED,
     STATUS_OK,
     ""},
    {"old generation",
     OFFSETS_IN_TRANSACTION,
     {ERROR(ILLEGAL_GENERATION)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "generation"},
    {"no member",
     OFFSETS_IN_TRANSACTION,
     {ERROR(UNKNOWN_MEMBER_ID)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "commit offsets"},
    {"rebalance",
     OFFSETS_IN_TRANSACTION,
     {ERROR(REBALANCE_IN_PROGRESS)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "commit offsets"},
    {"cut at the offsets",
     OFFSETS_IN_TRANSACTION,
     {ERROR(_TRANSPORT)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "a request for offsets was not answered"},
    {"fenced at the end",
     END_TRANSACTION,
     {ERROR(PRODUCER_FENCED)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "could not commit"},
    {"wrong state",
     END_TRANSACTION,
     {ERROR(INVALID_TXN_STATE)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "could not commit"},
    {"cut at the end",
     END_TRANSACTION,
     {ERROR(_TRANSPORT)},
     SETTLEMENT_DOUBTFUL,
     STATUS_RETRY,
     "was sent twice"},
};

static void judge(struct scene *scene, const struct injection *injection)
{
    struct failure failure = {0};
    int64_t at = -1;
    size_t count = 0;
    while (count < ERRORS_MAX && injection->errors[count])
        count++;
    claim_well(scene);
    inject(scene, injection->api, count, injection->errors);
    enum settlement settlement = settle(scene, "x", 1, &at, &failure);
    rd_kafka_mock_clear_request_errors(scene->cluster.broker, injection->api);
    if (failure.status == STATUS_STOP)
        scene->claimed = false;
    if (settlement != injection->settlement || failure.status != injection->status ||
        !strstr(failure.text, injection->words))
        fail_msg("%s: settlement %d, status %d, '%s'", injection->name, settlement, failure.status,
                 failure.text);
}

/* And the ledger goes on after each of them. */
static void test_classes_of_errors(void **state)
{
    for (size_t index = 0; index < sizeof injections / sizeof injections[0]; index++) {
        judge(*state, &injections[index]);
        settle_well(*state, "well", 4);
    }
}

/* A coordinator that takes its time.  The request may be on its way for long, and would put these
 * offsets into whatever the producer begins next: so it has to begin with another epoch. */
static void test_offsets_time_out(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    int64_t at = -1;
    claim_well(scene);
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(
                         scene->cluster.broker, 1, OFFSETS_IN_TRANSACTION, 1, 0, 13000),
                     0);
    assert_int_equal(settle(scene, "slow", 4, &at, &failure), SETTLEMENT_DOUBTFUL);
    if (failure.status != STATUS_RETRY ||
        !strstr(failure.text, "a request for offsets was not answered"))
        fail_msg("%s", failure.text);
    settle_well(scene, "slow", 4);
}

/* Whatever the coordinator sees as a zombie does not get as far as fencing anybody. */
static void test_claim_proves_membership_first(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    rd_kafka_resp_err_t error = ERROR(REBALANCE_IN_PROGRESS), fence = ERROR(PRODUCER_FENCED);
    claim_well(scene);
    inject(scene, OFFSET_COMMIT, 1, &error);
    inject(scene, INIT_PRODUCER, 1, &fence);
    assert_int_equal(claim(scene, true, &failure), STATUS_RETRY);
    assert_non_null(strstr(failure.text, "could not claim the journal journal"));
    rd_kafka_mock_clear_request_errors(scene->cluster.broker, INIT_PRODUCER);
    settle_well(scene, "x", 1);
}

static void test_claims_that_are_of_no_use(void **state)
{
    static const struct {
        int16_t api;
        rd_kafka_resp_err_t error;
        const char *words;
    } table[] = {
        {OFFSET_COMMIT, ERROR(GROUP_AUTHORIZATION_FAILED), "the right Read on the group test"},
        {INIT_PRODUCER, ERROR(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), "on the transactional id"},
        {INIT_PRODUCER, ERROR(CLUSTER_AUTHORIZATION_FAILED), "IdempotentWrite on the cluster"},
        {INIT_PRODUCER, ERROR(INVALID_TRANSACTION_TIMEOUT), "transaction.max.timeout.ms"},
    };
    struct scene *scene = *state;
    for (size_t index = 0; index < sizeof table / sizeof table[0]; index++) {
        struct failure failure = {0};
        claim_well(scene);
        inject(scene, table[index].api, 1, &table[index].error);
        assert_int_equal(claim(scene, true, &failure), STATUS_STOP);
        if (!strstr(failure.text, table[index].words))
            fail_msg("'%s' is not in '%s'", table[index].words, failure.text);
    }
    settle_well(scene, "x", 1);
}

/* ---- opening and closing ---- */

static void refused(struct ledger_setting setting, const char *words)
{
    struct failure failure = {0};
    struct ledger ledger = {0};
    assert_int_equal(kafka_ledger_open(&ledger, &setting, &failure), STATUS_STOP);
    assert_null(ledger.kind);
    if (!strstr(failure.text, words))
        fail_msg("'%s' is not in '%s'", words, failure.text);
}

static void test_refusals(void **state)
{
    struct scene *scene = *state;
    struct ledger_setting setting = setting_of(scene);
    setting.journal = "wide";
    refused(setting, "the journal's topic wide has 3 partitions; it must have exactly 1");
    setting = setting_of(scene);
    rd_kafka_mock_topic_set_error(scene->cluster.broker, "nowhere",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    setting.topic[STREAM_ALERTS] = "nowhere";
    refused(setting, "output alerts: topic nowhere does not exist; create it first");
    setting = setting_of(scene);
    json_t *small = json_deep_copy(scene->cluster.properties);
    json_object_set_new(small, "message.max.bytes", json_integer(100000));
    setting.kafka = small;
    refused(setting, "kafka property 'message.max.bytes'");
    json_object_set_new(small, "message.max.bytes", json_integer(1000000));
    json_object_set_new(small, "transaction.timeout.ms", json_integer(5000));
    json_object_set_new(small, "socket.timeout.ms", json_integer(60000));
    refused(setting, "could not make a kafka client");
    json_decref(small);
}

/* A lone reader, which sees what the leader wrote and never owns. */
static void test_reader_alone(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    struct ledger ledger;
    struct ledger_record record;
    struct ledger_setting setting = setting_of(scene);
    int64_t at = settle_well(scene, "last", 4);
    setting.member = false;
    assert_int_equal(kafka_ledger_open(&ledger, &setting, &failure), STATUS_OK);
    assert_int_equal(ledger.kind->seek(ledger.self, at, &failure), STATUS_OK);
    assert_false(ledger.kind->owns(ledger.self));
    assert_int_equal(read_next(&ledger, &record), STATUS_OK);
    assert_memory_equal(record.bytes, "last", 4);
    assert_int_equal(read_next(&ledger, &record), STATUS_END);
    ledger.kind->close(ledger.self);
}

/* What was submitted is finished first. */
static void test_closing_waits(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    struct ledger ledger = scene->ledger;
    struct ledger_setting setting = setting_of(scene);
    claim_well(scene);
    int64_t before = count_records(scene, "journal", 1);
    submit(scene, "x", 1);
    ledger.kind->close(ledger.self);
    assert_int_equal(count_records(scene, "journal", 1), before + 1);
    scene->ledger.kind = NULL;
    scene->claimed = false;
    assert_int_equal(kafka_ledger_open(&scene->ledger, &setting, &failure), STATUS_OK);
    scene->ledger.kind->join(scene->ledger.self);
}

/* Thrown out of the group (this broker then lets nobody in for long, so it comes last): the claim
 * is void. */
static void test_eviction_voids_the_claim(void **state)
{
    struct scene *scene = *state;
    struct failure failure = {0};
    rd_kafka_resp_err_t error = ERROR(UNKNOWN_MEMBER_ID);
    int64_t at;
    claim_well(scene);
    inject(scene, OFFSET_COMMIT, 1, &error);
    const struct ledger *ledger = &scene->ledger;
    uint64_t until_ns = deadline_ns();
    do {
        wait_for_news(ledger, until_ns);
        assert_int_equal(ledger->kind->claim(ledger->self, &failure), STATUS_RETRY);
    } while (ledger->kind->owns(ledger->self) || strstr(failure.text, "under way"));
    submit(scene, "x", 1);
    assert_int_equal(scene->ledger.kind->settlement(scene->ledger.self, &at, &failure),
                     SETTLEMENT_DOUBTFUL);
    assert_non_null(strstr(failure.text, "since the claim"));
    assert_int_equal(scene->ledger.kind->claim(scene->ledger.self, &failure), STATUS_RETRY);
    assert_non_null(strstr(failure.text, "another process owns"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_is_written_and_read),
        cmocka_unit_test(test_large_entry_is_one_record),
        cmocka_unit_test(test_entry_of_whole_parts),
        cmocka_unit_test(test_only_served_streams_are_written),
        cmocka_unit_test(test_reader_beyond_the_end_is_refused),
        cmocka_unit_test(test_classes_of_errors),
        cmocka_unit_test(test_offsets_time_out),
        cmocka_unit_test(test_claim_proves_membership_first),
        cmocka_unit_test(test_claims_that_are_of_no_use),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_reader_alone),
        cmocka_unit_test(test_closing_waits),
        cmocka_unit_test(test_eviction_voids_the_claim),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
