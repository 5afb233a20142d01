/* Snapshots: the state as of the end of one journal entry, in one file of the state directory.
 * docs/snapshot.md describes the bytes: a head (what it is and of which configuration), blocks of
 * pages with a checksum each, a tail (counts, the state's hash, where in the journal it stands).
 *
 *     snapshots_begin       loop: freezes the state's image at the end of entry `sequence`
 *     (writer)              pages to a file, on its own thread; or snapshots_step, in a test
 *     snapshots_commit      loop: entry `sequence` has committed: it may be published
 *     snapshots_turn        loop: ended; a published one replaces the oldest of those kept
 *
 * A file is written under a temporary name, synced, renamed, and the names synced.  It is published
 * only after its own entry has committed, so no snapshot is ever ahead of the journal.  Whatever
 * fails on the way (no space, an error of the disk) ends this one snapshot with a warning; the
 * service goes on and the next one is tried at its time. */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include "base/clock.h"
#include "base/disk.h"
#include "base/image.h"

enum { SNAPSHOT_VERSION = 2, SNAPSHOT_KEPT_MAX = 16 };

/* What a snapshot says about itself. */
struct snapshot_facts {
    char pipeline[128];
    char program[32]; /* version of weir that wrote it */
    uint64_t sequence, chain;
    int64_t journal_at; /* offset of entry `sequence` in the journal: a reader placed there sees
                           first the entry that the state knows already, and checks it */
    int64_t written_ms; /* wall clock, for people */
    uint64_t bits;      /* base/bits.h */
    uint64_t key_id;    /* which hash key, not the key */
    uint64_t state_hash;
    uint64_t page_count, size; /* pages in it; bytes of the file */
    uint64_t configuration_digest;
    char *configuration; /* its text, as journalled; snapshot_facts_close frees it */
    size_t configuration_size;
};

void snapshot_facts_close(struct snapshot_facts *facts);

/* ---- writing ---- */

struct snapshots; /* the writer and its directory */

struct snapshots_setting {
    struct disk disk;
    const struct clock *clock;
    uint32_t keep;       /* usable ones that stay; at least 2 */
    uint64_t aside_size; /* bytes for pages copied aside */
    bool threaded;       /* writes on threads of its own; otherwise snapshot_step does */
    bool often;          /* one soon follows the other: the memory of the copies is kept */
};

enum status snapshots_open(struct snapshots **made, const struct snapshots_setting *setting,
                           struct failure *failure);
/* Stops what is being written; nothing of it stays. */
void snapshots_close(struct snapshots *snapshots);

/* From snapshots_begin until snapshots_turn has ended it. */
bool snapshots_busy(const struct snapshots *snapshots);

/* Begins one of the state as it is now, whose directory must name the facts' sequence and chain.
 * The facts are copied; sizes, hash, journal_at and written_ms are filled in.  Not while busy. */
void snapshots_begin(struct snapshots *snapshots, struct state *state,
                     const struct snapshot_facts *facts);

/* Its entry has committed; it lies at `journal_at` in the journal.  Nothing happens when not busy.
 */
void snapshots_commit(struct snapshots *snapshots, int64_t journal_at);

/* Its entry will not be what committed: it is given up.  Afterwards the state may be closed: the
 * loop waits here for the writer to leave its pages, at most for the write or sync under way. */
void snapshots_drop(struct snapshots *snapshots);

/* Loop: somebody waits for snapshots from now on (the program ends), so the writer is to be quick.
 */
void snapshots_hurry(struct snapshots *snapshots);

/* Loop: whether it may change so many pages for the first time; if not, let the writer go on, which
 * is quicker from when three quarters of the room are taken. */
bool snapshots_has_room(struct snapshots *snapshots, uint64_t pages);

/* Loop, each turn: ends what is written and committed.  OK: one was just published, *facts says
 * what it is (to be closed by the caller).  RETRY: nothing new; a failure was logged.  While the
 * entry has not committed, it gives the image back as soon as all pages are written. */
enum status snapshots_turn(struct snapshots *snapshots, struct snapshot_facts *facts);

/* Not threaded: writes at most so many pages; or, all being written and the entry committed,
 * publishes. */
void snapshots_step(struct snapshots *snapshots, uint64_t pages);

/* Waits until the one being written has ended, at most timeout_ms (threaded only): then
 * snapshots_turn says how.  It ends only after snapshots_commit or snapshots_drop. */
bool snapshots_wait(struct snapshots *snapshots, int timeout_ms);

/* Counts for the report.  A pause is what snapshots took of the loop between two calls of
 * snapshots_turn: freezing, copying aside, giving back, and waiting for room; only those turns
 * count in which there was any. */
struct snapshots_report {
    uint64_t written, failed, pages, bytes, last_sequence, last_duration_ms;
    uint64_t pauses, pause_sum_ns, pause_p99_9_ns, pause_maximum_ns;
};
void snapshots_report(const struct snapshots *snapshots, struct snapshots_report *report);

/* ---- reading ---- */

/* Names of all snapshots of the directory, newest (highest sequence) first; at most `most`.  What
 * they are named for is not what they hold: check.  failure->status is OK, or says why 0. */
uint32_t snapshot_list(const struct disk *disk, char (*names)[DISK_NAME_MAX], uint32_t most,
                       struct failure *failure);

/* Reads and checks head and tail; with `whole` all blocks too.  STOP: torn, damaged, foreign or of
 * a newer version, said so. */
enum status snapshot_check(const struct disk *disk, const char *name, bool whole,
                           struct snapshot_facts *facts, struct failure *failure);

/* Its directory of regions, for describing it by part; the head must be good. */
enum status snapshot_directory(const struct disk *disk, const char *name,
                               struct state_directory *directory, struct failure *failure);

/* Reads it into a mapping of its own layout (state_open by the snapshot's directory): the caller
 * closes it, whole and verified.  progress may be NULL; it is called with bytes done and in all. */
enum status snapshot_load(const struct disk *disk, const char *name, struct state *state,
                          struct snapshot_facts *facts,
                          void (*progress)(void *self, uint64_t done, uint64_t all), void *self,
                          struct failure *failure);

/* Renames all of them to aside-NAME, where nobody looks for them: they belong to a past that the
 * journal no longer has.  A warning if that fails. */
void snapshot_set_aside(const struct disk *disk);

/* Removes what a crash left half written. */
void snapshot_sweep(const struct disk *disk);

#endif
