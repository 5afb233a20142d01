/* Making and checking heads and tails of snapshots; see snapshot_format.h. */
#include "engine/snapshot_format.h"
#include "base/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRELUDE_MAGIC "weirsnap"
#define TAIL_MAGIC "weirtail"
#define TAIL_END "weirends"

static const uint32_t order_mark = 0x0A0B0C0D;

enum { CHECKSUM_SIZE = sizeof(uint64_t) };

static uint64_t round_up(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) / unit * unit;
}

uint64_t snapshot_block_size(uint64_t pages)
{
    return sizeof(struct snapshot_block) + pages * STATE_PAGE + CHECKSUM_SIZE;
}

uint64_t snapshot_block_checksum(const struct snapshot_block *block, uint64_t pages,
                                 const uint64_t page_hash[SNAPSHOT_BLOCK_PAGES])
{
    struct {
        struct snapshot_block block;
        uint64_t page_hash[SNAPSHOT_BLOCK_PAGES];
    } said = {.block = *block};
    ASSERT(pages <= SNAPSHOT_BLOCK_PAGES);
    memcpy(said.page_hash, page_hash, pages * sizeof *page_hash);
    return hash_fingerprint(&said, sizeof said.block + pages * sizeof *page_hash);
}

uint64_t snapshot_chain(uint64_t chain, uint64_t checksum)
{
    const uint64_t pair[2] = {chain, checksum};
    return hash_fingerprint(pair, sizeof pair);
}

size_t snapshot_directory_size(const struct state_directory *directory)
{
    return offsetof(struct state_directory, region) +
           directory->region_count * sizeof(struct state_region);
}

uint64_t snapshot_directory_pages(void)
{
    return round_up(sizeof(struct state_directory), STATE_PAGE) / STATE_PAGE;
}

/* ---- the head ---- */

static size_t head_size(size_t directory_size, size_t configuration_size)
{
    return round_up(sizeof(struct snapshot_head) + directory_size + configuration_size +
                        CHECKSUM_SIZE,
                    SNAPSHOT_HEAD_UNIT);
}

static uint64_t prelude_checksum(const struct snapshot_prelude *prelude)
{
    return hash_fingerprint(prelude, offsetof(struct snapshot_prelude, checksum));
}

static void head_fill(struct snapshot_head *head, const struct snapshot_facts *facts, size_t size)
{
    struct snapshot_prelude *prelude = &head->prelude;
    memcpy(prelude->magic, PRELUDE_MAGIC, sizeof prelude->magic);
    prelude->version = SNAPSHOT_VERSION;
    prelude->order = order_mark;
    prelude->page_size = STATE_PAGE;
    prelude->head_size = (uint32_t)size;
    prelude->checksum = prelude_checksum(prelude);
    snprintf(head->program, sizeof head->program, "%s", facts->program);
    snprintf(head->pipeline, sizeof head->pipeline, "%s", facts->pipeline);
    head->written_ms = facts->written_ms;
    head->bits = facts->bits;
    head->key_id = facts->key_id;
    head->configuration_digest = facts->configuration_digest;
    head->configuration_size = facts->configuration_size;
}

uint8_t *snapshot_head_make(const struct snapshot_facts *facts,
                            const struct state_directory *directory, size_t *size)
{
    size_t directory_size = snapshot_directory_size(directory);
    ASSERT(facts->configuration_size <= SNAPSHOT_CONFIGURATION_MAX);
    *size = head_size(directory_size, facts->configuration_size);
    uint8_t *bytes = calloc(1, *size);
    ASSERT(bytes);
    struct snapshot_head head = {0};
    head_fill(&head, facts, *size);
    uint8_t *at = bytes;
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    memcpy(at, directory, directory_size);
    at += directory_size;
    if (facts->configuration_size)
        memcpy(at, facts->configuration, facts->configuration_size);
    uint64_t checksum = hash_fingerprint(bytes, *size - CHECKSUM_SIZE);
    memcpy(bytes + *size - CHECKSUM_SIZE, &checksum, CHECKSUM_SIZE);
    return bytes;
}

