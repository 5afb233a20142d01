/* Snapshots: written and read again, kept, given up; crashes and full disks at every call. */
#include "tests/unit/engine_snapshot_world.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool exists(const struct snapshot_world *world, uint64_t sequence)
{
    char name[DISK_NAME_MAX];
    snapshot_name(name, sequence);
    return memory_disk_file(world->memory, name) != NULL;
}

static uint32_t temporaries(const struct snapshot_world *world)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->memory->names.count; i++)
        count += strstr(world->memory->names.name[i].name, ".tmp") != NULL;
    return count;
}

static void load(const struct disk *disk, const char *name, struct state *state,
                 struct snapshot_facts *facts)
{
    struct failure failure;
    if (snapshot_load(disk, name, state, facts, NULL, NULL, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
}

/* ---- there and back ---- */

static void assert_states_equal(const struct state *one, const struct state *other)
{
    assert_int_equal(one->size, other->size);
    assert_memory_equal(one->bytes, other->bytes, one->size);
    assert_true(state_hash(one) == state_hash(other));
}

static void round_trip(uint64_t rows, uint64_t seed, uint64_t step)
{
    struct snapshot_world *world = snapshot_world_open(rows, seed, false);
    snapshot_world_begin(world, 12);
    assert_true(snapshot_world_finish(world, step));
    struct state state;
    struct snapshot_facts facts;
    load(&world->disk, "snapshot-00000000000000000012", &state, &facts);
    assert_states_equal(&state, &world->state);
    assert_true(facts.state_hash == state_hash(&state));
    state_close(&state);
    snapshot_facts_close(&facts);
    snapshot_world_close(world);
}

static void any_state_comes_back(void **unused)
{
    (void)unused;
    /* Pages: none but those of the index; a part of a block; whole blocks; one page more. */
    static const uint64_t rows[] = {0, 1, 17, 16 * 61, 16 * 62, 16 * 125, 16 * 700};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        round_trip(rows[i], 100 + i, 1 + 30 * i);
}

static void an_empty_state_comes_back(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(0, 3, false);
    memset(world->state.rows[world->fixed], 0, 8 << 15);
    memset(world->state.rows[world->lanes.region], 0, sizeof(struct journal_lane));
    snapshot_world_begin(world, 12);
    assert_true(snapshot_world_finish(world, 64));
    struct state state;
    struct snapshot_facts facts;
    load(&world->disk, "snapshot-00000000000000000012", &state, &facts);
    assert_int_equal(facts.page_count, 0);
    assert_states_equal(&state, &world->state);
    state_close(&state);
    snapshot_facts_close(&facts);
    snapshot_world_close(world);
}

static void facts_come_back(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(500, 9, false);
    assert_true(snapshot_world_write(world, 31));
    struct snapshot_facts facts;
    struct failure failure;
    const char *name = "snapshot-00000000000000000031";
    assert_int_equal(snapshot_check(&world->disk, name, true, &facts, &failure), STATUS_OK);
    assert_string_equal(facts.pipeline, "payments");
    assert_string_equal(facts.program, "0.1.0");
    assert_string_equal(facts.configuration, snapshot_world_configuration);
    assert_int_equal(facts.configuration_size, sizeof snapshot_world_configuration - 1);
    assert_int_equal(facts.sequence, 31);
    assert_int_equal(facts.chain, 93);
    assert_int_equal(facts.journal_at, 4000);
    assert_int_equal(facts.bits, 5);
    assert_int_equal(facts.key_id, 6);
    assert_int_equal(facts.configuration_digest, 7);
    assert_true(facts.written_ms >= 1500000000000);
    assert_int_equal(facts.size, memory_disk_file(world->memory, name)->size);
    snapshot_facts_close(&facts);
    struct state_directory directory;
    assert_int_equal(snapshot_directory(&world->disk, name, &directory, &failure), STATUS_OK);
    assert_memory_equal(&directory, world->state.directory, sizeof directory);
    snapshot_world_close(world);
}

/* What changes after the beginning is not in it, wherever the writer stands. */
static void it_is_the_state_of_its_beginning(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(3000, 10, false);
    snapshot_world_begin(world, 5);
    uint64_t hash = state_hash(&world->state);
    struct random random;
    random_seed(&random, 10);
    for (int i = 0; i < 40; i++) {
        snapshots_step(world->snapshots, 3);
        for (int j = 0; j < 20; j++)
            snapshot_world_change(world, random_bits(&random));
        *(uint64_t *)state_write_row(&world->state, world->rows, random_below(&random, 3000)) = 1;
        state_take(&world->state, world->rows);
        state_set_journal(&world->state, 6 + (uint64_t)i, 1);
    }
    assert_true(snapshot_world_finish(world, 10));
    assert_true(state_hash(&world->state) != hash);
    struct state state;
    struct snapshot_facts facts;
    load(&world->disk, "snapshot-00000000000000000005", &state, &facts);
    assert_true(state_hash(&state) == hash);
    assert_int_equal(state.directory->sequence, 5);
    state_close(&state);
    snapshot_facts_close(&facts);
    snapshot_world_close(world);
}

static void progress_rises(void *self, uint64_t done, uint64_t all)
{
    uint64_t *last = self;
    assert_true(done > *last && done <= all);
    *last = done;
}

static void loading_tells_how_far_it_is(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(16 * 1200, 10, false);
    assert_true(snapshot_world_write(world, 5));
    assert_true(world->memory->largest_write >= 1 << 20);
    struct state state;
    struct snapshot_facts facts;
    struct failure failure;
    uint64_t last = 0;
    assert_int_equal(snapshot_load(&world->disk, "snapshot-00000000000000000005", &state, &facts,
                                   progress_rises, &last, &failure),
                     STATUS_OK);
    assert_int_equal(last + sizeof(struct snapshot_tail), facts.size);
    state_close(&state);
    snapshot_facts_close(&facts);
    snapshot_world_close(world);
}

/* ---- which stay ---- */

static void the_newest_are_kept(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(40, 1, false);
    for (uint64_t sequence = 1; sequence <= 5; sequence++)
        assert_true(snapshot_world_write(world, sequence * 10));
    char names[SNAPSHOT_KEPT_MAX][DISK_NAME_MAX];
    struct failure failure;
    assert_int_equal(snapshot_list(&world->disk, names, SNAPSHOT_KEPT_MAX, &failure), 2);
    assert_string_equal(names[0], "snapshot-00000000000000000050");
    assert_string_equal(names[1], "snapshot-00000000000000000040");
    assert_int_equal(snapshot_list(&world->disk, names, 1, &failure), 1);
    assert_string_equal(names[0], "snapshot-00000000000000000050");
    struct snapshots_report report;
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.written, 5);
    assert_int_equal(report.last_sequence, 50);
    snapshot_world_close(world);
}

static void a_damaged_one_pushes_no_good_one_out(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(40, 1, false);
    for (uint64_t sequence = 1; sequence <= 2; sequence++)
        assert_true(snapshot_world_write(world, sequence));
    struct memory_file *file = memory_disk_file(world->memory, "snapshot-00000000000000000002");
    file->bytes[file->size - 60] ^= 1;
    assert_true(snapshot_world_write(world, 3));
    assert_true(exists(world, 3) && exists(world, 2) && exists(world, 1));
    assert_true(snapshot_world_write(world, 4));
    assert_true(exists(world, 4) && exists(world, 3) && !exists(world, 2) && !exists(world, 1));
    snapshot_world_close(world);
}

/* Those ahead belong to a journal that is not ours: neither counted nor touched. */
static void one_of_another_history_is_left_alone(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(40, 1, false);
    assert_true(snapshot_world_write(world, 900));
    for (uint64_t sequence = 1; sequence <= 3; sequence++)
        assert_true(snapshot_world_write(world, sequence));
    assert_true(exists(world, 900) && exists(world, 3) && exists(world, 2) && !exists(world, 1));
    snapshot_world_close(world);
}

static void other_files_are_left_alone(void **unused)
{
    (void)unused;
    static const char *const names[] = {
        "snapshot-0000000000000000001",      "snapshot-00000000000000000001.tmp2",
        "snapshot-99999999999999999999",     "snapshot-0000000000000000000a",
        "snapshot-00000000000000000001.old", "notes.tmp",
    };
    struct snapshot_world *world = snapshot_world_open(40, 1, false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        memory_disk_put(world->memory, names[i], "x", 1);
    memory_disk_put(world->memory, "snapshot-00000000000000000001.tmp", "x", 1);
    for (uint64_t sequence = 1; sequence <= 3; sequence++)
        assert_true(snapshot_world_write(world, sequence));
    char found[SNAPSHOT_KEPT_MAX][DISK_NAME_MAX];
    struct failure failure;
    assert_int_equal(snapshot_list(&world->disk, found, SNAPSHOT_KEPT_MAX, &failure), 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(memory_disk_file(world->memory, names[i]));
    assert_null(memory_disk_file(world->memory, "snapshot-00000000000000000001.tmp"));
    snapshot_world_close(world);
}

/* ---- published or not ---- */

static void nothing_is_there_before_the_commit(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(500, 1, false);
    struct snapshot_facts facts;
    snapshot_world_begin(world, 7);
    for (int i = 0; i < 50; i++) {
        snapshots_step(world->snapshots, 10);
        assert_int_equal(snapshots_turn(world->snapshots, &facts), STATUS_RETRY);
        assert_false(exists(world, 7));
    }
    assert_null(world->state.watcher);
    assert_true(snapshot_world_finish(world, 1));
    assert_true(exists(world, 7));
    snapshot_world_close(world);
}

static void a_dropped_one_leaves_nothing(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(500, 1, false);
    struct snapshot_facts facts;
    for (int steps = 0; steps < 6; steps++) {
        snapshot_world_begin(world, 7);
        for (int i = 0; i < steps; i++)
            snapshots_step(world->snapshots, 10);
        snapshots_drop(world->snapshots);
        assert_null(world->state.watcher);
        assert_int_equal(snapshots_turn(world->snapshots, &facts), STATUS_RETRY);
        assert_false(snapshots_busy(world->snapshots));
        assert_int_equal(world->memory->names.count, 0);
    }
    struct snapshots_report report;
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.failed, 0);
    snapshots_drop(world->snapshots);
    snapshots_commit(world->snapshots, 1);
    snapshot_world_close(world);
}

/* But for the head and what is left at the end. */
static void whole_units_are_written(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(20000, 10, false);
    assert_true(snapshot_world_write(world, 5));
    assert_true(world->memory->largest_write >= 1 << 20);
    assert_in_range(world->memory->ragged, 1, 2);
    snapshot_world_close(world);
}

/* The world's clock moves by a millisecond whenever it is read. */
static void what_it_takes_of_the_loop_is_counted(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(3000, 1, false);
    struct snapshot_facts facts;
    struct snapshots_report report;
    snapshots_close(world->snapshots);
    snapshot_world_snapshots(world, 2, 16 * STATE_PAGE, false);
    assert_int_equal(snapshots_turn(world->snapshots, &facts), STATUS_RETRY);
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.pauses, 0);
    snapshot_world_begin(world, 7);
    for (uint64_t row = 0; row < 32; row++) /* 256 bytes each: two pages */
        *(uint64_t *)state_write_row(&world->state, world->rows, row) = row;
    assert_int_equal(snapshots_turn(world->snapshots, &facts), STATUS_RETRY);
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.pauses, 1);
    assert_int_equal(report.pause_sum_ns, 3000000);
    assert_false(snapshots_has_room(world->snapshots, 17));
    assert_false(snapshots_has_room(world->snapshots, 17));
    world->now_ns += 50000000;
    assert_true(snapshots_has_room(world->snapshots, 1));
    assert_int_equal(snapshots_turn(world->snapshots, &facts), STATUS_RETRY);
    assert_int_equal(snapshots_turn(world->snapshots, &facts), STATUS_RETRY);
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.pauses, 2);
    assert_int_equal(report.pause_maximum_ns, 51000000);
    assert_true(snapshot_world_finish(world, 64));
    snapshots_turn(world->snapshots, &facts);
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.pauses, 3); /* the image was given back */
    assert_int_equal(report.pause_sum_ns, 55000000);
    snapshot_world_close(world);
}

