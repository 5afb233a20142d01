/* JSON records, good and bad. */
#include "tests/unit/ingest_rows.h"
#include <stdlib.h>

static struct rows rows;

static int open_rows(void **state)
{
    (void)state;
    rows_schema(&rows.schema);
    rows_open(&rows, "json", NULL);
    return 0;
}

static int close_rows(void **state)
{
    (void)state;
    rows_close(&rows);
    return 0;
}

static void test_good_record(void **state)
{
    (void)state;
    rows_accept(&rows, "{\"id\":\"t1\",\"extra\":[{\"id\":5}],\"time\":\"2018-04-01T00:00:31Z\","
                       "\"card\":4000001234567899,\"amount\":57.16,\"online\":true,"
                       "\"channel\":\"atm\",\"lat\":48.5,\"lon\":-2.25,"
                       "\"card_issuer\":{\"name\":\"x\",\"bank\":{\"country\":\"FR\"}},"
                       "\"fraud\":false}");
    rows_assert_key(&rows, ROW_ID, "t1");
    assert_true(rows.batch.id[0] == rows_key(&rows, ROW_ID));
    assert_int_equal(rows.batch.id_text[0].size, 2);
    assert_int_equal(rows.batch.time_ms[0], 1522540831000);
    rows_assert_key(&rows, ROW_CARD, "4000001234567899");
    assert_true(rows_number(&rows, ROW_AMOUNT) == 57.16);
    assert_true(rows_number(&rows, ROW_ONLINE) == 1);
    assert_true(rows_number(&rows, ROW_CHANNEL) == 2);
    assert_true(rows_number(&rows, ROW_LATITUDE) == 48.5);
    assert_true(rows_number(&rows, ROW_LONGITUDE) == -2.25);
    rows_assert_key(&rows, ROW_COUNTRY, "FR");
    assert_true(rows.batch.label[0] == 0);
}

/* Nothing of a record stays for the next one. */
static void test_records_are_apart(void **state)
{
    (void)state;
    rows_accept(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":5,\"card\":\"c\",\"fraud\":1,"
                       "\"card_issuer\":{\"bank\":{\"country\":\"FR\"}}}");
    rows_accept(&rows, "{\"id\":\"t2\",\"time\":2,\"amount\":6,\"card_issuer\":null}");
    assert_true(rows_key(&rows, ROW_CARD) == 0 && rows_key(&rows, ROW_COUNTRY) == 0);
    assert_true(isnan(rows.batch.label[0]) && isnan(rows_number(&rows, ROW_FRAUD)));
    rows_accept(&rows, "{\"id\":\"t3\",\"time\":2,\"amount\":6,\"card_issuer\":{\"bank\":{}}}");
    assert_true(rows_key(&rows, ROW_COUNTRY) == 0);
}

static void test_duplicates(void **state)
{
    (void)state;
    rows_refuse(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"amount\":9}",
                "amount: comes twice in one object");
    rows_refuse(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"\\u0061mount\":9}",
                "amount: comes twice in one object");
    rows_refuse(&rows,
                "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"card_issuer\":{\"bank\":null},"
                "\"card_issuer\":{}}",
                "card_issuer: comes twice in one object");
    rows_refuse(&rows,
                "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"card_issuer\":{\"bank\":"
                "{\"country\":\"FR\",\"country\":\"DE\"}}}",
                "country: comes twice in one object");
    rows_accept(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"other\":1,\"other\":2}");
}

/* A refused record keeps the text of its id, wherever it stands, for the dead letter. */
static void assert_named(const char *text, const char *id)
{
    rows_decode(&rows, text);
    assert_true(rows.batch.dead[0] && rows.batch.id[0] == 0);
    struct span span = rows.batch.id_text[0];
    assert_int_equal(span.size, strlen(id));
    assert_memory_equal(batch_bytes(&rows.batch, span), id, span.size);
}

static void test_refused_records_are_named(void **state)
{
    (void)state;
    assert_named("{\"id\":\"t1\",\"time\":1,\"amount\":\"x\"}", "t1");
    assert_named("{\"amount\":\"x\",\"time\":1,\"id\":\"t\\u0031\"}", "t1");
    assert_named("{\"amount\":\"x\",\"time\":1,\"id\":-7}", "-7");
    assert_named("{\"amount\":\"x\",\"id\":18446744073709551615}", "18446744073709551615");
    assert_named("{\"id\":\"t1\",\"time\":1,\"amount\":1,\"id\":\"t2\"}", "");
    assert_named("{\"id\":\"t\\u0000\",\"time\":1,\"amount\":1}", "");
    assert_named("{\"id\":[\"t1\"],\"time\":1,\"amount\":1}", "");
    assert_named("{\"id\":\"t1\",\"time\":1,\"amount\":1", "");
    rows.schema.field[ROW_ID].sensitive = true;
    assert_named("{\"id\":\"t1\",\"time\":1,\"amount\":\"x\"}", "");
    rows.schema.field[ROW_ID].sensitive = false;
}

