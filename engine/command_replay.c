/* weir replay: history through the very same engine, as fast as it goes. */
#include "base/calendar.h"
#include "engine/command.h"
#include "engine/loading.h"
#include "engine/process_children.h"
#include "engine/replay_journal.h"
#include "engine/report.h"
#include "engine/table_file.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct replay_flags {
    int64_t from_ms, batch;
    const char *kafka, *state;
    const char *to, *decisions, *alerts, *dead_letters, *model_events, *late, *scores, *features;
    bool journal, json, progress;
};

struct replay {
    struct replay_flags flags;
    struct config config;
    struct pipeline pipeline;
    struct inputs inputs;
    struct engine engine;
    struct process_children children;
    struct table_file scores, features;
    uint64_t started_ns, shown_ns;
};

static void replay_on_batch(void *self, const struct batch *batch)
{
    struct replay *replay = self;
    table_file_put(&replay->scores, batch);
    table_file_put(&replay->features, batch);
}

static double replay_seconds(const struct replay *replay)
{
    return (double)(clock_monotonic_ns(&system_clock) - replay->started_ns) / 1e9;
}

static void replay_show(struct replay *replay)
{
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    if (now_ns - replay->shown_ns < 500000000U)
        return;
    replay->shown_ns = now_ns;
    const struct fold_row *fold = pipeline_fold(&replay->pipeline);
    char text[32];
    struct buffer time;
    buffer_init(&time, text, sizeof text);
    calendar_format(&time, fold->newest_ms);
    fprintf(stderr, "\r%llu events, at %.*s, %.0f a second   ", (unsigned long long)fold->events,
            (int)time.size, text, (double)fold->events / replay_seconds(replay));
}

/* The end of the period: a day is meant whole, a moment with its millisecond. */
static bool replay_to(const struct replay_flags *flags, int64_t *to_ms)
{
    *to_ms = INT64_MAX;
    if (!flags->to)
        return true;
    if (!calendar_parse(flags->to, strlen(flags->to), to_ms)) {
        fprintf(stderr,
                "weir replay: --to: '%s' is no time; expected 2018-08-14 or "
                "2018-08-14T12:00:00Z\n",
                flags->to);
        return false;
    }
    *to_ms += strlen(flags->to) == strlen("2018-08-14") ? DAY_MS : 1;
    return true;
}

static bool replay_check(const struct replay_flags *flags, int64_t *to_ms)
{
    if (!replay_to(flags, to_ms))
        return false;
    if (*to_ms <= flags->from_ms) {
        fprintf(stderr, "weir replay: --to lies before --from: nothing would be left\n");
        return false;
    }
    if (flags->batch < 0 || flags->batch > BATCH_RECORDS_MAX) {
        fprintf(stderr, "weir replay: --batch: expected 1 to %d, found %lld\n", BATCH_RECORDS_MAX,
                (long long)flags->batch);
        return false;
    }
    return true;
}

/* A period needs times to lie in. */
static bool replay_check_times(const struct replay *replay, int64_t to_ms)
{
    if (!replay->config.untimed || (replay->flags.from_ms == INT64_MIN && to_ms == INT64_MAX))
        return true;
    fprintf(stderr, "weir replay: --from and --to: these events have no time\n");
    return false;
}

static void replay_outputs(struct replay *replay)
{
    const struct replay_flags *flags = &replay->flags;
    loading_output_file(&replay->config, STREAM_DECISIONS, flags->decisions);
    loading_output_file(&replay->config, STREAM_ALERTS, flags->alerts);
    loading_output_file(&replay->config, STREAM_DEAD_LETTERS, flags->dead_letters);
    loading_output_file(&replay->config, STREAM_MODEL_EVENTS, flags->model_events);
    loading_output_file(&replay->config, STREAM_LATE, flags->late);
}

/* "control:FILE" holds requests; they come where the file stands among the others. */
static enum status replay_add(struct replay *replay, const char *file, struct failure *failure)
{
    static const char prefix[] = "control:";
    bool requests = strncmp(file, prefix, sizeof prefix - 1) == 0;
    return loading_add_file(&replay->inputs, &replay->config,
                            requests ? file + sizeof prefix - 1 : file,
                            requests ? RECORD_REQUEST : RECORD_EVENT, failure);
}

