/* weir tail: alerts and model events as they come, readable. */
#include "engine/command.h"
#include "engine/loading.h"
#include "sinks/sink.h"
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tail_flags {
    const char *kafka, *stream;
    int64_t rate, count;
    bool from_start;
};

/* One topic that is followed. */
struct tailed {
    enum stream stream;
    struct source source;
};

struct tail {
    struct tail_flags flags;
    struct config config;
    struct pipeline pipeline;
    uint32_t tailed_count;
    struct tailed tailed[STREAMS];
    const struct sink_kind *console;
    void *screen;
    uint64_t second_ns, shown, held, printed;
};

static volatile sig_atomic_t tail_stopped;

static void tail_on_signal(int number)
{
    (void)number;
    tail_stopped = 1;
}

static enum status tail_open_stream(struct tail *tail, enum stream stream, const char *topic,
                                    struct failure *failure)
{
    struct tailed *tailed = &tail->tailed[tail->tailed_count];
    char group[64];
    snprintf(group, sizeof group, "weir-tail-%d", (int)getpid());
    tailed->stream = stream;
    tailed->source.kind = source_find("kafka");
    ASSERT(tailed->source.kind);
    const char *pairs[] = {"topic", topic, "start", tail->flags.from_start ? "earliest" : "latest",
                           NULL};
    void *options =
        loading_options(tailed->source.kind->options, tailed->source.kind->option_size, pairs);
    const struct source_setting setting = {
        .options = options, .kafka = tail->config.kafka, .group = group, .clock = &system_clock};
    enum status status = tailed->source.kind->open(&tailed->source.self, &setting, failure);
    free(options);
    tail->tailed_count += status == STATUS_OK;
    return status;
}

static bool tail_wants(const struct tail *tail, enum stream stream)
{
    if (tail->flags.stream)
        return strcmp(tail->flags.stream, stream_name(stream)) == 0;
    return stream == STREAM_ALERTS || stream == STREAM_MODEL_EVENTS;
}

static enum status tail_open(struct tail *tail, struct failure *failure)
{
    const json_t *outputs = json_object_get(tail->config.root, "outputs");
    if (tail->flags.kafka)
        loading_use_brokers(&tail->config, tail->flags.kafka);
    for (uint32_t i = 0; i < STREAMS; i++) {
        enum stream stream = (enum stream)i;
        const json_t *output = json_object_get(outputs, stream_name(stream));
        const char *topic = json_string_value(json_object_get(output, "topic"));
        if (!topic || !tail_wants(tail, stream))
            continue;
        enum status status = tail_open_stream(tail, stream, topic, failure);
        if (status != STATUS_OK)
            return status;
    }
    if (tail->tailed_count == 0)
        return failure_set(
            failure, STATUS_STOP,
            "the configuration sends no such stream to a Kafka topic; see \"outputs\"");
    tail->console = sink_find("console");
    const char *pairs[] = {NULL};
    struct sink_setting setting = {0};
    void *options = loading_options(tail->console->options, tail->console->option_size, pairs);
    for (uint32_t i = 0; i < STREAMS; i++)
        setting.options[i] = options;
    enum status status = tail->console->open(&tail->screen, &setting, failure);
    free(options);
    return status;
}

/* People read a few lines a second: what is more is counted. */
static void tail_next_second(struct tail *tail)
{
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    if (now_ns - tail->second_ns < 1000000000U)
        return;
    if (tail->held)
        printf("          ... and %llu more\n", (unsigned long long)tail->held);
    tail->second_ns = now_ns;
    tail->shown = tail->held = 0;
}

static bool tail_may_show(struct tail *tail)
{
    tail_next_second(tail);
    if (tail->flags.rate > 0 && tail->shown >= (uint64_t)tail->flags.rate) {
        tail->held++;
        return false;
    }
    tail->shown++;
    return true;
}

static enum status tail_show(struct tail *tail, enum stream stream, const struct record *record,
                             struct failure *failure)
{
    const struct output output = {
        .stream = stream, .bytes = record->bytes, .size = (uint32_t)record->size};
    if (!record->bytes || (stream != STREAM_MODEL_EVENTS && !tail_may_show(tail)))
        return STATUS_OK;
    tail->printed++;
    enum status status = tail->console->put(tail->screen, &output, failure);
    return status == STATUS_STOP ? status : STATUS_OK;
}

static bool tail_is_over(const struct tail *tail)
{
    return tail_stopped || (tail->flags.count > 0 && tail->printed >= (uint64_t)tail->flags.count);
}

