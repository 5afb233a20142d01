/* The journal's entries: the bytes as docs/journal.md states them, what is written when, and what a
 * reader refuses. */
#include "base/hash.h"
#include "engine/journal.h"
#include "engine/journal_wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES_MAX = 1 << 20 };

static const uint64_t cards = 0x1122334455667788, labels = 0xAABBCCDDEEFF0011;

struct desk {
    struct journal_lanes lanes;
    struct state state;
    struct journal_entry entry;
    struct journal_reader reader;
    struct buffer record;
    struct failure failure;
    uint64_t written; /* bytes of the state, as a watcher saw them */
    struct state_watcher watcher;
    char bytes[2][BYTES_MAX];
};

static void before_write(void *self, uint64_t offset, uint64_t size)
{
    (void)offset;
    ((struct desk *)self)->written += size;
}

static int open_desk(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    struct state_layout layout;
    state_layout_init(&layout);
    journal_lanes_declare(&desk->lanes, &layout);
    if (state_open(&desk->state, &layout, &desk->failure) != STATUS_OK)
        return -1;
    desk->watcher = (struct state_watcher){before_write, desk};
    desk->state.watcher = &desk->watcher;
    buffer_init(&desk->entry.items, desk->bytes[0], BYTES_MAX);
    buffer_init(&desk->record, desk->bytes[1], BYTES_MAX);
    journal_entry_begin(&desk->entry, &desk->lanes, &desk->state);
    *state = desk;
    return 0;
}

static int close_desk(void **state)
{
    struct desk *desk = *state;
    state_close(&desk->state);
    free(desk);
    return 0;
}

static const struct journal_head some_head = {
    .sequence = 7,
    .previous = 0x0102030405060708,
    .bits = 2,
    .configuration = 3,
    .outputs_digest = UINT64_MAX,
    .output_count = 5,
};

static void finish(struct desk *desk)
{
    uint64_t chain = journal_entry_finish(&desk->entry, &some_head, &desk->record);
    assert_false(desk->record.overflow);
    assert_true(chain == hash_fingerprint(desk->record.bytes, desk->record.size - 8));
}

static enum status read_whole(struct desk *desk)
{
    return journal_read(&desk->reader, desk->record.bytes, desk->record.size, &desk->failure);
}

static void read_begin(struct desk *desk)
{
    if (read_whole(desk) != STATUS_OK)
        fail_msg("%s", desk->failure.text);
    journal_read_lanes(&desk->reader, &desk->lanes, &desk->state);
}

static struct journal_item next_item(struct desk *desk, enum journal_item_kind kind)
{
    struct journal_item item;
    if (journal_read_item(&desk->reader, &item, &desk->failure) != STATUS_OK)
        fail_msg("%s", desk->failure.text);
    assert_int_equal(item.kind, kind);
    return item;
}

static void no_more_items(struct desk *desk)
{
    struct journal_item item;
    assert_int_equal(journal_read_item(&desk->reader, &item, &desk->failure), STATUS_END);
}

static void next_run(struct desk *desk, uint32_t lane, int64_t from, int64_t to, uint64_t count)
{
    struct journal_item item = next_item(desk, JOURNAL_RUN);
    assert_int_equal(item.lane, lane);
    assert_int_equal(item.from, from);
    assert_int_equal(item.to, to);
    assert_int_equal(item.count, count);
}

static void next_lane(struct desk *desk, uint32_t lane, uint64_t input, int64_t partition)
{
    struct journal_item item = next_item(desk, JOURNAL_LANE);
    assert_int_equal(item.lane, lane);
    assert_true(item.input == input);
    assert_int_equal(item.partition, partition);
}

static void put_records(struct desk *desk, uint64_t input, int64_t partition, int64_t from,
                        int64_t to)
{
    for (int64_t offset = from; offset < to; offset++)
        journal_entry_record(&desk->entry, input, partition, offset);
}

/* ---- the bytes ---- */

