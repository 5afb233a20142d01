/* What must hold when a world has ended: the journal is one unbroken chain that names each record
 * once; readers have seen what its plain fold gives; every state hash that anybody stated, and
 * every node that has caught up, is the fold's. */
#include "tests/simulation/fold.h"
#include "tests/simulation/simulation.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { STATED_MAX = 4096 };

/* Somebody says what the state was after an entry. */
struct stated {
    uint64_t sequence, hash;
    int process; /* -1: the journal */
};

struct oracle {
    struct simulation *simulation;
    struct fold fold;
    uint32_t count;
    struct stated stated[STATED_MAX];
};

static void oracle_state(struct oracle *oracle, uint64_t sequence, uint64_t hash, int process)
{
    if (oracle->count < STATED_MAX)
        oracle->stated[oracle->count++] = (struct stated){sequence, hash, process};
}

/* State hashes come after the entries that they are about. */
static void collect_entry(struct oracle *oracle, const struct broker_transaction *transaction)
{
    static struct journal_reader reader;
    struct journal_item item;
    struct failure failure;
    if (journal_read(&reader, transaction->entry, transaction->entry_size, &failure) != STATUS_OK)
        return;
    while (journal_read_item(&reader, &item, &failure) == STATUS_OK)
        if (item.kind == JOURNAL_STATE_HASH)
            oracle_state(oracle, item.sequence, item.hash, -1);
}

static void collect(struct oracle *oracle)
{
    struct simulation *simulation = oracle->simulation;
    const struct broker *broker = &simulation->broker;
    const struct broker_transaction *last = simulation_last(simulation);
    for (uint32_t i = 0; i < broker->transaction_count; i++)
        if (broker->transaction[i].state == TRANSACTION_COMMITTED)
            collect_entry(oracle, &broker->transaction[i]);
    for (uint32_t i = 0; i < simulation->sample_count; i++) {
        const struct sample *sample = &simulation->sample[i];
        oracle_state(oracle, sample->sequence, sample->hash, (int)sample->process);
    }
    for (uint32_t i = 0; i < simulation->process_count && simulation->chance.calm && last; i++) {
        const struct process *process = &simulation->process[i];
        if (process->condition == CONDITION_RUNNING && !process->turning &&
            simulation_is_at(process, last))
            oracle_state(oracle, last->sequence,
                         state_hash(&node_engine(process->node)->pipeline->state), (int)i);
    }
}

static void compare_hashes(struct oracle *oracle)
{
    const struct fold *fold = &oracle->fold;
    uint64_t hash = 0;
    for (uint32_t i = 0; i < oracle->count; i++) {
        const struct stated *stated = &oracle->stated[i];
        if (stated->sequence != fold->sequence)
            continue;
        if (hash == 0)
            hash = state_hash(&fold->pipeline->state);
        if (stated->hash == hash)
            continue;
        char who[32] = "the journal";
        if (stated->process >= 0)
            snprintf(who, sizeof who, "process %d", stated->process);
        violate(oracle->simulation,
                "after entry %" PRIu64 " the state of %s has hash %016" PRIx64
                ", the fold's is %016" PRIx64,
                fold->sequence, who, stated->hash, hash);
    }
}

static void check_entries(struct oracle *oracle)
{
    struct simulation *simulation = oracle->simulation;
    const struct broker *broker = &simulation->broker;
    for (uint32_t i = 0; i < broker->transaction_count && !simulation->violated; i++) {
        const struct broker_transaction *transaction = &broker->transaction[i];
        if (transaction->state != TRANSACTION_COMMITTED)
            continue;
        fold_entry(&oracle->fold, transaction->entry, transaction->entry_size);
        if (!simulation->violated)
            compare_hashes(oracle);
    }
    if (!simulation->violated)
        fold_end(&oracle->fold);
}

static void check_complete(struct oracle *oracle)
{
    const struct topics *topics = &oracle->simulation->topics;
    for (int topic = 0; topic < TOPICS; topic++)
        for (uint32_t i = 0; i < topics->topic[topic].partition_count; i++)
            if (oracle->fold.next[topic][i] != topics->topic[topic].partition[i].count)
                violate(oracle->simulation, "%s/%u has %u records, the journal names %u",
                        topics->topic[topic].name, i, topics->topic[topic].partition[i].count,
                        oracle->fold.next[topic][i]);
}

void oracle_check(struct simulation *simulation)
{
    static struct oracle oracle;
    oracle.simulation = simulation;
    oracle.count = 0;
    fold_open(&oracle.fold, simulation);
    collect(&oracle);
    check_entries(&oracle);
    if (simulation->liveness && !simulation->violated)
        check_complete(&oracle);
    fold_close(&oracle.fold);
}
