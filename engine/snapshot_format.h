/* The bytes of a snapshot, as docs/snapshot.md describes them: a head, blocks of pages, a tail.
 *
 *     | head: prelude, facts, directory of regions, configuration, zeros, checksum | multiple of
 * 4096 | block 0: head of the block, up to 64 pages, checksum                       | | block 1 ...
 * (all but the last have 64)    | | tail: counts, state's hash, place in the journal, checksums,
 * end magic     | 128 bytes
 *
 * Numbers are written as the machine has them, least significant byte first on all that weir runs
 * on; a mark in the prelude tells the other order.  Every checksum is XXH3-64 without a seed. */
#ifndef ENGINE_SNAPSHOT_FORMAT_H
#define ENGINE_SNAPSHOT_FORMAT_H

#include "engine/snapshot.h"

enum {
    SNAPSHOT_BLOCK_PAGES = 64,
    SNAPSHOT_HEAD_UNIT = 4096,
    SNAPSHOT_CONFIGURATION_MAX = 64 << 20,
};

/* These 32 bytes stay as they are in every version, so that each can say which one it is. */
struct snapshot_prelude {
    char magic[8]; /* "weirsnap" */
    uint32_t version;
    uint32_t order; /* 0x0A0B0C0D as the writer's machine has it */
    uint32_t page_size;
    uint32_t head_size; /* bytes of the whole head */
    uint64_t checksum;  /* of the 24 bytes before */
};

struct snapshot_head {
    struct snapshot_prelude prelude;
    char program[32], pipeline[128]; /* end in zeros */
    int64_t written_ms;
    uint64_t bits, key_id, configuration_digest, configuration_size;
    uint64_t reserved[3]; /* zero */
    /* Here the state's directory up to its last region in use, then the configuration's text, then
     * zeros; the last 8 bytes of the head are the checksum of all before. */
};

struct snapshot_block {
    uint64_t number; /* from 0 */
    uint32_t page_count, zero;
    uint64_t page[SNAPSHOT_BLOCK_PAGES]; /* rising; zeros after the last */
    /* Here the pages, then snapshot_block_checksum; in version 1 the checksum of all before. */
};

struct snapshot_tail {
    char magic[8]; /* "weirtail" */
    uint64_t size; /* of the file */
    uint64_t block_count, page_count;
    uint64_t state_hash;
    int64_t journal_at;
    uint64_t head_checksum;
    uint64_t blocks_checksum; /* snapshot_chain over the blocks' checksums, from 0 */
    uint64_t reserved[6];     /* zero */
    uint64_t checksum;        /* of the 112 bytes before */
    char end[8];              /* "weirends" */
};

_Static_assert(sizeof(struct snapshot_prelude) == 32, "the prelude is fixed");
_Static_assert(sizeof(struct snapshot_head) == 256, "the head's fixed part");
_Static_assert(sizeof(struct snapshot_block) == 528, "a block's head");
_Static_assert(sizeof(struct snapshot_tail) == 128, "the tail is fixed");
_Static_assert(sizeof(struct state_region) == 112, "a row of the directory");
_Static_assert(offsetof(struct state_directory, region) == 32, "what stands before the regions");

/* Bytes of a block with so many pages. */
uint64_t snapshot_block_size(uint64_t pages);

/* The checksum of a block by its head and the hashes of its pages, so that a page, which the
 * state's hash needs as well, is hashed once. */
uint64_t snapshot_block_checksum(const struct snapshot_block *block, uint64_t pages,
                                 const uint64_t page_hash[SNAPSHOT_BLOCK_PAGES]);

/* The checksum over checksums: of the pair (what it was, the next one). */
uint64_t snapshot_chain(uint64_t chain, uint64_t checksum);

/* Bytes of the directory in the file. */
size_t snapshot_directory_size(const struct state_directory *directory);

/* Pages that the directory takes at the front of the state's mapping. */
uint64_t snapshot_directory_pages(void);

/* The whole head in memory of its own, to be freed; its last 8 bytes are its checksum.  The text
 * has at most SNAPSHOT_CONFIGURATION_MAX bytes. */
uint8_t *snapshot_head_make(const struct snapshot_facts *facts,
                            const struct state_directory *directory, size_t *size);

/* Whether this is a snapshot that can be read here, by its first 32 bytes; the rest of the head,
 * of a size within `most`, may be read then. */
enum status snapshot_prelude_check(const struct snapshot_prelude *prelude, uint64_t most,
                                   struct failure *failure);

/* Checks a whole head and takes facts and directory out of it; both may be NULL. */
enum status snapshot_head_read(const uint8_t *bytes, size_t size, struct snapshot_facts *facts,
                               struct state_directory *directory, struct failure *failure);

/* Fills its checksum and magics. */
void snapshot_tail_seal(struct snapshot_tail *tail);

/* Checks it by itself, and against the sizes of head and file and the head's checksum. */
enum status snapshot_tail_check(const struct snapshot_tail *tail, uint64_t head_bytes,
                                uint64_t head_checksum, uint64_t file_size,
                                struct failure *failure);

#endif
