/* Copying regions; see state_copy.h. */
#include "base/state_copy.h"
#include <string.h>

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Zeros over zeros are not written: pages that nobody has touched take no memory. */
static void copy_bytes(uint8_t *to, const uint8_t *from, uint64_t size)
{
    for (uint64_t at = 0; at < size; at += STATE_PAGE) {
        uint64_t part = size - at < STATE_PAGE ? size - at : STATE_PAGE;
        if (!is_zero(from + at, part) || !is_zero(to + at, part))
            memcpy(to + at, from + at, part);
    }
}

bool state_copy_fits(const struct state *to, uint32_t to_region, const struct state *from,
                     uint32_t from_region)
{
    const struct state_region *target = &to->directory->region[to_region];
    const struct state_region *source = &from->directory->region[from_region];
    return target->row_size == source->row_size && source->used <= target->row_count;
}

void state_copy_rows(struct state *to, uint32_t to_region, const struct state *from,
                     uint32_t from_region)
{
    ASSERT(!to->watcher && state_copy_fits(to, to_region, from, from_region));
    struct state_region *target = &to->directory->region[to_region];
    const struct state_region *source = &from->directory->region[from_region];
    copy_bytes(to->rows[to_region], from->rows[from_region], source->used * source->row_size);
    target->used = source->used;
    target->free_row = source->free_row;
    target->live = source->live;
}
