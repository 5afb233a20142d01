/* Which librdkafka properties pass, which are refused and with what words; and a writer that finds
 * no broker. */
#include "base/kafka.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct findings check(const char *text)
{
    json_t *properties = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(properties);
    struct findings findings = {0};
    kafka_check(properties, "kafka", &findings);
    json_decref(properties);
    return findings;
}

static void expect_one(const char *text, const char *path, bool key_itself, const char *words)
{
    struct findings findings = check(text);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.list[0].path, path);
    assert_int_equal(findings.list[0].key_itself, key_itself);
    if (!strstr(findings.list[0].message, words))
        fail_msg("'%s' is not in '%s'", words, findings.list[0].message);
    findings_close(&findings);
}

static void test_usual_properties_pass(void **state)
{
    (void)state;
    struct findings findings = check(
        "{\"bootstrap.servers\": \"a:9092,b:9092\", \"security.protocol\": \"SASL_SSL\","
        " \"sasl.mechanism\": \"SCRAM-SHA-512\", \"sasl.username\": \"u\", \"sasl.password\": "
        "\"p\","
        " \"ssl.ca.location\": \"/etc/ca.pem\", \"linger.ms\": 2.5, \"batch.num.messages\": 500,"
        " \"log.connection.close\": true, \"compression.type\": \"zstd\", \"debug\": \"broker\"}");
    for (uint32_t index = 0; index < findings.count; index++)
        print_error("%s: %s\n", findings.list[index].path, findings.list[index].message);
    assert_int_equal(findings.count, 0);
    findings_close(&findings);
}

static void test_no_object_is_well(void **state)
{
    (void)state;
    struct findings findings = {0};
    kafka_check(NULL, "kafka", &findings);
    assert_int_equal(findings.count, 0);
    expect_one("[1]", "kafka", false, "expected an object");
}

/* Either name of a property, each with its reason. */
static void test_what_exactness_depends_on_is_refused(void **state)
{
    (void)state;
    static const char *const pair[][2] = {
        {"enable.auto.commit", "acknowledged"},
        {"auto.commit.enable", "acknowledged"},
        {"enable.auto.offset.store", "acknowledged"},
        {"isolation.level", "aborted"},
        {"transactional.id", "transactions"},
        {"enable.idempotence", "once and in order"},
        {"acks", "replicas"},
        {"request.required.acks", "replicas"},
        {"retries", "acknowledged"},
        {"max.in.flight", "in order"},
        {"max.in.flight.requests.per.connection", "in order"},
        {"group.id", "pipeline's name"},
        {"partition.assignment.strategy", "all partitions"},
        {"auto.offset.reset", "committed offsets"},
        {"check.crcs", "damaged"},
        {"test.mock.num.brokers", "--embedded-broker"},
    };
    for (size_t index = 0; index < sizeof pair / sizeof pair[0]; index++) {
        char text[128], path[128];
        snprintf(text, sizeof text, "{\"%s\": \"1\"}", pair[index][0]);
        snprintf(path, sizeof path, "kafka.%s", pair[index][0]);
        expect_one(text, path, true, pair[index][1]);
    }
}

static void test_unknown_names_get_the_nearest(void **state)
{
    (void)state;
    expect_one("{\"bootstrap.server\": \"a\"}", "kafka.bootstrap.server", true,
               "did you mean 'bootstrap.servers'?");
    expect_one("{\"compresion.codec\": \"lz4\"}", "kafka.compresion.codec", true,
               "did you mean 'compression.codec'?");
    expect_one("{\"xyzzy.plugh.frotz\": 1}", "kafka.xyzzy.plugh.frotz", true, "knows no property");
}

static void test_brokers_as_the_library_reads_them(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a",           "a:1",     "a:65535 , b:9092",    "[::1]:9092",  "[::1]",
        "::1, a:9092", "fe80::5", "PLAINTEXT://a:9092/", "SSL://a/b:c", "",
    };
    static const char *const bad[] = {
        "a:", "a:0", "b:9092,a:65536", "a:9092x", "[::1]:x", "SSL://a:-1", "SSL://a:/9092",
    };
    char text[128];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(text, sizeof text, "{\"bootstrap.servers\": \"%s\"}", good[i]);
        struct findings findings = check(text);
        if (findings.count)
            fail_msg("'%s': %s", good[i], findings.list[0].message);
        findings_close(&findings);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "{\"bootstrap.servers\": \"%s\"}", bad[i]);
        expect_one(text, "kafka.bootstrap.servers", false, "a port from 1 to 65535");
    }
}

static void test_wrong_values(void **state)
{
    (void)state;
    expect_one("{\"linger.ms\": \"soon\"}", "kafka.linger.ms", false, "invalid value");
    expect_one("{\"security.protocol\": \"carrier_pigeon\"}", "kafka.security.protocol", false,
               "security.protocol");
    expect_one("{\"batch.num.messages\": -1}", "kafka.batch.num.messages", false,
               "batch.num.messages");
    expect_one("{\"client.id\": null}", "kafka.client.id", false, "expected a text");
    expect_one("{\"client.id\": {\"a\": 1}}", "kafka.client.id", false, "expected a text");
}

static void test_all_mistakes_at_once(void **state)
{
    (void)state;
    struct findings findings =
        check("{\"acks\": 1, \"client.id\": [], \"linger.ms\": \"x\", \"nonsense\": 0}");
    assert_int_equal(findings.count, 4);
    findings_close(&findings);
}

static void test_writer_needs_a_broker(void **state)
{
    (void)state;
    struct kafka_writer *writer = NULL;
    struct failure failure = {0};
    assert_int_equal(kafka_writer_open(&writer, NULL, NULL, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "bootstrap.servers"));
    json_t *refused = json_pack("{s:s}", "acks", "0");
    assert_int_equal(kafka_writer_open(&writer, "127.0.0.1:1", refused, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "acks"));
    json_decref(refused);
}

/* Nobody listens on port 1: the record stays unacknowledged, which is said, and closing does not
 * hang. */
static void test_writer_says_what_is_not_acknowledged(void **state)
{
    (void)state;
    struct kafka_writer *writer = NULL;
    struct failure failure = {0};
    assert_int_equal(kafka_writer_open(&writer, "127.0.0.1:1", NULL, &failure), STATUS_OK);
    assert_int_equal(kafka_writer_put(writer, "t", -1, "k", 1, "v", 1, 0, &failure), STATUS_OK);
    assert_int_equal(kafka_writer_flush(writer, 300, &failure), STATUS_RETRY);
    assert_non_null(strstr(failure.text, "1 records are not yet acknowledged"));
    kafka_writer_close(writer);
    kafka_writer_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_properties_pass),
        cmocka_unit_test(test_no_object_is_well),
        cmocka_unit_test(test_what_exactness_depends_on_is_refused),
        cmocka_unit_test(test_unknown_names_get_the_nearest),
        cmocka_unit_test(test_brokers_as_the_library_reads_them),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_all_mistakes_at_once),
        cmocka_unit_test(test_writer_needs_a_broker),
        cmocka_unit_test(test_writer_says_what_is_not_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
