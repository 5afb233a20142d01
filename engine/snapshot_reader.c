/* Reading and checking one snapshot, in one pass and in large pieces; see snapshot_reader.h. */
#include "engine/snapshot_reader.h"
#include "base/hash.h"
#include "engine/snapshot_names.h"
#include <stdlib.h>
#include <string.h>

enum { PIECE_BLOCKS = 8 };

/* ---- head and tail ---- */

static enum status reader_get(struct snapshot_reader *reader, uint64_t offset, void *bytes,
                              size_t size, struct failure *failure)
{
    return reader->disk.kind->read(reader->disk.self, reader->handle, offset, bytes, size, failure);
}

static enum status read_head(struct snapshot_reader *reader, struct snapshot_facts *facts,
                             struct failure *failure)
{
    struct snapshot_prelude prelude;
    if (reader->size < sizeof prelude)
        return failure_set(failure, STATUS_STOP, "truncated: it has only %llu bytes",
                           (unsigned long long)reader->size);
    if (reader_get(reader, 0, &prelude, sizeof prelude, failure) != STATUS_OK ||
        snapshot_prelude_check(&prelude, reader->size, failure) != STATUS_OK)
        return failure->status;
    reader->version = prelude.version;
    reader->head_size = prelude.head_size;
    uint8_t *head = malloc(reader->head_size);
    ASSERT(head);
    enum status status = reader_get(reader, 0, head, reader->head_size, failure);
    if (status == STATUS_OK)
        status = snapshot_head_read(head, reader->head_size, facts, &reader->directory, failure);
    memcpy(&reader->head_checksum, head + reader->head_size - sizeof(uint64_t), sizeof(uint64_t));
    free(head);
    return status;
}

/* Under the name of another entry it would be taken for what it is not. */
static enum status check_name(const struct snapshot_reader *reader, struct failure *failure)
{
    uint64_t sequence;
    if (!snapshot_name_parse(reader->name, &sequence) || sequence == reader->directory.sequence)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP, "it holds entry %llu: it was renamed",
                       (unsigned long long)reader->directory.sequence);
}

enum status snapshot_reader_open(struct snapshot_reader *reader, const struct disk *disk,
                                 const char *name, struct snapshot_facts *facts,
                                 struct failure *failure)
{
    struct snapshot_facts own = {0};
    if (!facts)
        facts = &own;
    memset(reader, 0, sizeof *reader);
    memset(facts, 0, sizeof *facts);
    reader->disk = *disk;
    reader->name = name;
    if (disk->kind->open(disk->self, name, &reader->handle, &reader->size, failure) != STATUS_OK)
        return failure->status;
    enum status status = read_head(reader, facts, failure);
    if (status == STATUS_OK)
        status = check_name(reader, failure);
    if (status != STATUS_OK) {
        snapshot_facts_close(facts);
        snapshot_reader_close(reader);
        failure_prefix(failure, "%s", name);
    }
    snapshot_facts_close(&own);
    return status;
}

void snapshot_reader_close(struct snapshot_reader *reader)
{
    reader->disk.kind->close(reader->disk.self, reader->handle);
}

enum status snapshot_reader_tail(struct snapshot_reader *reader, struct failure *failure)
{
    enum status status;
    if (reader->size < reader->head_size + sizeof reader->tail)
        status = failure_set(failure, STATUS_STOP, "truncated: it ends before its pages");
    else
        status = reader_get(reader, reader->size - sizeof reader->tail, &reader->tail,
                            sizeof reader->tail, failure);
    if (status == STATUS_OK)
        status = snapshot_tail_check(&reader->tail, reader->head_size, reader->head_checksum,
                                     reader->size, failure);
    if (status != STATUS_OK)
        failure_prefix(failure, "%s", reader->name);
    return status;
}

/* ---- blocks ---- */

/* What has been seen so far. */
struct walk {
    struct snapshot_reader *reader;
    const struct snapshot_visitor *visitor;
    uint64_t block, pages_left, next_page; /* a page must not be below next_page */
    uint32_t region;                       /* that the last page was in */
    uint64_t chain, state_hash;
    struct snapshot_block head;               /* of the block at hand */
    uint64_t page_hash[SNAPSHOT_BLOCK_PAGES]; /* of its pages */
};

/* Pages rise, so the regions are walked through once. */
static bool page_is_known(struct walk *walk, uint64_t page)
{
    const struct state_directory *directory = &walk->reader->directory;
    for (; walk->region < directory->region_count; walk->region++) {
        const struct state_region *region = &directory->region[walk->region];
        uint64_t first = region->offset / STATE_PAGE;
        if (page < first)
            return false;
        if (page - first < state_region_pages(region))
            return true;
    }
    return false;
}

static enum status block_failure(const struct walk *walk, const char *what, struct failure *failure)
{
    return failure_set(failure, STATUS_STOP, "%s: block %llu of %llu %s", walk->reader->name,
                       (unsigned long long)walk->block,
                       (unsigned long long)walk->reader->tail.block_count, what);
}

