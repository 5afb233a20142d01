/* A node: one process of a pipeline that has a journal.  It follows the journal, or leads it.
 *
 *     FOLLOWING   reads entries, takes from the inputs the runs that they name, folds them, drops
 *                 the outputs (their digest is compared).  Recovery, standby and
 *                 `weir replay --journal` are this and nothing else.
 *     CLAIMING    owns the journal: claims it (sinks/ledger.h), then follows to its end
 *     LEADING     chooses the order and delivers
 *
 * Whatever is doubtful (a commit without an answer, a lost lead) leads back to FOLLOWING with the
 * unsettled entries kept: the journal shows them, entry by entry, as committed; or, after the next
 * claim, ends before them: they are submitted again; or shows others in their place: somebody else
 * led, and the state, which ran ahead, is dropped and recovered from a snapshot.  So the journal
 * alone says what has committed.
 *
 * The node turns an engine as a replay does; it knows no libuv and no Kafka. */
#ifndef ENGINE_NODE_H
#define ENGINE_NODE_H

#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/snapshot.h"

enum role { ROLE_FOLLOWING, ROLE_CLAIMING, ROLE_LEADING };

struct node_setting {
    struct config *config; /* this process's own; leads under it.  Stays the caller's */
    const struct world *world;
    bool cold_start; /* leave the state behind: begin anew at the inputs' committed offsets */
    bool threaded;   /* the snapshots' writer has a thread; otherwise node->snapshots is stepped */
    /* As struct engine's, for whatever engine runs. */
    void (*on_batch)(void *self, const struct batch *batch);
    void *on_batch_self;
    bool to_end; /* END when the journal has been followed to its end; never leads */
};

struct node_report {
    enum role role;
    uint64_t sequence, chain;   /* of the last entry folded */
    uint64_t followed, led;     /* entries */
    uint64_t replayed;          /* records folded silently since the start */
    uint64_t aborted, doubtful; /* settlements */
    uint64_t dropped;           /* times that the state was dropped */
    uint64_t hashes_equal;      /* state hashes of the journal that were compared and equal */
};

struct node;

/* Recovers the newest usable snapshot of the disk, or begins with nothing.  STOP: there is state
 * that cannot be used (the failure names the ways out). */
enum status node_open(struct node **result, const struct node_setting *setting,
                      struct failure *failure);

/* One turn.  OK: something was done.  RETRY: nothing to do now.  END: to_end, or stopped in order,
 * or all inputs have ended and everything has settled.  STOP: the process must end; what had
 * committed is safe. */
enum status node_turn(struct node *node, struct failure *failure);

/* Asks for an orderly end: a leader settles what it decided, journals the state's hash, writes a
 * snapshot; node_turn returns END when that is done. */
void node_stop(struct node *node);

/* What runs at the moment; another engine after the state was dropped or the configuration changed.
 */
struct engine *node_engine(struct node *node);
struct snapshots *node_snapshots(struct node *node); /* NULL without a disk */
void node_report(const struct node *node, struct node_report *report);

/* Without an orderly end: as a crash leaves it.  The ledger is closed before: until then it may
 * still read what was submitted. */
void node_close(struct node *node);

#endif