/* Two fields may read the same value. */
static void test_shared_source(void **state)
{
    (void)state;
    struct rows shared = {0};
    rows_field(&shared.schema, "text", "value", FIELD_TEXT);
    rows_field(&shared.schema, "number", "value", FIELD_NUMBER);
    rows_open(&shared, "json", NULL);
    rows_accept(&shared, "{\"value\":\"12\"}");
    rows_assert_key(&shared, 0, "12");
    assert_true(rows_number(&shared, 1) == 12);
    rows_close(&shared);
}

/* Enough names that tables have collisions: each field gets its own value. */
static void test_many_names(void **state)
{
    (void)state;
    struct rows many = {0};
    char text[8192];
    int at = snprintf(text, sizeof text, "{\"x\":{");
    for (int i = 0; i < 100; i++) {
        char name[32], source[40];
        snprintf(name, sizeof name, "f%d", i * 37 % 100);
        snprintf(source, sizeof source, "x.%s", name);
        rows_field(&many.schema, name, source, FIELD_NUMBER);
    }
    for (int i = 0; i < 100; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s\"f%d\":%d", i ? "," : "", i, i);
    snprintf(text + at, sizeof text - (size_t)at, "}}");
    struct failure failure;
    many.kind = decoder_find("json");
    assert_int_equal(batch_open(&many.batch, 100, 1, &failure), STATUS_OK);
    assert_int_equal(many.kind->open(&many.decoder, &many.schema, NULL, &failure), STATUS_OK);
    rows_accept(&many, text);
    for (uint32_t i = 0; i < 100; i++)
        assert_true(rows_number(&many, i) == i * 37 % 100);
    rows_close(&many);
}

static void test_broken(void **state)
{
    (void)state;
    const char *cut = "not valid JSON: expected one complete object";
    const char *unclosed = "not valid JSON: a text without its closing quote";
    rows_refuse(&rows, "", "empty record");
    rows_decode_bytes(&rows, NULL, 0);
    rows_assert_reason(&rows, "empty record");
    rows_refuse(&rows, "  \n", "empty record");
    rows_refuse(&rows, "{\"id\":\"t1\",\"amo", unclosed);
    rows_refuse(&rows, "{\"id\":\"t1\",", cut);
    rows_refuse(&rows, "{\"id\":\"t1\"}}", cut);
    rows_refuse(&rows, "{\"id\":\"t1\"} {}", cut);
    rows_refuse(&rows, "{id:1}", cut);
    rows_refuse(&rows, "nonsense", "not valid JSON: expected one complete object");
    rows_decode_bytes(&rows, "\x00\xff\xfe\x01", 4);
    assert_true(rows.batch.dead[0]);
    rows_refuse(&rows, "[1,2]", "expected a JSON object, found another value");
    rows_refuse(&rows, "5", "expected a JSON object, found another value");
    rows_refuse(&rows, "null", "expected a JSON object, found another value");
}

static void test_wrong_types(void **state)
{
    (void)state;
    rows_refuse(&rows, "{\"id\":\"t1\",\"time\":1}",
                "amount: expected a number from -1e+06 to 1e+06, found nothing");
    rows_refuse(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":\"many\"}",
                "amount: expected a number from -1e+06 to 1e+06, found the text 'many'");
    rows_refuse(&rows, "{\"id\":{},\"time\":1,\"amount\":1}",
                "id: expected a text or a whole number, found an object");
    rows_refuse(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"card_issuer\":\"FR\"}",
                "card_issuer: expected an object, found another value");
    rows_refuse(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"card\":1.5}",
                "card: expected a text or a whole number, found another number");
}

static void test_huge_numbers(void **state)
{
    (void)state;
    const char *huge = "not valid JSON: a number that is misspelt or too large";
    char text[600] = "{\"amount\":";
    size_t at = strlen(text);
    memset(text + at, '9', 400);
    strcpy(text + at + 400, "}");
    rows_refuse(&rows, text, huge);
    rows_refuse(&rows, "{\"amount\":1e999}", huge);
    rows_refuse(&rows, "{\"amount\":18446744073709551616}", huge);
    rows_refuse(&rows, "{\"amount\":NaN}", "not valid JSON: expected one complete object");
    rows_refuse(&rows, "{\"amount\":Infinity}", "not valid JSON: expected one complete object");
    rows_refuse(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":1e7}",
                "amount: expected a number from -1e+06 to 1e+06, found 10000000");
    rows_accept(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":1e-400}");
    assert_true(rows_number(&rows, ROW_AMOUNT) == 0);
    rows_accept(&rows, "{\"id\":\"t1\",\"time\":1,\"amount\":-0}");
    assert_false(signbit(rows_number(&rows, ROW_AMOUNT)));
}