enum status snapshot_prelude_check(const struct snapshot_prelude *prelude, uint64_t most,
                                   struct failure *failure)
{
    if (memcmp(prelude->magic, PRELUDE_MAGIC, sizeof prelude->magic) != 0)
        return failure_set(failure, STATUS_STOP, "no snapshot of weir: it begins differently");
    if (prelude->order == __builtin_bswap32(order_mark))
        return failure_set(failure, STATUS_STOP,
                           "written by a machine of the other byte order, and only such a one can "
                           "read it");
    if (prelude->checksum != prelude_checksum(prelude))
        return failure_set(failure, STATUS_STOP, "damaged in its first 32 bytes");
    if (prelude->version == 0 || prelude->version > SNAPSHOT_VERSION)
        return failure_set(failure, STATUS_STOP,
                           "format version %u, and this weir reads up to %d: use a newer weir",
                           prelude->version, SNAPSHOT_VERSION);
    if (prelude->page_size != STATE_PAGE)
        return failure_set(failure, STATUS_STOP, "pages of %u bytes, and this weir has %d",
                           prelude->page_size, STATE_PAGE);
    if (prelude->head_size > most)
        return failure_set(failure, STATUS_STOP, "truncated: it ends inside of its head");
    size_t least = sizeof(struct snapshot_head) + offsetof(struct state_directory, region);
    if (prelude->head_size < head_size(least, 0) ||
        prelude->head_size > head_size(sizeof(struct state_directory), SNAPSHOT_CONFIGURATION_MAX))
        return failure_set(failure, STATUS_STOP, "impossible size of its head, %u",
                           prelude->head_size);
    return STATUS_OK;
}

/* Texts reach terminals: nothing in them may steer one. */
static bool text_is_plain(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == size)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
            return false;
    return true;
}

/* Follows the one before (which ends at page *end), and its numbers fit together. */
static bool region_is_sound(const struct state_region *region, uint64_t *end)
{
    if (!text_is_plain(region->name, sizeof region->name) || state_region_fault(region, *end))
        return false;
    *end = state_region_end(region);
    return true;
}

static enum status directory_check(const struct state_directory *directory, struct failure *failure)
{
    uint64_t end = snapshot_directory_pages() * STATE_PAGE;
    struct state_layout own;
    state_layout_init(&own);
    if (memcmp(directory->magic, own.directory.magic, sizeof directory->magic) != 0 ||
        directory->version != own.directory.version)
        return failure_set(failure, STATUS_STOP,
                           "its state is laid out in another way, version %u, and this weir reads "
                           "version %u",
                           directory->version, own.directory.version);
    for (uint32_t i = 0; i < directory->region_count; i++)
        if (!region_is_sound(&directory->region[i], &end))
            return failure_set(failure, STATUS_STOP, "nonsense about region %u in its head", i);
    return STATUS_OK;
}

/* Where the configuration begins; 0 if the parts do not fit into the head. */
static size_t directory_read(const uint8_t *bytes, size_t size, struct state_directory *directory)
{
    const size_t front = offsetof(struct state_directory, region);
    size_t at = sizeof(struct snapshot_head);
    memset(directory, 0, sizeof *directory);
    memcpy(directory, bytes + at, front);
    if (directory->region_count > STATE_REGIONS_MAX)
        return 0;
    size_t directory_size = snapshot_directory_size(directory);
    if (directory_size > size - CHECKSUM_SIZE - at)
        return 0;
    memcpy(directory, bytes + at, directory_size);
    return at + directory_size;
}

static void facts_read(const struct snapshot_head *head, const struct state_directory *directory,
                       const uint8_t *configuration, struct snapshot_facts *facts)
{
    memset(facts, 0, sizeof *facts);
    memcpy(facts->program, head->program, sizeof facts->program);
    memcpy(facts->pipeline, head->pipeline, sizeof facts->pipeline);
    facts->sequence = directory->sequence;
    facts->chain = directory->chain;
    facts->written_ms = head->written_ms;
    facts->bits = head->bits;
    facts->key_id = head->key_id;
    facts->configuration_digest = head->configuration_digest;
    facts->configuration_size = (size_t)head->configuration_size;
    facts->configuration = malloc(facts->configuration_size + 1);
    ASSERT(facts->configuration);
    memcpy(facts->configuration, configuration, facts->configuration_size);
    facts->configuration[facts->configuration_size] = '\0';
}

