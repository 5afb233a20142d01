/* Random journals: lanes that come up at any time, offsets with gaps, clocks that stand still or go
 * back, controls, new configurations and cold starts.  Whoever reads the entries meets the same
 * records at the same offsets in the same order with the same arrivals; his table of lanes equals
 * the writer's after each entry; each entry names the one before; and no byte of one can be changed
 * unnoticed. */
#include "base/random.h"
#include "engine/journal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORLDS = 300, ENTRIES = 12, STEPS = 120, LANES = 40, BYTES_MAX = 1 << 16 };

/* What a fold would see: a record with its arrival, or what stands between records. */
struct step {
    enum journal_item_kind kind;
    uint64_t input; /* or what a control holds, or a hash */
    int64_t partition, offset, arrival_ms;
};

struct side {
    struct journal_lanes lanes;
    struct state state;
};

struct place {
    struct random random;
    struct side writer, reader;
    struct journal_entry entry;
    struct journal_reader reading;
    struct buffer record;
    char bytes[2][BYTES_MAX];
    uint32_t step_count;
    struct step step[STEPS + 2];
    int64_t next[LANES], now_ms;
    bool stamped; /* an arrival was told in this entry */
    struct journal_head head;
};

static uint64_t below(struct place *place, uint64_t bound)
{
    return random_below(&place->random, bound);
}

static void side_open(struct side *side)
{
    struct state_layout layout;
    struct failure failure;
    state_layout_init(&layout);
    journal_lanes_declare(&side->lanes, &layout);
    assert_int_equal(state_open(&side->state, &layout, &failure), STATUS_OK);
}

/* Lanes have names of two inputs, so that a partition's number alone is none. */
static uint64_t input_of(uint32_t lane)
{
    return lane % 2 ? 0x5bd1e995 : 17;
}

/* ---- writing ---- */

static void note(struct place *place, struct step step)
{
    step.arrival_ms = place->stamped ? place->now_ms : INT64_MIN;
    place->step[place->step_count++] = step;
}

static void write_record(struct place *place)
{
    uint32_t lane = (uint32_t)below(place, 1 + below(place, LANES));
    place->next[lane] += below(place, 4) ? 0 : (int64_t)below(place, 1000);
    struct step step = {JOURNAL_RUN, input_of(lane), lane / 2, place->next[lane]++, 0};
    journal_entry_record(&place->entry, step.input, step.partition, step.offset);
    note(place, step);
}

static void write_step(struct place *place)
{
    uint64_t value = random_bits(&place->random);
    switch (below(place, 16)) {
    case 0:
        place->now_ms += (int64_t)below(place, 3000) - 1000;
        place->stamped = true;
        journal_entry_arrival(&place->entry, place->now_ms);
        return;
    case 1:
        journal_entry_control(&place->entry, &value, sizeof value);
        note(place, (struct step){JOURNAL_CONTROL, value, 0, 0, 0});
        return;
    case 2:
        journal_entry_state_hash(&place->entry, value >> 20, value);
        place->step[place->step_count++] = (struct step){JOURNAL_STATE_HASH, value, 0, 0, 0};
        return;
    default:
        for (uint64_t count = 1 + below(place, 3); count > 0 && place->step_count < STEPS; count--)
            write_record(place);
    }
}

static void write_preamble(struct place *place)
{
    if (below(place, 4) == 0) {
        uint64_t text = random_bits(&place->random);
        journal_entry_configuration(&place->entry, &text, sizeof text);
        place->step[place->step_count++] = (struct step){JOURNAL_CONFIGURATION, text, 0, 0, 0};
    }
    if (below(place, 8) == 0) {
        journal_entry_cold(&place->entry);
        place->step[place->step_count++] = (struct step){JOURNAL_COLD, 0, 0, 0, 0};
        for (uint32_t lane = 0; lane < LANES; lane++)
            place->next[lane] = (int64_t)below(place, 1 << 20);
    }
}

static void write_entry(struct place *place)
{
    journal_entry_begin(&place->entry, &place->writer.lanes, &place->writer.state);
    place->step_count = 0;
    place->stamped = false;
    write_preamble(place);
    for (uint64_t steps = below(place, STEPS); steps > 0 && place->step_count < STEPS; steps--)
        write_step(place);
    place->head = (struct journal_head){
        .sequence = place->head.sequence + 1,
        .previous = place->writer.state.directory->chain,
        .bits = random_bits(&place->random),
        .outputs_digest = random_bits(&place->random),
    };
    uint64_t chain = journal_entry_finish(&place->entry, &place->head, &place->record);
    assert_false(place->record.overflow);
    journal_entry_apply(&place->entry, &place->writer.lanes, &place->writer.state,
                        place->head.sequence, chain);
}

/* ---- reading ---- */

static uint64_t word(const struct journal_item *item)
{
    uint64_t value;
    assert_int_equal(item->size, sizeof value);
    memcpy(&value, item->bytes, sizeof value);
    return value;
}

static bool is_fold(enum journal_item_kind kind)
{
    return kind == JOURNAL_RUN || kind == JOURNAL_CONTROL;
}

