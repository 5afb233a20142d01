/* A node's birth, turns, sleep and death; see simulation.h. */
#include "tests/simulation/simulation.h"
#include <stdlib.h>
#include <string.h>

enum { REFUSALS_MAX = 50 };

/* ---- its clock ---- */

/* Every look at it is a microsecond later than the one before. */
static uint64_t process_monotonic_ns(void *self)
{
    struct process *process = self;
    uint64_t now_ns = process->simulation->now_ns;
    process->last_ns = process->last_ns + 1000 > now_ns ? process->last_ns + 1000 : now_ns;
    return process->last_ns;
}

static int64_t process_wall_ms(void *self)
{
    const struct process *process = self;
    return TOPICS_EPOCH_MS + simulation_ms(process->simulation) + process->skew_ms;
}

void process_init(struct process *process, struct simulation *simulation, uint32_t index)
{
    *process = (struct process){
        .simulation = simulation,
        .index = index,
        .disk = process->disk, /* its memory is used again */
    };
    process->clock = (struct clock){process_wall_ms, process_monotonic_ns, process};
    sim_disk_init(&process->disk, process);
}

/* ---- death ---- */

/* From here on nothing that it does has an effect. */
static void process_cut(struct process *process)
{
    if (process->cut)
        return;
    process->cut = true;
    sim_ledger_silence(&process->ledger, true);
    sim_disk_crash(&process->disk);
}

/* When its memory is gone, too. */
static void process_drop(struct process *process)
{
    struct simulation *simulation = process->simulation;
    struct chance *chance = &simulation->chance;
    if (process->ledger.open) /* first: it may still read what was submitted */
        sim_ledger_kind.close(&process->ledger);
    if (process->node)
        node_close(process->node);
    process->node = NULL;
    sim_ledger_bury(&process->ledger);
    if (process->configured)
        config_close(&process->config);
    process->configured = process->cut = process->stopping = false;
    for (int i = 0; i < SIM_HANDLES_MAX; i++)
        process->disk.handle[i].file = -1;
    process->condition = CONDITION_ABSENT;
    process->wake_ns = simulation->now_ns + milliseconds(chance_between(chance, 0, 1500));
    if (chance_strikes(chance, FAULT_BIT_FLIPPED, 0.05))
        sim_disk_rot(&process->disk);
    if (chance_strikes(chance, FAULT_DISK_LOST, 0.05))
        sim_disk_wipe(&process->disk);
}

void process_crash(struct process *process)
{
    tell(process->simulation, "process %u: dies", process->index);
    process_cut(process);
    if (!process->turning)
        process_drop(process);
}

static bool dies_now(struct process *process, enum seam seam)
{
    static const enum fault fault[SEAMS] = {
        [SEAM_LEDGER] = FAULT_CRASH_IN_LEDGER,
        [SEAM_DISK] = FAULT_CRASH_IN_DISK,
        [SEAM_SOURCE] = FAULT_CRASH_IN_SOURCE,
    };
    struct chance *chance = &process->simulation->chance;
    if (process->crash_after[seam] == 0 || --process->crash_after[seam] > 0 || chance->calm)
        return false;
    chance_count(chance, fault[seam]);
    tell(process->simulation, "process %u: dies: %s", process->index, fault_name(fault[seam]));
    process_cut(process);
    return true;
}

/* Sleeps in the middle of a call while the others go on, and does not know it. */
static void sleep_inside(struct process *process)
{
    struct simulation *simulation = process->simulation;
    struct process *turned = simulation->turned;
    uint64_t until_ns =
        simulation->now_ns + milliseconds(chance_between(&simulation->chance, 1, 4000));
    process_freeze(process, UINT64_MAX);
    simulation_go_on(simulation, until_ns);
    simulation->turned = turned;
    if (!process->cut)
        process_continue(process);
}

bool process_enter(struct process *process, enum seam seam)
{
    struct simulation *simulation = process->simulation;
    if (process->cut)
        return true;
    if (seam == SEAM_LEDGER && simulation->depth < 2 &&
        chance_strikes(&simulation->chance, FAULT_FREEZE, 0.0006))
        sleep_inside(process);
    bool behind = process->crash_after[seam] == 1 && chance_one_in(&simulation->chance, 2);
    return process->cut || (!behind && dies_now(process, seam));
}

/* Death behind the call's effect: what process_enter has put off. */
void process_leave(struct process *process, enum seam seam)
{
    if (!process->cut && process->crash_after[seam] == 1)
        dies_now(process, seam);
}

/* ---- sleep ---- */

void process_freeze(struct process *process, uint64_t until_ns)
{
    tell(process->simulation, "process %u: freezes", process->index);
    process->condition = CONDITION_FROZEN;
    process->wake_ns = until_ns;
    sim_ledger_silence(&process->ledger, false);
}

void process_continue(struct process *process)
{
    tell(process->simulation, "process %u: continues", process->index);
    process->condition = CONDITION_RUNNING;
    sim_ledger_wake(&process->ledger);
}

/* ---- life ---- */

static void plan_crash(struct process *process)
{
    struct chance *chance = &process->simulation->chance;
    static const struct {
        enum fault fault;
        uint64_t most;
    } plan[SEAMS] = {
        [SEAM_LEDGER] = {FAULT_CRASH_IN_LEDGER, 1000},
        [SEAM_DISK] = {FAULT_CRASH_IN_DISK, 120},
        [SEAM_SOURCE] = {FAULT_CRASH_IN_SOURCE, 2000},
    };
    for (int i = 0; i < SEAMS; i++)
        process->crash_after[i] =
            chance_plans(chance, plan[i].fault, 0.4) ? chance_between(chance, 1, plan[i].most) : 0;
}