/* If this fails, journals that are out there cannot be read any more: raise JOURNAL_VERSION. */
static void test_bytes(void **state)
{
    struct desk *desk = *state;
    journal_entry_configuration(&desk->entry, "{}", 2);
    journal_entry_arrival(&desk->entry, 300);
    put_records(desk, cards, 5, 0, 3);
    put_records(desk, labels, 0, 1000, 1001);
    journal_entry_arrival(&desk->entry, 299);
    journal_entry_record(&desk->entry, cards, 5, 3);
    journal_entry_record(&desk->entry, cards, 5, 6);
    journal_entry_control(&desk->entry, "model", 5);
    journal_entry_state_hash(&desk->entry, 200, 0x8899AABBCCDDEEFF);
    finish(desk);
    static const uint8_t expected[] = {
        'w', 'e',  'i',  'r',  1,    0,    0,    0,                   /* magic, version */
        7,   0,    0,    0,    0,    0,    0,    0,                   /* sequence */
        8,   7,    6,    5,    4,    3,    2,    1,                   /* previous */
        2,   0,    0,    0,    0,    0,    0,    0,                   /* bits */
        3,   0,    0,    0,    0,    0,    0,    0,                   /* configuration */
        255, 255,  255,  255,  255,  255,  255,  255,                 /* digest of the outputs */
        5,   0,    0,    0,    0,    0,    0,    0,                   /* their number */
        58,  0,    0,    0,    0,    0,    0,    0,                   /* bytes of the items */
        3,   2,    '{',  '}',                                         /* CONFIGURATION */
        1,   0xD8, 4,                                                 /* ARRIVAL +300 */
        6,   0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 5,    0, /* LANE 0 */
        0,   3,                                                       /* RUN of lane 0: 3 */
        6,   0x11, 0,    0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0,    0xE8, 7, /* LANE 1 */
        8,   1,                                                             /* RUN of lane 1: 1 */
        1,   1,                                                             /* ARRIVAL -1 */
        7,   0,    2,    2,                     /* RUN of lane 0, two passed over: 2 */
        2,   5,    'm',  'o',  'd',  'e',  'l', /* CONTROL */
        5,   0xC8, 1,    0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99, 0x88, /* STATE_HASH of 200 */
    };
    assert_int_equal(desk->record.size, sizeof expected + 8);
    assert_memory_equal(desk->record.bytes, expected, sizeof expected);
}

static void test_reads_what_was_written(void **state)
{
    struct desk *desk = *state;
    test_bytes(state);
    read_begin(desk);
    assert_memory_equal(&desk->reader.head, &some_head, sizeof some_head);
    struct journal_item item = next_item(desk, JOURNAL_CONFIGURATION);
    assert_int_equal(item.size, 2);
    assert_memory_equal(item.bytes, "{}", 2);
    assert_int_equal(next_item(desk, JOURNAL_ARRIVAL).arrival_ms, 300);
    next_lane(desk, 0, cards, 5);
    next_run(desk, 0, 0, 3, 3);
    next_lane(desk, 1, labels, 0);
    next_run(desk, 1, 1000, 1001, 1);
    assert_int_equal(next_item(desk, JOURNAL_ARRIVAL).arrival_ms, 299);
    next_run(desk, 0, 3, 7, 2);
    assert_memory_equal(next_item(desk, JOURNAL_CONTROL).bytes, "model", 5);
    item = next_item(desk, JOURNAL_STATE_HASH);
    assert_int_equal(item.sequence, 200);
    assert_true(item.hash == 0x8899AABBCCDDEEFF);
    no_more_items(desk);
}

/* ---- writing ---- */

static void test_empty(void **state)
{
    struct desk *desk = *state;
    assert_true(journal_entry_is_empty(&desk->entry));
    journal_entry_arrival(&desk->entry, 1);
    journal_entry_arrival(&desk->entry, 2);
    assert_true(journal_entry_is_empty(&desk->entry)); /* the clock alone changes nothing */
    journal_entry_record(&desk->entry, cards, 0, 0);
    assert_false(journal_entry_is_empty(&desk->entry));
    assert_int_equal(desk->entry.records, 1);
    finish(desk);
    read_begin(desk);
    assert_int_equal(next_item(desk, JOURNAL_ARRIVAL).arrival_ms, 2);
    journal_entry_begin(&desk->entry, &desk->lanes, &desk->state);
    assert_true(journal_entry_is_empty(&desk->entry));
    journal_entry_state_hash(&desk->entry, 1, 2);
    assert_false(journal_entry_is_empty(&desk->entry));
}

/* The group's offsets are taken from the entry before it is finished. */
static void test_positions_run_ahead(void **state)
{
    struct desk *desk = *state;
    put_records(desk, cards, 0, 10, 13);
    assert_int_equal(desk->entry.lane_count, 1);
    assert_int_equal(desk->entry.lane[0].next, 13);
    assert_int_equal(journal_lanes_count(&desk->lanes, &desk->state), 0);
}