static bool is_zero(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    return at[0] == 0 && memcmp(at, at + 1, size - 1) == 0;
}

static uint64_t block_checksum(const struct walk *walk, const uint8_t *bytes, uint32_t pages)
{
    if (walk->reader->version == 1)
        return hash_fingerprint(bytes, snapshot_block_size(pages) - sizeof(uint64_t));
    return snapshot_block_checksum(&walk->head, pages, walk->page_hash);
}

static enum status check_block(struct walk *walk, const uint8_t *bytes, uint32_t pages,
                               struct failure *failure)
{
    const struct snapshot_block *block = &walk->head;
    size_t size = snapshot_block_size(pages) - sizeof(uint64_t);
    uint64_t checksum;
    memcpy(&walk->head, bytes, sizeof walk->head);
    memcpy(&checksum, bytes + size, sizeof checksum);
    for (uint32_t i = 0; i < pages; i++)
        walk->page_hash[i] =
            state_hash_page(block->page[i], bytes + sizeof *block + (size_t)i * STATE_PAGE);
    if (checksum != block_checksum(walk, bytes, pages))
        return block_failure(
            walk, is_zero(bytes, size) ? "was never written: it is torn" : "is damaged", failure);
    if (block->number != walk->block || block->page_count != pages || block->zero != 0)
        return block_failure(walk, "is another one", failure);
    walk->chain = snapshot_chain(walk->chain, checksum);
    return STATUS_OK;
}

static enum status take_block(struct walk *walk, const uint8_t *bytes, uint32_t pages,
                              struct failure *failure)
{
    const struct snapshot_visitor *visitor = walk->visitor;
    if (check_block(walk, bytes, pages, failure) != STATUS_OK)
        return failure->status;
    const uint8_t *page = bytes + sizeof walk->head;
    for (uint32_t i = 0; i < pages; i++, page += STATE_PAGE) {
        uint64_t number = walk->head.page[i];
        if (number < walk->next_page || !page_is_known(walk, number))
            return block_failure(walk, "has a page that cannot be there", failure);
        walk->next_page = number + 1;
        walk->state_hash += walk->page_hash[i];
        if (visitor->page)
            visitor->page(visitor->page_self, number, page);
    }
    walk->block++;
    walk->pages_left -= pages;
    return STATUS_OK;
}

/* The blocks of the next piece; all but the file's last one are full. */
static enum status take_piece(struct walk *walk, uint8_t *bytes, uint64_t *offset,
                              struct failure *failure)
{
    const uint64_t full = snapshot_block_size(SNAPSHOT_BLOCK_PAGES);
    uint64_t size = walk->reader->size - sizeof walk->reader->tail - *offset;
    if (size > PIECE_BLOCKS * full)
        size = PIECE_BLOCKS * full;
    enum status status = reader_get(walk->reader, *offset, bytes, size, failure);
    if (status != STATUS_OK)
        failure_prefix(failure, "%s", walk->reader->name);
    for (uint64_t at = 0; at < size && status == STATUS_OK; at += full) {
        uint64_t pages = walk->pages_left;
        if (pages > SNAPSHOT_BLOCK_PAGES)
            pages = SNAPSHOT_BLOCK_PAGES;
        status = take_block(walk, bytes + at, (uint32_t)pages, failure);
    }
    *offset += size;
    return status;
}

static enum status check_sums(const struct walk *walk, struct failure *failure)
{
    const struct snapshot_tail *tail = &walk->reader->tail;
    if (walk->chain != tail->blocks_checksum)
        return failure_set(failure, STATUS_STOP, "%s: its blocks are not those it was closed with",
                           walk->reader->name);
    if (walk->state_hash != tail->state_hash)
        return failure_set(failure, STATUS_STOP,
                           "%s: the state's hash is %016llx and should be %016llx",
                           walk->reader->name, (unsigned long long)walk->state_hash,
                           (unsigned long long)tail->state_hash);
    return STATUS_OK;
}

enum status snapshot_reader_blocks(struct snapshot_reader *reader,
                                   const struct snapshot_visitor *visitor, struct failure *failure)
{
    struct walk walk = {
        .reader = reader,
        .visitor = visitor,
        .pages_left = reader->tail.page_count,
        .state_hash = state_hash_regions(&reader->directory),
    };
    uint8_t *piece = malloc(PIECE_BLOCKS * snapshot_block_size(SNAPSHOT_BLOCK_PAGES));
    ASSERT(piece);
    enum status status = STATUS_OK;
    uint64_t offset = reader->head_size, all = reader->size;
    while (walk.pages_left && status == STATUS_OK) {
        status = take_piece(&walk, piece, &offset, failure);
        if (visitor->progress)
            visitor->progress(visitor->progress_self, offset, all);
    }
    free(piece);
    return status == STATUS_OK ? check_sums(&walk, failure) : status;
}
