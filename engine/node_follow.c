/* Following: the journal's entries are compared with what this node has decided and not yet seen
 * there, or folded.
 *
 *     a record that the state knows        anchors: the journal is the one that the state rests on
 *     the next one, and entries are unsettled   equal: settled; another: somebody else led, the
 * state ran ahead of what never happened and is dropped the next one folded: item by item into
 * batches any other                            a gap: stop */
#include "base/assert.h"
#include "base/log.h"
#include "engine/node_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_SECONDS = 5 };

enum status node_refuse(const struct node *node, struct failure *failure, const char *what)
{
    char place[48] = "";
    if (node->settled.sequence > 0)
        snprintf(place, sizeof place, " after entry %llu",
                 (unsigned long long)node->settled.sequence);
    return failure_set(failure, STATUS_STOP,
                       "journal %s: %s%s; begin anew by `weir run --cold-start`, or put a snapshot "
                       "into the state directory from which on all is still there (a standby may "
                       "take its leader's)",
                       node->setting.config->journal, what, place);
}

/* ---- a record of the journal ---- */

/* Collecting stated hashes. */
static void stated_add(struct node *node, uint64_t sequence, uint64_t hash)
{
    if (node->stated_count == node->stated_capacity) {
        node->stated_capacity = node->stated_capacity ? 2 * node->stated_capacity : 64;
        node->stated = realloc(node->stated, node->stated_capacity * sizeof *node->stated);
        ASSERT(node->stated);
    }
    node->stated[node->stated_count++] = (struct stated_hash){sequence, hash};
}

static enum status scan_entry(struct node *node, struct failure *failure)
{
    struct journal_item item;
    enum status status;
    while ((status = journal_read_item(&node->reader, &item, failure)) == STATUS_OK)
        if (item.kind == JOURNAL_STATE_HASH && node->reader.head.bits == node->bits)
            stated_add(node, item.sequence, item.hash);
    return status == STATUS_END ? STATUS_OK : status;
}

static void settle_seen(struct node *node, int64_t at)
{
    struct entry *entry = outbox_unsettled(&node->engine->outbox);
    entry->final = true;
    node_settled(node, node->reader.head.sequence, node->reader.chain, at);
    log_info("node", "entry sequence=%llu had committed",
             (unsigned long long)node->reader.head.sequence);
}

/* Somebody else led meanwhile. */
static enum status drop_state(struct node *node, struct failure *failure)
{
    log_warning("node",
                "another process led from sequence=%llu on: the state is dropped and recovered",
                (unsigned long long)node->reader.head.sequence);
    node->report.dropped++;
    if (node->cold)
        log_warning("node", "the cold start is given up: what the other process began is followed");
    node->cold = false;
    return node_recover(node, failure);
}

static void begin_entry(struct node *node, int64_t at)
{
    node->in_entry = true;
    node->has_item = node->folded = false;
    node->entry_at = at;
    node->arrival_ms = INT64_MIN;
    batch_clear(&node->engine->batch);
    journal_read_lanes(&node->reader, &node->pipeline->lanes, &node->pipeline->state);
}

/* The record is the one after the settled entry. */
static enum status take_next(struct node *node, int64_t at, struct failure *failure)
{
    const struct journal_reader *reader = &node->reader;
    node->anchored = true;
    struct entry *unsettled = outbox_unsettled(&node->engine->outbox);
    if (unsettled) {
        if (unsettled->chain != reader->chain)
            return drop_state(node, failure);
        settle_seen(node, at);
        return STATUS_OK;
    }
    if (node->skipping || node->scanning) {
        node_settled(node, reader->head.sequence, reader->chain, at);
        return node->scanning ? scan_entry(node, failure) : STATUS_OK;
    }
    if (node_is_unannounced(node))
        return node_recover_unannounced(node, failure);
    begin_entry(node, at);
    return STATUS_OK;
}

/* The second item at the latest says it. */
static bool begins_cold(struct journal_reader *reader)
{
    struct journal_item item;
    struct failure failure;
    for (int i = 0; i < 2; i++)
        if (journal_read_item(reader, &item, &failure) != STATUS_OK || item.kind == JOURNAL_COLD)
            return item.kind == JOURNAL_COLD;
    return false;
}

/* What is missing may belong to a past that a cold start has left behind: then the state begins at
 * the entry that says so, and if there is none, nothing is left to begin at. */
