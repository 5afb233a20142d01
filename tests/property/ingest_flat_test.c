/* Records that are plain are read without a tree: cells, texts and refusals must be those of the
 * tree, to the bit.  Each random record is decoded as it is, and with a list in front that makes
 * the scan give way. */
#include "base/buffer.h"
#include "base/random.h"
#include "ingest/json_flat.h"
#include "tests/unit/ingest_rows.h"
#include <stdlib.h>

enum { RECORDS = 60000, TEXT_SIZE = 2048 };

static struct random random_state;

static uint64_t below(uint64_t bound)
{
    return random_below(&random_state, bound);
}

static const char *one_of(const char *const *of, uint64_t count)
{
    return of[below(count)];
}

static void put_space(struct buffer *json)
{
    static const char *const spaces[] = {" ", "\n", "\t", "\r", "  "};
    if (below(8) == 0)
        buffer_text(json, one_of(spaces, 5));
}

static void put_number(struct buffer *json)
{
    static const char *const exponents[] = {"e3", "E-2", "e400", "e"};
    buffer_text(json, below(4) ? "" : "-");
    for (uint64_t i = 1 + below(below(3) ? 5 : 21); i > 0; i--)
        buffer_format(json, "%u", (unsigned)below(10));
    if (below(2))
        buffer_text(json, ".");
    for (uint64_t i = below(below(3) ? 4 : 20); i > 0; i--)
        buffer_format(json, "%u", (unsigned)below(10));
    if (below(20) == 0)
        buffer_text(json, one_of(exponents, 4));
}

static void put_text(struct buffer *json)
{
    static const char *const odd[] = {"\\n", "\\u00e9", "\xC3\xA9", "\xC3", "\x01", "\\", "\x7f"};
    static const char *const even[] = {"a", "Z9", "-", "pos", "web", "2020-01-01", "12", "true"};
    buffer_text(json, "\"");
    for (uint64_t i = below(5); i > 0; i--)
        buffer_text(json, below(30) ? one_of(even, 8) : one_of(odd, 7));
    buffer_text(json, "\"");
}

static void put_value(struct buffer *json)
{
    static const char *const words[] = {"true", "false", "null", "[]", "{}", "tru", "nulls", ""};
    switch (below(8)) {
    case 0:
        buffer_text(json, words[below(10) ? below(3) : below(8)]);
        break;
    case 1:
    case 2:
    case 3:
        put_text(json);
        break;
    default:
        put_number(json);
    }
}

/* One that its field takes, mostly. */
static void put_fitting(struct buffer *json, uint64_t name)
{
    static const char *const fitting[] = {"\"tx-1\"", "1600000000", "\"c000017\"", "12.75", "true",
                                          "\"web\"",  "48.85",      "-0.0",        "1"};
    if (name < 9 && below(8))
        buffer_text(json, fitting[name]);
    else
        put_value(json);
}

static void put_record(struct buffer *json)
{
    static const char *const names[] = {"id",  "time", "card",  "amount",      "online", "channel",
                                        "lat", "lon",  "fraud", "card_issuer", "other"};
    buffer_text(json, "{");
    uint64_t count = below(20) ? 9 + below(3) : below(70);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t name = i < 11 && below(25) ? i : below(11);
        buffer_text(json, i ? "," : "");
        put_space(json);
        buffer_format(json, "\"%s\"", names[name]);
        put_space(json);
        buffer_text(json, ":");
        put_space(json);
        put_fitting(json, name);
        put_space(json);
    }
    buffer_text(json, "}");
    put_space(json);
    if (below(6) == 0)
        json->bytes[1 + below(json->size - 1)] = "{}[]\",:\\0-.x \x80"[below(14)];
}

static void assert_same_span(const struct rows *a, struct span of_a, const struct rows *b,
                             struct span of_b)
{
    assert_int_equal(of_a.size, of_b.size);
    assert_memory_equal(batch_bytes(&a->batch, of_a), batch_bytes(&b->batch, of_b), of_a.size);
}

static void assert_same(const struct rows *a, const struct rows *b, const struct buffer *json)
{
    if (a->batch.dead[0] != b->batch.dead[0])
        fail_msg("%.*s\n%s\n%s", (int)json->size, json->bytes, a->batch.reason[0],
                 b->batch.reason[0]);
    if (a->batch.dead[0])
        assert_string_equal(a->batch.reason[0], b->batch.reason[0]);
    else
        assert_int_equal(a->batch.time_ms[0], b->batch.time_ms[0]);
    assert_true(a->batch.id[0] == b->batch.id[0]);
    assert_memory_equal(&a->batch.label[0], &b->batch.label[0], sizeof(double));
    assert_same_span(a, a->batch.id_text[0], b, b->batch.id_text[0]);
    for (uint32_t i = 0; i < ROW_FIELDS; i++) {
        if (rows_key(a, i) != rows_key(b, i))
            fail_msg("%.*s\nfield %u", (int)json->size, json->bytes, i);
        if (field_type_is_key(a->schema.field[i].type))
            assert_same_span(a, batch_texts(&a->batch, i)[0], b, batch_texts(&b->batch, i)[0]);
    }
}

static void test_flat_is_tree(void **state)
{
    (void)state;
    static struct rows flat, tree;
    static struct json_flat_member members[JSON_FLAT_MEMBERS_MAX];
    static const char list[] = "{\"~\":[],";
    uint32_t plain = 0, good = 0;
    rows_schema(&flat.schema);
    rows_schema(&tree.schema);
    rows_open(&flat, "json", NULL);
    rows_open(&tree, "json", NULL);
    for (uint32_t i = 0; i < RECORDS; i++) {
        char bytes[TEXT_SIZE + JSON_FLAT_PADDING] = {0}, other[TEXT_SIZE + sizeof list];
        struct buffer json;
        buffer_init(&json, bytes, TEXT_SIZE);
        put_record(&json);
        if (json.overflow || strcspn(bytes + 1, "}") == strspn(bytes + 1, " \n\t\r"))
            continue;
        memcpy(other, list, sizeof list - 1);
        memcpy(other + sizeof list - 1, bytes + 1, json.size - 1);
        rows_decode_bytes(&flat, bytes, json.size);
        rows_decode_bytes(&tree, other, sizeof list - 1 + json.size - 1);
        assert_same(&flat, &tree, &json);
        plain += json_flat_scan(bytes, json.size, members) != JSON_NOT_FLAT;
        good += !flat.batch.dead[0];
    }
    print_message("%u plain, %u good\n", plain, good);
    assert_true(plain > RECORDS / 4 && plain < RECORDS * 9 / 10 && good > RECORDS / 20);
    rows_close(&flat);
    rows_close(&tree);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flat_is_tree)};
    return cmocka_run_group_tests(tests, seed, NULL);
}