static void test_deep_nesting(void **state)
{
    (void)state;
    static char text[BATCH_PAYLOAD_MAX];
    memset(text, '[', sizeof text);
    rows_decode_bytes(&rows, text, sizeof text);
    rows_assert_reason(&rows, "not valid JSON: expected one complete object");
    memset(text + sizeof text / 2, ']', sizeof text / 2);
    rows_decode_bytes(&rows, text, sizeof text);
    rows_assert_reason(&rows, "not accepted: objects and lists nested more than 32 deep");
    for (int depth = 30; depth <= 33; depth++) {
        int at = snprintf(text, sizeof text, "{\"id\":\"t1\",\"time\":1,\"amount\":1,\"x\":");
        memset(text + at, '[', (size_t)depth);
        memset(text + at + depth, ']', (size_t)depth);
        strcpy(text + at + 2 * depth, "}");
        rows_decode(&rows, text);
        assert_int_equal(rows.batch.dead[0], depth + 1 > 32);
    }
}

/* A hundred thousand names do not fit; as many as fit are walked once. */
static void test_many_members(void **state)
{
    (void)state;
    static char text[BATCH_PAYLOAD_MAX];
    size_t at = (size_t)snprintf(text, sizeof text, "{\"id\":\"t1\",\"time\":1,\"amount\":1");
    for (int i = 0; at < sizeof text - 32; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, ",\"k%d\":%d", i, i);
    text[at++] = '}';
    rows_decode_bytes(&rows, text, at);
    assert_false(rows.batch.dead[0]);
    assert_true(rows_number(&rows, ROW_AMOUNT) == 1);
}

static void test_bad_text(void **state)
{
    (void)state;
    const char *utf8 = "not valid JSON: bytes that are not UTF-8";
    rows_refuse(&rows, "{\"id\":\"\xC3\x28\"}", utf8);
    rows_refuse(&rows, "{\"id\":\"\xED\xA0\x80\"}", utf8);
    rows_refuse(&rows, "{\"id\":\"\\ud800\"}", "not valid JSON: a text with a wrong escape");
    rows_refuse(&rows, "{\"id\":\"\\x\"}", "not valid JSON: a text with a wrong escape");
    rows_refuse(&rows, "{\"id\":\"a\tb\"}", "not valid JSON: a control character in a text");
    rows_refuse(&rows, "{\"id\":\"a\\u0000b\",\"time\":1,\"amount\":1}",
                "id: expected a text or a whole number, found a text with a zero byte");
    rows_refuse(&rows, "\xEF\xBB\xBF{\"id\":\"t1\",\"time\":1,\"amount\":1}",
                "not valid JSON: expected one complete object");
}

/* Texts that had escapes stand in the row's own room, which is large enough for any record. */
static void test_room_for_texts(void **state)
{
    (void)state;
    char text[3 * 1024], *at = text;
    at += sprintf(at, "{\"id\":\"");
    memset(at, 'i', 900);
    at += 900;
    at += sprintf(at, "\",\"time\":1,\"amount\":1,\"card\":\"");
    memset(at, 'c', 900);
    sprintf(at + 900, "\"}");
    rows_accept(&rows, text);
    assert_int_equal(rows.batch.id_text[0].size, 900);
    assert_int_equal(batch_texts(&rows.batch, ROW_CARD)[0].size, 900);
    assert_int_equal(batch_bytes(&rows.batch, batch_texts(&rows.batch, ROW_CARD)[0])[0], 'c');
}

/* A row that is dead already (too large) is only made empty. */
static void test_dead_stays_dead(void **state)
{
    (void)state;
    batch_clear(&rows.batch);
    batch_add(&rows.batch, RECORD_EVENT, (struct position){0}, NULL, 0);
    batch_refuse(&rows.batch, 0, "too large");
    rows.kind->decode(rows.decoder, &rows.batch, 0);
    rows_assert_reason(&rows, "too large");
}

#define test(function) cmocka_unit_test_setup_teardown(function, open_rows, close_rows)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_good_record),    test(test_records_are_apart),
        test(test_duplicates),     test(test_refused_records_are_named),
        test(test_shared_source),  test(test_many_names),
        test(test_broken),         test(test_wrong_types),
        test(test_huge_numbers),   test(test_deep_nesting),
        test(test_many_members),   test(test_bad_text),
        test(test_room_for_texts), test(test_dead_stays_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
