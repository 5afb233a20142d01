/* Leading: entries are closed, settled in order, one transaction at a time; meanwhile the next one
 * grows.  So at load an entry is as large as what came while the one before it committed. */
#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/node_parts.h"
#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST_NS UINT64_C(50000000)
#define BACKOFF_MOST_NS UINT64_C(5000000000)
#define OFFSETS_EVERY_NS UINT64_C(3600000000000)

/* ---- snapshots ---- */

void node_snapshot(struct node *node, bool now)
{
    uint64_t now_ns = node_now_ns(node);
    uint64_t every_ns = (uint64_t)node->setting.config->state.every_ms * 1000000U;
    if (!node->snapshots || snapshots_busy(node->snapshots) || node_sequence(node) == 0 ||
        (!now &&
         (now_ns - node->snapshot_ns < every_ns || node->engine->turns == node->snapshot_turns)))
        return;
    node->snapshot_turns = node->engine->turns;
    node->snapshot_ns = now_ns;
    struct snapshot_facts facts = {
        .sequence = node_sequence(node),
        .chain = node->pipeline->state.directory->chain,
        .bits = node->lineage,
        .key_id = node->key_id,
        .configuration_digest = hash_fingerprint(node->text, strlen(node->text)),
        .configuration = node->text,
        .configuration_size = strlen(node->text),
    };
    snprintf(facts.pipeline, sizeof facts.pipeline, "%s", node->config->name);
    snprintf(facts.program, sizeof facts.program, "%s", WEIR_VERSION);
    snapshots_begin(node->snapshots, &node->pipeline->state, &facts);
    node->snapshot_sequence = node->hash_sequence = facts.sequence;
    if (node->settled.sequence == facts.sequence)
        node_settled(node, facts.sequence, facts.chain, node->settled.at);
}

void node_settled(struct node *node, uint64_t sequence, uint64_t chain, int64_t at)
{
    node->settled = (struct settled){sequence, chain, at};
    if (sequence == node->fresh_sequence && sequence > 0) {
        node->fresh_sequence = 0;
        node->cold = false;
        if (node->world.disk.kind)
            snapshot_set_aside(&node->world.disk);
    }
    if (node->snapshot_sequence != sequence || sequence == 0)
        return;
    snapshots_commit(node->snapshots, at);
    node->snapshot_sequence = 0;
}

/* ---- closing an entry ---- */

static const char *input_topic(const struct node *node, uint64_t fingerprint)
{
    for (uint32_t i = 0; i < node->inputs->count; i++)
        if (node->inputs->input[i].fingerprint == fingerprint)
            return node->inputs->input[i].name;
    return NULL; /* of an earlier configuration: not read any more */
}

/* The lanes that moved, as the group shall know them.  Brokers forget offsets that are old, so all
 * of them are told again now and then. */
static void collect_offsets(struct node *node, struct entry *entry)
{
    const struct state *state = &node->pipeline->state;
    uint32_t known = journal_lanes_count(&node->pipeline->lanes, state);
    uint64_t now_ns = node_now_ns(node);
    if (node->offsets_ns == 0 || now_ns - node->offsets_ns > OFFSETS_EVERY_NS) {
        node->offsets_ns = now_ns;
        known = 0;
    }
    for (uint32_t i = 0; i < node->entry->lane_count; i++) {
        const struct journal_lane *lane = &node->entry->lane[i];
        const char *topic = input_topic(node, lane->input);
        if (!topic ||
            (i < known && journal_lanes_row(&node->pipeline->lanes, state, i)->next == lane->next))
            continue;
        entry->offsets[entry->offset_count++] =
            (struct ledger_offset){topic, (int32_t)lane->partition, lane->next};
    }
}

