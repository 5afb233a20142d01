/* Images against plain copies: random states, changed at random while a writer takes the image, on
 * a thread of its own or step by step.  Whatever the interleaving, what the writer got is byte for
 * byte what the state was when the image began. */
#include "base/image.h"
#include "base/random.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    SEED = 4,
    WORLDS = 4,
    IMAGES = 150, /* of each world */
    REGIONS = 6,
    ROWS_MAX = 20000,
    OP_PAGES = 12, /* no operation touches more for the first time */
    ROOMY = 4096 * STATE_PAGE,
};

static struct random chance;
static struct failure failure;
static struct state state;
static struct image *image;

/* Rows in use, so that one can be drawn. */
static struct region {
    uint32_t index;
    bool always;
    uint64_t rows;
    uint64_t live_count;
    uint32_t live[ROWS_MAX];
} regions[REGIONS];
static uint32_t region_count;

/* What the writer got, and what it should have. */
static struct taken {
    uint8_t *bytes, *wanted; /* [state.size] */
    uint64_t pages, hash;
    bool disordered;
    uint32_t pause; /* it yields after every so many pages */
} taken;

/* Where the writer stands, so that the loop can write just there. */
static _Atomic uint64_t writer_page;
static _Atomic bool writer_ended;

static uint64_t below(uint64_t bound)
{
    return random_below(&chance, bound);
}

/* ---- the world ---- */

static void declare(struct state_layout *layout, struct region *region)
{
    static const uint64_t sizes[] = {8, 24, 64, 512, 1000, 4096, 5000, 20000};
    uint64_t size = sizes[below(sizeof sizes / sizeof *sizes)];
    uint64_t rows = 1 + below(200000 / size);
    region->rows = rows < ROWS_MAX ? rows : ROWS_MAX;
    region->always = below(3) == 0;
    region->live_count = 0;
    char name[16];
    snprintf(name, sizeof name, "r%u", layout->directory.region_count);
    region->index = state_layout_add(layout, name, 1, size, 8ULL << below(4), region->rows,
                                     region->always ? STATE_ROWS_ALWAYS : STATE_ROWS_TAKEN);
}

static void open_world(void)
{
    struct state_layout layout;
    state_layout_init(&layout);
    region_count = 1 + (uint32_t)below(REGIONS);
    for (uint32_t i = 0; i < region_count; i++)
        declare(&layout, &regions[i]);
    assert_int_equal(state_open(&state, &layout, &failure), STATUS_OK);
    taken.bytes = malloc(state.size);
    taken.wanted = malloc(state.size);
    assert_true(taken.bytes && taken.wanted);
}

static void close_world(void)
{
    state_close(&state);
    free(taken.bytes);
    free(taken.wanted);
}

/* ---- the loop ---- */

static void take(struct region *region)
{
    uint64_t row = state_take(&state, region->index);
    if (row != STATE_NO_ROW)
        region->live[region->live_count++] = (uint32_t)row;
}

static void give(struct region *region)
{
    uint64_t place = below(region->live_count);
    state_give(&state, region->index, region->live[place]);
    region->live[place] = region->live[--region->live_count];
}

static void scribble(uint8_t *bytes, uint64_t size)
{
    uint64_t word = below(4) ? random_bits(&chance) : 0;
    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(word >> (i % 8 * 8));
}

/* Some bytes of a row, often all; of a region that is one array also over the ends of rows. */
static void write_row(const struct region *region, uint64_t row)
{
    uint64_t row_size = state.row_size[region->index];
    uint64_t offset = below(2) ? 0 : below(row_size);
    uint64_t end = below(3) ? row_size : offset + 1 + below(row_size - offset);
    if (region->always && below(4) == 0) {
        uint64_t rest = (region->rows - row) * row_size;
        end = offset + 1 + below(rest - offset);
        uint64_t most = (OP_PAGES - 2) * STATE_PAGE;
        end = end < offset + most ? end : offset + most;
    }
    scribble(state_write(&state, region->index, row, offset, end - offset), end - offset);
}

/* A live row of the page that the writer is at or comes to next. */
static bool row_near_writer(const struct region *region, uint64_t *row)
{
    const struct state_region *entry = &state.directory->region[region->index];
    uint64_t at =
        (atomic_load_explicit(&writer_page, memory_order_relaxed) + below(3)) * STATE_PAGE;
    if (!region->always || at < entry->offset)
        return false;
    *row = (at - entry->offset) / entry->row_size;
    return *row < region->rows;
}

static void change(void)
{
    struct region *region = &regions[below(region_count)];
    uint64_t row, what = below(16);
    if (what == 0)
        state_set_journal(&state, below(1000), random_bits(&chance));
    else if (!region->always && what < 4)
        take(region);
    else if (what < 6 && region->live_count > 0)
        give(region);
    else if (what < 12 && row_near_writer(region, &row))
        write_row(region, row);
    else if (region->always)
        write_row(region, below(region->rows));
    else if (region->live_count > 0)
        write_row(region, region->live[below(region->live_count)]);
}

/* ---- the writer ---- */