static enum status pass_gap(struct node *node, const struct ledger_record *record, const char *what,
                            struct failure *failure)
{
    struct journal_reader *reader = &node->reader;
    if (outbox_unsettled(&node->engine->outbox))
        return node_refuse(node, failure, what);
    if (!node->gap)
        log_warning("node", "the journal has a gap after sequence=%llu: looking for a cold start",
                    (unsigned long long)node->settled.sequence);
    node->gap = what;
    bool cold = begins_cold(reader);
    ASSERT(journal_read(reader, record->bytes, record->size, failure) == STATUS_OK);
    if (!cold && !node->skipping)
        return STATUS_OK;
    node->gap = NULL;
    node->settled = (struct settled){reader->head.sequence - 1, reader->head.previous, record->at};
    return take_next(node, record->at, failure);
}

static enum status take_record(struct node *node, const struct ledger_record *record,
                               struct failure *failure)
{
    struct journal_reader *reader = &node->reader;
    struct failure damage;
    if (journal_read(reader, record->bytes, record->size, &damage) != STATUS_OK)
        return node_refuse(node, failure, damage.text);
    uint64_t sequence = reader->head.sequence, known = node->settled.sequence;
    /* Where nothing of the state rests on them, the first entries may be gone. */
    if (known == 0 && node->skipping)
        return take_next(node, record->at, failure);
    if (sequence == known && reader->chain == node->settled.chain) {
        node->anchored = true;
        node->settled.at = record->at;
        return STATUS_OK;
    }
    if (sequence < known)
        return STATUS_OK;
    if (known == 0 && sequence > 1)
        return pass_gap(node, record,
                        "its first entries are gone, and no usable snapshot reaches so far",
                        failure);
    if (sequence != known + 1 || reader->head.previous != node->settled.chain)
        return pass_gap(node, record, "it does not go on as the state knows it", failure);
    return take_next(node, record->at, failure);
}

/* ---- items into batches ---- */

static enum status take_run(struct node *node)
{
    struct batch *batch = &node->engine->batch;
    struct journal_item *item = &node->item;
    struct failure failure = {.text = "records that the journal names have not come yet"};
    uint32_t lane, before = batch->count;
    enum status status =
        inputs_lane(node->inputs, item->input, item->partition, item->from, &lane, &failure);
    if (status == STATUS_OK)
        status = inputs_take(node->inputs, batch, lane, item->from, item->to, &item->count,
                             node->engine->batch_records - batch->count, &failure);
    for (uint32_t row = before; row < batch->count; row++)
        batch->arrival_ms[row] = node->arrival_ms;
    if (status == STATUS_STOP)
        log_error("node", "%s", failure.text);
    if (status == STATUS_RETRY && batch->count == 0)
        node_complain(node, failure.text);
    node->has_item = item->count > 0 || status == STATUS_STOP;
    return status;
}

/* Whether this state and the leader's went through machines of one and the same kind. */
static bool has_equal_bits(const struct node *node)
{
    return node->lineage != 0 && node->reader.head.bits == node->lineage;
}

/* It is of an entry's end: of no use in the middle of the next one. */
static enum status compare_hash(struct node *node, uint64_t sequence, uint64_t hash,
                                struct failure *failure)
{
    if (node->in_entry && node->folded)
        return STATUS_OK;
    if (sequence != node_sequence(node) || !has_equal_bits(node))
        return STATUS_OK;
    uint64_t own = state_hash(&node->pipeline->state);
    node->report.hashes_equal += own == hash;
    if (own == hash)
        return STATUS_OK;
    return failure_set(
        failure, STATUS_STOP,
        "after entry %llu the state's hash is %016llx, the journal says %016llx: the "
        "fold was not deterministic; please report this",
        (unsigned long long)sequence, (unsigned long long)own, (unsigned long long)hash);
}

/* What is no run is looked at between batches. */
static enum status take_other(struct node *node, struct failure *failure)
{
    const struct journal_item *item = &node->item;
    node->has_item = false;
    switch (item->kind) {
    case JOURNAL_ARRIVAL:
        node->arrival_ms = item->arrival_ms;
        return STATUS_OK;
    case JOURNAL_CONTROL:
        ASSERT(batch_add_control(&node->engine->batch, position_nowhere, item->bytes, item->size));
        node->engine->batch.arrival_ms[node->engine->batch.count - 1] = node->arrival_ms;
        return STATUS_OK;
    case JOURNAL_CONFIGURATION:
        node->folded = true; /* the state is no longer the one that a hash was of */
        return node_reconfigure(node, item->bytes, item->size, failure);
    case JOURNAL_COLD:
        node->folded = true;
        return node_begin_cold(node, failure);
    case JOURNAL_STATE_HASH:
        return compare_hash(node, item->sequence, item->hash, failure);
    case JOURNAL_RUN:
    case JOURNAL_LANE:
        break;
    }
    return STATUS_OK;
}