static enum status replay_open(struct replay *replay, int file_count, char **files,
                               struct failure *failure)
{
    const struct replay_flags *flags = &replay->flags;
    enum status status = STATUS_OK;
    for (int i = 0; i < file_count && status == STATUS_OK; i++)
        status = replay_add(replay, files[i], failure);
    if (status == STATUS_OK)
        status = pipeline_start(&replay->pipeline, loading_header(&replay->inputs), failure);
    const struct world world = {.clock = &system_clock, .children = &replay->children.children};
    if (status == STATUS_OK)
        status = engine_open(&replay->engine, &replay->pipeline, &replay->inputs, &world,
                             PACE_EXACT, failure);
    if (status == STATUS_OK && flags->scores)
        status = table_file_open(&replay->scores, &replay->pipeline, flags->scores, false, failure);
    if (status == STATUS_OK && flags->features)
        status =
            table_file_open(&replay->features, &replay->pipeline, flags->features, true, failure);
    replay->engine.on_batch = replay_on_batch;
    replay->engine.on_batch_self = replay;
    return status;
}

static enum status replay_turn(struct replay *replay, struct failure *failure)
{
    enum status status = STATUS_OK;
    replay->started_ns = replay->shown_ns = clock_monotonic_ns(&system_clock);
    while (status == STATUS_OK || status == STATUS_RETRY) {
        status = engine_turn(&replay->engine, failure);
        if (status == STATUS_RETRY) /* a pipe has nothing, or a disk is slow */
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (replay->flags.progress)
            replay_show(replay);
    }
    if (replay->flags.progress)
        fprintf(stderr, "\n");
    if (status == STATUS_END)
        status = engine_drain(&replay->engine, 30000, failure);
    return status;
}

