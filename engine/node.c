/* A node's turns and roles; see node.h.
 *
 *     node_turn
 *       snapshots_turn                    a snapshot that was published
 *       LEADING    node_lead              settle, close what is due, decide
 *       otherwise  node_follow            read, compare or fold
 *                  claim                  when it owns the journal
 *                  node_lead_begin        when it has claimed and read to the end */
#include "base/assert.h"
#include "base/bits.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/node_parts.h"
#include <stdlib.h>
#include <string.h>

/* Memory is kept for copies between snapshots that are no further apart. */
enum { OFTEN_MS = 10000 };

static enum status open_snapshots(struct node *node, struct failure *failure)
{
    const struct config *config = node->setting.config;
    if (!node->world.disk.kind || node->setting.to_end)
        return STATUS_OK;
    snapshot_sweep(&node->world.disk);
    const struct snapshots_setting setting = {
        .disk = node->world.disk,
        .clock = node->world.clock,
        .keep = (uint32_t)config->state.keep,
        .aside_size = (uint64_t)config_aside(config),
        .threaded = node->setting.threaded,
        .often = config->state.every_ms <= OFTEN_MS,
    };
    return snapshots_open(&node->snapshots, &setting, failure);
}

enum status node_open(struct node **result, const struct node_setting *setting,
                      struct failure *failure)
{
    struct node *node = calloc(1, sizeof *node);
    ASSERT(node && setting->world->ledger.kind);
    node->setting = *setting;
    node->world = *setting->world;
    node->own_text = config_journalled(setting->config);
    node->bits = bits_digest();
    node->key_id = hash_key_id(setting->config->key);
    node->entry = calloc(1, sizeof *node->entry);
    char *items = malloc(JOURNAL_ENTRY_MAX);
    ASSERT(node->entry && items);
    buffer_init(&node->entry->items, items, JOURNAL_ENTRY_MAX);
    node->cold = setting->cold_start;
    node->snapshot_ns = node_now_ns(node);
    enum status status = open_snapshots(node, failure);
    if (status == STATUS_OK)
        status = node_recover(node, failure);
    if (status != STATUS_OK) {
        node_close(node);
        return status;
    }
    *result = node;
    return STATUS_OK;
}

static void serve_snapshots(struct node *node)
{
    struct snapshot_facts facts;
    if (!node->snapshots || snapshots_turn(node->snapshots, &facts) != STATUS_OK)
        return;
    log_info("snapshot", "published sequence=%llu pages=%llu bytes=%llu hash=%016llx",
             (unsigned long long)facts.sequence, (unsigned long long)facts.page_count,
             (unsigned long long)facts.size, (unsigned long long)facts.state_hash);
    if (node->role == ROLE_LEADING && node->hash_sequence == facts.sequence)
        journal_entry_state_hash(node->entry, facts.sequence, facts.state_hash);
    snapshot_facts_close(&facts);
}

void node_complain(struct node *node, const char *text)
{
    uint64_t now_ns = node_now_ns(node);
    if (node->complained_ns && now_ns - node->complained_ns < UINT64_C(10000000000))
        return;
    node->complained_ns = now_ns;
    log_warning("node", "waiting: %s", text);
}

/* A claim counts only as long as the group has not been left since. */
static enum status claim(struct node *node, bool owns, struct failure *failure)
{
    if (!owns) {
        node->claimed = false;
        node->role = ROLE_FOLLOWING;
        return node_is_unannounced(node) ? node_recover_unannounced(node, failure) : STATUS_RETRY;
    }
    if (node->claimed || node->in_entry)
        return STATUS_RETRY;
    node->role = ROLE_CLAIMING;
    enum status status = node->world.ledger.kind->claim(node->world.ledger.self, failure);
    node->claimed = status == STATUS_OK;
    return status;
}

/* The journal's end was reached: what the state rests on must have been seen in it. */
static enum status at_end(struct node *node, struct failure *failure)
{
    if (!node->anchored && node->settled.sequence > 0)
        return failure_set(failure, STATUS_STOP,
                           "the journal %s does not hold entry %llu, which the state has seen: it "
                           "was cut off or made anew; `weir run --cold-start` leaves the state "
                           "behind and begins anew",
                           node->setting.config->journal,
                           (unsigned long long)node->settled.sequence);
    if (node->gap)
        return node_refuse(node, failure, node->gap);
    if (node->scanning)
        return node_recover(node, failure);
    node->caught_up = true;
    if (!node->setting.to_end && !node->joined)
        node->world.ledger.kind->join(node->world.ledger.self);
    node->joined = !node->setting.to_end;
    if (node->setting.to_end)
        return STATUS_END;
    return node->claimed ? node_lead_begin(node, failure) : STATUS_RETRY;
}

/* A last snapshot, if the state is one that the journal knows. */
static enum status stop_following(struct node *node)
{
    bool whole = !node->in_entry && !node->skipping && !node_is_unannounced(node) &&
                 !outbox_unsettled(&node->engine->outbox);
    if (node->snapshot_sequence != 0) /* this node will not see its entry settled any more */
        snapshots_drop(node->snapshots);
    node->snapshot_sequence = 0;
    if (node->snapshots)
        snapshots_hurry(node->snapshots);
    if (node->snapshots && snapshots_busy(node->snapshots))
        return STATUS_RETRY;
    if (node->stopping == STOPPING_SAVES)
        return STATUS_END;
    node->stopping = STOPPING_SAVES;
    if (whole)
        node_snapshot(node, true);
    return STATUS_OK;
}

static enum status follow(struct node *node, bool owns, struct failure *failure)
{
    if (node->stopping)
        return stop_following(node);
    /* What has turned out to be final may still have to reach a console or a file. */
    if (outbox_service(&node->engine->outbox, false, failure) == STATUS_STOP)
        return STATUS_STOP;
    enum status claimed = claim(node, owns, failure);
    if (claimed != STATUS_RETRY)
        return claimed;
    enum status status = node_follow(node, failure);
    return status == STATUS_END ? at_end(node, failure) : status;
}

enum status node_turn(struct node *node, struct failure *failure)
{
    const struct ledger *ledger = &node->world.ledger;
    serve_snapshots(node);
    bool owns = !node->setting.to_end && ledger->kind->owns(ledger->self) && node->joined;
    if (node->role != ROLE_LEADING)
        return follow(node, owns, failure);
    if (!owns && !node->stepping_down)
        log_info("node", "the lead is lost at sequence=%llu: following",
                 (unsigned long long)node->settled.sequence);
    node->stepping_down = node->stepping_down || !owns;
    return node->stepping_down ? node_step_down(node, failure) : node_lead(node, failure);
}

void node_stop(struct node *node)
{
    if (node->stopping == STOPPING_NOT)
        node->stopping = STOPPING_SETTLES;
}

struct engine *node_engine(struct node *node)
{
    return node->engine;
}

struct snapshots *node_snapshots(struct node *node)
{
    return node->snapshots;
}

void node_report(const struct node *node, struct node_report *report)
{
    *report = node->report;
    report->role = node->role;
    report->sequence = node_sequence(node);
    report->chain = node->pipeline->state.directory->chain;
}

void node_close(struct node *node)
{
    if (!node)
        return;
    if (node->snapshots)
        snapshots_close(node->snapshots);
    node_forget(node);
    free(node->entry->items.bytes);
    free(node->entry);
    free(node->stated);
    free(node->own_text);
    free(node);
}
