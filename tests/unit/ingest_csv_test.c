/* CSV records, good and bad, and headers. */
#include "tests/unit/ingest_rows.h"

static const char header[] =
    "id,time,card,amount,unused,online,channel,lat,lon,card_issuer.bank.country,fraud";

static struct rows rows;

static int open_rows(void **state)
{
    (void)state;
    rows_schema(&rows.schema);
    rows_open(&rows, "csv", header);
    return 0;
}

static int close_rows(void **state)
{
    (void)state;
    rows_close(&rows);
    return 0;
}

static void test_good_line(void **state)
{
    (void)state;
    rows_accept(&rows, "t1,2018-04-01 00:00:31,c1,57.16,?,true,web,48.5,-2.25,FR,1");
    rows_assert_key(&rows, ROW_ID, "t1");
    assert_true(rows.batch.id[0] == rows_key(&rows, ROW_ID));
    assert_int_equal(rows.batch.time_ms[0], 1522540831000);
    rows_assert_key(&rows, ROW_CARD, "c1");
    assert_true(rows_number(&rows, ROW_AMOUNT) == 57.16);
    assert_true(rows_number(&rows, ROW_ONLINE) == 1);
    assert_true(rows_number(&rows, ROW_CHANNEL) == 1);
    rows_assert_key(&rows, ROW_COUNTRY, "FR");
    assert_true(rows.batch.label[0] == 1);
    /* Texts are not copied: they stand in the payload. */
    assert_int_equal(rows.batch.room_used[0], 0);
}

static void test_missing_cells(void **state)
{
    (void)state;
    rows_accept(&rows, "t1,1,,5,,,,,,,\r");
    assert_true(rows_key(&rows, ROW_CARD) == 0);
    assert_true(isnan(rows_number(&rows, ROW_ONLINE)) && isnan(rows.batch.label[0]));
    rows_refuse(&rows, ",1,,5,,,,,,,", "id: expected a text or a whole number, found nothing");
}

static void test_quotes(void **state)
{
    (void)state;
    rows_accept(&rows, "\"t1\",1,\"a,\"\"b\"\"\",\"5\",\"\"\"\",,,,,\"\",");
    rows_assert_key(&rows, ROW_ID, "t1");
    rows_assert_key(&rows, ROW_CARD, "a,\"b\"");
    assert_true(rows_number(&rows, ROW_AMOUNT) == 5);
    assert_true(rows_key(&rows, ROW_COUNTRY) == 0);
    rows_refuse(&rows, "\"t1,1,,5,,,,,,,", "a quoted cell does not end on its line");
    rows_refuse(&rows, "t1,1,\"c\"1,5,,,,,,,", "a quoted cell goes on after its closing quote");
    rows_refuse(&rows, "t1,1,c\"1,5,,,,,,,", "a quote inside a cell that is not quoted");
}

static void test_broken(void **state)
{
    (void)state;
    rows_refuse(&rows, "", "empty record");
    rows_refuse(&rows, "\r", "empty record");
    rows_refuse(&rows, "t1,1,c", "expected 11 cells, found 3");
    rows_refuse(&rows, "t1,1,c,5,,,,,,,,", "expected 11 cells, found 12");
    rows_refuse(&rows, "t1,1,c\xFF,5,,,,,,,", "not valid CSV: bytes that are not UTF-8");
    rows_refuse(&rows, "t1,1,c,5,,,,,,\xED\xA0\x80,", "not valid CSV: bytes that are not UTF-8");
    rows_refuse(&rows, "t1,1,c,x,,,,,,,",
                "amount: expected a number from -1e+06 to 1e+06, found the text 'x'");
    rows_decode_bytes(&rows, "t1,1,a\0b,5,,,,,,,", 17);
    rows_assert_reason(&rows, "card: expected a text or a whole number, found a text with a zero "
                              "byte");
}

static void refuse_header(const char *text, const char *message)
{
    struct failure failure;
    void *decoder;
    enum status status = rows.kind->open(&decoder, &rows.schema, text, &failure);
    assert_int_equal(status, STATUS_STOP);
    assert_string_equal(failure.text, message);
    assert_null(decoder);
}

static void test_headers(void **state)
{
    (void)state;
    refuse_header(NULL, "could not read CSV: there is no header line that names the columns");
    refuse_header("", "could not read CSV: there is no header line that names the columns");
    refuse_header("id,time,card,amuont,online,channel,lat,lon,card_issuer.bank.country,fraud",
                  "the header has no column 'amount' for field 'amount'; did you mean 'amuont'?");
    refuse_header("id,time,card,amount,online,channel,lat,lon,card_issuer.bank.country,fraud,lon",
                  "the header has the column 'lon' twice");
    refuse_header("\"id,time", "could not read the CSV header: its quotes are not closed or it is "
                               "not UTF-8");
    refuse_header("time,card,amount,online,channel,lat,lon,card_issuer.bank.country,fraud",
                  "the header has no column 'id' for field 'id'");
}

/* The header may be quoted and end in a carriage return. */
static void test_quoted_header(void **state)
{
    (void)state;
    struct rows quoted = {0};
    rows_field(&quoted.schema, "a", "a \"b\"", FIELD_NUMBER);
    rows_field(&quoted.schema, "c", "c", FIELD_NUMBER);
    rows_open(&quoted, "csv", "\"a \"\"b\"\"\",\"c\"\r");
    rows_accept(&quoted, "1,2\r");
    assert_true(rows_number(&quoted, 0) == 1 && rows_number(&quoted, 1) == 2);
    rows_close(&quoted);
}

#define test(function) cmocka_unit_test_setup_teardown(function, open_rows, close_rows)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_good_line), test(test_missing_cells), test(test_quotes),
        test(test_broken),    test(test_headers),       test(test_quoted_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
