/* The state's mapping and its regions; see state.h. */
#include "base/state.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
/* Compiled in here, with the vectors that the rest of weir may use: the library's are half as wide.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { HUGE_PAGE = 2 << 20, STATE_VERSION = 1 };

static const char STATE_MAGIC[8] = "weirstat";

/* No processor that we run on addresses more. */
static const uint64_t MAPPING_MAX = 1ULL << 47;

static uint64_t round_up(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) / unit * unit;
}

void state_layout_init(struct state_layout *layout)
{
    memset(layout, 0, sizeof *layout);
    memcpy(layout->directory.magic, STATE_MAGIC, sizeof STATE_MAGIC);
    layout->directory.version = STATE_VERSION;
}

uint64_t state_region_end(const struct state_region *region)
{
    return region->offset + round_up(region->row_size * region->row_count, STATE_PAGE);
}

uint64_t state_layout_size(const struct state_layout *layout)
{
    const struct state_directory *directory = &layout->directory;
    if (directory->region_count == 0)
        return round_up(sizeof *directory, STATE_PAGE);
    return state_region_end(&directory->region[directory->region_count - 1]);
}

uint32_t state_layout_add(struct state_layout *layout, const char *name, uint64_t fingerprint,
                          uint64_t row_size, uint64_t alignment, uint64_t row_count,
                          enum state_rows rows)
{
    struct state_directory *directory = &layout->directory;
    ASSERT(row_size > 0 && row_count > 0);
    ASSERT(alignment >= 8 && alignment <= STATE_PAGE && (alignment & (alignment - 1)) == 0);
    if (directory->region_count == STATE_REGIONS_MAX) {
        layout->refused++;
        return 0;
    }
    row_size = round_up(row_size, alignment);
    /* A large region begins on a huge page of its own. */
    bool large = row_size * row_count >= HUGE_PAGE;
    uint64_t offset = round_up(state_layout_size(layout), large ? HUGE_PAGE : STATE_PAGE);
    struct state_region *region = &directory->region[directory->region_count];
    snprintf(region->name, sizeof region->name, "%s", name);
    region->fingerprint = fingerprint;
    region->offset = offset;
    region->row_size = row_size;
    region->row_count = row_count;
    region->used = rows == STATE_ROWS_ALWAYS ? row_count : 0;
    region->live = region->used;
    return directory->region_count++;
}

/* A mapping that begins on a huge page; the ends that stick out are given back. */
static void *map_aligned(uint64_t size)
{
    uint8_t *bytes = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        return NULL;
    uint64_t before = (HUGE_PAGE - (uintptr_t)bytes % HUGE_PAGE) % HUGE_PAGE;
    if (before)
        munmap(bytes, before);
    munmap(bytes + before + size, HUGE_PAGE - before);
    return bytes + before;
}

static void map_regions(struct state *state)
{
    for (uint32_t i = 0; i < state->directory->region_count; i++) {
        state->rows[i] = state->bytes + state->directory->region[i].offset;
        state->row_size[i] = state->directory->region[i].row_size;
    }
}

enum status state_open(struct state *state, const struct state_layout *layout,
                       struct failure *failure)
{
    memset(state, 0, sizeof *state);
    ASSERT(layout->refused == 0);
    state->size = state_layout_size(layout);
    void *bytes = map_aligned(state->size);
    if (!bytes)
        return failure_set(failure, STATUS_STOP,
                           "could not map %llu MiB of memory for the state: %s; lower `memory`",
                           (unsigned long long)(state->size >> 20), strerror(errno));
    /* Random access over gigabytes: with 4 KiB pages every lookup would miss the TLB as well. */
    madvise(bytes, state->size, MADV_HUGEPAGE);
    state->bytes = bytes;
    state->directory = bytes;
    *state->directory = layout->directory;
    map_regions(state);
    return STATUS_OK;
}

/* No sum or product here can overflow: each is checked by division or against a bound before it is
 * formed. */
const char *state_region_fault(const struct state_region *region, uint64_t end)
{
    if (!memchr(region->name, 0, sizeof region->name) || region->name[0] == '\0')
        return "it has no name";
    if (region->row_size == 0 || region->row_size % 8 != 0 || region->row_count == 0)
        return "its rows have no size";
    if (region->row_size > MAPPING_MAX || region->row_count > MAPPING_MAX / region->row_size)
        return "its rows are larger than any memory";
    if (region->offset % STATE_PAGE != 0 || region->offset > MAPPING_MAX)
        return "it begins at no page";
    if (region->offset < end)
        return "it overlaps the one before";
    if (region->used > region->row_count || region->live > region->used ||
        region->free_row > region->used)
        return "it counts more rows than it has";
    return NULL;
}

