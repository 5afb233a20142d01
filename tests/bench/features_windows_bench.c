/* What windows cost, as JSON lines.
 *
 * First ns an event for 20 spans over 4 kinds of entities (1M, 1M, 50k, 20k keys), events 2 s apart
 * so that slots really expire.  Steady state: the first 30 days of events only fill the windows and
 * are not measured.
 *
 * Then each aggregate alone, over windows of 12, 1,000 and 1,000,000 events of one entity: ns for
 * one update and one read.  It should not depend on the length, whether all events are kept
 * (events_max 2^20) or, as by default, 4096 of them and the others in panes.  With "late", one in
 * ten events comes up to five minutes late, in whose time 150 others came.
 *
 *     features_windows_bench [EVENTS [LENGTH_EVENTS [AGGREGATE [SIZE]]]]
 *
 * 0 leaves a part out; SIZE is the place of a window's size in their table, from 1. */
#include "base/random.h"
#include "features/aggregate.h"
#include "tests/bench/features_room.h"

enum {
    KINDS = 4,
    SPANS = 5,
    BATCH = 256,
    STEP_MS = 2000,
    LATE_EVERY = 10,
    LATE_MS = 300000,
};

static const char *const entity_names[KINDS] = {"card", "device", "terminal", "merchant"};
static const uint64_t cardinality[KINDS] = {1000000, 1000000, 50000, 20000};
static const char *const span_names[SPANS] = {"10m", "1h", "1d", "7d", "30d"};

struct bench {
    struct room room;
    struct random random;
    int64_t time_ms;
    uint64_t number;
    bool one;        /* entity */
    int64_t late_ms; /* by how much one in ten events comes late, at most */
};

static void bench_open(struct bench *bench, const struct features_setting *setting)
{
    memset(bench, 0, sizeof *bench);
    bench->time_ms = 1500000000000;
    random_seed(&bench->random, 20180401);
    room_open(&bench->room, setting);
    for (uint32_t i = 0; i <= KINDS; i++)
        room_add_field(&bench->room, i < KINDS ? entity_names[i] : "amount", i < KINDS);
}

static void kinds_open(struct bench *bench, const char *const *aggregates)
{
    static const struct entity_setting entities[KINDS] = {
        {.name = "card", .entities_max = 1100000, .events_max = 256},
        {.name = "device", .entities_max = 1100000, .events_max = 256},
        {.name = "terminal", .entities_max = 55000, .events_max = 256},
        {.name = "merchant", .entities_max = 22000, .events_max = 256}};
    struct features_setting setting = {.memory = 4LL << 30, .entity_count = 4, .entity = entities};
    bench_open(bench, &setting);
    for (uint32_t i = 0; i < KINDS; i++)
        for (uint32_t s = 0; s < SPANS; s++)
            for (uint32_t a = 0; aggregates[a]; a++) {
                char formula[200];
                snprintf(formula, sizeof formula, "%s by %s over %s", aggregates[a],
                         entity_names[i], span_names[s]);
                room_compile(&bench->room, formula);
            }
    room_start(&bench->room);
}

static uint64_t mix(uint64_t word)
{
    word = (word ^ (word >> 31)) * 0x9E3779B97F4A7C15ULL;
    word = (word ^ (word >> 29)) * 0xBF58476D1CE4E5B9ULL;
    return (word ^ (word >> 32)) | 1;
}

static void fill(struct bench *bench)
{
    struct batch *batch = &bench->room.batch;
    batch_clear(batch);
    batch->count = BATCH;
    for (uint32_t row = 0; row < BATCH; row++) {
        batch->kind[row] = RECORD_EVENT;
        batch->dead[row] = false;
        batch->number[row] = bench->number++;
        batch->time_ms[row] = bench->time_ms += STEP_MS;
        if (bench->late_ms && random_below(&bench->random, LATE_EVERY) == 0)
            batch->time_ms[row] -= (int64_t)random_below(&bench->random, (uint64_t)bench->late_ms);
        for (uint32_t i = 0; i < KINDS; i++)
            batch_column(batch, i)[row].key =
                mix(random_below(&bench->random, bench->one ? 1 : cardinality[i]) * KINDS + i + 1);
        if (bench->one) /* its merchants are what distinct, mode and their like are about */
            batch_column(batch, 3)[row].key = mix(random_below(&bench->random, 20000));
        batch_column(batch, KINDS)[row].number = (double)random_below(&bench->random, 100000) / 100;
    }
}

static double run(struct bench *bench, uint64_t events)
{
    uint64_t spent = 0;
    for (uint64_t done = 0; done < events; done += BATCH) {
        fill(bench);
        uint64_t start = room_cpu_ns();
        features_extract(bench->room.features, &bench->room.program, &bench->room.state,
                         &bench->room.batch, NULL);
        spent += room_cpu_ns() - start;
    }
    return (double)spent / (double)events;
}

