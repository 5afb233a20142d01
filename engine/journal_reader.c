/* Reading an entry; see journal.h.  Its bytes come from a topic that others may write to: nothing
 * in them is believed, even behind a good checksum. */
#include "engine/journal.h"
#include "engine/journal_lanes.h"
#include "engine/journal_wire.h"

enum { CHAIN_SIZE = 8 };

/* ---- the record as a whole ---- */

static enum status refuse_record(struct failure *failure, const char *what)
{
    return failure_set(failure, STATUS_STOP, "could not read an entry of the journal: %s", what);
}

static void read_head(struct journal_head *head, const uint8_t *at)
{
    uint64_t *const words[] = {&head->sequence,      &head->previous,       &head->bits,
                               &head->configuration, &head->outputs_digest, &head->output_count};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        *words[i] = wire_fixed(at + 8 * i, 8);
}

static enum status check_version(const uint8_t *bytes, size_t size, struct failure *failure)
{
    if (size < sizeof wire_magic + 4 || memcmp(bytes, wire_magic, sizeof wire_magic) != 0)
        return refuse_record(failure,
                             "it was not written by weir; is this topic something else's?");
    uint64_t version = wire_fixed(bytes + sizeof wire_magic, 4);
    if (version == JOURNAL_VERSION)
        return STATUS_OK;
    if (version == 0)
        return refuse_record(failure, "it is damaged: it has no version");
    return failure_set(failure, STATUS_STOP,
                       "could not read an entry of the journal: it was written by a newer weir "
                       "(version %llu, this one reads up to %d); start that one",
                       (unsigned long long)version, JOURNAL_VERSION);
}

static enum status check_whole(const uint8_t *bytes, size_t size, uint64_t chain,
                               struct failure *failure)
{
    uint64_t items_size = wire_fixed(bytes + JOURNAL_HEAD_SIZE - 8, 8);
    if (items_size != size - JOURNAL_HEAD_SIZE - CHAIN_SIZE)
        return refuse_record(failure, "it is damaged: its length is not what it says");
    if (wire_fixed(bytes + size - CHAIN_SIZE, CHAIN_SIZE) != chain)
        return refuse_record(failure, "it is damaged: its checksum is not that of its bytes");
    return STATUS_OK;
}

enum status journal_read(struct journal_reader *reader, const void *bytes, size_t size,
                         struct failure *failure)
{
    const uint8_t *at = bytes;
    if (check_version(at, size, failure) != STATUS_OK)
        return STATUS_STOP;
    if (size < JOURNAL_HEAD_SIZE + CHAIN_SIZE)
        return refuse_record(failure, "it is cut");
    reader->chain = wire_chain(at, size - CHAIN_SIZE);
    if (check_whole(at, size, reader->chain, failure) != STATUS_OK)
        return STATUS_STOP;
    read_head(&reader->head, at + 8);
    if (reader->head.sequence == 0)
        return refuse_record(failure, "it has no sequence number");
    reader->at = at + JOURNAL_HEAD_SIZE;
    reader->end = at + size - CHAIN_SIZE;
    reader->item_count = 0;
    reader->arrival_ms = INT64_MIN;
    reader->lanes_known = false;
    reader->lane_count = 0;
    return STATUS_OK;
}

void journal_read_lanes(struct journal_reader *reader, const struct journal_lanes *lanes,
                        const struct state *state)
{
    reader->lane_count = journal_lanes_read(lanes, state, reader->lane);
    reader->lanes_known = true;
}

/* ---- its items ---- */

static enum status refuse_item(const struct journal_reader *reader, struct failure *failure,
                               const char *what)
{
    return failure_set(failure, STATUS_STOP, "entry %llu of the journal makes no sense: %s",
                       (unsigned long long)reader->head.sequence, what);
}

static bool get(struct journal_reader *reader, uint64_t *value)
{
    return wire_get(&reader->at, reader->end, value);
}

/* *to = from + count + gaps, if that is an offset. */
static bool add_offsets(int64_t from, uint64_t count, uint64_t gaps, int64_t *to)
{
    return !__builtin_add_overflow(from, count, to) && !__builtin_add_overflow(*to, gaps, to);
}

static enum status read_run(struct journal_reader *reader, uint64_t tag, struct journal_item *item,
                            struct failure *failure)
{
    uint64_t lane = tag >> WIRE_KIND_BITS, skipped = 0, gaps = 0;
    bool gapped = (tag & WIRE_KIND_MASK) == WIRE_GAPPED;
    if (gapped && (!get(reader, &skipped) || !get(reader, &gaps)))
        return refuse_item(reader, failure, "a run is cut");
    if (!get(reader, &item->count) || item->count == 0)
        return refuse_item(reader, failure, "a run is cut, or has no records");
    if (lane >= (reader->lanes_known ? reader->lane_count : JOURNAL_LANES_MAX))
        return refuse_item(reader, failure, "a run of a lane that has no name");
    item->kind = JOURNAL_RUN;
    item->lane = (uint32_t)lane;
    if (!reader->lanes_known)
        return STATUS_OK;
    struct journal_lane *row = &reader->lane[lane];
    if (!add_offsets(row->next, 0, skipped, &item->from) ||
        !add_offsets(item->from, item->count, gaps, &item->to))
        return refuse_item(reader, failure, "a run goes beyond the last offset there can be");
    item->input = row->input;
    item->partition = row->partition;
    row->next = item->to;
    return STATUS_OK;
}