static bool writer_step(void)
{
    uint64_t page;
    uint8_t bytes[STATE_PAGE];
    if (!image_next(image, &page, bytes))
        return false;
    taken.disordered |= page <= atomic_load_explicit(&writer_page, memory_order_relaxed);
    memcpy(taken.bytes + page * STATE_PAGE, bytes, STATE_PAGE);
    taken.hash += state_hash_page(page, bytes);
    taken.pages++;
    atomic_store_explicit(&writer_page, page, memory_order_relaxed);
    return true;
}

static void *writer_run(void *unused)
{
    (void)unused;
    for (uint32_t i = 1; writer_step(); i++)
        if (taken.pause && i % taken.pause == 0)
            sched_yield();
    atomic_store(&writer_ended, true);
    return NULL;
}

/* ---- an image ---- */

static void begin(void)
{
    memcpy(taken.wanted, state.bytes, state.size);
    memset(taken.bytes, 0, state.size);
    memcpy(taken.bytes, state.bytes, sizeof *state.directory);
    taken.pages = taken.hash = 0;
    taken.disordered = false;
    taken.pause = below(2) ? (uint32_t)(50 + below(500)) : 0;
    writer_page = 0;
    writer_ended = false;
    image_begin(image, &state);
}

static void check(void)
{
    const struct state was = {.bytes = taken.wanted,
                              .directory = (struct state_directory *)taken.wanted};
    assert_memory_equal(image_directory(image), taken.wanted, sizeof *was.directory);
    assert_false(taken.disordered);
    if (memcmp(taken.bytes, taken.wanted, state.size) != 0)
        for (uint64_t page = 0; page < state.size / STATE_PAGE; page++)
            if (memcmp(taken.bytes + page * STATE_PAGE, taken.wanted + page * STATE_PAGE,
                       STATE_PAGE) != 0)
                fail_msg("page %llu is not as it was", (unsigned long long)page);
    assert_true(taken.pages <= image_page_count(image));
    assert_true(state_hash_regions(image_directory(image)) + taken.hash == state_hash(&was));
}

/* With `polite` the loop asks for room before each change, as the engine does. */
static void change_beside_writer(bool polite)
{
    pthread_t writer;
    begin();
    assert_int_equal(pthread_create(&writer, NULL, writer_run, NULL), 0);
    while (!atomic_load_explicit(&writer_ended, memory_order_relaxed)) {
        if (!polite || image_has_room(image, OP_PAGES))
            change();
        else
            sched_yield();
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
}

static void open_image(uint64_t aside_size)
{
    const struct image_setting setting = {
        .aside_size = aside_size,
        .often = below(2),
        .clock = below(2) ? &system_clock : NULL,
    };
    assert_int_equal(image_open(&image, &setting, &failure), STATUS_OK);
}

/* ---- the properties ---- */

static void with_a_thread(void **unused)
{
    (void)unused;
    for (uint64_t world = 0; world < WORLDS; world++) {
        print_message("seed %d\n", SEED + (int)world);
        random_seed(&chance, SEED + world);
        open_world();
        open_image(ROOMY);
        for (int i = 0; i < IMAGES; i++) {
            for (uint64_t changes = below(500); changes > 0; changes--)
                change();
            change_beside_writer(false);
            assert_false(image_failed(image));
            check();
            image_end(image);
        }
        image_close(image);
        close_world();
    }
}

/* With few slots, but asking beforehand: slower, never failing. */
static void with_a_thread_and_little_room(void **unused)
{
    (void)unused;
    for (uint64_t world = 0; world < WORLDS; world++) {
        print_message("seed %d\n", SEED + 100 + (int)world);
        random_seed(&chance, SEED + 100 + world);
        open_world();
        open_image((OP_PAGES / 2 + below(2 * OP_PAGES)) * STATE_PAGE);
        for (int i = 0; i < IMAGES; i++) {
            change_beside_writer(true);
            assert_false(image_failed(image));
            check();
            image_end(image);
        }
        image_close(image);
        close_world();
    }
}

/* With few slots and without asking: most fail, none hangs, and one that did not fail is whole. */
static void with_a_thread_and_no_manners(void **unused)
{
    (void)unused;
    uint32_t failed = 0;
    random_seed(&chance, SEED + 200);
    print_message("seed %d\n", SEED + 200);
    open_world();
    for (int i = 0; i < 2 * IMAGES; i++) {
        open_image(below(4) * STATE_PAGE);
        change_beside_writer(false);
        failed += image_failed(image);
        if (!image_failed(image))
            check();
        image_end(image);
        assert_null(state.watcher);
        image_close(image);
    }
    close_world();
    assert_true(failed > 0);
}

/* On one thread, so that a failing seed fails again. */
static void step_by_step(void **unused)
{
    (void)unused;
    for (uint64_t world = 0; world < WORLDS; world++) {
        print_message("seed %d\n", SEED + 300 + (int)world);
        random_seed(&chance, SEED + 300 + world);
        open_world();
        open_image(ROOMY);
        for (int i = 0; i < IMAGES / 3; i++) {
            begin();
            uint64_t eagerness = 1 + below(8);
            do
                for (uint64_t changes = below(eagerness); changes > 0; changes--)
                    change();
            while (writer_step());
            assert_false(image_failed(image));
            check();
            image_end(image);
        }
        image_close(image);
        close_world();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_thread),
        cmocka_unit_test(with_a_thread_and_little_room),
        cmocka_unit_test(with_a_thread_and_no_manners),
        cmocka_unit_test(step_by_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