static void measure(const char *name, const char *const *aggregates, uint64_t events)
{
    static struct bench bench;
    struct entity_report report[KINDS];
    kinds_open(&bench, aggregates);
    double fill_ns = run(&bench, 30 * 86400 / 2);
    /* Until every key has come: two thirds of a million have after that. */
    run(&bench, 3000000);
    double ns = run(&bench, events);
    features_report(bench.room.features, &bench.room.state, report, KINDS);
    uint64_t evicted = 0, dropped = 0;
    for (uint32_t i = 0; i < KINDS; i++) {
        evicted += report[i].evicted_for_rows + report[i].evicted_for_blocks;
        dropped += report[i].events_dropped;
    }
    printf("{\"bench\": \"features_windows\", \"windows\": \"%s\", \"ns_per_event\": %.0f, "
           "\"ns_per_event_filling\": %.0f, \"events\": %llu, \"bytes_per_card\": %llu, "
           "\"evicted\": %llu, \"events_dropped\": %llu}\n",
           name, ns, fill_ns, (unsigned long long)events,
           (unsigned long long)report[0].bytes_per_entity, (unsigned long long)evicted,
           (unsigned long long)dropped);
    fflush(stdout);
    room_close(&bench.room);
}

/* A call of the aggregate with arguments of its types; false: it takes no span. */
static bool call_print(const struct aggregate_kind *kind, char *text, size_t size)
{
    static const char *const numbers[] = {"amount", "amount * 2"};
    if (kind->for_ever || kind->argument[0].role == ARGUMENT_KEY || kind->takes_location)
        return false;
    int used = snprintf(text, size, "%s(", kind->name);
    for (uint32_t i = 0; i < 2 && kind->argument[i].types; i++) {
        uint32_t types = kind->argument[i].types;
        const char *argument = types == TAKES_CONDITION ? "amount > 500"
                               : types == TAKES_ANY     ? "merchant"
                                                        : numbers[i];
        if (!kind->argument[i].optional)
            used += snprintf(text + used, size - (size_t)used, "%s%s", i ? ", " : "", argument);
    }
    if (kind->parameter.type != PARAMETER_NONE && !kind->parameter.optional)
        used += snprintf(text + used, size - (size_t)used, ", %s",
                         kind->parameter.type == PARAMETER_WHOLE ? "5" : "0.9");
    snprintf(text + used, size - (size_t)used, ")");
    return true;
}

struct size {
    uint64_t length;
    int64_t events_max, late_ms;
};

static void measure_length(const struct aggregate_kind *kind, const struct size *size,
                           uint64_t events)
{
    static struct bench bench;
    const struct entity_setting entity = {
        .name = "card", .entities_max = 16, .events_max = size->events_max};
    struct features_setting setting = {
        .memory = 1LL << 30, .entity_count = 1, .entity = &entity, .lateness_ms = size->late_ms};
    struct entity_report report;
    char call[80], formula[160];
    if (!call_print(kind, call, sizeof call))
        return;
    bench_open(&bench, &setting);
    bench.one = true;
    bench.late_ms = size->late_ms;
    snprintf(formula, sizeof formula, "%s by card over %llums", call,
             (unsigned long long)size->length * STEP_MS);
    room_compile(&bench.room, formula);
    room_start(&bench.room);
    run(&bench, (size->length * 11 / 10 / BATCH + 2) * BATCH);
    double ns = run(&bench, events);
    features_report(bench.room.features, &bench.room.state, &report, 1);
    uint64_t panes = report.events_spilled ? report.bytes_panes : 0;
    printf(
        "{\"bench\": \"features_windows\", \"window\": \"%s\", \"window_events\": %llu, "
        "\"events_max\": %lld, \"late\": %s, \"ns_per_update_and_read\": %.0f, "
        "\"bytes_per_entity\": %llu, "
        "\"events_spilled\": %llu, \"events_dropped\": %llu}\n",
        call, (unsigned long long)size->length,
        (long long)(size->events_max ? size->events_max : 4096), size->late_ms ? "true" : "false",
        ns,
        (unsigned long long)(report.bytes_per_entity + report.blocks * report.bytes_block + panes),
        (unsigned long long)report.events_spilled, (unsigned long long)report.events_dropped);
    fflush(stdout);
    room_close(&bench.room);
}

/* only: the aggregate, or all; place: the size's, or 0 for all. */
static void measure_lengths(uint64_t events, const char *only, uint64_t place)
{
    static const struct size sizes[] = {{12, 0, 0},         {1000, 0, 0},
                                        {1000000, 0, 0},    {1000000, 1 << 20, 0},
                                        {1000, 0, LATE_MS}, {4000, 8192, LATE_MS}};
    for (uint32_t i = 0; aggregate_table[i]; i++)
        for (uint32_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            if ((!only || strcmp(only, aggregate_table[i]->name) == 0) &&
                (place == 0 || place == s + 1))
                measure_length(aggregate_table[i], &sizes[s], events);
}

static uint64_t whole_batches(uint64_t events)
{
    return (events / BATCH + 1) * BATCH;
}

int main(int argc, char **argv)
{
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
    uint64_t length_events = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    static const char *const means[] = {"mean(amount)", NULL};
    static const char *const both[] = {"count()", "mean(amount)", NULL};
    if (events) {
        measure("20 of mean(amount)", means, whole_batches(events));
        measure("20 of count() and 20 of mean(amount)", both, whole_batches(events));
    }
    if (length_events)
        measure_lengths(whole_batches(length_events), argc > 3 ? argv[3] : NULL,
                        argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
    return 0;
}
