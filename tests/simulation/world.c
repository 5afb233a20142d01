/* The course of one world: its configuration, its faults, its processes' turns, its end. */
#include "base/log.h"
#include "tests/simulation/simulation.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Of simulated time: how long a world may take to settle when its faults have stopped. */
enum { SETTLE_MS = 30000 };

static const char text_format[] =
    "{'name': 'sim', 'memory': '16MiB', 'lateness': '30s', 'batch': %u, 'commit': '%ums',"
    "'commit_records': %u, 'state': {'every': '%ums', 'keep': %u},"
    "'kafka': {'bootstrap.servers': 'nowhere:1'},"
    "'events': {'source': 'kafka', 'topic': 'events', 'idle_after': '1s', 'fields': {'id': 'id',"
    "  'time': {'type': 'time', 'unit': 'ms'}, 'card': 'key', 'amount': 'number'}},"
    "'labels': {'source': 'kafka', 'topic': 'labels', 'fields': {'id': 'id', 'label': 'fraud',"
    "  'time': {'from': 'time', 'unit': 'ms'}}, 'negative_after': '3m', 'remembered': 100},"
    "'control': {'source': 'kafka', 'topic': 'requests'},"
    "'entities': {'card': {'entities_max': 20, 'expire_after': '10m'}},"
    "'features': {'amount_log': 'log1p(amount)', 'count_1m': 'count() by card over 1m',"
    "  'mean_5m': 'mean(amount) by card over 5m before', %s"
    "  'harm': 'sum(label) by card over 5m', 'back': 'silence(1m) by card'},"
    "'models': {'fraud': {'kind': 'logistic_regression', 'learning_rate': 0.5,"
    "    'features': ['amount_log', 'count_1m', 'mean_5m']},"
    "  'odd': {'kind': 'half_space_trees', 'trees': 3, 'depth': 4, 'window': 20,"
    "    'features': ['amount_log', 'count_1m']}},"
    "'score': '0.8 * fraud + 0.2 * odd', 'recent_labels': 100,"
    "'outcomes': ['allow', 'review', 'block'], 'thresholds': {'review': 0.5, 'block': 0.9},"
    "'rules': {'large': {'when': 'amount > 180', 'then': 'review'}%s},"
    "'drift': {'harder': {'kind': 'adwin', 'watch': 'error', 'delta': 0.2, 'clock': 4,"
    "    'minimum': 10, 'retrain': true}},"
    "'retraining': {'model': 'fraud', 'examples': 100, 'every_labels': 25, 'compare_labels': 10,"
    "  'cooldown_labels': 5},"
    "'outputs': {'decisions': {'sink': 'kafka', 'topic': 'decisions'},"
    "  'alerts': {'sink': 'kafka', 'topic': 'alerts'},"
    "  'dead_letters': {'sink': 'kafka', 'topic': 'dead-letters'},"
    "  'late': {'sink': 'kafka', 'topic': 'late'},"
    "  'model_events': {'sink': 'kafka', 'topic': 'model-events'}}}";

/* ---- telling ---- */

