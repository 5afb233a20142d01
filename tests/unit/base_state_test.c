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

static void the_watcher_hears_of_the_journal(void **unused)
{
    (void)unused;
    struct watched watched = {0};
    const struct state_watcher watcher = {before_write, &watched};
    state.watcher = &watcher;
    state_set_journal(&state, 3, 4);
    assert_int_equal(watched.calls, 1);
    assert_int_equal(watched.offset, offsetof(struct state_directory, sequence));
    assert_int_equal(watched.size, 16);
    assert_int_equal(state.directory->sequence, 3);
    assert_int_equal(state.directory->chain, 4);
}

/* Where the journal was cut and what the owners' options hash to are not what the state holds. */
static void hash_is_of_what_it_holds(void **unused)
{
    (void)unused;
    state_take(&state, second);
    uint64_t before = state_hash(&state);
    state_set_journal(&state, 3, 4);
    state.directory->region[second].fingerprint++;
    assert_true(state_hash(&state) == before);
    struct state_region *region = &state.directory->region[second];
    uint64_t *const parts[] = {&region->row_count, &region->free_row, &region->live};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i] += 1;
        assert_true(state_hash(&state) != before);
        *parts[i] -= 1;
    }
    region->used++; /* another row in use, of zeros, on the same page */
    assert_true(state_hash(&state) != before);
    region->used--;
    region->name[0] = 'x';
    assert_true(state_hash(&state) != before);
}

/* As a snapshot's writer computes it: page by page in any order, those of zeros left out. */
static void hash_is_a_sum(void **unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        memset(state_write_row(&state, second, state_take(&state, second)), i, 128);
    memset(state_write_row(&state, fixed, 77777), 1, 8);
    uint64_t sum = state_hash_regions(state.directory);
    static const uint8_t zeros[STATE_PAGE];
    for (uint64_t page = state.size / STATE_PAGE; page-- > sizeof *state.directory / STATE_PAGE;)
        if (memcmp(state.bytes + page * STATE_PAGE, zeros, STATE_PAGE) != 0 &&
            page * STATE_PAGE >= sizeof *state.directory)
            sum += state_hash_page(page, state.bytes + page * STATE_PAGE);
    assert_true(sum == state_hash(&state));
    assert_int_equal(state_hash_page(5, zeros), 0);
}

static void a_directory_makes_the_same_state(void **unused)
{
    (void)unused;
    struct state other;
    struct failure failure;
    state_take(&state, first);
    state_take(&state, second);
    state_set_journal(&state, 5, 6);
    struct state_directory directory = *state.directory;
    memset(&directory.region[directory.region_count], 0xFF, sizeof *directory.region);
    assert_int_equal(state_open_directory(&other, &directory, &failure), STATUS_OK);
    assert_int_equal(other.size, state.size);
    assert_memory_equal(other.directory, state.directory, sizeof directory);
    assert_true(state_hash(&other) == state_hash(&state));
    assert_int_equal(state_take(&other, first), 1);
    state_close(&other);
}

/* One lie each, in the region in the middle. */
struct lie {
    const char *words;
    size_t at; /* of 8 bytes, in the directory */
    uint64_t value;
};

#define OF_SECOND(member)                                                                          \
    (offsetof(struct state_directory, region) + sizeof(struct state_region) +                      \
     offsetof(struct state_region, member))

static const struct lie lies[] = {
    {"is not one", 0, 0x7461747372696578},
    {"has version 2", offsetof(struct state_directory, version), 3ULL << 32 | 2},
    {"has 193 regions", offsetof(struct state_directory, version), 193ULL << 32 | 1},
    {"has 4294967295 regions", offsetof(struct state_directory, version), 0xFFFFFFFFULL << 32 | 1},
    {"region 1 (): it has no name", OF_SECOND(name), 0},
    {"begins at no page", OF_SECOND(offset), 8 * STATE_PAGE + 64},
    {"begins at no page", OF_SECOND(offset), UINT64_MAX - STATE_PAGE + 1},
    {"overlaps the one before", OF_SECOND(offset), 0},
    {"region 2 (fixed): it overlaps the one before", OF_SECOND(row_count), 1 << 20},
    {"have no size", OF_SECOND(row_size), 0},
    {"have no size", OF_SECOND(row_size), 127},
    {"larger than any memory", OF_SECOND(row_size), UINT64_MAX - 7},
    {"have no size", OF_SECOND(row_count), 0},
    {"larger than any memory", OF_SECOND(row_count), 1ULL << 57}, /* times 128: 0 */
    {"larger than any memory", OF_SECOND(row_count), 1ULL << 41},
    {"more rows than it has", OF_SECOND(used), 5001},
    {"more rows than it has", OF_SECOND(live), 1},
    {"more rows than it has", OF_SECOND(free_row), 1},
};

static void a_lying_directory_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct state other;
        struct failure failure;
        struct state_directory directory = *state.directory;
        memcpy((uint8_t *)&directory + lies[i].at, &lies[i].value, 8);
        assert_int_equal(state_open_directory(&other, &directory, &failure), STATUS_STOP);
        if (!strstr(failure.text, lies[i].words))
            fail_msg("\"%s\" is not in: %s", lies[i].words, failure.text);
        assert_null(other.bytes);
    }
}

static void a_name_without_end_is_refused(void **unused)
{
    (void)unused;
    struct state other;
    struct failure failure;
    struct state_directory directory = *state.directory;
    memset(directory.region[1].name, 'n', STATE_NAME_MAX);
    assert_int_equal(state_open_directory(&other, &directory, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "it has no name"));
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
        cmocka_unit_test_setup_teardown(the_watcher_hears_of_the_journal, open_one, close_one),
        cmocka_unit_test_setup_teardown(hash_is_of_what_it_holds, open_one, close_one),
        cmocka_unit_test_setup_teardown(hash_is_a_sum, open_one, close_one),
        cmocka_unit_test_setup_teardown(a_directory_makes_the_same_state, open_one, close_one),
        cmocka_unit_test_setup_teardown(a_lying_directory_is_refused, open_one, close_one),
        cmocka_unit_test_setup_teardown(a_name_without_end_is_refused, open_one, close_one),
        cmocka_unit_test(a_state_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