static void too_many_changes_end_it(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(3000, 1, false);
    snapshots_close(world->snapshots);
    snapshot_world_snapshots(world, 2, 16 * STATE_PAGE, false);
    snapshot_world_begin(world, 7);
    snapshots_step(world->snapshots, 3);
    assert_false(snapshots_has_room(world->snapshots, 100));
    for (uint64_t row = 1000; row < 3000; row++)
        *(uint64_t *)state_write_row(&world->state, world->rows, row) = row;
    assert_true(snapshots_has_room(world->snapshots, 100));
    assert_false(snapshot_world_finish(world, 64));
    assert_int_equal(world->memory->names.count, 0);
    struct snapshots_report report;
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.failed, 1);
    assert_true(snapshot_world_write(world, 8));
    snapshot_world_close(world);
}

/* ---- a thread of its own ---- */

static void the_loop_goes_on_meanwhile(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(16 * 500, 8, true);
    struct random random;
    random_seed(&random, 8);
    for (uint64_t sequence = 1; sequence <= 5; sequence++) {
        snapshot_world_change(world, sequence);
        uint64_t hash = state_hash(&world->state);
        snapshot_world_begin(world, sequence);
        for (int i = 0; i < 20000; i++) {
            uint64_t row = random_below(&random, 8000);
            *(uint64_t *)state_write_row(&world->state, world->rows, row) = random_bits(&random);
            if (i == (sequence % 2 ? 0 : 500))
                snapshots_commit(world->snapshots, (int64_t)sequence);
        }
        assert_true(snapshots_wait(world->snapshots, 60000));
        struct snapshot_facts written, facts;
        assert_int_equal(snapshots_turn(world->snapshots, &written), STATUS_OK);
        assert_int_equal(written.journal_at, sequence);
        char name[DISK_NAME_MAX];
        struct state state;
        snapshot_name(name, sequence);
        load(&world->disk, name, &state, &facts);
        assert_true(state_hash(&state) == hash && written.state_hash == hash);
        state_close(&state);
        snapshot_facts_close(&facts);
        snapshot_facts_close(&written);
    }
    snapshot_world_close(world);
}