/* Two batches of one millisecond and one order are one run. */
static void test_runs_are_joined(void **state)
{
    struct desk *desk = *state;
    for (int64_t batch = 0; batch < 4; batch++) {
        journal_entry_arrival(&desk->entry, 50 + batch / 2);
        put_records(desk, cards, 0, 10 * batch, 10 * (batch + 1));
    }
    finish(desk);
    read_begin(desk);
    next_item(desk, JOURNAL_ARRIVAL);
    next_lane(desk, 0, cards, 0);
    next_run(desk, 0, 0, 20, 20);
    next_item(desk, JOURNAL_ARRIVAL);
    next_run(desk, 0, 20, 40, 20);
    no_more_items(desk);
}

static void test_runs_that_go_on_are_short(void **state)
{
    struct desk *desk = *state;
    put_records(desk, cards, 0, 0, 1);
    put_records(desk, cards, 1, 0, 1);
    finish(desk);
    journal_entry_apply(&desk->entry, &desk->lanes, &desk->state, 7, 1);
    journal_entry_begin(&desk->entry, &desk->lanes, &desk->state);
    for (int64_t offset = 1; offset <= 100; offset++) {
        journal_entry_record(&desk->entry, cards, 0, offset);
        journal_entry_record(&desk->entry, cards, 1, offset);
    }
    finish(desk);
    assert_int_equal(desk->entry.items.size, 2 * 200);
}

/* Names that collide wherever they are hashed: many inputs, and many partitions of one. */
static uint64_t input_name(uint64_t lane)
{
    return lane % 2 ? hash_fingerprint(&lane, sizeof lane) : cards;
}

static int64_t partition_name(uint64_t lane)
{
    return lane % 2 ? (int64_t)(lane % 3) : (int64_t)(hash_fingerprint(&lane, sizeof lane) >> 1);
}

static void test_as_many_lanes_as_there_can_be(void **state)
{
    struct desk *desk = *state;
    for (int64_t round = 0; round < 3; round++)
        for (uint64_t lane = 0; lane < JOURNAL_LANES_MAX; lane++)
            journal_entry_record(&desk->entry, input_name(lane), partition_name(lane), round);
    finish(desk);
    assert_int_equal(desk->entry.lane_count, JOURNAL_LANES_MAX);
    journal_entry_apply(&desk->entry, &desk->lanes, &desk->state, 7, 1);
    assert_int_equal(journal_lanes_count(&desk->lanes, &desk->state), JOURNAL_LANES_MAX);
    for (uint32_t lane = 0; lane < JOURNAL_LANES_MAX; lane++) {
        assert_int_equal(
            journal_lanes_find(&desk->lanes, &desk->state, input_name(lane), partition_name(lane)),
            lane);
        assert_int_equal(journal_lanes_row(&desk->lanes, &desk->state, lane)->next, 3);
    }
    journal_entry_begin(&desk->entry, &desk->lanes, &desk->state);
    journal_entry_record(&desk->entry, input_name(1023), partition_name(1023), 3);
    assert_int_equal(desk->entry.lane_count, JOURNAL_LANES_MAX);
}

/* What does not fit is remembered, so that no half entry is ever submitted. */
static void test_overflow(void **state)
{
    struct desk *desk = *state;
    desk->entry.items.capacity = 20;
    journal_entry_control(&desk->entry, "a model that is larger", 22);
    journal_entry_finish(&desk->entry, &some_head, &desk->record);
    assert_true(desk->record.overflow);
}

/* ---- the table in the state ---- */

static void test_apply(void **state)
{
    struct desk *desk = *state;
    put_records(desk, cards, 0, 0, 5);
    put_records(desk, cards, 1, 0, 5);
    finish(desk);
    journal_entry_apply(&desk->entry, &desk->lanes, &desk->state, 7, 99);
    assert_int_equal(desk->state.directory->sequence, 7);
    assert_int_equal(desk->state.directory->chain, 99);
    assert_int_equal(journal_lanes_find(&desk->lanes, &desk->state, cards, 1), 1);
    assert_int_equal(journal_lanes_find(&desk->lanes, &desk->state, cards, 2), UINT32_MAX);
    assert_int_equal(journal_lanes_find(&desk->lanes, &desk->state, labels, 1), UINT32_MAX);
    journal_entry_begin(&desk->entry, &desk->lanes, &desk->state);
    journal_entry_record(&desk->entry, cards, 1, 5);
    finish(desk);
    desk->written = 0;
    journal_entry_apply(&desk->entry, &desk->lanes, &desk->state, 8, 100);
    assert_int_equal(desk->written, sizeof(struct journal_lane) + 2 * sizeof(uint64_t));
    assert_int_equal(journal_lanes_row(&desk->lanes, &desk->state, 1)->next, 6);
}

