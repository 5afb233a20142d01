/* Following a journal to its end; see replay_journal.h. */
#include "engine/replay_journal.h"
#include "engine/command.h"
#include "engine/loading.h"
#include "engine/node.h"
#include "engine/process_children.h"
#include "engine/report.h"
#include "engine/table_file.h"
#include <time.h>

struct replaying {
    struct world world;
    struct process_children children;
    struct node *node;
    struct table_file scores, features;
    uint64_t started_ns;
};

static void replaying_on_batch(void *self, const struct batch *batch)
{
    struct replaying *replaying = self;
    const struct pipeline *pipeline = node_engine(replaying->node)->pipeline;
    table_file_turn(&replaying->scores, pipeline);
    table_file_turn(&replaying->features, pipeline);
    table_file_put(&replaying->scores, batch);
    table_file_put(&replaying->features, batch);
}

static enum status open_inputs(void *self, struct inputs *inputs, struct config *config,
                               struct failure *failure)
{
    (void)self;
    return loading_add_inputs(inputs, config, &system_clock, true, failure);
}

static enum status replaying_open(struct replaying *replaying,
                                  const struct replay_journal_setting *setting,
                                  struct failure *failure)
{
    struct world *world = &replaying->world;
    world->clock = &system_clock;
    world->children = &replaying->children.children;
    world->open_inputs = open_inputs;
    enum status status = STATUS_OK;
    if (!setting->config->exactly_once)
        return failure_set(failure, STATUS_STOP,
                           "the pipeline has no journal: its delivery is at_least_once");
    if (setting->kafka)
        loading_use_brokers(setting->config, setting->kafka);
    if (setting->state) {
        char directory[700];
        loading_state_directory(setting->config, setting->state, directory, sizeof directory);
        status = disk_open(&world->disk, directory, false, failure);
    }
    if (status == STATUS_OK)
        status = loading_open_ledger(&world->ledger, setting->config, false, failure);
    if (status == STATUS_OK && setting->scores)
        status = table_file_open(&replaying->scores, NULL, setting->scores, false, failure);
    if (status == STATUS_OK && setting->features)
        status = table_file_open(&replaying->features, NULL, setting->features, true, failure);
    const struct node_setting node = {.config = setting->config,
                                      .world = world,
                                      .on_batch = replaying_on_batch,
                                      .on_batch_self = replaying,
                                      .to_end = true};
    return status == STATUS_OK ? node_open(&replaying->node, &node, failure) : status;
}

static enum status replaying_turn(struct replaying *replaying, struct failure *failure)
{
    enum status status;
    while ((status = node_turn(replaying->node, failure)) != STATUS_END && status != STATUS_STOP)
        if (status == STATUS_RETRY)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return status;
}

/* Files that did not take it all are a failure; the first is told. */
static enum status replaying_finish(struct replaying *replaying, enum status status,
                                    struct failure *failure)
{
    struct failure later;
    bool good = status == STATUS_END;
    if (table_file_close(&replaying->scores, good ? failure : &later) != STATUS_OK)
        good = false;
    if (table_file_close(&replaying->features, good ? failure : &later) != STATUS_OK)
        good = false;
    return status == STATUS_END && !good ? STATUS_STOP : status;
}

static void replaying_print(struct replaying *replaying,
                            const struct replay_journal_setting *setting)
{
    bool as_json = setting->json;
    FILE *file = table_file_is_output(setting->scores) || table_file_is_output(setting->features)
                     ? stderr
                     : stdout;
    uint64_t spent_ns = clock_monotonic_ns(&system_clock) - replaying->started_ns;
    const struct engine *engine = node_engine(replaying->node);
    if (!as_json) {
        report_print(engine, (double)spent_ns / 1e9, file);
        report_print_node(replaying->node, file);
        return;
    }
    json_t *report = report_make(engine, (double)spent_ns / 1e9);
    report_add_node(report, replaying->node);
    json_dumpf(report, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputs("\n", file);
    json_decref(report);
}

int replay_journal(const struct replay_journal_setting *setting)
{
    struct replaying replaying = {.started_ns = clock_monotonic_ns(&system_clock)};
    struct failure failure = {0};
    process_children_init(&replaying.children, NULL);
    enum status status = replaying_open(&replaying, setting, &failure);
    if (status == STATUS_OK)
        status = replaying_turn(&replaying, &failure);
    status = replaying_finish(&replaying, status, &failure);
    if (status == STATUS_END)
        replaying_print(&replaying, setting);
    else
        fprintf(stderr, "weir replay: %s\n", failure.text);
    node_close(replaying.node);
    if (replaying.world.ledger.kind)
        replaying.world.ledger.kind->close(replaying.world.ledger.self);
    if (replaying.world.disk.kind)
        disk_close(&replaying.world.disk);
    process_children_close(&replaying.children);
    return status == STATUS_END ? EXIT_GOOD : EXIT_FINDINGS;
}
