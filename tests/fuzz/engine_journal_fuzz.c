/* Any bytes as an entry of the journal; and, so that more than its checksum is tried, as the items
 * of one that is signed well.  What is read stays inside, and every position is one that there can
 * be. */
#include "base/assert.h"
#include "engine/journal.h"
#include "engine/journal_wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct journal_lanes lanes;
static struct state state;
static struct journal_reader reader;

static void open_state(void)
{
    struct failure failure;
    struct state_layout layout;
    state_layout_init(&layout);
    journal_lanes_declare(&lanes, &layout);
    ASSERT(state_open(&state, &layout, &failure) == STATUS_OK);
    for (uint32_t lane = 0; lane < 3; lane++)
        *(struct journal_lane *)state_write_row(&state, lanes.region, lane) =
            (struct journal_lane){17, lane, 1000 * lane};
}

static void check_item(const struct journal_item *item, const uint8_t *bytes, size_t size)
{
    if (item->bytes) {
        const uint8_t *start = item->bytes;
        ASSERT(start >= bytes && start + item->size <= bytes + size);
    }
    if (item->kind != JOURNAL_RUN)
        return;
    ASSERT(item->count > 0 && item->lane < JOURNAL_LANES_MAX);
    ASSERT(!reader.lanes_known || (item->from >= 0 && item->to > item->from && item->input != 0 &&
                                   (uint64_t)(item->to - item->from) >= item->count));
}

static void read_items(const uint8_t *bytes, size_t size)
{
    struct failure failure = {0};
    struct journal_item item;
    enum status status;
    while ((status = journal_read_item(&reader, &item, &failure)) == STATUS_OK)
        check_item(&item, bytes, size);
    ASSERT(status == STATUS_END || (status == STATUS_STOP && failure.text[0]));
}

static void read_entry(const uint8_t *bytes, size_t size, bool good)
{
    struct failure failure = {0};
    for (int known = 0; known < 2; known++) {
        if (journal_read(&reader, bytes, size, &failure) != STATUS_OK) {
            ASSERT(!good && failure.text[0]);
            return;
        }
        if (known)
            journal_read_lanes(&reader, &lanes, &state);
        read_items(bytes, size);
    }
}

/* The bytes as the items of entry 1. */
static void read_signed(const uint8_t *bytes, size_t size)
{
    size_t whole = JOURNAL_HEAD_SIZE + size + 8;
    char *record = malloc(whole);
    ASSERT(record);
    struct buffer buffer;
    buffer_init(&buffer, record, whole);
    buffer_bytes(&buffer, wire_magic, sizeof wire_magic);
    wire_put_fixed(&buffer, JOURNAL_VERSION, 4);
    for (int i = 0; i < 6; i++)
        wire_put_fixed(&buffer, 1, 8);
    wire_put_fixed(&buffer, size, 8);
    if (size)
        buffer_bytes(&buffer, bytes, size);
    wire_put_fixed(&buffer, wire_chain(buffer.bytes, buffer.size), 8);
    ASSERT(buffer.size == whole && !buffer.overflow);
    read_entry((const uint8_t *)record, whole, true);
    free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (!state.bytes)
        open_state();
    read_entry(bytes, size, false);
    read_signed(bytes, size);
    return 0;
}