/* The state began anew: no lane has a name, whatever the table held. */
static void test_cold(void **state)
{
    struct desk *desk = *state;
    put_records(desk, labels, 0, 0, 5);
    put_records(desk, cards, 0, 0, 5);
    finish(desk);
    journal_entry_apply(&desk->entry, &desk->lanes, &desk->state, 7, 99);
    journal_entry_begin(&desk->entry, &desk->lanes, &desk->state);
    journal_entry_configuration(&desk->entry, "{}", 2);
    journal_entry_cold(&desk->entry);
    journal_entry_record(&desk->entry, cards, 0, 3);
    finish(desk);
    read_begin(desk);
    next_item(desk, JOURNAL_CONFIGURATION);
    next_item(desk, JOURNAL_COLD);
    next_lane(desk, 0, cards, 0);
    next_run(desk, 0, 3, 4, 1);
    no_more_items(desk);
    journal_read_apply(&desk->reader, &desk->lanes, &desk->state);
    assert_int_equal(journal_lanes_count(&desk->lanes, &desk->state), 1);
    assert_true(journal_lanes_row(&desk->lanes, &desk->state, 0)->input == cards);
}

/* ---- reading ---- */

/* Without the state only the numbers of lanes are known. */
static void test_reads_without_lanes(void **state)
{
    struct desk *desk = *state;
    put_records(desk, cards, 0, 5, 10);
    journal_entry_state_hash(&desk->entry, 6, 1234);
    finish(desk);
    assert_int_equal(read_whole(desk), STATUS_OK);
    assert_true(next_item(desk, JOURNAL_LANE).input == cards);
    next_run(desk, 0, 0, 0, 5);
    assert_int_equal(next_item(desk, JOURNAL_STATE_HASH).hash, 1234);
    no_more_items(desk);
}

static void refuses(struct desk *desk, const char *why)
{
    assert_int_equal(read_whole(desk), STATUS_STOP);
    if (!strstr(desk->failure.text, why))
        fail_msg("'%s' is not in: %s", why, desk->failure.text);
}

static void sign(struct desk *desk)
{
    uint64_t chain = wire_chain(desk->record.bytes, desk->record.size - 8);
    memcpy(desk->record.bytes + desk->record.size - 8, &chain, 8);
}

static void test_refuses_what_is_no_entry(void **state)
{
    struct desk *desk = *state;
    put_records(desk, cards, 0, 5, 10);
    finish(desk);
    size_t size = desk->record.size;
    desk->record.bytes[4] = 2;
    refuses(desk, "it was written by a newer weir (version 2, this one reads up to 1)");
    desk->record.bytes[4] = 0;
    refuses(desk, "it has no version");
    desk->record.bytes[4] = 1;
    desk->record.size = size - 1;
    refuses(desk, "its length is not what it says");
    desk->record.size = size + 1;
    refuses(desk, "its length is not what it says");
    desk->record.size = JOURNAL_HEAD_SIZE + 7;
    refuses(desk, "it is cut");
    desk->record.size = 0;
    refuses(desk, "it was not written by weir");
    desk->record.size = size;
    desk->record.bytes[20] ^= 1;
    refuses(desk, "its checksum is not that of its bytes");
    desk->record.bytes[20] ^= 1;
    assert_int_equal(read_whole(desk), STATUS_OK);
    memset(desk->record.bytes + 8, 0, 8);
    sign(desk);
    refuses(desk, "it has no sequence number");
    memcpy(desk->record.bytes, "{\"id\"", 5);
    refuses(desk, "it was not written by weir");
}