/* It waits where there is no room, and another thread goes on with the snapshot. */
static void who_waits_hurries_the_writer(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(16 * 500, 8, true);
    snapshots_close(world->snapshots);
    snapshot_world_snapshots(world, 2, 40 * STATE_PAGE, true);
    struct random random;
    random_seed(&random, 9);
    uint64_t waited = 0;
    for (uint64_t sequence = 1; sequence <= 30; sequence++) {
        snapshot_world_change(world, sequence);
        uint64_t hash = state_hash(&world->state);
        snapshot_world_begin(world, sequence);
        if (sequence % 2)
            snapshots_commit(world->snapshots, 1);
        if (sequence > 20)
            snapshots_hurry(world->snapshots);
        for (int i = 0; i < 2000; i++) {
            for (; !snapshots_has_room(world->snapshots, 1); waited++)
                sched_yield();
            uint64_t row = random_below(&random, 8000);
            *(uint64_t *)state_write_row(&world->state, world->rows, row) = random_bits(&random);
        }
        snapshots_commit(world->snapshots, 1);
        assert_true(snapshots_wait(world->snapshots, 60000));
        struct snapshot_facts written;
        assert_int_equal(snapshots_turn(world->snapshots, &written), STATUS_OK);
        assert_true(written.state_hash == hash);
        snapshot_facts_close(&written);
    }
    assert_true(waited > 0);
    snapshot_world_close(world);
}

