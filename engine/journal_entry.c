/* Writing an entry; see journal.h.  One run is open and grows with its lane's next record; any
 * other item closes it. */
#include "engine/journal.h"
#include "engine/journal_lanes.h"
#include "engine/journal_wire.h"

static const uint32_t no_lane = UINT32_MAX;

enum { SLOT_BITS = 11, SLOT_COUNT = 1 << SLOT_BITS };

_Static_assert(SLOT_COUNT == 2 * JOURNAL_LANES_MAX, "at most half full");

/* ---- lanes by name: open addressing, spread by Fibonacci hashing (partitions are neighbours) ----
 */

static uint32_t slot_of(const struct journal_entry *entry, uint64_t input, int64_t partition)
{
    uint64_t spread = (input ^ (uint64_t)partition) * 0x9E3779B97F4A7C15ULL;
    uint32_t slot = (uint32_t)(spread >> (64 - SLOT_BITS));
    for (; entry->slot[slot]; slot = (slot + 1) % SLOT_COUNT) {
        const struct journal_lane *lane = &entry->lane[entry->slot[slot] - 1];
        if (lane->input == input && lane->partition == partition)
            break;
    }
    return slot;
}

static void remember(struct journal_entry *entry, uint32_t lane)
{
    const struct journal_lane *row = &entry->lane[lane];
    entry->slot[slot_of(entry, row->input, row->partition)] = (uint16_t)(lane + 1);
}

static uint32_t add_lane(struct journal_entry *entry, uint64_t input, int64_t partition,
                         int64_t next)
{
    ASSERT(input != 0 && partition >= 0 && next >= 0 && entry->lane_count < JOURNAL_LANES_MAX);
    uint32_t lane = entry->lane_count++;
    entry->lane[lane] = (struct journal_lane){input, partition, next};
    remember(entry, lane);
    wire_put(&entry->items, JOURNAL_LANE);
    wire_put_fixed(&entry->items, input, 8);
    wire_put(&entry->items, (uint64_t)partition);
    wire_put(&entry->items, (uint64_t)next);
    return lane;
}

/* ---- items ---- */

void journal_entry_begin(struct journal_entry *entry, const struct journal_lanes *lanes,
                         const struct state *state)
{
    buffer_clear(&entry->items);
    entry->preamble = 0;
    entry->arrival_ms = entry->next_arrival_ms = INT64_MIN;
    entry->run_lane = no_lane;
    entry->run_count = entry->records = 0;
    entry->lane_count = journal_lanes_read(lanes, state, entry->lane);
    memset(entry->slot, 0, sizeof entry->slot);
    for (uint32_t lane = 0; lane < entry->lane_count; lane++)
        remember(entry, lane);
}

static void close_run(struct journal_entry *entry)
{
    uint32_t lane = entry->run_lane;
    if (lane == no_lane)
        return;
    entry->run_lane = no_lane;
    uint64_t skipped = (uint64_t)(entry->run_from - entry->run_stood);
    uint64_t gaps = (uint64_t)(entry->lane[lane].next - entry->run_from) - entry->run_count;
    uint64_t tag = (uint64_t)lane << WIRE_KIND_BITS;
    if (skipped == 0 && gaps == 0) {
        wire_put(&entry->items, tag | JOURNAL_RUN);
    } else {
        wire_put(&entry->items, tag | WIRE_GAPPED);
        wire_put(&entry->items, skipped);
        wire_put(&entry->items, gaps);
    }
    wire_put(&entry->items, entry->run_count);
}

void journal_entry_arrival(struct journal_entry *entry, int64_t arrival_ms)
{
    ASSERT(arrival_ms != INT64_MIN);
    if (arrival_ms != entry->next_arrival_ms)
        close_run(entry);
    entry->next_arrival_ms = arrival_ms;
}

/* Before a row. */
static void put_arrival(struct journal_entry *entry)
{
    if (entry->next_arrival_ms == entry->arrival_ms)
        return;
    uint64_t last_ms = entry->arrival_ms == INT64_MIN ? 0 : (uint64_t)entry->arrival_ms;
    wire_put(&entry->items, JOURNAL_ARRIVAL);
    wire_put(&entry->items, wire_fold((int64_t)((uint64_t)entry->next_arrival_ms - last_ms)));
    entry->arrival_ms = entry->next_arrival_ms;
}

