/* Snapshots that are damaged, cut, foreign or forged: each is refused with its reason, and the one
 * before is used. */
#include "tests/unit/engine_snapshot_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char older[] = "snapshot-00000000000000000010",
                  newer[] = "snapshot-00000000000000000020";

/* Two snapshots; the bytes of the newer one are those to damage. */
struct pair {
    struct snapshot_world *world;
    struct memory_file *file;
    uint8_t *good;
    size_t size;
};

static void pair_open(struct pair *pair, uint64_t rows)
{
    pair->world = snapshot_world_open(rows, 4, false);
    assert_true(snapshot_world_write(pair->world, 10));
    assert_true(snapshot_world_write(pair->world, 20));
    pair->file = memory_disk_file(pair->world->memory, newer);
    pair->size = pair->file->size;
    pair->good = malloc(pair->size);
    assert_non_null(pair->good);
    memcpy(pair->good, pair->file->bytes, pair->size);
}

static void pair_restore(struct pair *pair)
{
    pair->file->size = pair->size;
    memcpy(pair->file->bytes, pair->good, pair->size);
}

static void pair_close(struct pair *pair)
{
    free(pair->good);
    snapshot_world_close(pair->world);
}

/* Refused for a reason that says so (one of the words between bars; NULL: any). */
static void assert_refused(const struct pair *pair, const char *reason)
{
    const struct disk *disk = &pair->world->disk;
    struct snapshot_facts facts;
    struct failure failure = {0};
    enum status status = snapshot_check(disk, newer, true, &facts, &failure);
    if (status != STATUS_STOP)
        fail_msg("status %d: %s", status, failure.text);
    assert_null(facts.configuration);
    if (strncmp(failure.text, newer, strlen(newer)) != 0 ||
        (reason && !strstr(failure.text, reason)))
        fail_msg("expected '%s', found '%s'", reason ? reason : "a reason", failure.text);
}

static void assert_older_is_used(const struct pair *pair, const char *reason)
{
    assert_refused(pair, reason);
    char name[DISK_NAME_MAX];
    assert_true(snapshot_world_usable(&pair->world->disk, name));
    assert_string_equal(name, older);
    struct state state;
    struct snapshot_facts facts;
    struct failure failure;
    assert_int_equal(snapshot_load(&pair->world->disk, newer, &state, &facts, NULL, NULL, &failure),
                     STATUS_STOP);
    assert_null(state.bytes);
    assert_null(facts.configuration);
    state_close(&state);
}

/* ---- damage ---- */

static void flip_every(struct pair *pair, size_t stride)
{
    for (size_t i = 0; i < pair->size; i += stride) {
        pair->file->bytes[i] ^= (uint8_t)(1U << (i / stride % 8));
        assert_refused(pair, NULL);
        pair->file->bytes[i] = pair->good[i];
    }
    struct snapshot_facts facts;
    struct failure failure;
    assert_int_equal(snapshot_check(&pair->world->disk, newer, true, &facts, &failure), STATUS_OK);
    snapshot_facts_close(&facts);
}

static void no_flipped_bit_passes(void **unused)
{
    (void)unused;
    struct pair pair;
    pair_open(&pair, 1);
    assert_true(pair.size < 40000);
    flip_every(&pair, 1);
    pair_close(&pair);
    pair_open(&pair, 16 * 130);
    assert_true(pair.size > 2 * snapshot_block_size(SNAPSHOT_BLOCK_PAGES));
    flip_every(&pair, 97);
    pair_close(&pair);
}

static void damage_is_named(void **unused)
{
    (void)unused;
    struct pair pair;
    pair_open(&pair, 16 * 130);
    struct snapshot_prelude prelude;
    memcpy(&prelude, pair.good, sizeof prelude);
    size_t block = prelude.head_size + snapshot_block_size(SNAPSHOT_BLOCK_PAGES);
    const struct {
        size_t at;
        const char *reason;
    } places[] = {
        {0, "no snapshot of weir"},     {8, "damaged in its first 32 bytes"},
        {13, "damaged in its first"},   {40, "damaged in its head"},
        {300, "damaged in its head"},   {prelude.head_size - 20U, "damaged in its head"},
        {block + 9, "block 1 of 3 is"}, {block + 70000, "block 1 of 3 is damaged"},
        {pair.size - 127, "no end"},    {pair.size - 100, "damaged in its tail"},
        {pair.size - 1, "no end"},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        pair.file->bytes[places[i].at] ^= 0x10;
        assert_older_is_used(&pair, places[i].reason);
        pair_restore(&pair);
    }
    memset(pair.file->bytes + block, 0, snapshot_block_size(SNAPSHOT_BLOCK_PAGES));
    assert_older_is_used(&pair, "block 1 of 3 was never written: it is torn");
    pair_close(&pair);
}

