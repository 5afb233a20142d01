/* Checking and loading snapshots; see snapshot.h. */
#include "engine/snapshot_reader.h"
#include <string.h>

static void facts_finish(const struct snapshot_reader *reader, struct snapshot_facts *facts)
{
    facts->journal_at = reader->tail.journal_at;
    facts->state_hash = reader->tail.state_hash;
    facts->page_count = reader->tail.page_count;
    facts->size = reader->size;
}

enum status snapshot_read(const struct disk *disk, const char *name,
                          const struct snapshot_visitor *visitor, struct snapshot_facts *facts,
                          struct failure *failure)
{
    struct snapshot_reader reader;
    if (snapshot_reader_open(&reader, disk, name, facts, failure) != STATUS_OK)
        return failure->status;
    enum status status = snapshot_reader_tail(&reader, failure);
    if (status == STATUS_OK && visitor)
        status = snapshot_reader_blocks(&reader, visitor, failure);
    if (status == STATUS_OK)
        facts_finish(&reader, facts);
    else
        snapshot_facts_close(facts);
    snapshot_reader_close(&reader);
    return status;
}

enum status snapshot_check(const struct disk *disk, const char *name, bool whole,
                           struct snapshot_facts *facts, struct failure *failure)
{
    const struct snapshot_visitor nobody = {0};
    return snapshot_read(disk, name, whole ? &nobody : NULL, facts, failure);
}

enum status snapshot_directory(const struct disk *disk, const char *name,
                               struct state_directory *directory, struct failure *failure)
{
    struct snapshot_reader reader;
    if (snapshot_reader_open(&reader, disk, name, NULL, failure) != STATUS_OK)
        return failure->status;
    *directory = reader.directory;
    snapshot_reader_close(&reader);
    return STATUS_OK;
}

static void place_page(void *self, uint64_t page, const uint8_t bytes[STATE_PAGE])
{
    struct state *state = self;
    ASSERT(page < state->size / STATE_PAGE);
    memcpy(state->bytes + page * STATE_PAGE, bytes, STATE_PAGE);
}

static enum status load_state(struct snapshot_reader *reader, struct state *state,
                              void (*progress)(void *self, uint64_t done, uint64_t all), void *self,
                              struct failure *failure)
{
    if (snapshot_reader_tail(reader, failure) != STATUS_OK)
        return failure->status;
    if (state_open_directory(state, &reader->directory, failure) != STATUS_OK) {
        failure_prefix(failure, "%s", reader->name);
        return failure->status;
    }
    const struct snapshot_visitor visitor = {place_page, progress, state, self};
    enum status status = snapshot_reader_blocks(reader, &visitor, failure);
    if (status != STATUS_OK)
        state_close(state);
    return status;
}

enum status snapshot_load(const struct disk *disk, const char *name, struct state *state,
                          struct snapshot_facts *facts,
                          void (*progress)(void *self, uint64_t done, uint64_t all), void *self,
                          struct failure *failure)
{
    struct snapshot_reader reader;
    memset(state, 0, sizeof *state);
    if (snapshot_reader_open(&reader, disk, name, facts, failure) != STATUS_OK)
        return failure->status;
    enum status status = load_state(&reader, state, progress, self, failure);
    if (status == STATUS_OK)
        facts_finish(&reader, facts);
    else
        snapshot_facts_close(facts);
    snapshot_reader_close(&reader);
    return status;
}
