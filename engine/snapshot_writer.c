/* Writing one snapshot, in one pass and in large pieces; see snapshot_writer.h.
 *
 * The pages gather in a buffer of some blocks, so that the disk sees few large writes, and all but
 * the last are of whole units (DISK_UNIT): what sticks out waits at the buffer's front.  The file
 * is synced on the way, too: a single sync of gigabytes at the end keeps the disk from everybody
 * else's for as long as it takes. */
#include "engine/snapshot_writer.h"
#include "engine/snapshot_names.h"
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_BLOCKS = 8,
    BLOCK_SIZE = sizeof(struct snapshot_block) + SNAPSHOT_BLOCK_PAGES * STATE_PAGE + 8,
    /* In front what stuck out, behind the tail. */
    BUFFER_SIZE = (BUFFER_BLOCKS * BLOCK_SIZE / DISK_UNIT + 3) * DISK_UNIT,
    SYNC_EVERY = 64 << 20,
};

_Static_assert(SNAPSHOT_HEAD_UNIT % DISK_UNIT == 0, "the blocks begin at a whole unit");

void snapshot_writer_init(struct snapshot_writer *writer, const struct disk *disk)
{
    memset(writer, 0, sizeof *writer);
    writer->disk = *disk;
    writer->handle = -1;
    writer->buffer = aligned_alloc(DISK_UNIT, BUFFER_SIZE);
    ASSERT(writer->buffer);
}

void snapshot_writer_free(struct snapshot_writer *writer)
{
    snapshot_writer_abandon(writer);
    free(writer->buffer);
}

void snapshot_writer_abandon(struct snapshot_writer *writer)
{
    struct failure failure;
    if (writer->handle < 0)
        return;
    writer->disk.kind->close(writer->disk.self, writer->handle);
    writer->handle = -1;
    writer->disk.kind->remove(writer->disk.self, writer->temporary, &failure);
}

static enum status writer_sync(struct snapshot_writer *writer, struct failure *failure)
{
    writer->unsynced = 0;
    enum status status = writer->disk.kind->sync(writer->disk.self, writer->handle, failure);
    if (status != STATUS_OK)
        snapshot_writer_abandon(writer);
    return status;
}

static enum status writer_put(struct snapshot_writer *writer, const void *bytes, size_t size,
                              struct failure *failure)
{
    enum status status =
        writer->disk.kind->write(writer->disk.self, writer->handle, bytes, size, failure);
    if (status != STATUS_OK)
        snapshot_writer_abandon(writer);
    writer->tail.size += size;
    writer->unsynced += size;
    return status;
}

enum status snapshot_writer_begin(struct snapshot_writer *writer,
                                  const struct snapshot_facts *facts,
                                  const struct state_directory *directory, struct failure *failure)
{
    snapshot_name(writer->name, directory->sequence);
    snapshot_name_temporary(writer->temporary, directory->sequence);
    writer->sealed = 0;
    writer->unsynced = 0;
    writer->block = (struct snapshot_block){0};
    writer->tail = (struct snapshot_tail){.state_hash = state_hash_regions(directory)};
    snapshot_sweep(&writer->disk);
    enum status status =
        writer->disk.kind->create(writer->disk.self, writer->temporary, &writer->handle, failure);
    if (status != STATUS_OK) {
        writer->handle = -1;
        return status;
    }
    size_t size;
    uint8_t *head = snapshot_head_make(facts, directory, &size);
    memcpy(&writer->tail.head_checksum, head + size - sizeof(uint64_t), sizeof(uint64_t));
    status = writer_put(writer, head, size, failure);
    free(head);
    return status;
}

uint8_t *snapshot_writer_place(struct snapshot_writer *writer)
{
    return writer->buffer + writer->sealed + sizeof writer->block +
           (size_t)writer->block.page_count * STATE_PAGE;
}

static void seal_block(struct snapshot_writer *writer)
{
    uint8_t *bytes = writer->buffer + writer->sealed;
    size_t size = snapshot_block_size(writer->block.page_count) - sizeof(uint64_t);
    memcpy(bytes, &writer->block, sizeof writer->block);
    uint64_t checksum =
        snapshot_block_checksum(&writer->block, writer->block.page_count, writer->page_hash);
    memcpy(bytes + size, &checksum, sizeof checksum);
    writer->sealed += size + sizeof checksum;
    writer->tail.blocks_checksum = snapshot_chain(writer->tail.blocks_checksum, checksum);
    writer->block = (struct snapshot_block){.number = ++writer->tail.block_count};
}

/* All whole units of the sealed blocks. */
static enum status write_blocks(struct snapshot_writer *writer, struct failure *failure)
{
    enum status status = STATUS_OK;
    size_t rest = writer->sealed % DISK_UNIT, whole = writer->sealed - rest;
    if (whole)
        status = writer_put(writer, writer->buffer, whole, failure);
    memmove(writer->buffer, writer->buffer + whole, rest);
    writer->sealed = rest;
    if (status == STATUS_OK && writer->unsynced >= SYNC_EVERY)
        status = writer_sync(writer, failure);
    return status;
}

enum status snapshot_writer_add(struct snapshot_writer *writer, uint64_t page,
                                struct failure *failure)
{
    uint64_t hash = state_hash_page(page, snapshot_writer_place(writer));
    writer->page_hash[writer->block.page_count] = hash;
    writer->tail.state_hash += hash;
    writer->tail.page_count++;
    writer->block.page[writer->block.page_count++] = page;
    if (writer->block.page_count < SNAPSHOT_BLOCK_PAGES)
        return STATUS_OK;
    seal_block(writer);
    if (writer->sealed < (size_t)BUFFER_BLOCKS * BLOCK_SIZE)
        return STATUS_OK;
    return write_blocks(writer, failure);
}

enum status snapshot_writer_flush(struct snapshot_writer *writer, struct failure *failure)
{
    if (writer->block.page_count)
        seal_block(writer);
    return write_blocks(writer, failure);
}

enum status snapshot_writer_publish(struct snapshot_writer *writer, int64_t journal_at,
                                    struct failure *failure)
{
    const struct disk *disk = &writer->disk;
    struct snapshot_tail *tail = &writer->tail;
    size_t rest = writer->sealed + sizeof *tail;
    tail->journal_at = journal_at;
    tail->size += rest;
    snapshot_tail_seal(tail);
    memcpy(writer->buffer + writer->sealed, tail, sizeof *tail);
    enum status status =
        disk->kind->write(disk->self, writer->handle, writer->buffer, rest, failure);
    if (status == STATUS_OK)
        status = disk->kind->sync(disk->self, writer->handle, failure);
    if (status == STATUS_OK)
        status = disk->kind->rename(disk->self, writer->temporary, writer->name, failure);
    if (status != STATUS_OK) {
        snapshot_writer_abandon(writer);
        return status;
    }
    disk->kind->close(disk->self, writer->handle);
    writer->handle = -1;
    /* If this fails the snapshot may be gone after a crash; it is whole and its entry has
     * committed, so it stays as it is.  Only nothing older may go because of it. */
    return disk->kind->sync_names(disk->self, failure);
}