static void no_cut_passes(void **unused)
{
    (void)unused;
    struct pair pair;
    pair_open(&pair, 16 * 130);
    struct snapshot_prelude prelude;
    memcpy(&prelude, pair.good, sizeof prelude);
    const size_t full = snapshot_block_size(SNAPSHOT_BLOCK_PAGES);
    size_t borders[] = {0,
                        8,
                        sizeof prelude,
                        sizeof(struct snapshot_head),
                        prelude.head_size,
                        prelude.head_size + sizeof(struct snapshot_tail),
                        prelude.head_size + full,
                        prelude.head_size + 2 * full,
                        pair.size - sizeof(struct snapshot_tail),
                        pair.size};
    for (size_t i = 0; i < sizeof borders / sizeof *borders; i++)
        for (int by = -1; by <= 1; by++) {
            if (borders[i] + (size_t)by >= pair.size || (borders[i] == 0 && by < 0))
                continue;
            pair.file->size = borders[i] + (size_t)by;
            assert_older_is_used(&pair, pair.file->size < prelude.head_size ? "truncated" : NULL);
            pair_restore(&pair);
        }
    memory_file_append(pair.file, "x", 1);
    assert_older_is_used(&pair, "no end");
    pair_close(&pair);
}

/* The end of another one behind a cut: both are whole, but not each other's. */
static void parts_of_two_do_not_fit(void **unused)
{
    (void)unused;
    struct pair pair;
    pair_open(&pair, 16 * 130);
    const struct memory_file *other = memory_disk_file(pair.world->memory, older);
    struct snapshot_prelude prelude;
    memcpy(&prelude, pair.good, sizeof prelude);
    assert_int_equal(other->size, pair.size);
    memcpy(pair.file->bytes, other->bytes, prelude.head_size);
    assert_older_is_used(&pair, "it holds entry 10: it was renamed");
    pair_restore(&pair);
    size_t tail = pair.size - sizeof(struct snapshot_tail);
    memcpy(pair.file->bytes + tail, other->bytes + tail, sizeof(struct snapshot_tail));
    assert_older_is_used(&pair, "the head of one snapshot and the tail of another");
    pair_restore(&pair);
    size_t block = snapshot_block_size(SNAPSHOT_BLOCK_PAGES);
    memcpy(pair.file->bytes + prelude.head_size, other->bytes + prelude.head_size, block);
    assert_older_is_used(&pair, "its blocks are not those it was closed with");
    pair_restore(&pair);
    uint8_t *first = pair.file->bytes + prelude.head_size;
    memcpy(first, first + block, block);
    assert_older_is_used(&pair, "block 0 of 3 is another one");
    pair_close(&pair);
}

/* ---- foreign and forged ---- */

enum forged_type { FORGED_32, FORGED_64 };

struct forgery {
    size_t at; /* in the part */
    enum part { HEAD, BLOCK, TAIL, DIRECTORY } part;
    enum forged_type type;
    uint64_t value;
    const char *reason;
};

#define IN_HEAD(member) offsetof(struct snapshot_head, member), HEAD
#define IN_BLOCK(member) offsetof(struct snapshot_block, member), BLOCK
#define IN_TAIL(member) offsetof(struct snapshot_tail, member), TAIL
#define IN_DIRECTORY(member) offsetof(struct state_directory, member), DIRECTORY

static const char fit[] = "parts of its head do not fit", region[] = "nonsense about region",
                  page[] = "block 0 of 3 has a page that cannot be there",
                  counts[] = "counts in its tail do not fit";

