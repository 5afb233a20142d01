/* Retention and compaction: the broker deletes what a process may still need.  Whoever cannot go on
 * without it has to refuse, and to say why; whoever can, goes on. */
#include "tests/simulation/simulation.h"
#include <string.h>

/* Brokers delete whole segments, never the one that is written. */
static uint32_t last_committed(const struct broker *broker)
{
    uint32_t last = broker->transaction_count;
    while (last > 0 && broker->transaction[last - 1].state != TRANSACTION_COMMITTED)
        last--;
    return last;
}

static void cut_journal(struct simulation *simulation, uint64_t before_ns)
{
    struct broker *broker = &simulation->broker;
    uint32_t last = last_committed(broker);
    for (uint32_t i = 0; i < last && broker->transaction[i].written_ns < before_ns; i++)
        broker->journal_begin = broker->transaction[i].at;
    tell(simulation, "broker: the journal begins at offset %lld now",
         (long long)broker->journal_begin);
}

static void compact_journal(struct simulation *simulation, uint64_t before_ns)
{
    struct broker *broker = &simulation->broker;
    uint32_t last = last_committed(broker);
    for (uint32_t i = 0; i + 1 < last && broker->transaction[i].written_ns < before_ns; i++)
        if (chance_one_in(&simulation->chance, 3))
            broker->transaction[i].removed = true;
    tell(simulation, "broker: the journal is compacted");
}

static void cut_input(struct simulation *simulation, uint64_t before_ns)
{
    enum topic topic = (enum topic)chance_between(&simulation->chance, 0, TOPICS - 1);
    struct topic_log *log = &simulation->topics.topic[topic];
    int64_t before_ms = (int64_t)(before_ns / 1000000);
    for (uint32_t i = 0; i < log->partition_count; i++) {
        struct topic_partition *partition = &log->partition[i];
        while (partition->deleted < partition->count &&
               partition->record[partition->deleted].visible_ms < before_ms)
            partition->deleted++;
        tell(simulation, "broker: %s/%u begins at offset %lld now", log->name, i,
             (long long)topic_partition_begin(partition));
    }
}

void retention_advance(struct simulation *simulation)
{
    struct chance *chance = &simulation->chance;
    uint64_t kept_ns = milliseconds(chance_between(chance, 100, 3000));
    if (simulation->now_ns < kept_ns)
        return;
    uint64_t before_ns = simulation->now_ns - kept_ns;
    if (chance_strikes(chance, FAULT_JOURNAL_CUT, 0.0007))
        cut_journal(simulation, before_ns);
    if (chance_strikes(chance, FAULT_JOURNAL_COMPACTED, 0.0003))
        compact_journal(simulation, before_ns);
    if (chance_strikes(chance, FAULT_INPUT_CUT, 0.0007))
        cut_input(simulation, before_ns);
}

/* ---- who may refuse ---- */

static bool is_cold(const struct broker_transaction *transaction)
{
    static struct journal_reader reader;
    struct journal_item item;
    struct failure failure;
    bool cold = false;
    ASSERT(journal_read(&reader, transaction->entry, transaction->entry_size, &failure) ==
           STATUS_OK);
    while (!cold && journal_read_item(&reader, &item, &failure) == STATUS_OK)
        cold = item.kind == JOURNAL_COLD;
    return cold;
}

/* Something is missing that no later cold start has left behind. */
static bool has_gaps(const struct broker *broker)
{
    bool gaps = false;
    for (uint32_t i = 0; i < broker->transaction_count; i++) {
        const struct broker_transaction *transaction = &broker->transaction[i];
        if (transaction->state != TRANSACTION_COMMITTED)
            continue;
        bool there = !transaction->removed && transaction->at >= broker->journal_begin;
        gaps = (gaps || !there) && !(there && is_cold(transaction));
    }
    return gaps;
}

/* A seam has said so itself, or the node has seen a gap in the journal and there is one. */
bool retention_excuses(const struct process *process, const struct failure *failure)
{
    static const char *const sentences[] = {
        "its first entries are gone, and no usable snapshot reaches so far",
        "it does not go on as the state knows it",
        "does not hold entry",
    };
    if (process->denied)
        return true;
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strstr(failure->text, sentences[i]))
            return has_gaps(&process->simulation->broker);
    return false;
}

bool retention_mend(struct process *process)
{
    struct simulation *simulation = process->simulation;
    for (uint32_t i = 0; i < simulation->process_count; i++)
        if (simulation->process[i].condition != CONDITION_ABSENT) {
            process->denied = !chance_one_in(&simulation->chance, 2);
            if (!process->denied) /* without a state of its own it may find a cold start */
                sim_disk_wipe(&process->disk);
            return !process->denied;
        }
    for (int topic = 0; topic < TOPICS; topic++)
        for (uint32_t i = 0; i < simulation->topics.topic[topic].partition_count; i++) {
            int64_t begin = topic_partition_begin(&simulation->topics.topic[topic].partition[i]);
            int64_t *committed = &simulation->broker.committed[topic][i];
            if (*committed >= 0 && *committed < begin)
                *committed = begin;
        }
    tell(simulation, "process %u: the group is reset, it starts cold", process->index);
    process->denied = false;
    process->cold = true;
    return true;
}
