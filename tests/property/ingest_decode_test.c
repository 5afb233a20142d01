/* Random rows: JSON and CSV of the same values give the same cells; numbers and times read back as
 * written. */
#include "base/calendar.h"
#include "base/random.h"
#include "ingest/number.h"
#include "tests/unit/ingest_rows.h"
#include <math.h>
#include <stdlib.h>

static const char header[] =
    "id,time,card,amount,online,channel,lat,lon,card_issuer.bank.country,fraud";

static struct random random_state;

static uint64_t below(uint64_t bound)
{
    return random_below(&random_state, bound);
}

/* A text of letters that mean something to one of the formats. */
static void random_text(char *text, size_t size_max)
{
    static const char *const pieces[] = {"a",  "Z", "7",        ",",  "\"",
                                         "\\", " ", "\xC3\xA9", "\t", "'"};
    text[0] = '\0';
    for (uint64_t i = 1 + below(12); i > 0 && strlen(text) + 2 < size_max; i--)
        strcat(text, pieces[below(10)]);
}

static void csv_quote(struct buffer *into, const char *text)
{
    bool plain = strpbrk(text, ",\"") == NULL && below(4) > 0;
    if (plain) {
        buffer_text(into, text);
        return;
    }
    buffer_text(into, "\"");
    for (; *text; text++)
        buffer_bytes(into, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    buffer_text(into, "\"");
}

/* One value in both formats; as a JSON text where `quoted`. */
static void put_value(struct buffer *json, struct buffer *csv, const char *name, const char *value,
                      bool quoted)
{
    buffer_format(json, "%s\"%s\":", json->size > 1 ? "," : "", name);
    if (csv->size)
        buffer_text(csv, ",");
    if (!value) {
        buffer_text(json, "null");
        return;
    }
    if (quoted)
        buffer_json(json, value, strlen(value));
    else
        buffer_text(json, value);
    csv_quote(csv, value);
}

static void random_number(char *text, size_t size)
{
    double scale = pow(10, (double)below(12) - 4);
    double number = (random_uniform(&random_state) - 0.5) * scale;
    snprintf(text, size, "%.*g", 1 + (int)below(17), number);
}

static void random_time(char *text, size_t size)
{
    struct buffer buffer;
    buffer_init(&buffer, text, size - 1);
    calendar_format(&buffer, (int64_t)below(9246182400000));
    text[buffer.size] = '\0';
}

static void random_row(struct buffer *json, struct buffer *csv)
{
    static const char *const channels[] = {"pos", "web", "atm", "fax"};
    static const char *const truths[] = {"true", "false", "1", "0", "2"};
    char text[64];
    buffer_text(json, "{");
    random_text(text, sizeof text);
    put_value(json, csv, "id", text, true);
    random_time(text, sizeof text);
    put_value(json, csv, "time", text, true);
    snprintf(text, sizeof text, "%llu", (unsigned long long)random_bits(&random_state));
    put_value(json, csv, "card", below(5) ? text : NULL, below(2));
    random_number(text, sizeof text);
    put_value(json, csv, "amount", text, below(2));
    put_value(json, csv, "online", below(5) ? truths[below(5)] : NULL, below(2));
    put_value(json, csv, "channel", below(5) ? channels[below(4)] : NULL, true);
    snprintf(text, sizeof text, "%d.%03d", (int)below(200) - 100, (int)below(1000));
    put_value(json, csv, "lat", below(5) ? text : NULL, below(2));
    put_value(json, csv, "lon", below(5) ? "12" : NULL, false);
    random_text(text, sizeof text);
    buffer_text(json, ",\"card_issuer\":{\"bank\":{");
    buffer_text(csv, ",");
    buffer_text(json, "\"country\":");
    buffer_json(json, text, strlen(text));
    csv_quote(csv, text);
    buffer_text(json, "}}");
    put_value(json, csv, "fraud", below(2) ? truths[below(4)] : NULL, below(2));
    buffer_text(json, "}");
}

static void assert_same_text(const struct rows *a, struct span of_a, const struct rows *b,
                             struct span of_b)
{
    assert_int_equal(of_a.size, of_b.size);
    assert_memory_equal(batch_bytes(&a->batch, of_a), batch_bytes(&b->batch, of_b), of_a.size);
}

static void assert_same_cells(const struct rows *a, const struct rows *b)
{
    assert_int_equal(a->batch.dead[0], b->batch.dead[0]);
    if (a->batch.dead[0]) {
        /* The same field and the same expectation; only one of them may have found a text. */
        const char *found = strstr(a->batch.reason[0], ", found");
        assert_non_null(found);
        size_t size = (size_t)(found - a->batch.reason[0]);
        assert_memory_equal(a->batch.reason[0], b->batch.reason[0], size);
        return;
    }
    assert_int_equal(a->batch.time_ms[0], b->batch.time_ms[0]);
    assert_true(a->batch.id[0] == b->batch.id[0]);
    assert_memory_equal(&a->batch.label[0], &b->batch.label[0], sizeof(double));
    assert_same_text(a, a->batch.id_text[0], b, b->batch.id_text[0]);
    for (uint32_t i = 0; i < ROW_FIELDS; i++) {
        assert_true(rows_key(a, i) == rows_key(b, i));
        if (field_type_is_key(a->schema.field[i].type))
            assert_same_text(a, batch_texts(&a->batch, i)[0], b, batch_texts(&b->batch, i)[0]);
    }
}

static void test_json_and_csv(void **state)
{
    (void)state;
    static struct rows json_rows, csv_rows;
    rows_schema(&json_rows.schema);
    rows_schema(&csv_rows.schema);
    rows_open(&json_rows, "json", NULL);
    rows_open(&csv_rows, "csv", header);
    int good = 0;
    enum { ROWS = 20000 };
    for (int i = 0; i < ROWS; i++) {
        char json_bytes[2048], csv_bytes[2048];
        struct buffer json, csv;
        buffer_init(&json, json_bytes, sizeof json_bytes);
        buffer_init(&csv, csv_bytes, sizeof csv_bytes);
        random_row(&json, &csv);
        assert_false(json.overflow || csv.overflow);
        rows_decode_bytes(&json_rows, json.bytes, json.size);
        rows_decode_bytes(&csv_rows, csv.bytes, csv.size);
        bool both = json_rows.batch.dead[0] == csv_rows.batch.dead[0];
        if (!both)
            fail_msg("%.*s\n%.*s\n%s\n%s", (int)json.size, json.bytes, (int)csv.size, csv.bytes,
                     json_rows.batch.reason[0], csv_rows.batch.reason[0]);
        assert_same_cells(&json_rows, &csv_rows);
        good += !json_rows.batch.dead[0];
    }
    assert_true(good > ROWS / 5 && good < ROWS * 4 / 5);
    rows_close(&json_rows);
    rows_close(&csv_rows);
}

/* number_parse is strtod, for what both take. */
static void test_numbers(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        if (below(2))
            random_number(text, sizeof text);
        else
            snprintf(text, sizeof text, "%lld.%llue%d",
                     (long long)random_bits(&random_state) >> below(64),
                     (unsigned long long)random_bits(&random_state) >> below(64),
                     (int)below(640) - 320);
        double number, expected = strtod(text, NULL);
        assert_true(number_parse(text, strlen(text), &number));
        if (number != expected)
            fail_msg("%s: %.17g instead of %.17g", text, number, expected);
    }
    static const char *const none[] = {"",   ".",   "-",   "e5",  "1e",    "1e+", "1x", " 1",
                                       "1 ", "0x1", "nan", "inf", "1.2.3", "--1", "+",  "1,2"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        double number;
        assert_false(number_parse(none[i], strlen(none[i]), &number));
    }
}

