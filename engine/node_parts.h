/* A node's inside, shared by its files: node.c (roles), node_recover.c (where it begins),
 * node_follow.c (folding the journal), node_lead.c (writing it). */
#ifndef ENGINE_NODE_PARTS_H
#define ENGINE_NODE_PARTS_H

#include "engine/node.h"

/* The last entry that is known to be in the journal.  The state is there, or ahead of it by the
 * outbox's unsettled entries. */
struct settled {
    uint64_t sequence, chain; /* 0: none */
    int64_t at;               /* its offset */
};

/* State hashes that the journal states, for a node that follows it to its end. */
struct stated_hash {
    uint64_t sequence, hash;
};

/* Pages that one step may change for the first time, generously. */
enum { STEP_PAGES = 4096 };

enum stopping { STOPPING_NOT, STOPPING_SETTLES, STOPPING_HASHES, STOPPING_SAVES };

struct node {
    struct node_setting setting;
    struct world world;
    char *own_text; /* the own configuration, as journalled */
    uint64_t bits, key_id;
    uint64_t lineage; /* the bits of all that the state went through; 0: of several kinds */

    /* what it folds under; own, or as the journal has it */
    struct config *config;
    char *text;
    struct pipeline *pipeline;
    struct inputs *inputs;
    struct engine *engine;

    enum role role;
    bool claimed;    /* since the claim it has owned the journal without a doubt */
    bool anchored;   /* the journal has shown the settled entry */
    bool cold;       /* the state is to be left behind, until an entry that says so has settled */
    bool skipping;   /* therefore entries are passed over to the journal's end */
    const char *gap; /* entries are missing; those after it are passed over to a cold start */
    bool joined;     /* a member of the group, since it was at the journal's end first */
    bool caught_up;  /* it has been at the journal's end */
    struct settled settled;

    /* following */
    struct journal_reader reader;
    bool to_seek;  /* the reader is to be placed at the settled entry */
    bool in_entry; /* in the middle of one, */
    bool folded;   /* some of whose records have been folded */
    bool has_item;
    struct journal_item item;
    int64_t entry_at, arrival_ms;
    uint64_t progress_ns;
    bool scanning; /* collects stated hashes first */
    struct stated_hash *stated;
    uint32_t stated_count, stated_capacity;

    /* leading */
    struct journal_entry *entry;
    bool placing;         /* lanes are being placed that the journal does not name yet */
    uint32_t named_count; /* lanes of the inputs that it names */
    uint64_t offsets_ns;  /* when all offsets were last committed, not only those that moved */
    bool announce_configuration, announce_cold; /* the next entry begins with these items */
    bool running;                               /* a transaction was submitted */
    bool stepping_down;                         /* waits for its end, to follow */
    uint64_t retry_ns, backoff_ns;
    enum stopping stopping;

    struct snapshots *snapshots;
    uint64_t snapshot_ns;    /* when the last one began */
    uint64_t hash_sequence;  /* of it, while its state is this one's past; 0: it is not */
    uint64_t fresh_sequence; /* of the entry at which the state begins; 0: it has settled */
    uint64_t snapshot_turns; /* of the engine, when it began: nothing was folded since if equal */
    uint64_t complained_ns;
    uint64_t
        snapshot_sequence; /* of the one being written whose entry has not committed; 0: none */

    struct node_report report;
};

/* ---- node_recover.c ---- */

/* State, configuration and place in the journal: of the newest usable snapshot, else of the
 * journal's begin. */
enum status node_recover(struct node *node, struct failure *failure);
/* The same for a node that is unannounced and may not lead after all. */
enum status node_recover_unannounced(struct node *node, struct failure *failure);

/* A pipeline under `text`, whose state is taken over from what there is now as far as it is
 * unchanged (logged), or anew. */
enum status node_reconfigure(struct node *node, const char *text, size_t size,
                             struct failure *failure);
/* The state begins anew at this place of the journal. */
enum status node_begin_cold(struct node *node, struct failure *failure);
/* Closes engine, inputs and pipeline. */
void node_forget(struct node *node);

/* ---- node_follow.c ---- */

/* OK: something was read or folded.  RETRY: nothing now.  END: the journal's end. */
enum status node_follow(struct node *node, struct failure *failure);

/* STOP: the journal cannot be followed any further. */
enum status node_refuse(const struct node *node, struct failure *failure, const char *what);

/* ---- node_lead.c ---- */

enum status node_lead_begin(struct node *node, struct failure *failure);
enum status node_lead(struct node *node, struct failure *failure);
/* Back to following, with what is unsettled kept. */
enum status node_step_down(struct node *node, struct failure *failure);
/* A snapshot of the state as it is, if one is due or `now`. */
void node_snapshot(struct node *node, bool now);
/* What holds it up, now and then. */
void node_complain(struct node *node, const char *text);
/* Entry `sequence` is in the journal. */
void node_settled(struct node *node, uint64_t sequence, uint64_t chain, int64_t at);

/* ---- node.c ---- */

static inline uint64_t node_sequence(const struct node *node)
{
    return node->pipeline->state.directory->sequence;
}

/* The state is under a configuration, or a beginning, or its inputs stand where the journal does
 * not know yet: it may be led with, nothing else. */
static inline bool node_is_unannounced(const struct node *node)
{
    return node->announce_configuration || node->announce_cold || node->placing;
}

/* Whether a step may change pages while a snapshot is written. */
static inline bool node_has_room(const struct node *node)
{
    uint64_t slots = (uint64_t)config_aside(node->setting.config) / STATE_PAGE / 2;
    return !node->snapshots ||
           snapshots_has_room(node->snapshots, slots < STEP_PAGES ? slots : STEP_PAGES);
}

static inline uint64_t node_now_ns(const struct node *node)
{
    return clock_monotonic_ns(node->world.clock);
}

#endif