static void a_thread_may_be_stopped_at_any_time(void **unused)
{
    (void)unused;
    struct snapshot_facts facts;
    for (uint64_t i = 0; i < 30; i++) {
        struct snapshot_world *world = snapshot_world_open(16 * 200, i, true);
        snapshot_world_begin(world, 1);
        assert_false(snapshots_wait(world->snapshots, (int)(i % 3)));
        if (i % 2) {
            snapshots_drop(world->snapshots);
            state_close(&world->state);
            assert_true(snapshots_wait(world->snapshots, 60000));
            assert_int_equal(snapshots_turn(world->snapshots, &facts), STATUS_RETRY);
        }
        snapshots_close(world->snapshots);
        world->snapshots = NULL;
        assert_int_equal(world->memory->names.count, 0);
        snapshot_world_close(world);
    }
}

/* ---- the machine stops, the disk is full ---- */

/* Two snapshots that are there for good, 10 and 20; then one of 30 with a fault at one call. */
static struct snapshot_world *world_with_two(uint64_t hash[4])
{
    struct snapshot_world *world = snapshot_world_open(16 * 140, 4, false);
    for (uint64_t i = 1; i <= 2; i++) {
        assert_true(snapshot_world_write(world, i * 10));
        hash[i] = state_hash(&world->state);
    }
    return world;
}

