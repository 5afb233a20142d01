/* The state's mapping and its regions; see state.h. */
#include "base/state.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

enum { HUGE_PAGE = 2 << 20 };

static uint64_t round_up(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) / unit * unit;
}

void state_layout_init(struct state_layout *layout)
{
    memset(layout, 0, sizeof *layout);
    memcpy(layout->directory.magic, "weirstat", 8);
    layout->directory.version = 1;
}

static uint64_t region_end(const struct state_region *region)
{
    return region->offset + round_up(region->row_size * region->row_count, STATE_PAGE);
}

uint64_t state_layout_size(const struct state_layout *layout)
{
    const struct state_directory *directory = &layout->directory;
    if (directory->region_count == 0)
        return round_up(sizeof *directory, STATE_PAGE);
    return region_end(&directory->region[directory->region_count - 1]);
}

uint32_t state_layout_add(struct state_layout *layout, const char *name, uint64_t fingerprint,
                          uint64_t row_size, uint64_t alignment, uint64_t row_count,
                          enum state_rows rows)
{
    struct state_directory *directory = &layout->directory;
    ASSERT(directory->region_count < STATE_REGIONS_MAX);
    ASSERT(row_size > 0 && row_count > 0);
    ASSERT(alignment >= 8 && alignment <= STATE_PAGE && (alignment & (alignment - 1)) == 0);
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

enum status state_open(struct state *state, const struct state_layout *layout,
                       struct failure *failure)
{
    memset(state, 0, sizeof *state);
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
    for (uint32_t i = 0; i < layout->directory.region_count; i++) {
        state->rows[i] = state->bytes + layout->directory.region[i].offset;
        state->row_size[i] = layout->directory.region[i].row_size;
    }
    return STATUS_OK;
}

void state_close(struct state *state)
{
    if (state->bytes)
        munmap(state->bytes, state->size);
    memset(state, 0, sizeof *state);
}

static struct state_region *region_write(struct state *state, uint32_t region)
{
    ASSERT(region < state->directory->region_count);
    struct state_region *entry = &state->directory->region[region];
    if (state->watcher)
        state->watcher->before_write(state->watcher->self,
                                     (uint64_t)((uint8_t *)entry - state->bytes), sizeof *entry);
    return entry;
}

uint64_t state_take(struct state *state, uint32_t region)
{
    struct state_region *entry = region_write(state, region);
    uint64_t row;
    if (entry->free_row) {
        row = entry->free_row - 1;
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

/* A page of zeros counts nothing, so that pages never touched need not be read into memory. */
static bool page_is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, STATE_PAGE - 1) == 0;
}

static uint64_t pages_hash(const struct state *state, uint64_t first, uint64_t end)
{
    uint64_t sum = 0;
    for (uint64_t page = first; page < end; page++) {
        const uint8_t *bytes = state->bytes + page * STATE_PAGE;
        if (!page_is_zero(bytes))
            sum += XXH3_64bits_withSeed(bytes, STATE_PAGE, page);
    }
    return sum;
}

uint64_t state_hash(const struct state *state)
{
    const struct state_directory *directory = state->directory;
    uint64_t sum = pages_hash(state, 0, round_up(sizeof *directory, STATE_PAGE) / STATE_PAGE);
    for (uint32_t i = 0; i < directory->region_count; i++) {
        const struct state_region *region = &directory->region[i];
        uint64_t first = region->offset / STATE_PAGE;
        uint64_t used = round_up(region->row_size * region->used, STATE_PAGE) / STATE_PAGE;
        sum += pages_hash(state, first, first + used);
    }
    return sum;
}
