/* The journal's entries: which records were folded, in which order, when they came, and whatever
 * enters the fold that is in no input topic.  An entry is one record of the journal's topic,
 * written in the transaction that holds its outputs and its offsets.  docs/journal.md describes the
 * bytes.
 *
 *     head    magic, version, sequence, chain of the entry before, bits and configuration digests,
 *             digest of the outputs, their number
 *     items   in the order of the fold:
 *               LANE input partition next    names the next lane; lanes are numbered from 0 as they
 *                                            come, by the state's table of positions
 *               RUN lane from to count       `count` records of the lane, offsets within [from, to)
 *               ARRIVAL ms                   the leader's clock, for all rows up to the next one
 *               CONTROL bytes                a record of the engine: a model, a promotion
 *               CONFIGURATION bytes          folds on under this one; only as the first item
 *               COLD                         the state began anew here; only first, or after it
 *               STATE_HASH sequence hash     what the state was after that entry
 *     chain   hash of all bytes before: the next entry names it
 *
 * Numbers are variable-length; a run that goes on where its lane stood needs two to four bytes.
 *
 * The lanes' table and their positions are the fold's own (struct journal_lanes): a row of the
 * state each, so that writer and reader number them alike and a snapshot knows where to go on. */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include "base/buffer.h"
#include "base/state.h"
#include "base/status.h"
#include <stdbool.h>

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_LANES_MAX = 1024,
    JOURNAL_HEAD_SIZE = 64,
    JOURNAL_ENTRY_MAX = 64 << 20, /* bytes, models included */
};

/* ---- the table of lanes, in the state ---- */

struct journal_lane {
    uint64_t input; /* fingerprint of the input's name (its topic); 0: unused row */
    int64_t partition;
    int64_t next; /* offset of the record to read next */
};

struct journal_lanes {
    uint32_t region;
};

void journal_lanes_declare(struct journal_lanes *lanes, struct state_layout *layout);
uint32_t journal_lanes_count(const struct journal_lanes *lanes, const struct state *state);
const struct journal_lane *journal_lanes_row(const struct journal_lanes *lanes,
                                             const struct state *state, uint32_t lane);
/* UINT32_MAX: it has none yet. */
uint32_t journal_lanes_find(const struct journal_lanes *lanes, const struct state *state,
                            uint64_t input, int64_t partition);

/* ---- writing ---- */

struct journal_head {
    uint64_t sequence, previous; /* previous: chain of the entry before; 0 for the first */
    uint64_t bits;               /* digest of the machine's arithmetic (base/bits.h) */
    uint64_t configuration;      /* digest of its text */
    uint64_t outputs_digest;
    uint64_t output_count;
};

/* An entry being written.  Its positions run ahead of the state's by what it holds. */
struct journal_entry {
    struct buffer items;     /* the caller's memory, JOURNAL_ENTRY_MAX of address space */
    size_t preamble;         /* bytes of the configuration's item */
    int64_t arrival_ms;      /* of the last ARRIVAL written; INT64_MIN: none yet */
    int64_t next_arrival_ms; /* of the rows to come: written before the first of them */
    uint32_t run_lane;       /* of the open run; UINT32_MAX: none */
    int64_t run_stood;       /* where its lane stood before it */
    int64_t run_from;        /* its end is where the lane stands */
    uint64_t run_count, records;
    uint32_t lane_count;
    struct journal_lane lane[JOURNAL_LANES_MAX];
    uint16_t slot[2 * JOURNAL_LANES_MAX]; /* the lanes by name, hashed: 1 + lane; 0: empty */
};

/* Empty again; positions as they stand in the state. */
void journal_entry_begin(struct journal_entry *entry, const struct journal_lanes *lanes,
                         const struct state *state);
/* Of the rows to come; without any it leaves no trace. */
void journal_entry_arrival(struct journal_entry *entry, int64_t arrival_ms);
/* Names a lane, with the offset at which it begins; one that is known is passed over.  False: there
 * is no number left for it. */
bool journal_entry_lane(struct journal_entry *entry, uint64_t input, int64_t partition,
                        int64_t next);
/* A record was taken; runs are joined.  A lane's offsets ascend; one that was not named begins with
 * its first record. */
void journal_entry_record(struct journal_entry *entry, uint64_t input, int64_t partition,
                          int64_t offset);
void journal_entry_control(struct journal_entry *entry, const void *bytes, size_t size);
void journal_entry_configuration(struct journal_entry *entry, const void *bytes, size_t size);
void journal_entry_cold(struct journal_entry *entry);
void journal_entry_state_hash(struct journal_entry *entry, uint64_t sequence, uint64_t hash);
/* Whether it holds anything that must be journalled. */
bool journal_entry_is_empty(const struct journal_entry *entry);

/* Ends it: head, items and chain into `record` (emptied first); returns the chain. */
uint64_t journal_entry_finish(struct journal_entry *entry, const struct journal_head *head,
                              struct buffer *record);
/* Brings the state's table to where the entry ends, and its directory to (sequence, chain). */
void journal_entry_apply(const struct journal_entry *entry, const struct journal_lanes *lanes,
                         struct state *state, uint64_t sequence, uint64_t chain);

/* ---- reading ---- */

/* The numbers are written: they never change. */
enum journal_item_kind {
    JOURNAL_RUN = 0,
    JOURNAL_ARRIVAL = 1,
    JOURNAL_CONTROL = 2,
    JOURNAL_CONFIGURATION = 3,
    JOURNAL_COLD = 4,
    JOURNAL_STATE_HASH = 5,
    JOURNAL_LANE = 6,
};

struct journal_item {
    enum journal_item_kind kind;
    uint32_t lane;  /* RUN; LANE: the number it gets */
    uint64_t input; /* RUN and LANE: of the lane */
    int64_t partition;
    int64_t from, to;   /* RUN: offsets; LANE: from, where it begins */
    uint64_t count;     /* RUN: of records */
    int64_t arrival_ms; /* ARRIVAL */
    const void *bytes;  /* CONTROL, CONFIGURATION */
    size_t size;
    uint64_t sequence, hash; /* STATE_HASH */
};

struct journal_reader {
    struct journal_head head;
    uint64_t chain;
    const uint8_t *at, *end;
    uint64_t item_count;          /* read so far */
    enum journal_item_kind first; /* kind of the first */
    int64_t arrival_ms;
    bool lanes_known;
    uint32_t lane_count;
    struct journal_lane lane[JOURNAL_LANES_MAX]; /* positions as of the items read so far */
};

/* Checks a record as a whole (magic, version, sizes, checksum) and reads its head; the bytes must
 * stay.  STOP: damaged, foreign, or of a newer version, said so. */
enum status journal_read(struct journal_reader *reader, const void *bytes, size_t size,
                         struct failure *failure);
/* Before its items: where the lanes stand when the entry begins.  Items can be read without it;
 * then a RUN has the number of its lane and its count only. */
void journal_read_lanes(struct journal_reader *reader, const struct journal_lanes *lanes,
                        const struct state *state);
/* OK: an item; END: no more; STOP: nonsense inside (a lane without a name, a run backwards).  After
 * COLD no lane has a name. */
enum status journal_read_item(struct journal_reader *reader, struct journal_item *item,
                              struct failure *failure);
/* All items read: the state's table and directory as of this entry's end. */
void journal_read_apply(const struct journal_reader *reader, const struct journal_lanes *lanes,
                        struct state *state);

#endif