/* Everything that waits in one topic; RETRY when nothing did. */
static enum status tail_drain(struct tail *tail, struct tailed *tailed, struct failure *failure)
{
    const struct source_kind *kind = tailed->source.kind;
    enum status result = STATUS_RETRY;
    for (uint32_t lane = 0; lane < kind->lane_count(tailed->source.self); lane++) {
        struct record record;
        enum status status;
        while ((status = kind->peek(tailed->source.self, lane, &record, failure)) == STATUS_OK) {
            status = tail_show(tail, tailed->stream, &record, failure);
            kind->take(tailed->source.self, lane);
            result = STATUS_OK;
            if (status != STATUS_OK || tail_is_over(tail))
                return status;
        }
        if (status == STATUS_STOP)
            return status;
    }
    return result;
}

static enum status tail_follow(struct tail *tail, struct failure *failure)
{
    while (!tail_is_over(tail)) {
        struct pollfd polls[STREAMS];
        bool idle = true;
        for (uint32_t i = 0; i < tail->tailed_count; i++) {
            struct tailed *tailed = &tail->tailed[i];
            enum status status = tail_drain(tail, tailed, failure);
            if (status == STATUS_STOP)
                return status;
            idle = idle && status == STATUS_RETRY;
            polls[i] = (struct pollfd){.fd = tailed->source.kind->descriptor(tailed->source.self),
                                       .events = POLLIN};
        }
        tail_next_second(tail);
        fflush(stdout);
        if (idle)
            poll(polls, tail->tailed_count, 200);
    }
    return STATUS_OK;
}

static bool tail_check(const struct tail_flags *flags)
{
    bool known = flags->stream == NULL;
    for (uint32_t i = 0; i < STREAMS; i++)
        known = known || strcmp(flags->stream, stream_name((enum stream)i)) == 0;
    if (!known)
        fprintf(stderr,
                "weir tail: --stream: '%s' is none of decisions, alerts, dead_letters, "
                "model_events\n",
                flags->stream);
    if (flags->count < 0 || flags->rate < 0)
        fprintf(stderr, "weir tail: --count and --rate: expected 0 or more\n");
    return known && flags->count >= 0 && flags->rate >= 0;
}

static int tail_run(const struct command *command, int argument_count, char **arguments)
{
    static struct tail tail;
    tail.flags.rate = 20;
    int count = command_parse(command, argument_count, arguments, &tail.flags);
    if (count < 0 || !tail_check(&tail.flags) ||
        !loading_build(&tail.config, &tail.pipeline, arguments[0]))
        return EXIT_USAGE;
    struct failure failure = {0};
    enum status status = tail_open(&tail, &failure);
    /* Only now: while it waits for a broker a signal ends it at once; so does the second one later.
     */
    const struct sigaction action = {.sa_handler = tail_on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (status == STATUS_OK)
        status = tail_follow(&tail, &failure);
    if (status != STATUS_OK)
        fprintf(stderr, "weir tail: %s\n", failure.text);
    for (uint32_t i = 0; i < tail.tailed_count; i++)
        tail.tailed[i].source.kind->close(tail.tailed[i].source.self);
    if (tail.screen)
        tail.console->close(tail.screen);
    pipeline_close(&tail.pipeline);
    config_close(&tail.config);
    return status == STATUS_OK ? EXIT_GOOD : EXIT_FINDINGS;
}

static const struct flag tail_flag_table[] = {
    {"kafka", "HOST:PORT", "use these brokers instead of the configured ones", FLAG_TEXT,
     offsetof(struct tail_flags, kafka)},
    {"stream", "NAME",
     "decisions, alerts, dead_letters, model_events or late; by default alerts and "
     "model_events",
     FLAG_TEXT, offsetof(struct tail_flags, stream)},
    {"rate", "N", "show at most so many lines a second and count the others (20; 0: all)",
     FLAG_INTEGER, offsetof(struct tail_flags, rate)},
    {"count", "N", "leave after so many lines", FLAG_INTEGER, offsetof(struct tail_flags, count)},
    {"from-start", NULL, "begin with what is in the topics already", FLAG_SWITCH,
     offsetof(struct tail_flags, from_start)},
    {0},
};

const struct command command_tail = {
    .name = "tail",
    .usage = "weir tail CONFIG",
    .summary = "alerts and model events as they come, readable",
    .help = "Follows the Kafka topics that the configuration sends its outputs to, until Ctrl-C.  "
            "It reads\n"
            "beside everybody else and commits nothing.",
    .flags = tail_flag_table,
    .argument_min = 1,
    .argument_max = 1,
    .run = tail_run,
};