void tell(const struct simulation *simulation, const char *format, ...)
{
    if (!simulation->verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("%9.3f ", (double)simulation->now_ns / 1e9);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

void violate(struct simulation *simulation, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!simulation->violated)
        vsnprintf(simulation->violation, sizeof simulation->violation, format, arguments);
    va_end(arguments);
    if (!simulation->violated)
        tell(simulation, "VIOLATION: %s", simulation->violation);
    simulation->violated = true;
}

static const struct simulation *told_world;

/* In place of base/log.c: the program's log is part of the story. */
void log_line(enum log_level level, const char *part, const char *format, ...)
{
    const struct simulation *simulation = told_world;
    if (!simulation || !simulation->verbose)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tell(simulation, "    %s%s: %s", level >= LOG_WARNING ? "! " : "", part, text);
}

/* ---- the beginning ---- */

static char *make_text(const struct simulation *simulation, const uint32_t numbers[5], bool second)
{
    char *text;
    (void)simulation;
    int size = asprintf(&text, text_format, numbers[0], numbers[1], numbers[2], numbers[3],
                        numbers[4], second ? "'max_10m': 'max(amount) by card over 10m'," : "",
                        second ? ", 'often': {'when': 'count_1m > 3', 'then': 'block'}" : "");
    ASSERT(size > 0);
    for (char *at = text; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    return text;
}

static void make_versions(struct simulation *simulation)
{
    static const uint32_t batches[] = {1, 7, 32, 256}, records[] = {5, 50, 50000};
    struct chance *chance = &simulation->chance;
    const uint32_t numbers[5] = {
        batches[chance_between(chance, 0, 3)],  (uint32_t)chance_between(chance, 1, 60),
        records[chance_between(chance, 0, 2)],  (uint32_t)chance_between(chance, 100, 1500),
        (uint32_t)chance_between(chance, 2, 3),
    };
    simulation->version_count = 2;
    for (uint32_t i = 0; i < simulation->version_count; i++) {
        free(simulation->version[i]);
        simulation->version[i] = make_text(simulation, numbers, i > 0);
    }
}

static void world_begin(struct simulation *simulation, uint64_t seed)
{
    simulation->seed = seed;
    chance_open(&simulation->chance, seed);
    simulation->now_ns = simulation->turns = simulation->opens = 0;
    simulation->sample_count = simulation->depth = 0;
    simulation->turned = NULL;
    simulation->violated = false;
    struct chance *chance = &simulation->chance;
    simulation->liveness = !chance_one_in(chance, 4);
    make_versions(simulation);
    topics_make(&simulation->topics, chance, simulation->liveness);
    broker_open(&simulation->broker, chance);
    simulation->process_count = (uint32_t)chance_between(chance, 1, PROCESSES_MAX);
    for (uint32_t i = 0; i < simulation->process_count; i++) {
        process_init(&simulation->process[i], simulation, i);
        simulation->process[i].wake_ns = milliseconds(chance_between(chance, 0, 500));
    }
}

/* ---- the course ---- */

const struct broker_transaction *simulation_last(const struct simulation *simulation)
{
    const struct broker *broker = &simulation->broker;
    for (uint32_t i = broker->transaction_count; i > 0; i--)
        if (broker->transaction[i - 1].state == TRANSACTION_COMMITTED)
            return &broker->transaction[i - 1];
    return NULL;
}

bool simulation_is_at(const struct process *process, const struct broker_transaction *entry)
{
    static struct journal_reader reader;
    struct failure failure;
    struct node_report report;
    const struct engine *engine = node_engine(process->node);
    node_report(process->node, &report);
    if (!entry || report.sequence != entry->sequence ||
        (engine->entry && !journal_entry_is_empty(engine->entry)))
        return false;
    return journal_read(&reader, entry->entry, entry->entry_size, &failure) == STATUS_OK &&
           reader.chain == report.chain;
}

static void faults_of_brokers(struct simulation *simulation)
{
    struct chance *chance = &simulation->chance;
    struct broker *broker = &simulation->broker;
    if (chance_strikes(chance, FAULT_REBALANCE, 0.002))
        broker_rebalance(simulation);
    if (chance_strikes(chance, FAULT_BROKER_AWAY, 0.001)) {
        broker->away_until_ns = simulation->now_ns + milliseconds(chance_between(chance, 10, 2000));
        tell(simulation, "broker: away");
    }
    retention_advance(simulation);
    if (chance_strikes(chance, FAULT_LEADER_MOVES, 0.001))
        broker->journal_moved_ns =
            simulation->now_ns + milliseconds(chance_between(chance, 10, 1000));
}

static void faults_of_processes(struct simulation *simulation)
{
    struct chance *chance = &simulation->chance;
    struct process *process =
        &simulation->process[chance_between(chance, 0, simulation->process_count - 1)];
    if (process->condition != CONDITION_RUNNING || process->turning || !process->node)
        return;
    if (chance_strikes(chance, FAULT_CRASH_BETWEEN, 0.003)) {
        process_crash(process);
    } else if (chance_strikes(chance, FAULT_FREEZE, 0.003)) {
        uint64_t ms = chance_between(chance, 1, 4000);
        process_freeze(process, simulation->now_ns + milliseconds(ms));
    } else if (!process->stopping && chance_strikes(chance, FAULT_STOP_IN_ORDER, 0.002)) {
        tell(simulation, "process %u: is asked to stop", process->index);
        process->stopping = true;
        node_stop(process->node);
    }
}

static void wake_processes(struct simulation *simulation)
{
    for (uint32_t i = 0; i < simulation->process_count; i++) {
        struct process *process = &simulation->process[i];
        if (process->turning || process->wake_ns > simulation->now_ns)
            continue;
        if (process->condition == CONDITION_FROZEN)
            process_continue(process);
        else if (process->condition == CONDITION_ABSENT)
            process_start(process);
    }
}

static void turn_somebody(struct simulation *simulation)
{
    struct chance *chance = &simulation->chance;
    struct process *process =
        &simulation->process[chance_between(chance, 0, simulation->process_count - 1)];
    uint64_t turns = chance_between(chance, 1, 4);
    while (turns-- > 0 && process->condition == CONDITION_RUNNING && process->node &&
           !process->turning && !simulation->violated)
        process_turn(process);
}

/* Mostly moments, sometimes a while. */
static uint64_t draw_pause(struct chance *chance)
{
    uint64_t what = random_below(&chance->random, 100);
    uint64_t most_us = what < 60 ? 2000 : what < 97 ? 15000 : 100000;
    return 1000 * chance_between(chance, 1, most_us);
}

static void world_step(struct simulation *simulation)
{
    simulation->now_ns += draw_pause(&simulation->chance);
    broker_advance(simulation);
    faults_of_brokers(simulation);
    faults_of_processes(simulation);
    wake_processes(simulation);
    turn_somebody(simulation);
}

void simulation_go_on(struct simulation *simulation, uint64_t until_ns)
{
    while (simulation->now_ns < until_ns && !simulation->violated)
        world_step(simulation);
}

/* ---- the end ---- */

static bool all_committed(const struct simulation *simulation)
{
    for (int topic = 0; topic < TOPICS; topic++) {
        const struct topic_log *log = &simulation->topics.topic[topic];
        for (uint32_t i = 0; i < log->partition_count; i++) {
            const struct topic_partition *partition = &log->partition[i];
            if (partition->count && simulation->broker.committed[topic][i] <=
                                        partition->record[partition->count - 1].offset)
                return false;
        }
    }
    return true;
}

/* It was started cold and has not led yet; or it has decided what did not become final, and the
 * journal has not gone on since. */
static bool is_excused(const struct process *process)
{
    struct node_report report;
    node_report(process->node, &report);
    return report.role != ROLE_LEADING &&
           ((process->cold && report.led == 0) ||
            outbox_unsettled(&node_engine(process->node)->outbox) != NULL);
}

static bool all_caught_up(const struct simulation *simulation)
{
    const struct broker_transaction *last = simulation_last(simulation);
    for (uint32_t i = 0; i < simulation->process_count; i++) {
        const struct process *process = &simulation->process[i];
        if (process->denied) /* another one works */
            continue;
        if (process->condition != CONDITION_RUNNING || process->stopping ||
            (!is_excused(process) && !simulation_is_at(process, last)))
            return false;
    }
    return true;
}

static void repair(struct simulation *simulation)
{
    struct broker *broker = &simulation->broker;
    simulation->chance.calm = true;
    broker->away_until_ns = broker->journal_moved_ns = 0;
    for (uint32_t i = 0; i < simulation->process_count; i++)
        simulation->process[i].disk.full_until_ns = 0;
    tell(simulation, "from here on nothing goes wrong");
}

static void why_unsettled(struct simulation *simulation)
{
    char text[700] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < simulation->process_count; i++) {
        const struct process *process = &simulation->process[i];
        struct node_report report = {0};
        if (process->node)
            node_report(process->node, &report);
        used += (size_t)snprintf(
            text + used, sizeof text - used, "; process %u %s, role %d, entry %llu (%.100s)", i,
            process->condition == CONDITION_RUNNING ? "runs" : "does not run", report.role,
            (unsigned long long)report.sequence, process->failure.text);
    }
    const struct broker_transaction *last = simulation_last(simulation);
    violate(simulation, "not settled %d s after the last fault: %s, last entry %llu%s",
            SETTLE_MS / 1000,
            all_committed(simulation) ? "all records are committed" : "records are missing",
            last ? (unsigned long long)last->sequence : 0, text);
}

/* Without faults everything must be decided in bounded time. */
static void world_settle(struct simulation *simulation)
{
    repair(simulation);
    uint64_t until_ns = simulation->now_ns + milliseconds(SETTLE_MS);
    while (simulation->now_ns < until_ns && !simulation->violated) {
        world_step(simulation);
        if (all_committed(simulation) && broker_is_stable(&simulation->broker) &&
            all_caught_up(simulation))
            return;
    }
    if (!simulation->violated)
        why_unsettled(simulation);
}

static void world_end(struct simulation *simulation)
{
    for (uint32_t i = 0; i < simulation->process_count; i++)
        process_close(&simulation->process[i]);
}

bool simulation_run(struct simulation *simulation, uint64_t seed)
{
    told_world = simulation;
    plant_in(simulation);
    world_begin(simulation, seed);
    simulation_go_on(simulation, milliseconds((uint64_t)simulation->topics.faults_end_ms));
    if (simulation->liveness && !simulation->violated)
        world_settle(simulation);
    if (!simulation->violated)
        oracle_check(simulation);
    world_end(simulation);
    return !simulation->violated;
}

struct simulation *simulation_new(void)
{
    struct simulation *simulation = calloc(1, sizeof *simulation);
    ASSERT(simulation);
    return simulation;
}

void simulation_free(struct simulation *simulation)
{
    for (uint32_t i = 0; i < PROCESSES_MAX; i++)
        sim_disk_free(&simulation->process[i].disk);
    for (uint32_t i = 0; i < 2; i++)
        free(simulation->version[i]);
    free(simulation);
}
