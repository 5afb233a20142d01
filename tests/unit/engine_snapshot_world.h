/* What the tests of snapshots share: a state of some pages, snapshots of it on a memory disk, and
 * checksums made right again after a forgery. */
#ifndef TESTS_UNIT_ENGINE_SNAPSHOT_WORLD_H
#define TESTS_UNIT_ENGINE_SNAPSHOT_WORLD_H

#include "base/hash.h"
#include "engine/journal.h"
#include "engine/snapshot_format.h"
#include "engine/snapshot_names.h"
#include "tests/unit/engine_memory_disk.h"

struct snapshot_world {
    struct state state;
    uint32_t rows, fixed;
    struct journal_lanes lanes;
    struct disk disk;
    struct memory_disk *memory;
    struct snapshots *snapshots;
    uint64_t now_ns;
    struct clock clock;
};

static inline int64_t snapshot_world_wall_ms(void *self)
{
    const struct snapshot_world *world = self;
    return 1500000000000 + (int64_t)(world->now_ns / 1000000U);
}

static inline uint64_t snapshot_world_monotonic_ns(void *self)
{
    struct snapshot_world *world = self;
    return world->now_ns += 1000000U;
}

/* A state with `rows` rows taken of a region and a part of another one touched. */
static inline void snapshot_world_state(struct snapshot_world *world, uint64_t rows, uint64_t seed)
{
    struct state_layout layout;
    struct failure failure;
    state_layout_init(&layout);
    world->rows = state_layout_add(&layout, "card.rows", 77, 200, 64, 20000, STATE_ROWS_TAKEN);
    world->fixed = state_layout_add(&layout, "card.index", 78, 8, 8, 1 << 15, STATE_ROWS_ALWAYS);
    journal_lanes_declare(&world->lanes, &layout);
    ASSERT(state_open(&world->state, &layout, &failure) == STATUS_OK);
    struct journal_lane *lane = state_write_row(&world->state, world->lanes.region, 0);
    *lane = (struct journal_lane){hash_fingerprint("transactions", 12), 3, 1234};
    struct random random;
    random_seed(&random, seed);
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t row = state_take(&world->state, world->rows);
        uint64_t *words = state_write_row(&world->state, world->rows, row);
        for (int word = 0; word < 32; word++)
            words[word] = random_bits(&random);
    }
    for (uint64_t i = 0; i < 3; i++)
        *(uint64_t *)state_write_row(&world->state, world->fixed, random_below(&random, 1 << 15)) =
            i + 1;
}

static inline void snapshot_world_snapshots(struct snapshot_world *world, uint32_t keep,
                                            uint64_t aside_size, bool threaded)
{
    struct failure failure;
    world->clock =
        (struct clock){snapshot_world_wall_ms, snapshot_world_monotonic_ns, (void *)world};
    const struct snapshots_setting setting = {
        world->disk, &world->clock, keep, aside_size, threaded, threaded,
    };
    ASSERT(snapshots_open(&world->snapshots, &setting, &failure) == STATUS_OK);
}

static inline struct snapshot_world *snapshot_world_open(uint64_t rows, uint64_t seed,
                                                         bool threaded)
{
    struct snapshot_world *world = calloc(1, sizeof *world);
    ASSERT(world);
    world->memory = memory_disk_new(&world->disk);
    snapshot_world_state(world, rows, seed);
    snapshot_world_snapshots(world, 2, 64 << 20, threaded);
    return world;
}

static inline void snapshot_world_close(struct snapshot_world *world)
{
    snapshots_close(world->snapshots);
    state_close(&world->state);
    memory_disk_free(world->memory);
    free(world);
}

static char snapshot_world_configuration[] =
    "{\"name\": \"payments\", \"topic\": \"transactions\"}";

static inline void snapshot_world_begin(struct snapshot_world *world, uint64_t sequence)
{
    struct snapshot_facts facts = {
        .pipeline = "payments",
        .program = "0.1.0",
        .sequence = sequence,
        .chain = sequence * 3,
        .bits = 5,
        .key_id = 6,
        .configuration_digest = 7,
        .configuration = snapshot_world_configuration,
        .configuration_size = sizeof snapshot_world_configuration - 1,
    };
    state_set_journal(&world->state, sequence, sequence * 3);
    snapshots_begin(world->snapshots, &world->state, &facts);
}

