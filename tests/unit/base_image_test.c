/* The image of a state, one step of loop or writer after the other: which bytes the writer gets,
 * what is walked, what happens when the room for copies is too small. */
#include "base/image.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROW = 512, ROWS = 64, LONG_ROW = 3 * STATE_PAGE, LONG_ROWS = 5, WORDS = 4096 };

static struct state state;
static struct image *image;
static struct failure failure;
static uint32_t taken, spanning, fixed;
static uint8_t bytes[STATE_PAGE];

static void open_image(uint64_t aside_size)
{
    const struct image_setting setting = {.aside_size = aside_size};
    assert_int_equal(image_open(&image, &setting, &failure), STATUS_OK);
}

static void open_with(uint64_t aside_size)
{
    struct state_layout layout;
    state_layout_init(&layout);
    taken = state_layout_add(&layout, "taken", 1, ROW, 8, ROWS, STATE_ROWS_TAKEN);
    spanning = state_layout_add(&layout, "long", 1, LONG_ROW, 8, LONG_ROWS, STATE_ROWS_TAKEN);
    fixed = state_layout_add(&layout, "fixed", 1, 8, 8, WORDS, STATE_ROWS_ALWAYS);
    assert_int_equal(state_open(&state, &layout, &failure), STATUS_OK);
    open_image(aside_size);
}

static int open_all(void **unused)
{
    (void)unused;
    open_with(64 * STATE_PAGE);
    return 0;
}

static int close_all(void **unused)
{
    (void)unused;
    image_close(image);
    state_close(&state);
    return 0;
}

static uint64_t page_of(uint32_t region, uint64_t row)
{
    return (state.directory->region[region].offset +
            row * state.directory->region[region].row_size) /
           STATE_PAGE;
}

static void fill(uint32_t region, uint64_t row, int byte)
{
    memset(state_write_row(&state, region, row), byte, state.row_size[region]);
}

/* The next page is this one and holds `byte` all over. */
static void expect_page(uint64_t page, int byte)
{
    uint64_t got;
    static uint8_t wanted[STATE_PAGE];
    memset(wanted, byte, sizeof wanted);
    assert_true(image_next(image, &got, bytes));
    assert_int_equal(got, page);
    assert_memory_equal(bytes, wanted, sizeof wanted);
}

static void expect_end(void)
{
    uint64_t got;
    assert_false(image_next(image, &got, bytes));
    assert_false(image_next(image, &got, bytes));
}

/* A long row is three pages: written before, between and after the writer takes them. */
static void it_is_the_moment_that_counts(void **unused)
{
    (void)unused;
    state_take(&state, spanning);
    state_take(&state, spanning);
    fill(spanning, 0, 1);
    fill(spanning, 1, 2);
    image_begin(image, &state);
    assert_int_equal(image_page_count(image), 6 + 8);
    uint64_t page = page_of(spanning, 0);
    expect_page(page, 1);
    fill(spanning, 0, 7);
    fill(spanning, 0, 8);
    expect_page(page + 1, 1);
    fill(spanning, 1, 9);
    expect_page(page + 2, 1);
    expect_page(page + 3, 2);
    expect_page(page + 4, 2);
    fill(spanning, 1, 10);
    expect_page(page + 5, 2);
    expect_end();
    assert_false(image_failed(image));
    image_end(image);
    assert_null(state.watcher);
    assert_int_equal(*(const uint8_t *)state_read(&state, spanning, 1), 10);
}

static void one_write_over_many_pages(void **unused)
{
    (void)unused;
    memset(state_write(&state, fixed, 0, 0, WORDS * 8), 3, WORDS * 8);
    image_begin(image, &state);
    /* The last byte of one page to the first of the one after the next. */
    memset(state_write(&state, fixed, 0, STATE_PAGE - 1, STATE_PAGE + 2), 4, STATE_PAGE + 2);
    memset(state_write(&state, fixed, WORDS - 1, 0, 8), 5, 8);
    for (uint64_t i = 0; i < 8; i++)
        expect_page(page_of(fixed, 0) + i, 3);
    expect_end();
    image_end(image);
}

static void the_directory_is_kept(void **unused)
{
    (void)unused;
    state_take(&state, taken);
    state_set_journal(&state, 17, 18);
    struct state_directory before = *state.directory;
    image_begin(image, &state);
    state_take(&state, taken);
    state_give(&state, taken, 0);
    state_set_journal(&state, 19, 20);
    assert_memory_equal(image_directory(image), &before, sizeof before);
    expect_end();
    assert_memory_equal(image_directory(image), &before, sizeof before);
    image_end(image);
}

/* Rows taken after the moment: on a page that is walked they are not seen, further on they are not
 * walked and need no copies. */
static void rows_taken_later_are_not_in_it(void **unused)
{
    (void)unused;
    image_close(image);
    open_image(STATE_PAGE);
    state_take(&state, taken);
    fill(taken, 0, 1);
    image_begin(image, &state);
    for (uint64_t row = 1; row < ROWS; row++) {
        assert_int_equal(state_take(&state, taken), row);
        fill(taken, row, 2);
    }
    uint64_t got;
    assert_true(image_next(image, &got, bytes));
    assert_int_equal(got, page_of(taken, 0));
    for (uint32_t i = 0; i < STATE_PAGE; i++)
        assert_int_equal(bytes[i], i < ROW ? 1 : 0);
    expect_end();
    assert_false(image_failed(image));
    image_end(image);
}

