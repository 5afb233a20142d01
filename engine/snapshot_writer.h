/* One snapshot being written: the file under its temporary name, then under its own. */
#ifndef ENGINE_SNAPSHOT_WRITER_H
#define ENGINE_SNAPSHOT_WRITER_H

#include "engine/snapshot_format.h"

struct snapshot_writer {
    struct disk disk;
    int handle; /* -1: no file */
    char name[DISK_NAME_MAX], temporary[DISK_NAME_MAX];
    uint8_t *buffer; /* blocks not yet written, the last one open */
    size_t sealed;   /* bytes in front of the open one */
    uint64_t unsynced;
    struct snapshot_block block; /* the head of the open one */
    uint64_t page_hash[SNAPSHOT_BLOCK_PAGES];
    struct snapshot_tail tail;
};

/* Memory for it; may be used again and again. */
void snapshot_writer_init(struct snapshot_writer *writer, const struct disk *disk);
void snapshot_writer_free(struct snapshot_writer *writer);

/* The file and its head.  A failure of this or any other call has removed the file. */
enum status snapshot_writer_begin(struct snapshot_writer *writer,
                                  const struct snapshot_facts *facts,
                                  const struct state_directory *directory, struct failure *failure);

/* Where the bytes of the next page go; then `add` takes them. */
uint8_t *snapshot_writer_place(struct snapshot_writer *writer);
enum status snapshot_writer_add(struct snapshot_writer *writer, uint64_t page,
                                struct failure *failure);

/* No more pages: what is buffered is written, but for what is no whole unit. */
enum status snapshot_writer_flush(struct snapshot_writer *writer, struct failure *failure);

/* The tail, sync, rename, sync of the names: it is there for good. */
enum status snapshot_writer_publish(struct snapshot_writer *writer, int64_t journal_at,
                                    struct failure *failure);

/* Gives it up; nothing of it stays. */
void snapshot_writer_abandon(struct snapshot_writer *writer);

#endif
