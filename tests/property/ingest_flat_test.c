/* Records that are plain are read without a tree, and like the one before them if they are written
 * alike: cells, texts and refusals must be those of the tree, to the bit.  Each random record is
 * decoded as it is, and with a list in front that makes the scan give way.  Mostly some records of
 * one form follow each other. */
#include "base/buffer.h"
#include "base/random.h"
#include "ingest/json_flat.h"
#include "tests/unit/ingest_rows.h"
#include <stdlib.h>

enum { RECORDS = 60000, TEXT_SIZE = 8192 };

static struct random random_state;

static uint64_t below(uint64_t bound)
{
    return random_below(&random_state, bound);
}

static const char *one_of(const char *const *of, uint64_t count)
{
    return of[below(count)];
}

enum { MEMBERS_MAX = 70, SPACES = 4, NAMES = 11 };

/* One in so many is wrong: a value, an order of members, a byte. */
struct oddity {
    uint64_t value, order, byte;
};
static const struct oddity wild = {8, 25, 6}, calm = {400, 600, 60};

/* How a sender writes: which members, in which order, and where there is space. */
struct form {
    uint64_t count, name[MEMBERS_MAX];
    const char *space[MEMBERS_MAX][SPACES];
};

static const char *some_space(void)
{
    static const char *const spaces[] = {" ", "\n", "\t", "\r", "  "};
    return below(8) ? "" : one_of(spaces, 5);
}

static void make_form(struct form *form, struct oddity odd)
{
    bool spaced = below(2);
    uint64_t turned = below(NAMES);
    form->count = below(odd.order) ? 9 + below(3) : below(MEMBERS_MAX);
    for (uint64_t i = 0; i < form->count; i++) {
        form->name[i] = i < NAMES && below(odd.order) ? (i + turned) % NAMES : below(NAMES);
        for (uint64_t j = 0; j < SPACES; j++)
            form->space[i][j] = spaced ? some_space() : "";
    }
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

static void put_card(struct buffer *json)
{
    uint64_t size = below(3) ? 1 + below(40) : below(20) ? 0 : SCHEMA_TEXT_MAX - 2 + below(4);
    buffer_text(json, "\"");
    for (uint64_t i = 0; i < size; i++)
        buffer_format(json, "%c", (int)('0' + below(44)));
    buffer_text(json, "\"");
}

/* One that its field takes, mostly. */
static void put_fitting(struct buffer *json, uint64_t name, struct oddity odd)
{
    static const char *const online[] = {"true", "false", "null", "\"1\""};
    static const char *const channels[] = {"\"web\"", "\"pos\"", "\"atm\"", "null"};
    static const char *const fraud[] = {"true", "false", "null", "0", "1"};
    if (below(odd.value) == 0 || name == NAMES - 1)
        put_value(json);
    else if (name == 0)
        buffer_format(json, below(2) ? "\"tx-%u\"" : "%u", (unsigned)below(1000000));
    else if (name == 1)
        buffer_format(json, below(2) ? "%u" : "\"2020-01-01T00:00:%02uZ\"", (unsigned)below(60));
    else if (name == 2)
        put_card(json);
    else if (name == 3)
        buffer_format(json, "%s%u.%0*u", below(5) ? "" : "-", (unsigned)below(100000),
                      1 + (int)below(9), (unsigned)below(10));
    else if (name == 4)
        buffer_text(json, one_of(online, 4));
    else if (name == 5)
        buffer_text(json, one_of(channels, 4));
    else if (name < 8)
        buffer_format(json, below(9) ? "%d.%02u" : "%d", (int)below(170) - 85,
                      (unsigned)below(100));
    else
        buffer_text(json, name == 8 ? one_of(fraud, 5) : "null");
}

static void put_record(struct buffer *json, const struct form *form, struct oddity odd)
{
    static const char *const names[NAMES] = {"id",     "time",        "card", "amount",
                                             "online", "channel",     "lat",  "lon",
                                             "fraud",  "card_issuer", "other"};
    buffer_text(json, "{");
    for (uint64_t i = 0; i < form->count; i++) {
        const char *const *space = form->space[i];
        buffer_format(json, "%s%s\"%s\"%s:%s", i ? "," : "", space[0], names[form->name[i]],
                      space[1], space[2]);
        put_fitting(json, form->name[i], odd);
        buffer_text(json, space[3]);
    }
    static const char *const behind[] = {"x", "}", "{}", ","};
    buffer_text(json, "}");
    buffer_text(json, below(odd.byte) ? some_space() : one_of(behind, 4));
    if (below(odd.byte) == 0)
        json->bytes[1 + below(json->size - 1)] = "{}[]\",:\\0-.x \x80"[below(14)];
}

static void assert_same_span(const struct rows *a, struct span of_a, const struct rows *b,
                             struct span of_b)
{
    assert_int_equal(of_a.size, of_b.size);
    assert_memory_equal(batch_bytes(&a->batch, of_a), batch_bytes(&b->batch, of_b), of_a.size);
}

/* Whatever is not filled shows. */
static void poison(const struct rows *rows, uint64_t key)
{
    for (uint32_t i = 0; i < ROW_FIELDS; i++)
        batch_column(&rows->batch, i)[0].key = key;
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

static void check_records(struct oddity odd, uint32_t least_good)
{
    static struct rows flat, tree;
    static struct json_flat_member members[JSON_FLAT_MEMBERS_MAX];
    static const char list[] = "{\"~\":[],";
    uint32_t plain = 0, good = 0;
    struct form form;
    make_form(&form, odd);
    rows_schema(&flat.schema);
    rows_schema(&tree.schema);
    rows_open(&flat, "json", NULL);
    rows_open(&tree, "json", NULL);
    for (uint32_t i = 0; i < RECORDS; i++) {
        char bytes[TEXT_SIZE + JSON_FLAT_PADDING] = {0}, other[TEXT_SIZE + sizeof list];
        struct buffer json;
        buffer_init(&json, bytes, TEXT_SIZE);
        if (below(40) == 0)
            make_form(&form, odd);
        put_record(&json, &form, odd);
        if (json.overflow || strcspn(bytes + 1, "}") == strspn(bytes + 1, " \n\t\r"))
            continue;
        memcpy(other, list, sizeof list - 1);
        memcpy(other + sizeof list - 1, bytes + 1, json.size - 1);
        poison(&flat, 1);
        poison(&tree, 2);
        rows_decode_bytes(&flat, bytes, json.size);
        rows_decode_bytes(&tree, other, sizeof list - 1 + json.size - 1);
        assert_same(&flat, &tree, &json);
        plain += json_flat_scan(bytes, json.size, members) != JSON_NOT_FLAT;
        good += !flat.batch.dead[0];
    }
    print_message("%u plain, %u good\n", plain, good);
    assert_true(plain > RECORDS / 4 && plain < RECORDS && good > least_good);
    rows_close(&flat);
    rows_close(&tree);
}

static void test_flat_is_tree(void **state)
{
    (void)state;
    check_records(wild, RECORDS / 20);
}

static void test_like_the_one_before(void **state)
{
    (void)state;
    check_records(calm, RECORDS / 2);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flat_is_tree),
                                       cmocka_unit_test(test_like_the_one_before)};
    return cmocka_run_group_tests(tests, seed, NULL);
}