static void pages_of_zeros_are_passed_over(void **unused)
{
    (void)unused;
    fill(fixed, WORDS - 1, 1);
    image_begin(image, &state);
    fill(fixed, 0, 1);         /* was zero at the moment */
    fill(fixed, WORDS - 1, 0); /* was not */
    uint64_t got;
    assert_true(image_next(image, &got, bytes));
    assert_int_equal(got, page_of(fixed, WORDS - 1));
    assert_int_equal(bytes[STATE_PAGE - 1], 1);
    expect_end();
    image_end(image);
}

/* Two slots, three pages changed. */
static void too_little_room_fails_cleanly(void **unused)
{
    (void)unused;
    image_close(image);
    open_image(2 * STATE_PAGE);
    memset(state_write(&state, fixed, 0, 0, WORDS * 8), 3, WORDS * 8);
    image_begin(image, &state);
    assert_true(image_has_room(image, 2));
    assert_false(image_has_room(image, 3));
    fill(fixed, 0, 4);
    fill(fixed, 512, 4);
    assert_true(image_has_room(image, 0));
    assert_false(image_has_room(image, 1));
    assert_false(image_failed(image));
    fill(fixed, 1024, 4);
    assert_true(image_failed(image));
    assert_null(state.watcher);
    assert_true(image_has_room(image, 1000));
    assert_int_equal(*(const uint8_t *)state_read(&state, fixed, 1024), 4);
    expect_end();
    image_end(image);
    /* The next one is not hurt by it. */
    image_begin(image, &state);
    uint64_t got;
    for (uint64_t i = 0; i < 8; i++)
        assert_true(image_next(image, &got, bytes));
    expect_end();
    assert_false(image_failed(image));
    image_end(image);
}

/* One slot goes round when the writer keeps up. */
static void slots_come_back(void **unused)
{
    (void)unused;
    image_close(image);
    open_image(STATE_PAGE);
    memset(state_write(&state, fixed, 0, 0, WORDS * 8), 3, WORDS * 8);
    image_begin(image, &state);
    for (uint64_t i = 0; i < 8; i++) {
        assert_true(image_has_room(image, 1));
        fill(fixed, i * 512, 4);
        assert_false(image_has_room(image, 1));
        expect_page(page_of(fixed, 0) + i, 3);
    }
    expect_end();
    assert_false(image_failed(image));
    image_end(image);
}

static void given_up_it_ends(void **unused)
{
    (void)unused;
    memset(state_write(&state, fixed, 0, 0, WORDS * 8), 3, WORDS * 8);
    image_begin(image, &state);
    expect_page(page_of(fixed, 0), 3);
    image_give_up(image);
    fill(fixed, 512, 4);
    expect_end();
    assert_true(image_failed(image));
    image_end(image);
}

static void no_room_at_all(void **unused)
{
    (void)unused;
    image_close(image);
    open_image(0);
    fill(fixed, 0, 1);
    image_begin(image, &state);
    uint64_t got;
    assert_false(image_has_room(image, 1));
    assert_true(image_next(image, &got, bytes));
    fill(fixed, 1, 1);
    expect_end();
    assert_false(image_failed(image));
    image_end(image);
    image_begin(image, &state);
    fill(fixed, 2, 1);
    assert_true(image_failed(image));
    image_end(image);
}

/* One image after the other of states of different sizes. */
static void another_state_may_follow(void **unused)
{
    (void)unused;
    fill(fixed, 0, 1);
    image_begin(image, &state);
    image_end(image);
    struct state other;
    struct state_layout layout;
    state_layout_init(&layout);
    state_layout_add(&layout, "large", 1, 8, 8, 1 << 21, STATE_ROWS_ALWAYS);
    assert_int_equal(state_open(&other, &layout, &failure), STATUS_OK);
    *(uint64_t *)state_write_row(&other, 0, (1 << 21) - 1) = 5;
    image_begin(image, &other);
    *(uint64_t *)state_write_row(&other, 0, (1 << 21) - 1) = 6;
    uint64_t got;
    assert_true(image_next(image, &got, bytes));
    assert_int_equal(got, other.size / STATE_PAGE - 1);
    assert_int_equal(bytes[STATE_PAGE - 8], 5);
    expect_end();
    image_end(image);
    state_close(&other);
}

/* Pages that were to be walked when an image was stopped need no copies in the next. */
static void a_stopped_one_leaves_nothing(void **unused)
{
    (void)unused;
    image_close(image);
    open_image(STATE_PAGE);
    while (state_take(&state, spanning) != STATE_NO_ROW)
        fill(spanning, 0, 1);
    image_begin(image, &state);
    image_end(image);
    state_close(&state);
    struct image *before = image;
    open_with(0); /* a fresh state: no row of `spanning` is in use */
    image_close(image);
    image = before;
    image_begin(image, &state);
    while (state_take(&state, spanning) != STATE_NO_ROW)
        fill(spanning, state.directory->region[spanning].used - 1, 2);
    assert_false(image_failed(image));
    expect_end();
    image_end(image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_the_moment_that_counts),
        TEST(one_write_over_many_pages),
        TEST(the_directory_is_kept),
        TEST(rows_taken_later_are_not_in_it),
        TEST(pages_of_zeros_are_passed_over),
        TEST(too_little_room_fails_cleanly),
        TEST(slots_come_back),
        TEST(given_up_it_ends),
        TEST(no_room_at_all),
        TEST(another_state_may_follow),
        TEST(a_stopped_one_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
