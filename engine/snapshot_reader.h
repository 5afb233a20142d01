/* One snapshot being read.  The file is not believed: every number is checked before it is used,
 * and no memory is taken that the file's own size does not account for. */
#ifndef ENGINE_SNAPSHOT_READER_H
#define ENGINE_SNAPSHOT_READER_H

#include "engine/snapshot_format.h"

struct snapshot_reader {
    struct disk disk;
    const char *name;
    int handle;
    uint32_t version;
    uint64_t size, head_size, head_checksum;
    struct state_directory directory;
    struct snapshot_tail tail; /* after snapshot_reader_tail */
};

/* Opens the file and reads its head; facts may be NULL (else to be closed by the caller). */
enum status snapshot_reader_open(struct snapshot_reader *reader, const struct disk *disk,
                                 const char *name, struct snapshot_facts *facts,
                                 struct failure *failure);
void snapshot_reader_close(struct snapshot_reader *reader);

/* Reads and checks the tail. */
enum status snapshot_reader_tail(struct snapshot_reader *reader, struct failure *failure);

/* Who is shown the pages; either may be NULL. */
struct snapshot_visitor {
    void (*page)(void *self, uint64_t page, const uint8_t bytes[STATE_PAGE]);
    void (*progress)(void *self, uint64_t done, uint64_t all); /* bytes */
    void *page_self, *progress_self;
};

/* Reads all blocks after the tail was good, in order, and checks them.  A page is shown as soon as
 * its own block has been checked; whether the snapshot is whole is known at the end. */
enum status snapshot_reader_blocks(struct snapshot_reader *reader,
                                   const struct snapshot_visitor *visitor, struct failure *failure);

/* All of that: head, tail, and the blocks if there is a visitor. */
enum status snapshot_read(const struct disk *disk, const char *name,
                          const struct snapshot_visitor *visitor, struct snapshot_facts *facts,
                          struct failure *failure);

#endif