static void choose_configuration(struct process *process)
{
    struct simulation *simulation = process->simulation;
    struct chance *chance = &simulation->chance;
    uint32_t before = process->version;
    if (process->starts > 0 && chance_plans(chance, FAULT_CONFIGURATION, 0.2))
        process->version = !process->version;
    if (process->version != before)
        chance_count(chance, FAULT_CONFIGURATION);
    const char *text = simulation->version[process->version];
    struct findings findings = {0};
    bool good = config_read_text(&process->config, "simulation", text, strlen(text), &findings);
    if (!good)
        violate(simulation, "the configuration is refused: %s: %s", findings.list[0].path,
                findings.list[0].message);
    ASSERT(good);
    findings_close(&findings);
    process->configured = true;
}

static enum status open_node(struct process *process, struct failure *failure)
{
    struct simulation *simulation = process->simulation;
    sim_ledger_open(&process->ledger, simulation, process->index);
    sim_child_init(&process->child, process, &process->children);
    process->world = (struct world){
        .clock = &process->clock,
        .children = &process->children,
        .ledger = {&sim_ledger_kind, &process->ledger},
        .disk = {&sim_disk_kind, &process->disk},
        .open_inputs = sim_sources_open,
        .self = process,
    };
    process->cold = process->cold || chance_strikes(&simulation->chance, FAULT_COLD_START, 0.02);
    const struct node_setting setting = {
        .config = &process->config,
        .world = &process->world,
        .cold_start = process->cold,
    };
    process->turning = true;
    simulation->depth++;
    enum status status = node_open(&process->node, &setting, failure);
    simulation->depth--;
    process->turning = false;
    simulation->opens++;
    return status;
}

/* Somebody has to look after it. */
static void process_denied(struct process *process)
{
    chance_count(&process->simulation->chance, FAULT_DENIED);
    process->denied = true;
    process_drop(process);
}

/* What its supervisor does: starts it again; when the state itself was damaged, without it. */
static void process_refused(struct process *process, enum status status,
                            const struct failure *failure)
{
    tell(process->simulation, "process %u: does not start: %s", process->index, failure->text);
    process->node = NULL;
    if (!process->cut && status == STATUS_STOP && retention_excuses(process, failure)) {
        process_denied(process);
        return;
    }
    if (!process->cut && status == STATUS_STOP && !process->disk.hurt)
        violate(process->simulation, "process %u refuses to start: %s", process->index,
                failure->text);
    if (!process->cut && status == STATUS_STOP)
        sim_disk_wipe(&process->disk);
    if (!process->cut && ++process->refusals > REFUSALS_MAX)
        violate(process->simulation, "process %u has refused to start %d times: %s", process->index,
                REFUSALS_MAX, failure->text);
    process_drop(process);
}

void process_start(struct process *process)
{
    struct chance *chance = &process->simulation->chance;
    struct failure failure = {0};
    process->cold = false;
    if (process->denied && !retention_mend(process)) {
        process->wake_ns = process->simulation->now_ns + milliseconds(500);
        return;
    }
    if (chance_strikes(chance, FAULT_CLOCK_JUMP, 0.1))
        process->skew_ms = (int64_t)chance_between(chance, 0, 7200000) - 3600000;
    plan_crash(process);
    choose_configuration(process);
    process->starts++;
    process->condition = CONDITION_RUNNING;
    tell(process->simulation, "process %u: starts with configuration %u", process->index,
         process->version);
    enum status status = open_node(process, &failure);
    if (status != STATUS_OK || process->cut)
        process_refused(process, status, &failure);
    else
        process->refusals = 0;
}

/* An order that ended well. */
static void process_ended(struct process *process)
{
    tell(process->simulation, "process %u: has ended in order", process->index);
    if (!process->stopping)
        violate(process->simulation, "process %u ends although nobody asked", process->index);
    process_drop(process);
}

/* A follower that has read to the end shows what its state is. */
static void process_sample(struct process *process)
{
    struct simulation *simulation = process->simulation;
    const struct broker_transaction *last = simulation_last(simulation);
    struct node_report report;
    if (!last || simulation->sample_count == SAMPLES_MAX ||
        !chance_one_in(&simulation->chance, 100))
        return;
    node_report(process->node, &report);
    if (report.role != ROLE_FOLLOWING || !simulation_is_at(process, last))
        return;
    simulation->sample[simulation->sample_count++] = (struct sample){
        .process = process->index,
        .sequence = report.sequence,
        .hash = state_hash(&node_engine(process->node)->pipeline->state),
    };
}

void process_turn(struct process *process)
{
    struct simulation *simulation = process->simulation;
    struct failure failure = {0};
    struct process *before = simulation->turned;
    simulation->turned = process;
    process->turning = true;
    simulation->depth++;
    simulation->turns++;
    enum status status = node_turn(process->node, &failure);
    process->failure = failure;
    struct snapshots *snapshots = node_snapshots(process->node);
    if (snapshots && chance_one_in(&simulation->chance, 3))
        snapshots_step(snapshots, chance_between(&simulation->chance, 1, 40));
    simulation->depth--;
    process->turning = false;
    simulation->turned = before;
    if (process->cut) {
        process_drop(process);
    } else if (status == STATUS_STOP && retention_excuses(process, &failure)) {
        tell(simulation, "process %u: stops: %s", process->index, failure.text);
        process_denied(process);
    } else if (status == STATUS_STOP) {
        violate(simulation, "process %u stops: %s", process->index, failure.text);
        process_drop(process);
    } else if (status == STATUS_END) {
        process_ended(process);
    } else {
        process_sample(process);
    }
}

void process_close(struct process *process)
{
    if (process->condition != CONDITION_ABSENT || process->node)
        process_crash(process);
}