/* Whatever has a snapshot's name is whole and what it says it is; returns the newest, 0: none. */
static uint64_t check_all(const struct snapshot_world *world, const uint64_t hash[4])
{
    char names[SNAPSHOT_KEPT_MAX][DISK_NAME_MAX];
    struct failure failure;
    uint32_t count = snapshot_list(&world->disk, names, SNAPSHOT_KEPT_MAX, &failure);
    uint64_t newest = 0;
    for (uint32_t i = count; i-- > 0;) {
        struct state state;
        struct snapshot_facts facts;
        load(&world->disk, names[i], &state, &facts);
        assert_true(state_hash(&state) == hash[facts.sequence / 10]);
        newest = facts.sequence;
        state_close(&state);
        snapshot_facts_close(&facts);
    }
    return newest;
}

/* False: there are not so many calls. */
static bool crash_at(uint64_t call, enum memory_crash crash, uint64_t seed, bool committed)
{
    uint64_t hash[4];
    struct snapshot_world *world = world_with_two(hash);
    struct random random;
    random_seed(&random, seed);
    memory_disk_fail(world->memory, call, true);
    snapshot_world_change(world, 30);
    snapshot_world_begin(world, 30);
    hash[3] = state_hash(&world->state);
    bool published = committed && snapshot_world_finish(world, 50);
    for (int i = 0; i < 20 && !committed; i++)
        snapshots_step(world->snapshots, 50);
    bool reached = world->memory->failed != NULL;
    memory_disk_crash(world->memory, crash, &random);
    uint64_t newest = check_all(world, hash);
    assert_true(newest == 20 || (newest == 30 && committed));
    assert_true(newest == 30 || !published);
    /* Started again, it goes on: nothing half written stays. */
    snapshots_close(world->snapshots);
    snapshot_world_snapshots(world, 2, 64 << 20, false);
    assert_true(snapshot_world_write(world, 30));
    assert_int_equal(temporaries(world), 0);
    hash[3] = state_hash(&world->state);
    assert_int_equal(check_all(world, hash), 30);
    snapshot_world_close(world);
    return reached;
}