/* Items that only a forger can have signed. */
static void test_refuses_nonsense(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } cases[] = {
        {"\x80", 1, "an item is cut"},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10, "an item is cut"},
        {"\x0C", 1, "an item of an unknown kind"},
        {"\x09\x01", 2, "an item of an unknown kind"},
        {"\x08\x01", 2, "a run of a lane that has no name"},
        {"\x80\x80\x80\x80\x80\x01\x01", 7, "a run of a lane that has no name"},
        {"\x00", 1, "a run is cut, or has no records"},
        {"\x00\x00", 2, "a run is cut, or has no records"},
        {"\x07\x01", 2, "a run is cut"},
        {"\x07\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x00\x01", 12, "beyond the last offset"},
        {"\x07\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x01", 13, "beyond the last offset"},
        {"\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, "beyond the last offset"},
        {"\x01", 1, "an arrival is cut"},
        {"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, "an arrival that is no time"},
        {"\x02\x02x", 3, "an item is longer than the entry"},
        {"\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01x", 12, "an item is longer than the entry"},
        {"\x05\x01\x01\x02\x03\x04\x05\x06\x07", 9, "a hash is cut"},
        {"\x06\x01\x02\x03\x04\x05\x06\x07\x08", 9, "a lane's name is cut"},
        {"\x06\x00\x00\x00\x00\x00\x00\x00\x00\x01", 10, "a lane's name is cut, or is none"},
        {"\x06\x01\x02\x03\x04\x05\x06\x07\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 19,
         "a lane's name is cut, or is none"},
        {"\x06\x88\x77\x66\x55\x44\x33\x22\x11\x00", 10, "a lane's name is cut, or is none"},
        {"\x06\x88\x77\x66\x55\x44\x33\x22\x11\x00\x00", 11, "it names a lane a second time"},
        {"\x01\x02\x03\x00", 4, "the configuration changes in its middle"},
        {"\x01\x02\x04", 3, "the state begins anew in its middle"},
        {"\x04\x04", 2, "the state begins anew in its middle"},
        {"\x04\x00\x01", 3, "a run of a lane that has no name"},
    };
    struct desk *desk = *state;
    put_records(desk, cards, 0, 0, 5);
    finish(desk);
    journal_entry_apply(&desk->entry, &desk->lanes, &desk->state, 6, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        journal_entry_begin(&desk->entry, &desk->lanes, &desk->state);
        buffer_bytes(&desk->entry.items, cases[i].bytes, cases[i].size);
        finish(desk);
        /* An exact copy, so that a sanitizer sees a read beyond the end. */
        char *exact = malloc(desk->record.size);
        assert_non_null(exact);
        memcpy(exact, desk->record.bytes, desk->record.size);
        assert_int_equal(journal_read(&desk->reader, exact, desk->record.size, &desk->failure),
                         STATUS_OK);
        journal_read_lanes(&desk->reader, &desk->lanes, &desk->state);
        enum status status;
        struct journal_item item;
        while ((status = journal_read_item(&desk->reader, &item, &desk->failure)) == STATUS_OK)
            ;
        free(exact);
        if (status != STATUS_STOP || !strstr(desk->failure.text, cases[i].why))
            fail_msg("case %zu: status %d, %s; expected: %s", i, status, desk->failure.text,
                     cases[i].why);
    }
}

static void test_refuses_too_many_lanes(void **state)
{
    struct desk *desk = *state;
    for (uint64_t partition = 0; partition <= JOURNAL_LANES_MAX; partition++) {
        wire_put(&desk->entry.items, JOURNAL_LANE);
        wire_put_fixed(&desk->entry.items, cards, 8);
        wire_put(&desk->entry.items, partition);
        wire_put(&desk->entry.items, 0);
    }
    finish(desk);
    read_begin(desk);
    for (uint32_t lane = 0; lane < JOURNAL_LANES_MAX; lane++)
        next_lane(desk, lane, cards, lane);
    struct journal_item item;
    assert_int_equal(journal_read_item(&desk->reader, &item, &desk->failure), STATUS_STOP);
    assert_string_equal(desk->failure.text, "entry 7 of the journal makes no sense: it names more "
                                            "lanes than there can be");
}

/* A lane is named once, with the place where it begins, which is where it stands without a record.
 */
static void test_named_lane(void **state)
{
    struct desk *desk = *state;
    assert_true(journal_entry_lane(&desk->entry, cards, 3, 1000));
    assert_true(journal_entry_lane(&desk->entry, cards, 3, 2000));
    put_records(desk, cards, 3, 1000, 1002);
    finish(desk);
    read_begin(desk);
    struct journal_item item = next_item(desk, JOURNAL_LANE);
    assert_int_equal(item.from, 1000);
    next_run(desk, 0, 1000, 1002, 2);
    assert_int_equal(journal_read_item(&desk->reader, &item, &desk->failure), STATUS_END);
    journal_read_apply(&desk->reader, &desk->lanes, &desk->state);
    assert_int_equal(journal_lanes_row(&desk->lanes, &desk->state, 0)->next, 1002);
}

#define test(function) cmocka_unit_test_setup_teardown(function, open_desk, close_desk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_bytes),
        test(test_reads_what_was_written),
        test(test_empty),
        test(test_positions_run_ahead),
        test(test_runs_are_joined),
        test(test_runs_that_go_on_are_short),
        test(test_as_many_lanes_as_there_can_be),
        test(test_overflow),
        test(test_apply),
        test(test_named_lane),
        test(test_cold),
        test(test_reads_without_lanes),
        test(test_refuses_what_is_no_entry),
        test(test_refuses_nonsense),
        test(test_refuses_too_many_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