static void replay_report(const struct replay *replay, double seconds)
{
    bool taken = table_file_is_output(replay->flags.scores) ||
                 table_file_is_output(replay->flags.features) ||
                 table_file_is_output(replay->flags.decisions);
    FILE *file = taken ? stderr : stdout;
    if (!replay->flags.json) {
        report_print(&replay->engine, seconds, file);
        return;
    }
    json_t *report = report_make(&replay->engine, seconds);
    json_dumpf(report, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputs("\n", file);
    json_decref(report);
}

/* Figures over what is left may look good; whoever reads them should know where the rest is. */
static void replay_hint(const struct replay *replay)
{
    uint64_t dead = pipeline_fold(&replay->pipeline)->dead_letters;
    if (dead > 0 && !replay->flags.dead_letters)
        fprintf(stderr,
                "weir replay: records that could not be read, and are in none of these figures: "
                "%llu; --dead-letters FILE says why of each\n",
                (unsigned long long)dead);
}

static void replay_close(struct replay *replay)
{
    engine_close(&replay->engine);
    inputs_close(&replay->inputs);
    pipeline_close(&replay->pipeline);
    config_close(&replay->config);
    process_children_close(&replay->children);
}

static enum status replay_finish(struct replay *replay, enum status status, struct failure *failure)
{
    struct failure scores, features;
    bool scores_written = table_file_close(&replay->scores, &scores) == STATUS_OK;
    bool features_written = table_file_close(&replay->features, &features) == STATUS_OK;
    if (status != STATUS_OK || (scores_written && features_written))
        return status;
    *failure = scores_written ? features : scores;
    return STATUS_STOP;
}

static bool replay_check_arguments(const struct replay_flags *flags, int count)
{
    if (flags->journal == (count == 1))
        return true;
    fprintf(stderr, flags->journal
                        ? "weir replay: --journal names what is folded: no files beside it\n"
                        : "weir replay: expected files, or --journal\n");
    return false;
}

static int replay_run(const struct command *command, int argument_count, char **arguments)
{
    struct replay *replay = calloc(1, sizeof *replay);
    ASSERT(replay);
    replay->flags.from_ms = INT64_MIN;
    int64_t to_ms;
    int count = command_parse(command, argument_count, arguments, &replay->flags);
    if (count < 0 || !replay_check(&replay->flags, &to_ms) ||
        !replay_check_arguments(&replay->flags, count) ||
        !loading_build(&replay->config, &replay->pipeline, arguments[0])) {
        free(replay);
        return EXIT_USAGE;
    }
    if (!replay_check_times(replay, to_ms)) {
        pipeline_close(&replay->pipeline);
        config_close(&replay->config);
        free(replay);
        return EXIT_USAGE;
    }
    if (replay->flags.journal) {
        const struct replay_journal_setting setting = {
            .config = &replay->config,
            .kafka = replay->flags.kafka,
            .state = replay->flags.state,
            .scores = replay->flags.scores,
            .features = replay->flags.features,
            .json = replay->flags.json,
        };
        int code = replay_journal(&setting);
        pipeline_close(&replay->pipeline);
        config_close(&replay->config);
        free(replay);
        return code;
    }
    if (replay->flags.batch)
        replay->config.batch = replay->flags.batch;
    replay->pipeline.from_ms = replay->flags.from_ms;
    replay->pipeline.to_ms = to_ms;
    replay->inputs.whole = true;
    process_children_init(&replay->children, NULL);
    replay_outputs(replay);
    struct failure failure = {0};
    enum status status = replay_open(replay, count - 1, arguments + 1, &failure);
    if (status == STATUS_OK)
        status = replay_turn(replay, &failure);
    double seconds = replay_seconds(replay);
    status = replay_finish(replay, status, &failure);
    if (status == STATUS_OK) {
        replay_report(replay, seconds);
        replay_hint(replay);
    } else {
        fprintf(stderr, "weir replay: %s\n", failure.text);
    }
    replay_close(replay);
    free(replay);
    return status == STATUS_OK ? EXIT_GOOD : EXIT_FINDINGS;
}

static const struct flag replay_flags[] = {
    {"from", "TIME", "pass over events before this time (ISO 8601, UTC)", FLAG_TIME,
     offsetof(struct replay_flags, from_ms)},
    {"to", "TIME", "pass over events after this time; a date means its whole day", FLAG_TEXT,
     offsetof(struct replay_flags, to)},
    {"decisions", "FILE", "write every decision as a JSON line ('-': standard output)", FLAG_TEXT,
     offsetof(struct replay_flags, decisions)},
    {"alerts", "FILE", "write every alert as a JSON line", FLAG_TEXT,
     offsetof(struct replay_flags, alerts)},
    {"dead-letters", "FILE", "write what could not be decoded, with the reason", FLAG_TEXT,
     offsetof(struct replay_flags, dead_letters)},
    {"model-events", "FILE", "write drift alarms, trainings and promotions", FLAG_TEXT,
     offsetof(struct replay_flags, model_events)},
    {"late", "FILE", "write every event that came too late for a window, with the reason",
     FLAG_TEXT, offsetof(struct replay_flags, late)},
    {"scores", "FILE", "write a CSV: id,score", FLAG_TEXT, offsetof(struct replay_flags, scores)},
    {"features", "FILE", "write a CSV: id and every feature, as the models saw them", FLAG_TEXT,
     offsetof(struct replay_flags, features)},
    {"batch", "N", "records a batch, 1 to 256; the results are the same", FLAG_INTEGER,
     offsetof(struct replay_flags, batch)},
    {"journal", NULL,
     "fold the pipeline's journal from Kafka instead of files, and compare every output and state "
     "hash that it states",
     FLAG_SWITCH, offsetof(struct replay_flags, journal)},
    {"kafka", "HOST:PORT", "with --journal: use these brokers instead of the configured ones",
     FLAG_TEXT, offsetof(struct replay_flags, kafka)},
    {"state", "DIR",
     "with --journal: begin at the newest snapshot in there instead of at the journal's begin",
     FLAG_TEXT, offsetof(struct replay_flags, state)},
    {"json", NULL, "print the report as one JSON object", FLAG_SWITCH,
     offsetof(struct replay_flags, json)},
    {"progress", NULL, "show how far it is on standard error", FLAG_SWITCH,
     offsetof(struct replay_flags, progress)},
    {0},
};

const struct command command_replay = {
    .name = "replay",
    .usage = "weir replay CONFIG FILE... | weir replay CONFIG --journal",
    .summary = "history through the same engine: scores, features, metrics",
    .help =
        "Reads the files (CSV or JSON lines, also .gz, '-' for standard input) in the order "
        "given,\n"
        "in place of the configured sources, and decides every event as the service would.\n"
        "A file given as control:FILE holds requests, as the control topic does; they are\n"
        "answered where it stands among the others.\n"
        "Labels come from the event's own field after the configured delay.  The configured\n"
        "outputs get nothing; name files to see what happened.\n"
        "\n"
        "With --journal it reads what a running pipeline has journalled and proves that the same\n"
        "outputs and the same state come out; it writes nothing to Kafka and disturbs nobody.\n"
        "--scores and --features say what it saw, event by event; another header line comes where\n"
        "the pipeline was given another configuration.",
    .flags = replay_flags,
    .argument_min = 1,
    .argument_max = -1,
    .run = replay_run,
};