bool journal_entry_lane(struct journal_entry *entry, uint64_t input, int64_t partition,
                        int64_t next)
{
    if (entry->slot[slot_of(entry, input, partition)])
        return true;
    if (entry->lane_count == JOURNAL_LANES_MAX)
        return false;
    close_run(entry);
    add_lane(entry, input, partition, next);
    return true;
}

static uint32_t open_run(struct journal_entry *entry, uint64_t input, int64_t partition,
                         int64_t offset)
{
    close_run(entry);
    put_arrival(entry);
    uint16_t known = entry->slot[slot_of(entry, input, partition)];
    uint32_t lane = known ? known - 1U : add_lane(entry, input, partition, offset);
    entry->run_lane = lane;
    entry->run_stood = entry->lane[lane].next;
    entry->run_from = offset;
    entry->run_count = 0;
    return lane;
}

void journal_entry_record(struct journal_entry *entry, uint64_t input, int64_t partition,
                          int64_t offset)
{
    uint32_t lane = entry->run_lane;
    if (lane == no_lane || entry->lane[lane].partition != partition ||
        entry->lane[lane].input != input)
        lane = open_run(entry, input, partition, offset);
    ASSERT(offset >= entry->lane[lane].next && offset < INT64_MAX);
    entry->lane[lane].next = offset + 1;
    entry->run_count++;
    entry->records++;
}

static void put_bytes(struct journal_entry *entry, enum journal_item_kind kind, const void *bytes,
                      size_t size)
{
    wire_put(&entry->items, kind);
    wire_put(&entry->items, size);
    buffer_bytes(&entry->items, bytes, size);
}

void journal_entry_control(struct journal_entry *entry, const void *bytes, size_t size)
{
    close_run(entry);
    put_arrival(entry);
    put_bytes(entry, JOURNAL_CONTROL, bytes, size);
}

void journal_entry_configuration(struct journal_entry *entry, const void *bytes, size_t size)
{
    ASSERT(journal_entry_is_empty(entry));
    put_bytes(entry, JOURNAL_CONFIGURATION, bytes, size);
    entry->preamble = entry->items.size;
}

void journal_entry_cold(struct journal_entry *entry)
{
    ASSERT(entry->items.size == entry->preamble && entry->run_lane == no_lane);
    wire_put(&entry->items, JOURNAL_COLD);
    entry->lane_count = 0;
    memset(entry->slot, 0, sizeof entry->slot);
}

void journal_entry_state_hash(struct journal_entry *entry, uint64_t sequence, uint64_t hash)
{
    close_run(entry);
    wire_put(&entry->items, JOURNAL_STATE_HASH);
    wire_put(&entry->items, sequence);
    wire_put_fixed(&entry->items, hash, 8);
}

bool journal_entry_is_empty(const struct journal_entry *entry)
{
    return entry->items.size == 0 && entry->run_lane == no_lane;
}

/* ---- the whole ---- */

uint64_t journal_entry_finish(struct journal_entry *entry, const struct journal_head *head,
                              struct buffer *record)
{
    close_run(entry);
    ASSERT(head->sequence > 0);
    buffer_clear(record);
    buffer_bytes(record, wire_magic, sizeof wire_magic);
    wire_put_fixed(record, JOURNAL_VERSION, 4);
    wire_put_fixed(record, head->sequence, 8);
    wire_put_fixed(record, head->previous, 8);
    wire_put_fixed(record, head->bits, 8);
    wire_put_fixed(record, head->configuration, 8);
    wire_put_fixed(record, head->outputs_digest, 8);
    wire_put_fixed(record, head->output_count, 8);
    wire_put_fixed(record, entry->items.size, 8);
    ASSERT(record->size == JOURNAL_HEAD_SIZE);
    buffer_bytes(record, entry->items.bytes, entry->items.size);
    record->overflow |= entry->items.overflow;
    uint64_t chain = wire_chain(record->bytes, record->size);
    wire_put_fixed(record, chain, 8);
    return chain;
}

void journal_entry_apply(const struct journal_entry *entry, const struct journal_lanes *lanes,
                         struct state *state, uint64_t sequence, uint64_t chain)
{
    ASSERT(entry->run_lane == no_lane);
    journal_lanes_write(lanes, state, entry->lane, entry->lane_count);
    state_set_journal(state, sequence, chain);
}