static enum status directory_check(const struct state_directory *directory, struct failure *failure)
{
    static const char attempt[] = "could not open a saved state";
    if (memcmp(directory->magic, STATE_MAGIC, sizeof directory->magic) != 0)
        return failure_set(failure, STATUS_STOP, "%s: its directory is not one", attempt);
    if (directory->version != STATE_VERSION)
        return failure_set(failure, STATUS_STOP,
                           "%s: its directory has version %u and this weir reads version %d",
                           attempt, directory->version, STATE_VERSION);
    if (directory->region_count > STATE_REGIONS_MAX)
        return failure_set(failure, STATUS_STOP, "%s: it has %u regions, more than %d", attempt,
                           directory->region_count, STATE_REGIONS_MAX);
    uint64_t end = round_up(sizeof *directory, STATE_PAGE);
    for (uint32_t i = 0; i < directory->region_count; i++) {
        const struct state_region *region = &directory->region[i];
        const char *fault = state_region_fault(region, end);
        if (fault)
            return failure_set(failure, STATUS_STOP,
                               "%s: its directory is damaged, region %u (%.*s): %s", attempt, i,
                               STATE_NAME_MAX, region->name, fault);
        end = state_region_end(region);
    }
    return STATUS_OK;
}

enum status state_open_directory(struct state *state, const struct state_directory *directory,
                                 struct failure *failure)
{
    memset(state, 0, sizeof *state);
    enum status status = directory_check(directory, failure);
    if (status != STATUS_OK)
        return status;
    struct state_layout layout = {.directory = *directory};
    /* Rows of the table that name no region hold nothing that anybody declared. */
    memset(&layout.directory.region[directory->region_count], 0,
           (STATE_REGIONS_MAX - directory->region_count) * sizeof *directory->region);
    return state_open(state, &layout, failure);
}

void state_close(struct state *state)
{
    if (state->bytes)
        munmap(state->bytes, state->size);
    memset(state, 0, sizeof *state);
}

/* Bytes of the directory, which are in no region, about to be written. */
static void directory_write(struct state *state, const void *start, uint64_t size)
{
    if (state->watcher)
        state->watcher->before_write(state->watcher->self,
                                     (uint64_t)((const uint8_t *)start - state->bytes), size);
}

static struct state_region *region_write(struct state *state, uint32_t region)
{
    ASSERT(region < state->directory->region_count);
    struct state_region *entry = &state->directory->region[region];
    directory_write(state, entry, sizeof *entry);
    return entry;
}

uint64_t state_take(struct state *state, uint32_t region)
{
    struct state_region *entry = region_write(state, region);
    uint64_t row;
    if (entry->free_row) {
        row = entry->free_row - 1;
        ASSERT(row < entry->used);
        uint64_t *next = state_write(state, region, row, 0, sizeof *next);
        entry->free_row = *next;
        *next = 0;
    } else if (entry->used < entry->row_count) {
        row = entry->used++;
    } else {
        return STATE_NO_ROW;
    }
    entry->live++;
    return row;
}

void state_give(struct state *state, uint32_t region, uint64_t row)
{
    struct state_region *entry = region_write(state, region);
    ASSERT(row < entry->used && entry->live > 0);
    uint64_t *bytes = state_write_row(state, region, row);
    memset(bytes, 0, entry->row_size);
    bytes[0] = entry->free_row;
    entry->free_row = row + 1;
    entry->live--;
}

void state_set_journal(struct state *state, uint64_t sequence, uint64_t chain)
{
    directory_write(state, &state->directory->sequence, 2 * sizeof(uint64_t));
    state->directory->sequence = sequence;
    state->directory->chain = chain;
}

/* Zeros count nothing, so a page never touched is worth the same as one not saved. */
uint64_t state_hash_page(uint64_t page, const uint8_t bytes[STATE_PAGE])
{
    if (bytes[0] == 0 && memcmp(bytes, bytes + 1, STATE_PAGE - 1) == 0)
        return 0;
    return XXH3_64bits_withSeed(bytes, STATE_PAGE, page);
}

/* Where a region lies and what its owner's options are called does not change what it holds. */
static uint64_t region_hash(const struct state_region *region)
{
    struct {
        char name[STATE_NAME_MAX];
        uint64_t row_size, row_count, used, free_row, live;
    } said = {
        .row_size = region->row_size,
        .row_count = region->row_count,
        .used = region->used,
        .free_row = region->free_row,
        .live = region->live,
    };
    memcpy(said.name, region->name, sizeof said.name);
    return XXH3_64bits(&said, sizeof said);
}

uint64_t state_hash_regions(const struct state_directory *directory)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < directory->region_count; i++)
        sum += region_hash(&directory->region[i]);
    return sum;
}

uint64_t state_hash(const struct state *state)
{
    uint64_t sum = state_hash_regions(state->directory);
    for (uint32_t i = 0; i < state->directory->region_count; i++) {
        const struct state_region *region = &state->directory->region[i];
        uint64_t first = region->offset / STATE_PAGE, end = first + state_region_pages(region);
        for (uint64_t page = first; page < end; page++)
            sum += state_hash_page(page, state->bytes + page * STATE_PAGE);
    }
    return sum;
}
