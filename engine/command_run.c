/* weir run: the service. */
#include "base/log.h"
#include "engine/broker.h"
#include "engine/command.h"
#include "engine/loading.h"
#include "engine/report.h"
#include "engine/service.h"
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EMBEDDED_PARTITIONS = 4 };

struct run_flags {
    const char *kafka;
    int64_t events;
    bool embedded_broker, json, quiet;
};

struct run {
    struct run_flags flags;
    struct config config;
    struct pipeline pipeline;
    struct inputs inputs;
    struct engine engine;
    struct service service;
    struct broker *broker;
};

/* Topics of the configuration, so that the embedded broker has them with their partitions. */
static uint32_t run_topics(const struct config *config, struct broker_topic *topics)
{
    uint32_t count = 0;
    static const char *const inputs[] = {"events", "labels"};
    for (size_t i = 0; i < 2; i++) {
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
    struct broker_topic topics[STREAMS + 2];
    uint32_t count = run_topics(&run->config, topics);
    enum status status = broker_open(&run->broker, topics, count, failure);
    if (status != STATUS_OK)
        return status;
    const char *address = broker_bootstrap(run->broker);
    loading_use_brokers(&run->config, address);
    fprintf(stderr, "embedded broker: %s  (try: kcat -b %s -t alerts)\n", address, address);
    return STATUS_OK;
}

static enum status run_open(struct run *run, struct failure *failure)
{
    enum status status = run_open_broker(run, failure);
    if (status == STATUS_OK)
        status = loading_add_inputs(&run->inputs, &run->config, &system_clock, failure);
    if (status == STATUS_OK)
        status = pipeline_start(&run->pipeline, loading_header(&run->inputs), failure);
    const struct world world = {&system_clock, &run->service.children.children};
    if (status == STATUS_OK)
        status =
            engine_open(&run->engine, &run->pipeline, &run->inputs, &world, PACE_LIVE, failure);
    return status;
}

static void run_report(const struct run *run, double seconds)
{
    if (run->flags.json) {
        json_t *report = report_make(&run->engine, seconds);
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        fputs("\n", stdout);
        json_decref(report);
    } else if (!run->flags.quiet) {
        report_print(&run->engine, seconds, stdout);
    }
}

static void run_close(struct run *run)
{
    engine_close(&run->engine);
    inputs_close(&run->inputs);
    pipeline_close(&run->pipeline);
    service_close(&run->service);
    config_close(&run->config);
    if (run->broker)
        broker_close(run->broker);
}

/* Until the service runs a signal ends the process at once, also where the system would not do it
 * by itself (as the first process of a container). */
static void run_on_early_signal(int number)
{
    _exit(128 + number);
}

static int run_run(const struct command *command, int argument_count, char **arguments)
{
    struct run *run = calloc(1, sizeof *run);
    ASSERT(run);
    int count = command_parse(command, argument_count, arguments, &run->flags);
    if (count < 0 || !loading_build(&run->config, &run->pipeline, arguments[0])) {
        free(run);
        return EXIT_USAGE;
    }
    if (run->flags.events < 0) {
        fprintf(stderr, "weir run: --events: expected a count, found %lld\n",
                (long long)run->flags.events);
        pipeline_close(&run->pipeline);
        config_close(&run->config);
        free(run);
        return EXIT_USAGE;
    }
    signal(SIGINT, run_on_early_signal);
    signal(SIGTERM, run_on_early_signal);
    service_init(&run->service);
    run->service.events_most = (uint64_t)run->flags.events;
    struct failure failure = {0};
    enum status status = run_open(run, &failure);
    uint64_t started_ns = clock_monotonic_ns(&system_clock);
    if (status == STATUS_OK) {
        log_info("service",
                 "pipeline=%s is running; its state is in memory: windows and models begin anew at "
                 "the next start",
                 run->config.name);
        status = service_run(&run->service, &run->engine, &failure);
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
        "is settled before it leaves.  A configuration with mistakes is refused with exit code 2.",
    .flags = run_flag_table,
    .argument_min = 1,
    .argument_max = 1,
    .run = run_run,
};