static void a_crash_at_any_call_leaves_a_usable_one(void **unused)
{
    (void)unused;
    for (int committed = 0; committed < 2; committed++) {
        uint64_t call = 0;
        for (bool reached = true; reached; call++) {
            reached = crash_at(call, MEMORY_FORGETS_ALL, 0, committed);
            crash_at(call, MEMORY_KEEPS_ALL, 0, committed);
            for (uint64_t seed = 0; seed < 6; seed++)
                crash_at(call, MEMORY_KEEPS_SOME, call * 100 + seed, committed);
        }
        assert_true(call > (committed ? 12 : 4));
    }
}

static bool full_at(uint64_t call)
{
    uint64_t hash[4];
    struct snapshot_world *world = world_with_two(hash);
    memory_disk_fail(world->memory, call, false);
    snapshot_world_change(world, 30);
    snapshot_world_begin(world, 30);
    hash[3] = state_hash(&world->state);
    bool published = snapshot_world_finish(world, 50);
    const char *failed = world->memory->failed;
    memory_disk_fail(world->memory, MEMORY_NEVER, false);
    struct snapshots_report report;
    snapshots_report(world->snapshots, &report);
    assert_int_equal(report.failed, !published);
    uint64_t newest = check_all(world, hash);
    /* One whose name could not be synced is not counted, and whole all the same. */
    bool named = failed && strcmp(failed, "sync the names") == 0;
    assert_int_equal(newest, published || named ? 30 : 20);
    assert_true(exists(world, 20));
    assert_int_equal(temporaries(world), 0);
    snapshot_world_change(world, 30);
    assert_true(snapshot_world_write(world, 30));
    hash[3] = state_hash(&world->state);
    assert_int_equal(check_all(world, hash), 30);
    assert_false(exists(world, 10));
    snapshot_world_close(world);
    return failed != NULL;
}

static void a_full_disk_costs_one_snapshot(void **unused)
{
    (void)unused;
    uint64_t call = 0;
    while (full_at(call))
        call++;
    assert_true(call > 12);
}

/* The file stays behind when even its removal fails; the next one sweeps it. */
static void a_dead_disk_comes_back(void **unused)
{
    (void)unused;
    uint64_t hash[4];
    struct snapshot_world *world = world_with_two(hash);
    memory_disk_fail(world->memory, 3, true);
    assert_false(snapshot_world_write(world, 30));
    assert_int_equal(temporaries(world), 1);
    memory_disk_fail(world->memory, MEMORY_NEVER, false);
    assert_true(snapshot_world_write(world, 30));
    assert_int_equal(temporaries(world), 0);
    snapshot_world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_state_comes_back),
        cmocka_unit_test(an_empty_state_comes_back),
        cmocka_unit_test(facts_come_back),
        cmocka_unit_test(it_is_the_state_of_its_beginning),
        cmocka_unit_test(loading_tells_how_far_it_is),
        cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(a_damaged_one_pushes_no_good_one_out),
        cmocka_unit_test(one_of_another_history_is_left_alone),
        cmocka_unit_test(other_files_are_left_alone),
        cmocka_unit_test(nothing_is_there_before_the_commit),
        cmocka_unit_test(a_dropped_one_leaves_nothing),
        cmocka_unit_test(whole_units_are_written),
        cmocka_unit_test(what_it_takes_of_the_loop_is_counted),
        cmocka_unit_test(too_many_changes_end_it),
        cmocka_unit_test(the_loop_goes_on_meanwhile),
        cmocka_unit_test(who_waits_hurries_the_writer),
        cmocka_unit_test(a_thread_may_be_stopped_at_any_time),
        cmocka_unit_test(a_crash_at_any_call_leaves_a_usable_one),
        cmocka_unit_test(a_full_disk_costs_one_snapshot),
        cmocka_unit_test(a_dead_disk_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