/* Another state than before, so that each entry has one of its own. */
static inline void snapshot_world_change(struct snapshot_world *world, uint64_t mark)
{
    *(uint64_t *)state_write_row(&world->state, world->rows, 0) = mark;
}

/* All steps of one that was begun, so many pages each; true if it was published. */
static inline bool snapshot_world_finish(struct snapshot_world *world, uint64_t pages)
{
    struct snapshot_facts facts = {0};
    snapshots_commit(world->snapshots, 4000);
    while (snapshots_busy(world->snapshots)) {
        snapshots_step(world->snapshots, pages);
        if (snapshots_turn(world->snapshots, &facts) == STATUS_OK) {
            snapshot_facts_close(&facts);
            return true;
        }
    }
    return false;
}

static inline bool snapshot_world_write(struct snapshot_world *world, uint64_t sequence)
{
    snapshot_world_change(world, sequence);
    snapshot_world_begin(world, sequence);
    return snapshot_world_finish(world, 64);
}

/* The newest that passes the check of all its blocks; false: none. */
static inline bool snapshot_world_usable(const struct disk *disk, char name[DISK_NAME_MAX])
{
    char names[SNAPSHOT_KEPT_MAX][DISK_NAME_MAX];
    struct failure failure;
    uint32_t count = snapshot_list(disk, names, SNAPSHOT_KEPT_MAX, &failure);
    for (uint32_t i = 0; i < count; i++) {
        struct snapshot_facts facts;
        if (snapshot_check(disk, names[i], true, &facts, &failure) != STATUS_OK)
            continue;
        snapshot_facts_close(&facts);
        memcpy(name, names[i], DISK_NAME_MAX);
        return true;
    }
    return false;
}

/* ---- forging ---- */

static inline void mend_checksum(uint8_t *bytes, size_t size)
{
    uint64_t checksum = hash_fingerprint(bytes, size);
    memcpy(bytes + size, &checksum, sizeof checksum);
}

/* Of a block that is so many bytes long, as far as they are whole pages. */
static inline uint64_t mend_block(uint8_t *bytes, size_t size)
{
    struct snapshot_block block;
    uint64_t hash[SNAPSHOT_BLOCK_PAGES] = {0};
    uint64_t pages = (size - snapshot_block_size(0)) / STATE_PAGE;
    memcpy(&block, bytes, sizeof block);
    for (uint64_t i = 0; i < pages; i++)
        hash[i] = state_hash_page(block.page[i], bytes + sizeof block + i * STATE_PAGE);
    uint64_t checksum = snapshot_block_checksum(&block, pages, hash);
    memcpy(bytes + size - sizeof checksum, &checksum, sizeof checksum);
    return checksum;
}

/* Makes right all checksums that a forger could make right, as far as the sizes allow; not the
 * counts, and not the state's hash. */
static inline void snapshot_mend(uint8_t *bytes, size_t size)
{
    struct snapshot_prelude prelude;
    struct snapshot_tail tail;
    if (size < sizeof prelude + sizeof tail)
        return;
    mend_checksum(bytes, sizeof prelude - 8);
    memcpy(&prelude, bytes, sizeof prelude);
    size_t head = prelude.head_size, end = size - sizeof tail;
    if (head < sizeof prelude + 8 || head > end)
        return;
    mend_checksum(bytes, head - 8);
    memcpy(&tail, bytes + end, sizeof tail);
    memcpy(&tail.head_checksum, bytes + head - 8, 8);
    tail.blocks_checksum = 0;
    for (size_t at = head; at + snapshot_block_size(0) <= end;) {
        size_t block = snapshot_block_size(SNAPSHOT_BLOCK_PAGES);
        block = block < end - at ? block : end - at;
        tail.blocks_checksum = snapshot_chain(tail.blocks_checksum, mend_block(bytes + at, block));
        at += block;
    }
    snapshot_tail_seal(&tail);
    memcpy(bytes + end, &tail, sizeof tail);
}

#endif