/* A time comes back the same from ISO 8601 and from an epoch in each unit. */
static void test_times(void **state)
{
    (void)state;
    static struct rows rows;
    struct field *field = rows_field(&rows.schema, "time", "time", FIELD_TIME);
    field->role = ROLE_TIME;
    rows_open(&rows, "json", NULL);
    for (int i = 0; i < 50000; i++) {
        int64_t time_ms = (int64_t)below(9246182400000);
        char iso[40], text[4][64];
        struct buffer buffer;
        buffer_init(&buffer, iso, sizeof iso - 1);
        calendar_format(&buffer, time_ms);
        iso[buffer.size] = '\0';
        snprintf(text[0], sizeof text[0], "{\"time\":%lld.%03d}", (long long)time_ms / 1000,
                 (int)(time_ms % 1000));
        snprintf(text[1], sizeof text[1], "{\"time\":%lld}", (long long)time_ms);
        snprintf(text[2], sizeof text[2], "{\"time\":%lld000}", (long long)time_ms);
        snprintf(text[3], sizeof text[3], "{\"time\":\"%s\"}", iso);
        for (int j = 0; j < 4; j++) {
            field->unit = (enum time_unit)(j % 3);
            rows_accept(&rows, text[j]);
            if (rows.batch.time_ms[0] != time_ms)
                fail_msg("%s: %lld", text[j], (long long)rows.batch.time_ms[0]);
            assert_true(rows_number(&rows, 0) == (double)time_ms / 1000);
        }
    }
    rows_close(&rows);
}

static int seed(void **state)
{
    (void)state;
    const char *given = getenv("WEIR_TEST_SEED");
    uint64_t number = given ? strtoull(given, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)number);
    random_seed(&random_state, number);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_and_csv),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, seed, NULL);
}
