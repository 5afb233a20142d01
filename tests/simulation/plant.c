/* The bugs; see plant.h. */
#include "tests/simulation/plant.h"
#include "tests/simulation/simulation.h"

static struct simulation *here;

const char *plant_name(enum plant plant)
{
    static const char *const name[PLANTS] = {
        [PLANT_NONE] = "none",
        [PLANT_COMMIT_BEFORE_ACKNOWLEDGE] = "commit-before-acknowledge",
        [PLANT_SNAPSHOT_AHEAD] = "snapshot-ahead",
        [PLANT_LOST_LABEL] = "lost-label",
        [PLANT_DOUBLE_LEARN] = "double-learn",
        [PLANT_KEEP_EPOCH] = "keep-epoch",
        [PLANT_REPLAY_WITH_OUTPUT] = "replay-with-output",
    };
    return name[plant];
}

void plant_in(struct simulation *simulation)
{
    here = simulation;
}

static bool is_leading(const struct process *process)
{
    struct node_report report;
    if (!process || !process->node)
        return false;
    node_report(process->node, &report);
    return report.role == ROLE_LEADING;
}

static bool is_planted(enum plant plant)
{
    return here && here->plant == plant;
}

/* ---- in the seams ---- */

void plant_submit(struct sim_ledger *ledger)
{
    struct simulation *simulation = ledger->simulation;
    struct broker *broker = &simulation->broker;
    struct flight *flight = &ledger->flight;
    if (!is_planted(PLANT_COMMIT_BEFORE_ACKNOWLEDGE))
        return;
    if (flight->fate == FATE_GOOD && flight->epoch == broker->epoch && broker_is_stable(broker)) {
        broker_produce(simulation, &flight->sent, flight->epoch, ledger->process);
        broker_end(simulation, broker->transaction_count - 1, flight->epoch, true);
    }
    flight->at = broker->journal_end;
    flight->step = FLIGHT_TOLD;
    flight->settlement = SETTLEMENT_COMMITTED;
}

bool plant_keeps_epoch(void)
{
    return is_planted(PLANT_KEEP_EPOCH);
}

void plant_read(struct simulation *simulation, const struct broker_transaction *read)
{
    struct broker *broker = &simulation->broker;
    uint32_t index = (uint32_t)(read - broker->transaction), count = broker->output_count;
    if (!is_planted(PLANT_REPLAY_WITH_OUTPUT) || count > BROKER_OUTPUTS_MAX / 2)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (broker->output[i].transaction == index)
            broker_write(broker, &broker->output[i].output, UINT32_MAX);
}

void plant_peek(const struct process *process, enum topic topic,
                const struct topic_partition *partition, uint32_t *next)
{
    if (!is_planted(PLANT_LOST_LABEL) || topic != TOPIC_LABELS || *next + 1 >= partition->count ||
        partition->record[*next + 1].visible_ms > simulation_ms(process->simulation))
        return;
    if (is_leading(process) && chance_one_in(&process->simulation->chance, 50))
        ++*next;
}

/* ---- at the linker ---- */

void __real_snapshots_begin(struct snapshots *snapshots, struct state *state,
                            const struct snapshot_facts *facts);
void __real_snapshots_commit(struct snapshots *snapshots, int64_t journal_at);
void __real_snapshots_drop(struct snapshots *snapshots);
void __real_models_learn(const struct models *models, struct state *state,
                         const struct example *example);
void __wrap_snapshots_begin(struct snapshots *snapshots, struct state *state,
                            const struct snapshot_facts *facts);
void __wrap_snapshots_commit(struct snapshots *snapshots, int64_t journal_at);
void __wrap_snapshots_drop(struct snapshots *snapshots);
void __wrap_models_learn(const struct models *models, struct state *state,
                         const struct example *example);

void __wrap_snapshots_begin(struct snapshots *snapshots, struct state *state,
                            const struct snapshot_facts *facts)
{
    __real_snapshots_begin(snapshots, state, facts);
    if (is_planted(PLANT_SNAPSHOT_AHEAD))
        __real_snapshots_commit(snapshots, here->broker.journal_end);
}

void __wrap_snapshots_commit(struct snapshots *snapshots, int64_t journal_at)
{
    if (!is_planted(PLANT_SNAPSHOT_AHEAD))
        __real_snapshots_commit(snapshots, journal_at);
}

void __wrap_snapshots_drop(struct snapshots *snapshots)
{
    if (!is_planted(PLANT_SNAPSHOT_AHEAD))
        __real_snapshots_drop(snapshots);
}

void __wrap_models_learn(const struct models *models, struct state *state,
                         const struct example *example)
{
    __real_models_learn(models, state, example);
    if (is_planted(PLANT_DOUBLE_LEARN) && is_leading(here->turned) &&
        chance_one_in(&here->chance, 20))
        __real_models_learn(models, state, example);
}
