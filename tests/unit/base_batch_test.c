/* Batches: what fits, where texts are kept, what refusing and clearing do. */
#include "base/batch.h"
#include "base/schema.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct batch batch;

static int start(void **unused)
{
    (void)unused;
    struct failure failure;
    return batch_open(&batch, 3, 2, &failure) != STATUS_OK;
}

static int end(void **unused)
{
    (void)unused;
    batch_close(&batch);
    return 0;
}

static bool add(const char *bytes, size_t size)
{
    return batch_add(&batch, RECORD_EVENT, (struct position){1, 2, 3}, bytes, size);
}

static void records_are_copied_with_padding(void **unused)
{
    (void)unused;
    assert_true(add("first", 5));
    assert_true(add("", 0));
    assert_true(add("third!", 6));
    assert_int_equal(batch.count, 3);
    static const char zeros[BATCH_PADDING];
    static const char *const wanted[] = {"first", "", "third!"};
    for (uint32_t row = 0; row < 3; row++) {
        size_t size = strlen(wanted[row]);
        assert_int_equal(batch.payload[row].size, size);
        assert_memory_equal(batch_bytes(&batch, batch.payload[row]), wanted[row], size);
        assert_memory_equal(batch_bytes(&batch, batch.payload[row]) + size, zeros, BATCH_PADDING);
        assert_int_equal(batch.position[row].offset, 3);
        assert_false(batch.dead[row]);
    }
}

static void a_full_batch_says_so(void **unused)
{
    (void)unused;
    for (int i = 0; i < BATCH_RECORDS_MAX; i++)
        assert_true(add("x", 1));
    assert_false(add("x", 1));
    assert_int_equal(batch.count, BATCH_RECORDS_MAX);
    batch_clear(&batch);
    char *large = calloc(1, BATCH_PAYLOAD_MAX);
    assert_non_null(large);
    uint32_t fitted = 0;
    while (add(large, BATCH_PAYLOAD_MAX))
        fitted++;
    assert_true(fitted >= 2);
    assert_true(batch.bytes_used <= BATCH_BYTES_MAX);
    free(large);
}

/* Each row has room for its whole payload once more and BATCH_TEXT_ROOM, whatever its neighbours
 * took. */
static void texts_have_their_own_room(void **unused)
{
    (void)unused;
    char text[BATCH_TEXT_ROOM + 5];
    memset(text, 't', sizeof text);
    assert_true(add("payload", 7));
    assert_true(add("other", 5));
    struct span span, next;
    assert_true(batch_keep_text(&batch, 0, "abc", 3, &span));
    assert_memory_equal(batch_bytes(&batch, span), "abc", 3);
    assert_false(batch_keep_text(&batch, 0, text, BATCH_TEXT_ROOM + 5, &next));
    assert_true(batch_keep_text(&batch, 0, text, BATCH_TEXT_ROOM + 4, &next));
    assert_int_equal(next.offset, span.offset + 3);
    assert_false(batch_keep_text(&batch, 0, "x", 1, &next));
    assert_memory_equal(batch_bytes(&batch, batch.payload[1]), "other", 5);
    assert_memory_equal(batch_bytes(&batch, batch.payload[0]), "payload", 7);
    assert_memory_equal(batch_bytes(&batch, span), "abct", 4);
    assert_true(batch_keep_text(&batch, 1, text, BATCH_TEXT_ROOM + 5, &next));
    assert_true(next.offset + next.size <= batch.bytes_used);
}

static void refused_rows_are_dead(void **unused)
{
    (void)unused;
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    long_name[299] = '\0';
    add("x", 1);
    add("y", 1);
    batch_refuse(&batch, 1, "%s: expected a number", long_name);
    assert_false(batch.dead[0]);
    assert_true(batch.dead[1]);
    assert_int_equal(strlen(batch.reason[1]), BATCH_REASON_MAX - 1);
    batch_clear(&batch);
    add("x", 1);
    add("y", 1);
    assert_false(batch.dead[1]);
}

static void columns_lie_apart(void **unused)
{
    (void)unused;
    assert_int_equal((uintptr_t)batch_column(&batch, 0) % 64, 0);
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t row = 0; row < BATCH_STRIDE; row++)
            batch_column(&batch, i)[row].key = i;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(batch_column(&batch, i)[BATCH_STRIDE - 1].key, i);
    batch_texts(&batch, 1)[BATCH_RECORDS_MAX - 1] = (struct span){1, 2};
}

static void events_begin_empty(void **unused)
{
    (void)unused;
    add("x", 1);
    batch.time_ms[0] = 77;
    struct model_event *event = batch_add_event(&batch, MODEL_EVENT_DRIFT, "fraud", 0);
    assert_int_equal(event->time_ms, 77);
    assert_string_equal(event->model, "fraud");
    assert_string_equal(event->detail, "");
    batch_clear(&batch);
    assert_int_equal(batch.event_count, 0);
}

static void fields_are_found_by_name(void **unused)
{
    (void)unused;
    static struct schema schema = {.field_count = 2,
                                   .field = {{.name = "amount"}, {.name = "card"}}};
    assert_int_equal(schema_find(&schema, "card"), 1);
    assert_int_equal(schema_find(&schema, "car"), SLOT_NONE);
    assert_string_equal(field_type_name(FIELD_LONGITUDE), "longitude");
    assert_true(field_type_is_key(FIELD_TEXT));
    assert_false(field_type_is_key(FIELD_ENUM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_are_copied_with_padding, start, end),
        cmocka_unit_test_setup_teardown(a_full_batch_says_so, start, end),
        cmocka_unit_test_setup_teardown(texts_have_their_own_room, start, end),
        cmocka_unit_test_setup_teardown(refused_rows_are_dead, start, end),
        cmocka_unit_test_setup_teardown(columns_lie_apart, start, end),
        cmocka_unit_test_setup_teardown(events_begin_empty, start, end),
        cmocka_unit_test(fields_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
