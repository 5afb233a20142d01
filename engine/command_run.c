/* weir run: the service. */
#include "base/log.h"
#include "engine/broker.h"
#include "engine/command.h"
#include "engine/loading.h"
#include "engine/node.h"
#include "engine/report.h"
#include "engine/service.h"
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EMBEDDED_PARTITIONS = 4, INPUT_ROLES = 3 };

struct run_flags {
    const char *kafka, *state;
    int64_t events, wait_ms;
    bool embedded_broker, cold_start, json, quiet;
};

struct run {
    struct run_flags flags;
    struct config config;
    struct pipeline pipeline; /* the configuration's; a node makes its own */
    struct inputs inputs;
    struct engine engine;
    struct node *node; /* NULL: delivery at least once */
    struct world world;
    struct service service;
    struct broker *broker;
};

/* Topics of the configuration, so that the embedded broker has them with their partitions. */
static uint32_t run_topics(const struct config *config, struct broker_topic *topics)
{
    uint32_t count = 0;
    static const char *const inputs[INPUT_ROLES] = {"events", "labels", "control"};
    for (size_t i = 0; i < INPUT_ROLES; i++) {
        const json_t *topic = json_object_get(json_object_get(config->root, inputs[i]), "topic");
        if (json_is_string(topic))
            topics[count++] = (struct broker_topic){json_string_value(topic), EMBEDDED_PARTITIONS};
    }
    const json_t *outputs = json_object_get(config->root, "outputs");
    for (uint32_t i = 0; i < STREAMS; i++) {
        const json_t *output = json_object_get(outputs, stream_name((enum stream)i));
        const json_t *topic = json_object_get(output, "topic");
        if (json_is_string(topic))
            topics[count++] = (struct broker_topic){
                json_string_value(topic), i == STREAM_DECISIONS ? EMBEDDED_PARTITIONS : 1};
    }
    return count;
}

static enum status run_open_broker(struct run *run, struct failure *failure)
{
    if (run->flags.kafka)
        loading_use_brokers(&run->config, run->flags.kafka);
    if (!run->flags.embedded_broker)
        return STATUS_OK;
    struct broker_topic topics[STREAMS + INPUT_ROLES];
    uint32_t count = run_topics(&run->config, topics);
    enum status status = broker_open(&run->broker, topics, count, failure);
    if (status != STATUS_OK)
        return status;
    const char *address = broker_bootstrap(run->broker);
    loading_use_brokers(&run->config, address);
    fprintf(stderr, "embedded broker: %s  (try: kcat -b %s -t alerts)\n", address, address);
    return STATUS_OK;
}

/* ---- at least once ---- */

static enum status run_open_engine(struct run *run, struct failure *failure)
{
    enum status status =
        loading_add_inputs(&run->inputs, &run->config, &system_clock, false, failure);
    if (status == STATUS_OK)
        status = pipeline_start(&run->pipeline, loading_header(&run->inputs), failure);
    if (status == STATUS_OK)
        status = engine_open(&run->engine, &run->pipeline, &run->inputs, &run->world, PACE_LIVE,
                             failure);
    if (status == STATUS_OK)
        service_watch_inputs(&run->service, &run->inputs);
    return status;
}

/* ---- exactly once ---- */

/* As long as the loop does not turn (before it runs, and while inputs are opened, which waits for
 * brokers that are away) a signal ends the process at once, also where the system would not do it
 * by itself (as the first process of a container).  Nothing is lost by it: a kill would not do
 * otherwise. */
static void run_on_early_signal(int number)
{
    _exit(128 + number);
}

static enum status run_open_inputs(void *self, struct inputs *inputs, struct config *config,
                                   struct failure *failure)
{
    struct run *run = self;
    const struct sigaction early = {.sa_handler = run_on_early_signal};
    struct sigaction interrupt, terminate;
    sigaction(SIGINT, &early, &interrupt);
    sigaction(SIGTERM, &early, &terminate);
    enum status status = loading_add_inputs(inputs, config, &system_clock, true, failure);
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGTERM, &terminate, NULL);
    if (status == STATUS_OK)
        service_watch_inputs(&run->service, inputs);
    return status;
}

static void run_closing_inputs(void *self)
{
    service_unwatch_inputs(&((struct run *)self)->service);
}

static enum status run_open_disk(struct run *run, struct failure *failure)
{
    char directory[700];
    loading_state_directory(&run->config, run->flags.state, directory, sizeof directory);
    return disk_open(&run->world.disk, directory, true, failure);
}

static enum status run_open_node(struct run *run, struct failure *failure)
{
    run->world.open_inputs = run_open_inputs;
    run->world.closing_inputs = run_closing_inputs;
    run->world.self = run;
    enum status status = run_open_disk(run, failure);
    if (status == STATUS_OK)
        status = loading_open_ledger(&run->world.ledger, &run->config, true, failure);
    if (status != STATUS_OK)
        return status;
    const struct node_setting setting = {
        .config = &run->config,
        .world = &run->world,
        .cold_start = run->flags.cold_start,
        .threaded = true,
    };
    status = node_open(&run->node, &setting, failure);
    if (status == STATUS_OK)
        service_watch_descriptor(&run->service,
                                 run->world.ledger.kind->descriptor(run->world.ledger.self));
    return status;
}