static const struct forgery forgeries[] = {
    {IN_HEAD(prelude.magic), FORGED_64, 1, "no snapshot of weir"},
    {IN_HEAD(prelude.version), FORGED_32, SNAPSHOT_VERSION + 1, "version 3, and this weir reads"},
    {IN_HEAD(prelude.version), FORGED_32, 0, "version 0, and this weir reads"},
    {IN_HEAD(prelude.order), FORGED_32, 0x0D0C0B0A, "of the other byte order"},
    {IN_HEAD(prelude.page_size), FORGED_32, 16384, "pages of 16384 bytes"},
    {IN_HEAD(prelude.head_size), FORGED_32, UINT32_MAX, "ends inside of its head"},
    {IN_HEAD(prelude.head_size), FORGED_32, 40, "impossible size of its head"},
    {IN_HEAD(prelude.head_size), FORGED_32, 0, "impossible size of its head"},
    {IN_HEAD(configuration_size), FORGED_64, UINT64_MAX, fit},
    {IN_HEAD(configuration_size), FORGED_64, 1ULL << 32, fit},
    {IN_HEAD(configuration_size), FORGED_64, 4096, fit},
    {IN_HEAD(program), FORGED_64, 0x1B5D303B41414141ULL, fit},
    {IN_DIRECTORY(region_count), FORGED_32, STATE_REGIONS_MAX + 1, fit},
    {IN_DIRECTORY(region_count), FORGED_32, UINT32_MAX, fit},
    {IN_DIRECTORY(region_count), FORGED_32, STATE_REGIONS_MAX, fit},
    {IN_DIRECTORY(magic), FORGED_64, 0, "laid out in another way"},
    {IN_DIRECTORY(version), FORGED_32, 9, "laid out in another way, version 9"},
    {IN_DIRECTORY(region[0].offset), FORGED_64, 4096, region},
    {IN_DIRECTORY(region[0].offset), FORGED_64, 17000, region},
    {IN_DIRECTORY(region[0].offset), FORGED_64, UINT64_MAX - 4095, region},
    {IN_DIRECTORY(region[0].row_size), FORGED_64, 0, region},
    {IN_DIRECTORY(region[0].row_size), FORGED_64, 1ULL << 50, region},
    {IN_DIRECTORY(region[0].row_size), FORGED_64, 1ULL << 62, region},
    {IN_DIRECTORY(region[0].row_count), FORGED_64, 0, region},
    {IN_DIRECTORY(region[0].row_count), FORGED_64, UINT64_MAX / 2, region},
    {IN_DIRECTORY(region[0].used), FORGED_64, 20001, region},
    {IN_DIRECTORY(region[0].live), FORGED_64, UINT64_MAX, region},
    {IN_DIRECTORY(region[0].free_row), FORGED_64, 20001, region},
    {IN_DIRECTORY(region[0].used), FORGED_64, 20000, "state's hash"},
    {IN_DIRECTORY(region[1].offset), FORGED_64, 16384, region},
    {IN_DIRECTORY(region[0].name[48]), FORGED_64, UINT64_MAX, "state's hash"},
    {IN_DIRECTORY(region[0].name[0]), FORGED_64, 0x0A0A0A0A0A0A0A0AULL, region},
    {IN_BLOCK(number), FORGED_64, 1, "block 0 of 3 is another one"},
    {IN_BLOCK(page_count), FORGED_32, 63, "block 0 of 3 is another one"},
    {IN_BLOCK(page_count), FORGED_32, UINT32_MAX, "block 0 of 3 is another one"},
    {IN_BLOCK(page[0]), FORGED_64, 0, page},
    {IN_BLOCK(page[5]), FORGED_64, 4, page},
    {IN_BLOCK(page[5]), FORGED_64, 512, page}, /* the number of page[0] again */
    {IN_BLOCK(page[5]), FORGED_64, UINT64_MAX, page},
    {IN_BLOCK(page[63]), FORGED_64, 700, page},
    {IN_TAIL(size), FORGED_64, UINT64_MAX, "cut off or added to"},
    {IN_TAIL(block_count), FORGED_64, 4, counts},
    {IN_TAIL(page_count), FORGED_64, UINT64_MAX, counts},
    {IN_TAIL(page_count), FORGED_64, 1ULL << 60, counts},
    {IN_TAIL(state_hash), FORGED_64, 1, "state's hash"},
};

static void a_forger_is_refused(void **unused)
{
    (void)unused;
    struct pair pair;
    pair_open(&pair, 16 * 130);
    struct snapshot_prelude prelude;
    memcpy(&prelude, pair.good, sizeof prelude);
    const size_t starts[] = {0, prelude.head_size, pair.size - sizeof(struct snapshot_tail),
                             sizeof(struct snapshot_head)};
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        const struct forgery *forgery = &forgeries[i];
        memcpy(pair.file->bytes + starts[forgery->part] + forgery->at, &forgery->value,
               forgery->type == FORGED_32 ? 4 : 8);
        snapshot_mend(pair.file->bytes, pair.size);
        assert_older_is_used(&pair, forgery->reason);
        pair_restore(&pair);
    }
    snapshot_mend(pair.file->bytes, pair.size);
    assert_memory_equal(pair.file->bytes, pair.good, pair.size);
    pair_close(&pair);
}

static void a_missing_one_is_said(void **unused)
{
    (void)unused;
    struct pair pair;
    pair_open(&pair, 1);
    struct snapshot_facts facts;
    struct failure failure;
    assert_int_equal(snapshot_check(&pair.world->disk, "none", false, &facts, &failure),
                     STATUS_STOP);
    assert_string_equal(failure.text, "there is no none");
    pair_close(&pair);
}

/* A disk that cannot be read is not a damaged snapshot. */
static void a_failing_disk_is_not_damage(void **unused)
{
    (void)unused;
    struct pair pair;
    pair_open(&pair, 16 * 130);
    struct snapshot_facts facts;
    struct failure failure;
    uint64_t call = 0;
    for (;; call++) {
        memory_disk_fail(pair.world->memory, call, false);
        enum status status = snapshot_check(&pair.world->disk, newer, true, &facts, &failure);
        snapshot_facts_close(&facts);
        if (status == STATUS_OK)
            break;
        assert_int_equal(status, STATUS_RETRY);
    }
    assert_true(call >= 4);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_flipped_bit_passes),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(no_cut_passes),
        cmocka_unit_test(parts_of_two_do_not_fit),
        cmocka_unit_test(a_forger_is_refused),
        cmocka_unit_test(a_missing_one_is_said),
        cmocka_unit_test(a_failing_disk_is_not_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
