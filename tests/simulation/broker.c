/* Transactions and the group; see broker.h. */
#include "tests/simulation/simulation.h"
#include <string.h>
#include <sys/mman.h>

void broker_open(struct broker *broker, struct chance *chance)
{
    char *arena = broker->arena;
    if (!arena) {
        arena = mmap(NULL, BROKER_ARENA, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ASSERT(arena != MAP_FAILED);
    }
    memset(broker, 0, offsetof(struct broker, transaction));
    broker->transaction_count = broker->output_count = broker->offset_count = 0;
    broker->owner = -1;
    broker->arena = arena;
    broker->arena_used = 0;
    broker->session_ns = milliseconds(chance_between(chance, 300, 2000));
    broker->timeout_ns = milliseconds(chance_between(chance, 500, 3000));
    memset(broker->committed, -1, sizeof broker->committed);
    memset(broker->settled, -1, sizeof broker->settled);
}

const char *broker_keep(struct broker *broker, const void *bytes, size_t size)
{
    ASSERT(broker->arena_used + size <= BROKER_ARENA);
    char *kept = broker->arena + broker->arena_used;
    if (size)
        memcpy(kept, bytes, size);
    broker->arena_used += size;
    return kept;
}

bool broker_is_away(const struct simulation *simulation)
{
    return simulation->broker.away_until_ns > simulation->now_ns;
}

/* ---- the group ---- */

void broker_rebalance(struct simulation *simulation)
{
    struct broker *broker = &simulation->broker;
    if (broker->rebalancing)
        return;
    broker->rebalancing = true;
    broker->rebalanced_ns =
        simulation->now_ns + milliseconds(chance_between(&simulation->chance, 1, 200));
}

void broker_join(struct simulation *simulation, uint32_t member)
{
    simulation->broker.member[member] =
        (struct member){.joined = true, .alive = true, .heard_ns = simulation->now_ns};
    broker_rebalance(simulation);
}

void broker_leave(struct simulation *simulation, uint32_t member)
{
    struct broker *broker = &simulation->broker;
    if (!broker->member[member].joined)
        return;
    broker->member[member] = (struct member){0};
    broker_rebalance(simulation);
}

/* The eager assignor gives the one partition to any of the members. */
static int choose_owner(struct simulation *simulation)
{
    struct broker *broker = &simulation->broker;
    int found = -1;
    uint64_t seen = 0;
    if (broker->owner >= 0 && broker->member[broker->owner].joined &&
        !chance_one_in(&simulation->chance, 3))
        return broker->owner;
    for (int i = 0; i < BROKER_MEMBERS; i++)
        if (broker->member[i].joined && chance_one_in(&simulation->chance, ++seen))
            found = i;
    return found;
}

static void group_advance(struct simulation *simulation)
{
    struct broker *broker = &simulation->broker;
    for (uint32_t i = 0; i < BROKER_MEMBERS; i++) {
        struct member *member = &broker->member[i];
        if (!member->joined)
            continue;
        if (member->alive) {
            member->heard_ns = simulation->now_ns;
        } else if (simulation->now_ns - member->heard_ns > broker->session_ns) {
            tell(simulation, "group: the session of process %u has ended", i);
            chance_count(&simulation->chance, FAULT_SESSION_ENDED);
            broker_leave(simulation, i);
        }
    }
    if (!broker->rebalancing || simulation->now_ns < broker->rebalanced_ns)
        return;
    broker->rebalancing = false;
    broker->generation++;
    broker->owner = choose_owner(simulation);
    tell(simulation, "group: generation %llu, owner %d", (unsigned long long)broker->generation,
         broker->owner);
    for (uint32_t i = 0; i < simulation->process_count; i++)
        sim_ledger_rebalanced(&simulation->process[i].ledger);
}

/* ---- transactions ---- */

static struct broker_transaction *last_transaction(struct broker *broker)
{
    return broker->transaction_count ? &broker->transaction[broker->transaction_count - 1] : NULL;
}

static const struct broker_transaction *last_written(const struct broker *broker)
{
    return broker->transaction_count ? &broker->transaction[broker->transaction_count - 1] : NULL;
}

static enum topic topic_find(const struct simulation *simulation, const char *name)
{
    for (int i = 0; i < TOPICS; i++)
        if (strcmp(simulation->topics.topic[i].name, name) == 0)
            return (enum topic)i;
    return TOPICS;
}

void broker_write(struct broker *broker, const struct output *output, uint32_t transaction)
{
    ASSERT(broker->output_count < BROKER_OUTPUTS_MAX);
    struct broker_output *written = &broker->output[broker->output_count++];
    *written = (struct broker_output){*output, transaction};
    written->output.key = broker_keep(broker, output->key, output->key_size);
    written->output.bytes = broker_keep(broker, output->bytes, output->size);
}

static void keep_offsets(struct simulation *simulation, struct broker_transaction *written,
                         const struct transaction *sent)
{
    struct broker *broker = &simulation->broker;
    written->first_offset = broker->offset_count;
    written->offset_count = sent->offset_count;
    ASSERT(broker->offset_count + sent->offset_count <= BROKER_OFFSETS_MAX);
    for (uint32_t i = 0; i < sent->offset_count; i++) {
        const struct ledger_offset *offset = &sent->offsets[i];
        enum topic topic = topic_find(simulation, offset->topic);
        if (topic == TOPICS || offset->partition < 0 || offset->partition >= TOPIC_PARTITIONS_MAX)
            violate(simulation, "the transaction of entry %llu names an offset of %s/%d",
                    (unsigned long long)sent->sequence, offset->topic, offset->partition);
        broker->offset[broker->offset_count++] =
            (struct broker_offset){topic, offset->partition, offset->next};
    }
}

struct broker_transaction *broker_produce(struct simulation *simulation,
                                          const struct transaction *sent, uint64_t epoch,
                                          uint32_t sender)
{
    struct broker *broker = &simulation->broker;
    const struct broker_transaction *last = last_written(broker);
    if (epoch != broker->epoch) {
        chance_count(&simulation->chance, FAULT_FENCED);
        return NULL;
    }
    ASSERT(!last || last->state != TRANSACTION_OPEN);
    ASSERT(broker->transaction_count < BROKER_TRANSACTIONS_MAX);
    struct broker_transaction *written = &broker->transaction[broker->transaction_count++];
    int64_t parts = 1 + (int64_t)(sent->entry_size / 4096);
    *written = (struct broker_transaction){
        .state = TRANSACTION_OPEN,
        .epoch = epoch,
        .sequence = sent->sequence,
        .sender = sender,
        .at = broker->journal_end,
        .end = broker->journal_end + parts,
        .entry = broker_keep(broker, sent->entry, sent->entry_size),
        .entry_size = sent->entry_size,
        .timeout_ns = simulation->now_ns + broker->timeout_ns,
        .written_ns = simulation->now_ns,
        .late = broker->late_epoch == epoch ? broker->late : 0,
    };
    broker->late = 0;
    broker->journal_end += parts;
    for (uint32_t i = 0; i < sent->output_count; i++)
        broker_write(broker, &sent->outputs[i], broker->transaction_count - 1);
    keep_offsets(simulation, written, sent);
    return written;
}

bool broker_end(struct simulation *simulation, uint32_t transaction, uint64_t epoch, bool commit)
{
    struct broker *broker = &simulation->broker;
    struct broker_transaction *written = &broker->transaction[transaction];
    if (epoch != broker->epoch || written->state != TRANSACTION_OPEN) {
        chance_count(&simulation->chance, FAULT_END_WITHOUT_EFFECT);
        tell(simulation, "broker: a late end of entry %llu has no effect",
             (unsigned long long)written->sequence);
        return false;
    }
    written->state = commit ? TRANSACTION_TO_COMMIT : TRANSACTION_TO_ABORT;
    broker->journal_end++; /* the marker takes an offset */
    uint64_t later_ms = chance_between(&simulation->chance, 0, 5);
    if (chance_strikes(&simulation->chance, FAULT_MARKERS_SLOW, 0.03))
        later_ms = chance_between(&simulation->chance, 20, 1000);
    written->marked_ns = simulation->now_ns + milliseconds(later_ms);
    tell(simulation, "broker: entry %llu of process %u (offset %lld) %s",
         (unsigned long long)written->sequence, written->sender, (long long)written->at,
         commit ? "commits" : "aborts");
    return true;
}

void broker_send_end(struct simulation *simulation, uint32_t transaction, uint64_t epoch,
                     uint64_t due_ns)
{
    struct broker *broker = &simulation->broker;
    if (broker->packet_count < BROKER_PACKETS_MAX)
        broker->packet[broker->packet_count++] = (struct packet){due_ns, epoch, transaction, false};
}

void broker_send_offsets(struct simulation *simulation, uint32_t transaction, uint64_t epoch,
                         uint64_t due_ns)
{
    struct broker *broker = &simulation->broker;
    if (broker->packet_count < BROKER_PACKETS_MAX)
        broker->packet[broker->packet_count++] = (struct packet){due_ns, epoch, transaction, true};
}

static void offsets_arrive(struct simulation *simulation, const struct packet *packet)
{
    struct broker *broker = &simulation->broker;
    struct broker_transaction *last = last_transaction(broker);
    if (packet->epoch != broker->epoch) {
        chance_count(&simulation->chance, FAULT_OFFSETS_WITHOUT_EFFECT);
    } else if (last && last->state == TRANSACTION_OPEN) {
        last->late = packet->transaction + 1;
    } else {
        broker->late = packet->transaction + 1;
        broker->late_epoch = packet->epoch;
    }
}

uint64_t broker_fence(struct simulation *simulation)
{
    struct broker *broker = &simulation->broker;
    struct broker_transaction *last = last_transaction(broker);
    if (last && last->state == TRANSACTION_OPEN)
        broker_end(simulation, broker->transaction_count - 1, broker->epoch, false);
    return ++broker->epoch;
}

bool broker_is_stable(const struct broker *broker)
{
    const struct broker_transaction *last = last_written(broker);
    return !last || last->state == TRANSACTION_COMMITTED || last->state == TRANSACTION_ABORTED;
}

/* The group never goes back: what it knows is where a cold start begins. */
static void commit_offsets(struct simulation *simulation, const struct broker_transaction *written)
{
    struct broker *broker = &simulation->broker;
    for (uint32_t i = 0; i < written->offset_count; i++) {
        const struct broker_offset *offset = &broker->offset[written->first_offset + i];
        if (offset->topic == TOPICS)
            continue;
        int64_t *settled = &broker->settled[offset->topic][offset->partition];
        if (offset->next < *settled)
            violate(simulation, "the group's offset of %s/%d goes back from %lld to %lld",
                    simulation->topics.topic[offset->topic].name, offset->partition,
                    (long long)*settled, (long long)offset->next);
        *settled = broker->committed[offset->topic][offset->partition] = offset->next;
    }
}

/* Markers are written, and a transaction that was left open for too long is given up. */
static void coordinator_advance(struct simulation *simulation)
{
    struct broker *broker = &simulation->broker;
    struct broker_transaction *last = last_transaction(broker);
    if (!last)
        return;
    if (last->state == TRANSACTION_OPEN && simulation->now_ns >= last->timeout_ns) {
        chance_count(&simulation->chance, FAULT_TRANSACTION_TIMEOUT);
        broker_fence(simulation);
    }
    bool commit = last->state == TRANSACTION_TO_COMMIT;
    if ((!commit && last->state != TRANSACTION_TO_ABORT) || simulation->now_ns < last->marked_ns)
        return;
    last->state = commit ? TRANSACTION_COMMITTED : TRANSACTION_ABORTED;
    if (commit)
        commit_offsets(simulation, last);
    if (commit && last->late)
        commit_offsets(simulation, &broker->transaction[last->late - 1]);
}

static void packets_advance(struct simulation *simulation)
{
    struct broker *broker = &simulation->broker;
    for (uint32_t i = 0; i < broker->packet_count;) {
        struct packet packet = broker->packet[i];
        if (packet.due_ns > simulation->now_ns) {
            i++;
            continue;
        }
        broker->packet[i] = broker->packet[--broker->packet_count];
        if (packet.offsets)
            offsets_arrive(simulation, &packet);
        else
            broker_end(simulation, packet.transaction, packet.epoch, true);
    }
}

void broker_advance(struct simulation *simulation)
{
    coordinator_advance(simulation);
    if (broker_is_away(simulation))
        return;
    group_advance(simulation);
    packets_advance(simulation);
    for (uint32_t i = 0; i < simulation->process_count; i++)
        sim_ledger_advance(&simulation->process[i].ledger);
}

/* ---- reading ---- */

bool broker_awaits(const struct broker *broker, uint32_t count)
{
    return broker->transaction_count > 0 && count == broker->transaction_count &&
           last_written(broker)->state == TRANSACTION_TO_COMMIT;
}

const struct broker_transaction *broker_find(const struct broker *broker, int64_t offset)
{
    uint32_t low = 0, high = broker->transaction_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (broker->transaction[middle].at < offset)
            low = middle + 1;
        else
            high = middle;
    }
    while (
        low < broker->transaction_count &&
        (broker->transaction[low].state == TRANSACTION_ABORTED || broker->transaction[low].removed))
        low++;
    if (low == broker->transaction_count || broker->transaction[low].state != TRANSACTION_COMMITTED)
        return NULL;
    return &broker->transaction[low];
}