static enum status run_open(struct run *run, struct failure *failure)
{
    enum status status = run_open_broker(run, failure);
    if (status != STATUS_OK)
        return status;
    run->world.clock = &system_clock;
    run->world.children = &run->service.children.children;
    if (run->config.exactly_once && !run->flags.embedded_broker)
        return run_open_node(run, failure);
    log_info("service",
             "pipeline=%s delivers at least once; its state is in memory: windows and models begin "
             "anew at the next start%s",
             run->config.name,
             run->flags.embedded_broker ? " (the embedded broker knows no transactions)" : "");
    return run_open_engine(run, failure);
}

static const struct engine *run_engine(struct run *run)
{
    return run->node ? node_engine(run->node) : &run->engine;
}

static void run_report(struct run *run, double seconds)
{
    if (run->flags.json) {
        json_t *report = report_make(run_engine(run), seconds);
        if (run->node)
            report_add_node(report, run->node);
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        fputs("\n", stdout);
        json_decref(report);
    } else if (!run->flags.quiet) {
        report_print(run_engine(run), seconds, stdout);
        if (run->node)
            report_print_node(run->node, stdout);
    }
}

static void run_close(struct run *run)
{
    if (run->world.ledger.kind)
        run->world.ledger.kind->close(run->world.ledger.self);
    if (run->node)
        node_close(run->node);
    if (run->world.disk.kind)
        disk_close(&run->world.disk);
    service_unwatch_inputs(&run->service);
    engine_close(&run->engine);
    inputs_close(&run->inputs);
    pipeline_close(&run->pipeline);
    service_close(&run->service);
    config_close(&run->config);
    if (run->broker)
        broker_close(run->broker);
}

static int run_run(const struct command *command, int argument_count, char **arguments)
{
    struct run *run = calloc(1, sizeof *run);
    ASSERT(run);
    run->flags.wait_ms = -1;
    int count = command_parse(command, argument_count, arguments, &run->flags);
    if (count < 0 || !loading_build(&run->config, &run->pipeline, arguments[0])) {
        free(run);
        return EXIT_USAGE;
    }
    bool bad_events = run->flags.events < 0, bad_state = run->flags.state && !*run->flags.state;
    if (bad_events || bad_state) {
        if (bad_events)
            fprintf(stderr, "weir run: --events: expected a count, found %lld\n",
                    (long long)run->flags.events);
        else
            fprintf(stderr, "weir run: --state: expected a directory, found ''\n");
        pipeline_close(&run->pipeline);
        config_close(&run->config);
        free(run);
        return EXIT_USAGE;
    }
    signal(SIGINT, run_on_early_signal);
    signal(SIGTERM, run_on_early_signal);
    run->config.wait_ms = run->flags.wait_ms == 0 ? 1 : run->flags.wait_ms;
    service_init(&run->service);
    run->service.events_most = (uint64_t)run->flags.events;
    struct failure failure = {0};
    enum status status = run_open(run, &failure);
    uint64_t started_ns = clock_monotonic_ns(&system_clock);
    if (status == STATUS_OK) {
        log_info("service", "pipeline=%s is running", run->config.name);
        struct engine *engine = run->node ? node_engine(run->node) : &run->engine;
        status = service_run(&run->service, engine, run->node, &failure);
    }
    if (status == STATUS_OK)
        run_report(run, (double)(clock_monotonic_ns(&system_clock) - started_ns) / 1e9);
    else
        log_error("service", "%s", failure.text);
    run_close(run);
    free(run);
    return status == STATUS_OK ? EXIT_GOOD : EXIT_FINDINGS;
}

static const struct flag run_flag_table[] = {
    {"kafka", "HOST:PORT", "use these brokers instead of the configured ones", FLAG_TEXT,
     offsetof(struct run_flags, kafka)},
    {"embedded-broker", NULL,
     "start a broker inside the process (for trying out; keeps 5 MiB a "
     "partition, no exactly-once)",
     FLAG_SWITCH, offsetof(struct run_flags, embedded_broker)},
    {"events", "N", "stop after so many events", FLAG_INTEGER, offsetof(struct run_flags, events)},
    {"state", "DIR", "keep snapshots there instead of in the configured directory", FLAG_TEXT,
     offsetof(struct run_flags, state)},
    {"cold-start", NULL,
     "leave the state behind: windows and models begin anew at the group's committed offsets",
     FLAG_SWITCH, offsetof(struct run_flags, cold_start)},
    {"wait", "SPAN",
     "give up when brokers have been away for so long at the start or in a recovery (as 5m; else "
     "it "
     "waits until a signal ends it)",
     FLAG_SPAN, offsetof(struct run_flags, wait_ms)},
    {"json", NULL, "print the closing report as one JSON object", FLAG_SWITCH,
     offsetof(struct run_flags, json)},
    {"quiet", NULL, "print no closing report", FLAG_SWITCH, offsetof(struct run_flags, quiet)},
    {0},
};

const struct command command_run = {
    .name = "run",
    .usage = "weir run CONFIG",
    .summary = "the service: decide what comes in, learn, watch, retrain",
    .help =
        "Runs until SIGINT or SIGTERM, or until all inputs have ended; then everything that was "
        "decided\n"
        "is settled before it leaves.  A configuration with mistakes is refused with exit code 2.\n"
        "\n"
        "With events from Kafka every record is decided exactly once: the state comes back from "
        "the\n"
        "newest snapshot and the journal.  A second process of the same pipeline, with a state\n"
        "directory of its own, stands by and takes over when the first one leaves or dies.",
    .flags = run_flag_table,
    .argument_min = 1,
    .argument_max = 1,
    .run = run_run,
};
