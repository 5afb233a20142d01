/* weir explain: the plan of every window: what it keeps, shares and costs, how far it is exact. */
#include "engine/command.h"
#include "engine/explain.h"
#include "engine/loading.h"
#include <stddef.h>
#include <stdlib.h>

struct explain_flags {
    const char *entities;
    int64_t events;
    bool json;
};

static const struct flag explain_flags[] = {
    {"entities", "N", "do so many fit? Of every kind, or card=1000000,merchant=5000", FLAG_TEXT,
     offsetof(struct explain_flags, entities)},
    {"events", "N", "with --entities: events that each keeps (as many as fit beside its values)",
     FLAG_INTEGER, offsetof(struct explain_flags, events)},
    {"json", NULL, "prints one JSON object", FLAG_SWITCH, offsetof(struct explain_flags, json)},
    {0},
};

enum { EVENTS_ASKED_MAX = 1 << 24 };

static bool read_question(const struct explanation *explanation, const struct explain_flags *flags,
                          struct explain_question *question)
{
    if (flags->entities && !explain_read_question(explanation, flags->entities, question)) {
        fprintf(stderr,
                "weir explain: --entities: expected a number, or NAME=NUMBER,..., found '%s'; "
                "kinds of entities:",
                flags->entities);
        for (uint32_t i = 0; i < explanation->entity_count; i++)
            fprintf(stderr, " %s", explanation->entity[i].name);
        fprintf(stderr, "\n");
        return false;
    }
    if (flags->events < 0 || flags->events > EVENTS_ASKED_MAX) {
        fprintf(stderr, "weir explain: --events: expected 0 to %d, found %lld\n", EVENTS_ASKED_MAX,
                (long long)flags->events);
        return false;
    }
    question->events = (uint64_t)flags->events;
    return true;
}

static int explain(const struct pipeline *pipeline, const struct explain_flags *flags)
{
    struct explanation *explanation = malloc(sizeof *explanation);
    struct explain_question question = {0};
    ASSERT(explanation);
    explain_make(explanation, pipeline);
    bool good = read_question(explanation, flags, &question);
    if (good && flags->json) {
        json_t *object = explain_json(explanation, &question);
        json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        printf("\n");
        json_decref(object);
    } else if (good) {
        explain_print(explanation, &question, stdout);
    }
    explain_close(explanation);
    free(explanation);
    return good ? EXIT_GOOD : EXIT_USAGE;
}

static int run_explain(const struct command *command, int argument_count, char **arguments)
{
    struct explain_flags flags = {0};
    if (command_parse(command, argument_count, arguments, &flags) < 0)
        return EXIT_USAGE;
    struct config *config = calloc(1, sizeof *config);
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    ASSERT(config && pipeline);
    int code = EXIT_USAGE;
    if (loading_build(config, pipeline, arguments[0])) {
        code = explain(pipeline, &flags);
        pipeline_close(pipeline);
        config_close(config);
    }
    free(pipeline);
    free(config);
    return code;
}

extern const struct command command_explain;
const struct command command_explain = {
    .name = "explain",
    .usage = "weir explain CONFIG [--entities N] [--events N] [--json]",
    .summary = "what each window keeps, shares and costs, and how far it is exact",
    .help = "Windows by kind of entity, in the order of their work:\n"
            "  kept as   sums: count, sum, mean and their like finish the same sums (of 2: two "
            "windows\n"
            "            do); value: a running value; order: the values themselves, in order\n"
            "  bytes     of the entity's row, shared ones included\n"
            "  ns        an event, estimated from a table of measurements\n"
            "  exact to  so many events of one entity; always: however many there are\n"
            "  past that an end of the window is off by so much at most, and different values are\n"
            "            estimated with so large a standard error; newest: it sees those alone\n"
            "\n"
            "Without --entities it says how many entities `memory` has room for.",
    .flags = explain_flags,
    .argument_min = 1,
    .argument_max = 1,
    .run = run_explain,
};