static void close_entry(struct node *node, struct entry *entry)
{
    struct state *state = &node->pipeline->state;
    const struct journal_head head = {
        .sequence = node_sequence(node) + 1,
        .previous = state->directory->chain,
        .bits = node->lineage,
        .configuration = hash_fingerprint(node->text, strlen(node->text)),
        .outputs_digest = outbox_digest(entry),
        .output_count = entry->output_count,
    };
    collect_offsets(node, entry);
    entry->journal_sequence = head.sequence;
    entry->chain = journal_entry_finish(node->entry, &head, &entry->record);
    ASSERT(!entry->record.overflow && !node->entry->items.overflow);
    journal_entry_apply(node->entry, &node->pipeline->lanes, state, head.sequence, entry->chain);
    outbox_close_entry(&node->engine->outbox);
    journal_entry_begin(node->entry, &node->pipeline->lanes, state);
    node->report.led++;
    node_snapshot(node, false);
}

/* While a transaction is under way the open entry grows, unless it is full. */
static bool is_due(const struct node *node, struct entry *entry)
{
    struct outbox *outbox = &node->engine->outbox;
    if (journal_entry_is_empty(node->entry))
        return false;
    uint64_t now_ns = node_now_ns(node);
    if (entry->opened_ns == 0)
        entry->opened_ns = now_ns;
    if (!outbox_has_room(outbox) || node->entry->items.size > JOURNAL_ENTRY_MAX / 4 ||
        entry->records >= (uint64_t)node->config->commit_records)
        return true;
    if (outbox_unsettled(outbox))
        return false;
    return node->stopping || now_ns - entry->opened_ns >= outbox->commit_ns;
}

/* ---- settling ---- */

static enum status submit(struct node *node)
{
    struct entry *entry = outbox_unsettled(&node->engine->outbox);
    if (node->running || !entry || node_now_ns(node) < node->retry_ns)
        return STATUS_RETRY;
    const struct transaction transaction = {
        .sequence = entry->journal_sequence,
        .outputs = entry->outputs,
        .output_count = entry->output_count,
        .entry = entry->record.bytes,
        .entry_size = entry->record.size,
        .offsets = entry->offsets,
        .offset_count = entry->offset_count,
    };
    node->world.ledger.kind->submit(node->world.ledger.self, &transaction);
    node->running = true;
    return STATUS_OK;
}

static enum status try_again(struct node *node, const struct failure *why, struct failure *failure)
{
    node->report.aborted++;
    if (why->status == STATUS_STOP) {
        *failure = *why;
        return STATUS_STOP;
    }
    node->backoff_ns = node->backoff_ns ? node->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (node->backoff_ns > BACKOFF_MOST_NS)
        node->backoff_ns = BACKOFF_MOST_NS;
    node->retry_ns = node_now_ns(node) + node->backoff_ns;
    log_warning("node", "a transaction was aborted and is sent again in %llu ms: %s",
                (unsigned long long)(node->backoff_ns / 1000000U), why->text);
    return STATUS_OK;
}

static enum status settle(struct node *node, struct failure *failure)
{
    if (!node->running)
        return STATUS_RETRY;
    int64_t at = -1;
    struct failure why = {0};
    const struct ledger *ledger = &node->world.ledger;
    enum settlement settlement = ledger->kind->settlement(ledger->self, &at, &why);
    if (settlement == SETTLEMENT_RUNNING)
        return STATUS_RETRY;
    ASSERT(settlement != SETTLEMENT_NONE);
    node->running = false;
    if (settlement == SETTLEMENT_ABORTED)
        return try_again(node, &why, failure);
    if (settlement == SETTLEMENT_DOUBTFUL) {
        node->report.doubtful++;
        log_warning("node", "it is not known whether entry sequence=%llu has committed: %s",
                    (unsigned long long)node->settled.sequence + 1, why.text);
        if (why.status == STATUS_STOP) {
            *failure = why;
            return STATUS_STOP;
        }
        return node_step_down(node, failure);
    }
    struct entry *entry = outbox_unsettled(&node->engine->outbox);
    entry->final = true;
    node->backoff_ns = node->retry_ns = 0;
    node_settled(node, entry->journal_sequence, entry->chain, at);
    return STATUS_OK;
}

/* ---- the lead ---- */

