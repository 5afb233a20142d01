/* The state: rows taken and given, the directory, the watcher, the hash. */
#include "base/state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct state state;
static uint32_t first, second, fixed;

static void open_state(struct state *opened)
{
    struct state_layout layout;
    struct failure failure;
    state_layout_init(&layout);
    first = state_layout_add(&layout, "first", 11, 20, 8, 3, STATE_ROWS_TAKEN);
    second = state_layout_add(&layout, "second", 12, 100, 64, 5000, STATE_ROWS_TAKEN);
    fixed = state_layout_add(&layout, "fixed", 13, 8, 8, 1 << 19, STATE_ROWS_ALWAYS);
    assert_int_equal(state_open(opened, &layout, &failure), STATUS_OK);
    assert_int_equal(opened->size, state_layout_size(&layout));
}

static int open_one(void **unused)
{
    (void)unused;
    open_state(&state);
    return 0;
}

static int close_one(void **unused)
{
    (void)unused;
    state_close(&state);
    return 0;
}

static void regions_lie_apart(void **unused)
{
    (void)unused;
    const struct state_directory *directory = state.directory;
    assert_int_equal(directory->region_count, 3);
    uint64_t end = sizeof *directory;
    for (uint32_t i = 0; i < 3; i++) {
        const struct state_region *region = &directory->region[i];
        assert_int_equal(region->offset % STATE_PAGE, 0);
        assert_true(region->offset >= end);
        end = region->offset + region->row_size * region->row_count;
    }
    assert_true(end <= state.size);
    assert_int_equal(directory->region[first].row_size, 24);
    assert_int_equal(directory->region[second].row_size, 128);
    assert_int_equal(directory->region[first].used, 0);
    assert_int_equal(directory->region[fixed].used, 1 << 19);
    assert_string_equal(directory->region[second].name, "second");
    assert_int_equal(directory->region[second].fingerprint, 12);
}

static void rows_come_and_go(void **unused)
{
    (void)unused;
    assert_int_equal(state_take(&state, first), 0);
    assert_int_equal(state_take(&state, first), 1);
    assert_int_equal(state_take(&state, first), 2);
    assert_int_equal(state_take(&state, first), STATE_NO_ROW);
    assert_int_equal(state.directory->region[first].live, 3);
    memset(state_write_row(&state, first, 1), 0xFF, 24);
    memset(state_write_row(&state, first, 2), 0xFF, 24);
    state_give(&state, first, 1);
    state_give(&state, first, 2);
    assert_int_equal(state.directory->region[first].live, 1);
    /* Last given, first taken, and zeroed. */
    static const uint8_t zeros[24];
    assert_int_equal(state_take(&state, first), 2);
    assert_memory_equal(state_read(&state, first, 2), zeros, 24);
    assert_int_equal(state_take(&state, first), 1);
    assert_memory_equal(state_read(&state, first, 1), zeros, 24);
    assert_int_equal(state_take(&state, first), STATE_NO_ROW);
    assert_int_equal(state.directory->region[first].used, 3);
}

static void hash_sees_every_saved_byte(void **unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        state_take(&state, second);
    uint64_t before = state_hash(&state);
    assert_int_equal(state_hash(&state), before);
    static const uint64_t places[] = {0, 127, 4096, 12799};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        uint8_t *byte = state_write(&state, second, 0, places[i], 1);
        *byte ^= 4;
        assert_true(state_hash(&state) != before);
        *byte ^= 4;
        assert_true(state_hash(&state) == before);
    }
    uint8_t *last = state_write(&state, fixed, (1 << 19) - 1, 7, 1);
    *last = 1;
    assert_true(state_hash(&state) != before);
}

/* The same page of bytes elsewhere is another state. */
static void hash_knows_where(void **unused)
{
    (void)unused;
    uint64_t *here = state_write_row(&state, fixed, 0),
             *there = state_write_row(&state, fixed, 512);
    *here = 9;
    uint64_t one = state_hash(&state);
    *here = 0;
    *there = 9;
    assert_true(state_hash(&state) != one);
}

static void equal_histories_hash_alike(void **unused)
{
    (void)unused;
    struct state other;
    open_state(&other);
    struct state *both[] = {&state, &other};
    for (int i = 0; i < 2; i++) {
        state_take(both[i], first);
        *(uint64_t *)state_write_row(both[i], first, 0) = 5;
        state_take(both[i], second);
        state_give(both[i], second, 0);
    }
    assert_true(state_hash(&state) == state_hash(&other));
    state_take(&other, second);
    assert_true(state_hash(&state) != state_hash(&other));
    state_close(&other);
}

struct watched {
    uint64_t offset, size, calls;
};

static void before_write(void *self, uint64_t offset, uint64_t size)
{
    struct watched *watched = self;
    *watched = (struct watched){offset, size, watched->calls + 1};
}

static void watcher_hears_of_writes(void **unused)
{
    (void)unused;
    struct watched watched = {0};
    const struct state_watcher watcher = {before_write, &watched};
    state.watcher = &watcher;
    state_write(&state, second, 7, 16, 8);
    assert_int_equal(watched.offset, state.directory->region[second].offset + 7 * 128 + 16);
    assert_int_equal(watched.size, 8);
    state_take(&state, second);
    assert_int_equal(watched.calls, 2);
    assert_true(watched.offset < sizeof *state.directory);
}

static void a_state_too_large_is_refused(void **unused)
{
    (void)unused;
    struct state_layout layout;
    struct state refused;
    struct failure failure;
    state_layout_init(&layout);
    state_layout_add(&layout, "huge", 1, 1ULL << 40, 8, 1ULL << 16, STATE_ROWS_ALWAYS);
    assert_int_equal(state_open(&refused, &layout, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "lower `memory`"));
    state_close(&refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(regions_lie_apart, open_one, close_one),
        cmocka_unit_test_setup_teardown(rows_come_and_go, open_one, close_one),
        cmocka_unit_test_setup_teardown(hash_sees_every_saved_byte, open_one, close_one),
        cmocka_unit_test_setup_teardown(hash_knows_where, open_one, close_one),
        cmocka_unit_test_setup_teardown(equal_histories_hash_alike, open_one, close_one),
        cmocka_unit_test_setup_teardown(watcher_hears_of_writes, open_one, close_one),
        cmocka_unit_test(a_state_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