static enum status read_lane(struct journal_reader *reader, struct journal_item *item,
                             struct failure *failure)
{
    uint64_t partition, next;
    if (!wire_get_fixed(&reader->at, reader->end, &item->input) || !get(reader, &partition) ||
        !get(reader, &next) || item->input == 0 || partition > INT64_MAX || next > INT64_MAX)
        return refuse_item(reader, failure, "a lane's name is cut, or is none");
    item->partition = (int64_t)partition;
    item->from = (int64_t)next;
    item->lane = UINT32_MAX;
    if (!reader->lanes_known)
        return STATUS_OK;
    for (uint32_t lane = 0; lane < reader->lane_count; lane++)
        if (reader->lane[lane].input == item->input &&
            reader->lane[lane].partition == item->partition)
            return refuse_item(reader, failure, "it names a lane a second time");
    if (reader->lane_count == JOURNAL_LANES_MAX)
        return refuse_item(reader, failure, "it names more lanes than there can be");
    item->lane = reader->lane_count++;
    reader->lane[item->lane] = (struct journal_lane){item->input, item->partition, item->from};
    return STATUS_OK;
}

static enum status read_arrival(struct journal_reader *reader, struct journal_item *item,
                                struct failure *failure)
{
    uint64_t folded;
    if (!get(reader, &folded))
        return refuse_item(reader, failure, "an arrival is cut");
    uint64_t last_ms = reader->arrival_ms == INT64_MIN ? 0 : (uint64_t)reader->arrival_ms;
    item->arrival_ms = (int64_t)(last_ms + (uint64_t)wire_unfold(folded));
    if (item->arrival_ms == INT64_MIN)
        return refuse_item(reader, failure, "an arrival that is no time");
    reader->arrival_ms = item->arrival_ms;
    return STATUS_OK;
}

static enum status read_bytes(struct journal_reader *reader, struct journal_item *item,
                              struct failure *failure)
{
    uint64_t size;
    if (!get(reader, &size) || size > (uint64_t)(reader->end - reader->at))
        return refuse_item(reader, failure, "an item is longer than the entry");
    item->bytes = reader->at;
    item->size = (size_t)size;
    reader->at += size;
    return STATUS_OK;
}

static enum status read_configuration(struct journal_reader *reader, struct journal_item *item,
                                      struct failure *failure)
{
    if (reader->item_count > 0)
        return refuse_item(reader, failure, "the configuration changes in its middle");
    return read_bytes(reader, item, failure);
}

static enum status read_cold(struct journal_reader *reader, struct failure *failure)
{
    bool early = reader->item_count == 0 ||
                 (reader->item_count == 1 && reader->first == JOURNAL_CONFIGURATION);
    if (!early)
        return refuse_item(reader, failure, "the state begins anew in its middle");
    reader->lane_count = 0;
    return STATUS_OK;
}

static enum status read_state_hash(struct journal_reader *reader, struct journal_item *item,
                                   struct failure *failure)
{
    if (get(reader, &item->sequence) && wire_get_fixed(&reader->at, reader->end, &item->hash))
        return STATUS_OK;
    return refuse_item(reader, failure, "a hash is cut");
}

static enum status read_kind(struct journal_reader *reader, struct journal_item *item,
                             struct failure *failure)
{
    switch (item->kind) {
    case JOURNAL_ARRIVAL:
        return read_arrival(reader, item, failure);
    case JOURNAL_CONTROL:
        return read_bytes(reader, item, failure);
    case JOURNAL_CONFIGURATION:
        return read_configuration(reader, item, failure);
    case JOURNAL_COLD:
        return read_cold(reader, failure);
    case JOURNAL_STATE_HASH:
        return read_state_hash(reader, item, failure);
    case JOURNAL_LANE:
        return read_lane(reader, item, failure);
    case JOURNAL_RUN:
        break;
    }
    return refuse_item(reader, failure, "an item of an unknown kind");
}

enum status journal_read_item(struct journal_reader *reader, struct journal_item *item,
                              struct failure *failure)
{
    if (reader->at == reader->end)
        return STATUS_END;
    uint64_t tag;
    if (!get(reader, &tag))
        return refuse_item(reader, failure, "an item is cut");
    uint64_t kind = tag & WIRE_KIND_MASK;
    *item = (struct journal_item){.kind = (enum journal_item_kind)kind};
    enum status status;
    if (kind == JOURNAL_RUN || kind == WIRE_GAPPED)
        status = read_run(reader, tag, item, failure);
    else if (tag != kind)
        status = refuse_item(reader, failure, "an item of an unknown kind");
    else
        status = read_kind(reader, item, failure);
    if (reader->item_count++ == 0)
        reader->first = item->kind;
    return status;
}

void journal_read_apply(const struct journal_reader *reader, const struct journal_lanes *lanes,
                        struct state *state)
{
    ASSERT(reader->at == reader->end && reader->lanes_known);
    journal_lanes_write(lanes, state, reader->lane, reader->lane_count);
    state_set_journal(state, reader->head.sequence, reader->chain);
}