/* The configuration and the state that it leads with. */
static enum status prepare(struct node *node, struct failure *failure)
{
    bool first = node->settled.sequence == 0;
    bool cold = node->skipping && !first;
    int64_t newest_ms = pipeline_fold(node->pipeline)->newest_ms;
    char *text = newest_ms == WATERMARK_NONE
                     ? strdup(node->own_text)
                     : config_keep_zones(node->own_text, node->text, newest_ms);
    ASSERT(text);
    bool changed = strcmp(node->text, text) != 0;
    enum status status = STATUS_OK;
    if (changed)
        status = node_reconfigure(node, text, strlen(text), failure);
    free(text);
    if (status == STATUS_OK && cold)
        status = node_begin_cold(node, failure);
    node->announce_configuration |= first || changed || cold;
    node->announce_cold |= cold;
    node->skipping = false;
    return status;
}

/* A group that has read these inputs, and no journal: it was deleted, or nothing of it is left. */
static enum status check_begin(const struct node *node, struct failure *failure)
{
    if (node->settled.sequence > 0 || node->cold || !inputs_have_begun(node->inputs))
        return STATUS_OK;
    return failure_set(
        failure, STATUS_STOP,
        "the group %s has read the inputs before, but the journal %s is empty and "
        "there is no snapshot: `weir run --cold-start` goes on at the group's offsets "
        "with windows and models that begin anew",
        node->config->group, node->config->journal);
}

/* Whoever goes on shall begin where this leader did. */
static enum status name_lanes(struct node *node, struct failure *failure)
{
    const struct inputs *inputs = node->inputs;
    if (node->named_count == inputs->lane_count || !outbox_open_entry(&node->engine->outbox))
        return STATUS_OK;
    node->named_count = 0;
    for (uint32_t i = 0; i < inputs->lane_count; i++) {
        const struct lane *lane = &inputs->lane[i];
        if (!lane->placed)
            continue;
        node->named_count++;
        if (!journal_entry_lane(node->entry, inputs->input[lane->input].fingerprint, lane->lane,
                                lane->next_offset))
            return failure_set(
                failure, STATUS_STOP,
                "the journal has named %d partitions, topics that are no longer read "
                "included, and no more can be named: `weir run --cold-start` begins "
                "anew",
                JOURNAL_LANES_MAX);
    }
    return STATUS_OK;
}

/* Every lane goes on where the journal left it.  RETRY: a source does not show its partition yet.
 */
static enum status place_lanes(struct node *node, struct failure *failure)
{
    const struct state *state = &node->pipeline->state;
    uint32_t count = journal_lanes_count(&node->pipeline->lanes, state);
    for (uint32_t i = 0; i < count; i++) {
        const struct journal_lane *row = journal_lanes_row(&node->pipeline->lanes, state, i);
        if (!input_topic(node, row->input))
            continue;
        uint32_t lane;
        enum status status =
            inputs_lane(node->inputs, row->input, row->partition, row->next, &lane, failure);
        if (status != STATUS_OK)
            return status;
    }
    node->placing = true;
    return inputs_merge(node->inputs, failure);
}

/* What the first entry of a lead begins with. */
static enum status announce(struct node *node, struct failure *failure)
{
    journal_entry_begin(node->entry, &node->pipeline->lanes, &node->pipeline->state);
    if (node->announce_configuration)
        journal_entry_configuration(node->entry, node->text, strlen(node->text));
    if (node->announce_cold)
        journal_entry_cold(node->entry);
    if (node->announce_cold || node_sequence(node) == 0)
        node->fresh_sequence = node_sequence(node) + 1;
    node->announce_configuration = node->announce_cold = false;
    node->named_count = 0;
    node->offsets_ns = 0;
    return name_lanes(node, failure);
}

enum status node_lead_begin(struct node *node, struct failure *failure)
{
    bool unsettled = outbox_unsettled(&node->engine->outbox) != NULL;
    enum status status = unsettled ? STATUS_OK : prepare(node, failure);
    if (status == STATUS_OK)
        status = place_lanes(node, failure);
    if (status == STATUS_RETRY)
        node_complain(node, failure->text);
    if (status == STATUS_OK && !unsettled)
        status = check_begin(node, failure);
    if (status == STATUS_OK)
        status = outbox_lead(&node->engine->outbox, node->config, failure);
    if (status == STATUS_OK)
        status = announce(node, failure);
    if (status != STATUS_OK)
        return status;
    node->placing = false;
    node->engine->entry = node->entry;
    node->engine->first_events = node->engine->events;
    node->role = ROLE_LEADING;
    node->retry_ns = node->backoff_ns = 0;
    log_info("node", "leading after sequence=%llu%s", (unsigned long long)node->settled.sequence,
             unsettled ? "; what is unsettled is sent again" : "");
    return STATUS_OK;
}