enum status snapshot_head_read(const uint8_t *bytes, size_t size, struct snapshot_facts *facts,
                               struct state_directory *directory, struct failure *failure)
{
    struct state_directory own;
    if (!directory)
        directory = &own;
    uint64_t checksum;
    memcpy(&checksum, bytes + size - CHECKSUM_SIZE, CHECKSUM_SIZE);
    if (checksum != hash_fingerprint(bytes, size - CHECKSUM_SIZE))
        return failure_set(failure, STATUS_STOP, "damaged in its head");
    struct snapshot_head head;
    memcpy(&head, bytes, sizeof head);
    size_t configuration = directory_read(bytes, size, directory);
    if (configuration == 0 || head.configuration_size > size - CHECKSUM_SIZE - configuration ||
        !text_is_plain(head.program, sizeof head.program) ||
        !text_is_plain(head.pipeline, sizeof head.pipeline))
        return failure_set(failure, STATUS_STOP, "the parts of its head do not fit together");
    if (directory_check(directory, failure) != STATUS_OK)
        return failure->status;
    if (facts)
        facts_read(&head, directory, bytes + configuration, facts);
    return STATUS_OK;
}

void snapshot_facts_close(struct snapshot_facts *facts)
{
    free(facts->configuration);
    facts->configuration = NULL;
    facts->configuration_size = 0;
}

/* ---- the tail ---- */

static uint64_t tail_checksum(const struct snapshot_tail *tail)
{
    return hash_fingerprint(tail, offsetof(struct snapshot_tail, checksum));
}

void snapshot_tail_seal(struct snapshot_tail *tail)
{
    memcpy(tail->magic, TAIL_MAGIC, sizeof tail->magic);
    tail->checksum = tail_checksum(tail);
    memcpy(tail->end, TAIL_END, sizeof tail->end);
}

/* Bytes that so many pages take in their blocks. */
static uint64_t blocks_size(uint64_t pages)
{
    uint64_t full = pages / SNAPSHOT_BLOCK_PAGES, rest = pages % SNAPSHOT_BLOCK_PAGES;
    return full * snapshot_block_size(SNAPSHOT_BLOCK_PAGES) +
           (rest ? snapshot_block_size(rest) : 0);
}

enum status snapshot_tail_check(const struct snapshot_tail *tail, uint64_t head_bytes,
                                uint64_t head_checksum, uint64_t file_size, struct failure *failure)
{
    if (memcmp(tail->magic, TAIL_MAGIC, sizeof tail->magic) != 0 ||
        memcmp(tail->end, TAIL_END, sizeof tail->end) != 0)
        return failure_set(failure, STATUS_STOP, "no end: it was cut off, torn or never finished");
    if (tail->checksum != tail_checksum(tail))
        return failure_set(failure, STATUS_STOP, "damaged in its tail");
    if (tail->size != file_size)
        return failure_set(failure, STATUS_STOP,
                           "%llu bytes instead of %llu: it was cut off or added to",
                           (unsigned long long)file_size, (unsigned long long)tail->size);
    uint64_t blocks =
        tail->page_count / SNAPSHOT_BLOCK_PAGES + (tail->page_count % SNAPSHOT_BLOCK_PAGES != 0);
    if (tail->page_count > file_size / STATE_PAGE || tail->block_count != blocks ||
        head_bytes + blocks_size(tail->page_count) + sizeof *tail != file_size)
        return failure_set(failure, STATUS_STOP, "the counts in its tail do not fit its size");
    if (tail->head_checksum != head_checksum)
        return failure_set(failure, STATUS_STOP,
                           "the head of one snapshot and the tail of another");
    return STATUS_OK;
}
