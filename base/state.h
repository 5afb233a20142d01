/* All that must survive a crash: one mapping of fixed size, without pointers; nothing in it moves
 * or grows.  It is made of regions of equal rows (an index, the rows of an entity, blocks of
 * events, a model), described by a directory at its front that is itself state.  So saving,
 * comparing, hashing and handing over are byte copies, written once.
 *
 *     | directory | region 0: rows ... | region 1: rows ... | ...
 *
 * Only the loop's thread touches it.  Const pointers read; state_write() gives the only writable
 * ones and tells the pages to whoever is copying them aside (the snapshot). */
#ifndef BASE_STATE_H
#define BASE_STATE_H

#include "base/assert.h"
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATE_PAGE = 4096, STATE_REGIONS_MAX = 192, STATE_NAME_MAX = 56 };

#define STATE_NO_ROW UINT64_MAX

struct state_region {
    char name[STATE_NAME_MAX];
    uint64_t fingerprint; /* of kind, version, options and inputs: equal ones may keep their rows */
    uint64_t offset;      /* from the start of the mapping; a multiple of STATE_PAGE */
    uint64_t row_size;    /* bytes; a multiple of the row's alignment */
    uint64_t row_count;   /* the bound; never exceeded */
    uint64_t used;        /* rows ever taken; those after are zero bytes and never saved */
    uint64_t free_row; /* 1 + the head of a list through the first 8 bytes of the rows given back */
    uint64_t live;     /* rows taken and not given back */
};

struct state_directory {
    char magic[8];
    uint32_t version;
    uint32_t region_count;
    uint64_t sequence, chain; /* of the last journal entry folded in; 0: none */
    struct state_region region[STATE_REGIONS_MAX];
};

/* What the parts declare before the mapping is made: plain data, filled once. */
struct state_layout {
    struct state_directory directory;
    uint32_t refused; /* regions past STATE_REGIONS_MAX: such a layout cannot be mapped */
};

/* A watcher is told of a page before its first change; a snapshot copies it aside.  NULL: nobody.
 */
struct state_watcher {
    void (*before_write)(void *self, uint64_t offset, uint64_t size);
    void *self;
};

struct state {
    uint8_t *bytes;
    uint64_t size;
    struct state_directory *directory; /* = bytes; written through state_write's discipline only */
    const struct state_watcher *watcher;
    uint8_t *rows[STATE_REGIONS_MAX];     /* start of each region: bytes + offset */
    uint64_t row_size[STATE_REGIONS_MAX]; /* copies, so that an access reads no directory page */
};

void state_layout_init(struct state_layout *layout);

/* How the rows of a region come into use. */
enum state_rows {
    STATE_ROWS_TAKEN,  /* one by one, by state_take */
    STATE_ROWS_ALWAYS, /* all from the start: an index, a ring, a model */
};

/* Declares a region and returns its index; one too many is counted as refused.  row_size is rounded
 * up to `alignment` (a power of two, 8 to 4096); rows that are read at random want 64, a cache
 * line.  Rows must have no padding between their members: it would be hashed and saved. */
uint32_t state_layout_add(struct state_layout *layout, const char *name, uint64_t fingerprint,
                          uint64_t row_size, uint64_t alignment, uint64_t row_count,
                          enum state_rows rows);

/* What is wrong with a region of a saved directory, whose bytes must lie at or after `end`; NULL:
 * nothing. */
const char *state_region_fault(const struct state_region *region, uint64_t end);
/* Where its last page ends; of a region without a fault. */
uint64_t state_region_end(const struct state_region *region);

/* Bytes the mapping will have; resident memory grows only as rows are used. */
uint64_t state_layout_size(const struct state_layout *layout);

/* Maps zeroed memory for the layout.  STATUS_STOP if the machine refuses it. */
enum status state_open(struct state *state, const struct state_layout *layout,
                       struct failure *failure);
/* The same for a directory that came from outside (a snapshot): nothing in it is believed.  It must
 * describe regions that lie apart and counts within their bounds, else STATUS_STOP with the reason.
 * What its pages hold is the caller's to check. */
enum status state_open_directory(struct state *state, const struct state_directory *directory,
                                 struct failure *failure);
void state_close(struct state *state);

static inline const void *state_read(const struct state *state, uint32_t region, uint64_t row)
{
    return state->rows[region] + row * state->row_size[region];
}

/* Says that size > 0 bytes from `at` on, inside the mapping, are about to change. */
static inline void state_touch(const struct state *state, const void *at, uint64_t size)
{
    if (__builtin_expect(state->watcher != NULL, 0))
        state->watcher->before_write(state->watcher->self,
                                     (uint64_t)((const uint8_t *)at - state->bytes), size);
}

/* Writable bytes [offset, offset + size) of a row.  Nothing moves; the pointer is good until the
 * end of the step, when a snapshot may begin.  One call for a row and an event is enough. */
static inline void *state_write(struct state *state, uint32_t region, uint64_t row, uint64_t offset,
                                uint64_t size)
{
    uint8_t *start = state->rows[region] + row * state->row_size[region] + offset;
    state_touch(state, start, size);
    return start;
}

/* A row that is large and changes in few places: whoever gets it calls state_touch before each
 * change. */
static inline void *state_row(struct state *state, uint32_t region, uint64_t row)
{
    return state->rows[region] + row * state->row_size[region];
}

static inline void *state_write_row(struct state *state, uint32_t region, uint64_t row)
{
    return state_write(state, region, row, 0, state->row_size[region]);
}

/* A zeroed row, or STATE_NO_ROW when the region is full: the caller evicts or does without. */
uint64_t state_take(struct state *state, uint32_t region);
void state_give(struct state *state, uint32_t region, uint64_t row);

/* The last journal entry folded in. */
void state_set_journal(struct state *state, uint64_t sequence, uint64_t chain);

/* Pages of a region that are saved: those of the rows in use, from its offset on. */
static inline uint64_t state_region_pages(const struct state_region *region)
{
    return (region->row_size * region->used + STATE_PAGE - 1) / STATE_PAGE;
}

/* A sum over the regions of a hash of (name, sizes, what is in use) and over their saved pages of a
 * hash of (page number in the mapping, bytes): it needs no order, so a snapshot's writer computes
 * it piece by piece.  Sequence and chain are not in it: it does not depend on how the journal was
 * cut. */
uint64_t state_hash(const struct state *state);
uint64_t state_hash_regions(const struct state_directory *directory);
uint64_t state_hash_page(uint64_t page, const uint8_t bytes[STATE_PAGE]); /* zeros only: 0 */

#endif
