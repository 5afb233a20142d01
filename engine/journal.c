/* The journal's lanes in the state; see journal.h.  Rows fill up from the first on and are never
 * given back; a row without an input ends the table. */
#include "engine/journal.h"
#include "base/hash.h"
#include "engine/journal_lanes.h"
#include "engine/journal_wire.h"

void journal_lanes_declare(struct journal_lanes *lanes, struct state_layout *layout)
{
    static const char meaning[] = "journal lanes 1: input, partition, next";
    lanes->region =
        state_layout_add(layout, "journal", hash_fingerprint(meaning, sizeof meaning - 1),
                         sizeof(struct journal_lane), 8, JOURNAL_LANES_MAX, STATE_ROWS_ALWAYS);
}

const struct journal_lane *journal_lanes_row(const struct journal_lanes *lanes,
                                             const struct state *state, uint32_t lane)
{
    return state_read(state, lanes->region, lane);
}

uint32_t journal_lanes_count(const struct journal_lanes *lanes, const struct state *state)
{
    uint32_t count = 0;
    while (count < JOURNAL_LANES_MAX && journal_lanes_row(lanes, state, count)->input)
        count++;
    return count;
}

uint32_t journal_lanes_find(const struct journal_lanes *lanes, const struct state *state,
                            uint64_t input, int64_t partition)
{
    for (uint32_t lane = 0; lane < JOURNAL_LANES_MAX; lane++) {
        const struct journal_lane *row = journal_lanes_row(lanes, state, lane);
        if (!row->input)
            break;
        if (row->input == input && row->partition == partition)
            return lane;
    }
    return UINT32_MAX;
}

uint32_t journal_lanes_read(const struct journal_lanes *lanes, const struct state *state,
                            struct journal_lane *rows)
{
    uint32_t count = journal_lanes_count(lanes, state);
    if (count)
        memcpy(rows, journal_lanes_row(lanes, state, 0), count * sizeof *rows);
    return count;
}

void journal_lanes_write(const struct journal_lanes *lanes, struct state *state,
                         const struct journal_lane *rows, uint32_t count)
{
    static const struct journal_lane unused;
    uint32_t before = journal_lanes_count(lanes, state);
    for (uint32_t lane = 0; lane < count || lane < before; lane++) {
        const struct journal_lane *row = lane < count ? &rows[lane] : &unused;
        if (memcmp(journal_lanes_row(lanes, state, lane), row, sizeof *row) != 0)
            memcpy(state_write_row(state, lanes->region, lane), row, sizeof *row);
    }
}

uint64_t wire_chain(const void *bytes, size_t size)
{
    uint64_t hash = hash_fingerprint(bytes, size);
    return hash ? hash : 1;
}
