/* The keymap against a sorted array, under random insertions, lookups and removals of keys that
 * cluster: few homes, long runs around the end of the index, equal tags. */
#include "base/keymap.h"
#include "base/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 77, ROWS_MAX = 96, STEPS = 60000 };

static struct random chance;
static struct state state;
static struct keymap map;
static uint32_t rows;

/* The model: keys in order with their rows. */
static struct entry {
    uint64_t key, row;
} model[ROWS_MAX];
static uint32_t model_count;

static uint32_t model_place(uint64_t key)
{
    uint32_t place = 0;
    while (place < model_count && model[place].key < key)
        place++;
    return place;
}

static bool model_has(uint64_t key)
{
    uint32_t place = model_place(key);
    return place < model_count && model[place].key == key;
}

static void insert(uint64_t key)
{
    uint64_t row = state_take(&state, rows);
    if (row == STATE_NO_ROW)
        return;
    *(uint64_t *)state_write_row(&state, rows, row) = key;
    keymap_insert(&map, &state, key, row);
    uint32_t place = model_place(key);
    memmove(model + place + 1, model + place, (model_count - place) * sizeof *model);
    model[place] = (struct entry){key, row};
    model_count++;
}

static void erase(uint64_t key)
{
    uint32_t place = model_place(key);
    keymap_remove(&map, &state, key);
    state_give(&state, rows, model[place].row);
    model_count--;
    memmove(model + place, model + place + 1, (model_count - place) * sizeof *model);
}

/* A key among few: home in one of 8 slots at the end of the index, high half from 4. */
static uint64_t any_key(void)
{
    uint64_t home = map.mask - 3 + random_below(&chance, 8);
    uint64_t above = random_below(&chance, 3) * (map.mask + 1);
    return (random_below(&chance, 4) << 32) + (home & map.mask) + above + (1ULL << 40);
}

static void check_all(void)
{
    for (uint32_t i = 0; i < model_count; i++) {
        assert_int_equal(keymap_find(&map, &state, model[i].key), model[i].row);
        assert_int_not_equal(keymap_guess(&map, &state, model[i].key), STATE_NO_ROW);
    }
    uint64_t used = 0;
    for (uint64_t slot = 0; slot <= map.mask; slot++) {
        const struct keymap_entry *entry = state_read(&state, map.index_region, slot);
        used += entry->row_plus_one != 0;
        assert_true(entry->row_plus_one != 0 || entry->tag == 0);
    }
    assert_int_equal(used, model_count);
}

static void open_all(void)
{
    struct state_layout layout;
    struct failure failure;
    state_layout_init(&layout);
    rows = state_layout_add(&layout, "rows", 1, 16, 8, ROWS_MAX, STATE_ROWS_TAKEN);
    keymap_declare(&map, &layout, "index", rows, ROWS_MAX);
    assert_int_equal(state_open(&state, &layout, &failure), STATUS_OK);
    model_count = 0;
}

static void keymap_is_a_map(void **unused)
{
    (void)unused;
    print_message("seed %d\n", SEED);
    random_seed(&chance, SEED);
    open_all();
    for (int step = 0; step < STEPS; step++) {
        uint64_t key = any_key();
        bool there = model_has(key);
        assert_int_equal(keymap_find(&map, &state, key) != STATE_NO_ROW, there);
        /* Mostly filling, then mostly emptying, by turns. */
        bool fill = random_below(&chance, 10) < (step / 500 % 2 ? 3 : 7);
        if (!there && fill)
            insert(key);
        else if (there && !fill)
            erase(key);
        if (step % 16 == 0)
            check_all();
    }
    state_close(&state);
}

/* Whatever way it came there, a map without entries is the same bytes. */
static void emptied_is_as_new(void **unused)
{
    (void)unused;
    random_seed(&chance, SEED + 1);
    open_all();
    for (int i = 0; i < 200; i++) {
        uint64_t key = any_key();
        if (!model_has(key))
            insert(key);
    }
    assert_true(model_count > 20);
    while (model_count)
        erase(model[random_below(&chance, model_count)].key);
    check_all();
    state_close(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keymap_is_a_map),
        cmocka_unit_test(emptied_is_as_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