/* Placed where a first reading begins, and no entry could name it any more: by the time that it is
 * read, another leader may have moved that place. */
static bool has_unnamed_lane(const struct node *node)
{
    for (uint32_t i = 0; i < node->inputs->lane_count; i++) {
        const struct lane *lane = &node->inputs->lane[i];
        uint64_t input = node->inputs->input[lane->input].fingerprint;
        if (lane->placed && journal_lanes_find(&node->pipeline->lanes, &node->pipeline->state,
                                               input, (int64_t)lane->lane) == UINT32_MAX)
            return true;
    }
    return false;
}

static void follow_from_here(struct node *node)
{
    node->stepping_down = false;
    node->engine->entry = NULL;
    node->inputs->merging = false;
    node->role = ROLE_FOLLOWING;
    node->claimed = node->anchored = node->in_entry = false;
    node->to_seek = true;
}

enum status node_step_down(struct node *node, struct failure *failure)
{
    struct entry *entry = outbox_open_entry(&node->engine->outbox);
    const struct ledger *ledger = &node->world.ledger;
    if (name_lanes(node, failure) != STATUS_OK)
        return STATUS_STOP;
    if (entry && !journal_entry_is_empty(node->entry))
        close_entry(node, entry);
    /* The thread that settles still reads what was submitted. */
    struct failure why;
    int64_t at;
    if (node->running && ledger->kind->settlement(ledger->self, &at, &why) == SETTLEMENT_RUNNING)
        return STATUS_RETRY;
    node->running = false;
    if (has_unnamed_lane(node))
        return node_recover(node, failure);
    follow_from_here(node);
    return STATUS_OK;
}

/* An orderly end: all is settled, then the state's hash is journalled; then another may take over
 * while this one, a follower by now, still writes its snapshot. */
static enum status stop_leading(struct node *node)
{
    const struct ledger *ledger = &node->world.ledger;
    struct outbox *outbox = &node->engine->outbox;
    if (outbox_unsettled(outbox) || !journal_entry_is_empty(node->entry) ||
        !outbox_is_empty(outbox))
        return STATUS_RETRY;
    if (node->stopping == STOPPING_SETTLES && node_sequence(node) > 0) {
        node->stopping = STOPPING_HASHES;
        journal_entry_state_hash(node->entry, node_sequence(node),
                                 state_hash(&node->pipeline->state));
        return STATUS_OK;
    }
    node->stopping = STOPPING_HASHES;
    ledger->kind->leave(ledger->self);
    follow_from_here(node);
    return STATUS_OK;
}

static enum status advance(struct node *node, struct failure *failure)
{
    if (!outbox_has_room(&node->engine->outbox) || !node_has_room(node))
        return STATUS_RETRY;
    enum status status = engine_advance(node->engine, failure);
    return status == STATUS_END ? STATUS_RETRY : status;
}

enum status node_lead(struct node *node, struct failure *failure)
{
    enum status settled = settle(node, failure);
    if (settled == STATUS_STOP || node->role != ROLE_LEADING)
        return settled;
    struct outbox *outbox = &node->engine->outbox;
    struct entry *entry = outbox_open_entry(outbox);
    if (name_lanes(node, failure) != STATUS_OK)
        return STATUS_STOP;
    if (entry && is_due(node, entry))
        close_entry(node, entry);
    enum status submitted = submit(node);
    if (outbox_service(outbox, false, failure) == STATUS_STOP)
        return STATUS_STOP;
    enum status decided = node->stopping ? stop_leading(node) : advance(node, failure);
    if (decided != STATUS_RETRY)
        return decided;
    return settled == STATUS_OK || submitted == STATUS_OK ? STATUS_OK : STATUS_RETRY;
}