static bool may_join_batch(const struct node *node)
{
    const struct batch *batch = &node->engine->batch;
    if (node->item.kind == JOURNAL_ARRIVAL || node->item.kind == JOURNAL_LANE)
        return true;
    if (node->item.kind == JOURNAL_RUN)
        return batch->count < node->engine->batch_records;
    return batch->count == 0;
}

/* Fills the batch.  OK: it is as full as it gets now; END: the entry has no more items; RETRY: an
 * input does not show its next record yet. */
static enum status fill(struct node *node, struct failure *failure)
{
    for (;;) {
        if (!node->has_item) {
            enum status status = journal_read_item(&node->reader, &node->item, failure);
            if (status != STATUS_OK)
                return status;
            node->has_item = true;
        }
        if (!may_join_batch(node))
            return STATUS_OK;
        enum status status =
            node->item.kind == JOURNAL_RUN ? take_run(node) : take_other(node, failure);
        if (status == STATUS_STOP && node->item.kind == JOURNAL_RUN)
            return node_refuse(node, failure,
                               "an input does not hold the records any more that it names");
        if (status != STATUS_OK)
            return status;
    }
}

/* ---- an entry's end ---- */

static enum status compare_outputs(const struct node *node, struct failure *failure)
{
    const struct journal_head *head = &node->reader.head;
    struct outbox *outbox = &node->engine->outbox;
    const struct entry *entry = outbox_open_entry(outbox);
    if (!has_equal_bits(node) ||
        (head->output_count == entry->output_count && head->outputs_digest == outbox_digest(entry)))
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "entry %llu gave other outputs here (%u) than its leader wrote (%llu): the "
                       "fold was not deterministic; please report this",
                       (unsigned long long)head->sequence, entry->output_count,
                       (unsigned long long)head->output_count);
}

static void show_progress(struct node *node)
{
    uint64_t now_ns = node_now_ns(node);
    if (node->progress_ns == 0)
        node->progress_ns = now_ns;
    if (node->caught_up || now_ns - node->progress_ns < PROGRESS_SECONDS * UINT64_C(1000000000))
        return;
    node->progress_ns = now_ns;
    log_info("node", "following sequence=%llu replayed_records=%llu",
             (unsigned long long)node_sequence(node), (unsigned long long)node->report.replayed);
}

/* Stated hashes that were collected before are compared at their place. */
static enum status compare_stated(struct node *node, struct failure *failure)
{
    for (uint32_t i = 0; i < node->stated_count; i++)
        if (node->stated[i].sequence == node_sequence(node))
            return compare_hash(node, node->stated[i].sequence, node->stated[i].hash, failure);
    return STATUS_OK;
}

static enum status end_entry(struct node *node, struct failure *failure)
{
    enum status status = compare_outputs(node, failure);
    if (status != STATUS_OK)
        return status;
    journal_read_apply(&node->reader, &node->pipeline->lanes, &node->pipeline->state);
    outbox_discard(&node->engine->outbox);
    node->in_entry = false;
    node->report.followed++;
    node_settled(node, node->reader.head.sequence, node->reader.chain, node->entry_at);
    show_progress(node);
    node_snapshot(node, false);
    return compare_stated(node, failure);
}

static enum status fold_some(struct node *node, struct failure *failure)
{
    enum status status = fill(node, failure);
    struct batch *batch = &node->engine->batch;
    if (status == STATUS_STOP || (status == STATUS_RETRY && batch->count == 0))
        return status;
    if (batch->count > 0) {
        node->report.replayed += batch->count;
        engine_fold(node->engine);
        node->folded = true;
        batch_clear(batch);
        return STATUS_OK;
    }
    return status == STATUS_END ? end_entry(node, failure) : status;
}

enum status node_follow(struct node *node, struct failure *failure)
{
    if (node->in_entry && !node_has_room(node))
        return STATUS_RETRY;
    if (node->in_entry)
        return fold_some(node, failure);
    struct ledger_record record;
    const struct ledger *ledger = &node->world.ledger;
    enum status status = STATUS_OK;
    if (node->to_seek)
        status = ledger->kind->seek(ledger->self, node->settled.at, failure);
    if (status != STATUS_OK)
        return status;
    node->to_seek = false;
    status = ledger->kind->read(ledger->self, &record, failure);
    return status == STATUS_OK ? take_record(node, &record, failure) : status;
}