static void check_step(const struct step *step, const struct journal_item *item, int64_t arrival_ms)
{
    assert_int_equal(item->kind, step->kind);
    if (is_fold(item->kind))
        assert_int_equal(arrival_ms, step->arrival_ms);
    if (item->kind == JOURNAL_CONTROL || item->kind == JOURNAL_CONFIGURATION)
        assert_true(word(item) == step->input);
    if (item->kind == JOURNAL_STATE_HASH)
        assert_true(item->hash == step->input && item->sequence == step->input >> 20);
}

/* A run names a window of offsets and how many records lie in it: the source's next ones. */
static uint32_t check_run(const struct place *place, uint32_t at, const struct journal_item *item,
                          int64_t arrival_ms)
{
    int64_t last = item->from - 1;
    for (uint64_t i = 0; i < item->count; i++, at++) {
        assert_true(at < place->step_count);
        const struct step *step = &place->step[at];
        check_step(step, item, arrival_ms);
        assert_true(step->input == item->input);
        assert_int_equal(step->partition, item->partition);
        assert_true(step->offset > last && step->offset < item->to);
        last = step->offset;
    }
    assert_int_equal(last, item->to - 1);
    return at;
}

static void read_items(struct place *place)
{
    struct failure failure;
    struct journal_item item;
    enum status status;
    int64_t arrival_ms = INT64_MIN;
    uint32_t at = 0;
    while ((status = journal_read_item(&place->reading, &item, &failure)) == STATUS_OK) {
        if (item.kind == JOURNAL_ARRIVAL)
            arrival_ms = item.arrival_ms;
        else if (item.kind == JOURNAL_RUN)
            at = check_run(place, at, &item, arrival_ms);
        else if (item.kind != JOURNAL_LANE)
            check_step(&place->step[at++], &item, arrival_ms);
    }
    assert_int_equal(status, STATUS_END);
    assert_int_equal(at, place->step_count);
}

static void check_flip(struct place *place, size_t at)
{
    struct failure failure;
    uint8_t mask = (uint8_t)(1 + below(place, 255));
    place->record.bytes[at] = (char)(place->record.bytes[at] ^ mask);
    assert_int_equal(
        journal_read(&place->reading, place->record.bytes, place->record.size, &failure),
        STATUS_STOP);
    place->record.bytes[at] = (char)(place->record.bytes[at] ^ mask);
}

static void read_entry(struct place *place)
{
    struct failure failure;
    for (int flips = 0; flips < 8; flips++)
        check_flip(place, (size_t)below(place, place->record.size));
    assert_int_equal(
        journal_read(&place->reading, place->record.bytes, place->record.size, &failure),
        STATUS_OK);
    assert_memory_equal(&place->reading.head, &place->head, sizeof place->head);
    assert_true(place->reading.head.previous == place->reader.state.directory->chain);
    journal_read_lanes(&place->reading, &place->reader.lanes, &place->reader.state);
    read_items(place);
    journal_read_apply(&place->reading, &place->reader.lanes, &place->reader.state);
    assert_int_equal(place->writer.state.size, place->reader.state.size);
    assert_memory_equal(place->writer.state.bytes, place->reader.state.bytes,
                        place->writer.state.size);
}

static void run_world(struct place *place, uint64_t seed)
{
    memset(place, 0, sizeof *place);
    random_seed(&place->random, seed);
    buffer_init(&place->entry.items, place->bytes[0], BYTES_MAX);
    buffer_init(&place->record, place->bytes[1], BYTES_MAX);
    side_open(&place->writer);
    side_open(&place->reader);
    for (int entry = 0; entry < ENTRIES; entry++) {
        write_entry(place);
        read_entry(place);
    }
    state_close(&place->writer.state);
    state_close(&place->reader.state);
}

static void test_reads_what_was_written(void **state)
{
    (void)state;
    struct place *place = malloc(sizeof *place);
    assert_non_null(place);
    for (uint64_t world = 0; world < WORLDS; world++) {
        uint64_t seed = 0x70c4 + world;
        if (world % 100 == 0)
            printf("seeds from %llu\n", (unsigned long long)seed);
        run_world(place, seed);
    }
    free(place);
}

static void test_each_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct place *place = calloc(1, sizeof *place);
    struct failure failure;
    assert_non_null(place);
    random_seed(&place->random, 3);
    buffer_init(&place->entry.items, place->bytes[0], BYTES_MAX);
    buffer_init(&place->record, place->bytes[1], BYTES_MAX);
    side_open(&place->writer);
    write_entry(place);
    assert_true(place->record.size > 200);
    for (size_t bit = 0; bit < 8 * place->record.size; bit++) {
        place->record.bytes[bit / 8] = (char)(place->record.bytes[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(
            journal_read(&place->reading, place->record.bytes, place->record.size, &failure),
            STATUS_STOP);
        place->record.bytes[bit / 8] = (char)(place->record.bytes[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t size = 0; size < place->record.size; size++)
        assert_int_equal(journal_read(&place->reading, place->record.bytes, size, &failure),
                         STATUS_STOP);
    state_close(&place->writer.state);
    free(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_was_written),
        cmocka_unit_test(test_each_flipped_bit_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
