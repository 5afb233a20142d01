/* Count and mean of an amount for four entities over five sliding windows, 40 features an event, of
 * the transactions in a CSV file (time_ms,card,merchant,device,country,amount): the job that other
 * rolling statistics are measured on, parsed before the clock starts as theirs is.  Prints a JSON
 * line with the sums of all counts and of all means, by which results can be compared.
 *
 *     features_rolling_bench [FILE.csv]      without a file: 200,000 events of its own */
#include "base/hash.h"
#include "base/random.h"
#include "tests/bench/features_room.h"

enum {
    KINDS = 4,
    SPANS = 5,
    BATCH = 256,
    ROUNDS = 3,
    OWN_EVENTS = 200000,
    EVENTS_LIMIT = 20000000
};

static const char *const field_names[KINDS + 1] = {"card", "merchant", "device", "country",
                                                   "amount"};
static const char *const span_names[SPANS] = {"1h", "6h", "1d", "7d", "30d"};

struct event {
    int64_t time_ms;
    uint64_t key[KINDS];
    double amount;
};

struct events {
    uint64_t count, room;
    struct event *event;
};

struct rolling {
    struct room room;
    uint32_t count_value[KINDS * SPANS], mean_value[KINDS * SPANS];
};

/* ---- the events ---- */

static struct event *event_add(struct events *events)
{
    if (events->count == EVENTS_LIMIT)
        room_stop("events", "too many");
    if (events->count == events->room) {
        events->room = events->room ? 2 * events->room : 1 << 16;
        events->event = realloc(events->event, events->room * sizeof *events->event);
        if (!events->event)
            room_stop("events", "out of memory");
    }
    return &events->event[events->count++];
}

static void line_read(struct events *events, char *line)
{
    struct event *event = event_add(events);
    char *rest = line;
    event->time_ms = strtoll(strsep(&rest, ","), NULL, 10);
    for (uint32_t i = 0; i < KINDS && rest; i++) {
        const char *text = strsep(&rest, ",");
        event->key[i] = hash_fingerprint(text, strlen(text)) | 1;
    }
    if (!rest)
        room_stop("events", "a line has too few columns");
    event->amount = strtod(rest, NULL);
}

static void events_read(struct events *events, const char *path)
{
    char line[512];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file))
        room_stop(path, "could not be read");
    while (fgets(line, sizeof line, file))
        line_read(events, line);
    fclose(file);
}

static void events_draw(struct events *events)
{
    static const uint64_t cardinality[KINDS] = {20000, 2000, 30000, 40};
    struct random random;
    random_seed(&random, 20180401);
    for (uint64_t i = 0; i < OWN_EVENTS; i++) {
        struct event *event = event_add(events);
        event->time_ms = 1500000000000 + (int64_t)i * 60LL * 86400000 / OWN_EVENTS;
        for (uint32_t k = 0; k < KINDS; k++)
            event->key[k] = hash_pair(k + 1, random_below(&random, cardinality[k]) + 1) | 1;
        event->amount = (double)random_below(&random, 100000) / 100;
    }
}

/* ---- the windows ---- */

static uint32_t compile(struct rolling *rolling, const char *what, uint32_t kind, uint32_t span)
{
    char formula[128];
    snprintf(formula, sizeof formula, "%s by %s over %s", what, field_names[kind],
             span_names[span]);
    return room_compile(&rolling->room, formula);
}

/* A country has as many events in its window as there are events: all are kept, so that the counts
 * agree with those who keep everything. */
static void rolling_open(struct rolling *rolling, uint64_t events)
{
    struct entity_setting entities[KINDS] = {0};
    const struct features_setting setting = {
        .memory = 4LL << 30, .entity_count = KINDS, .entity = entities};
    for (uint32_t i = 0; i < KINDS; i++) {
        snprintf(entities[i].name, sizeof entities[i].name, "%s", field_names[i]);
        entities[i].events_max = (int64_t)events + 1;
    }
    room_open(&rolling->room, &setting);
    for (uint32_t i = 0; i <= KINDS; i++)
        room_add_field(&rolling->room, field_names[i], i < KINDS);
    for (uint32_t i = 0; i < KINDS * SPANS; i++) {
        rolling->count_value[i] = compile(rolling, "count()", i / SPANS, i % SPANS);
        rolling->mean_value[i] = compile(rolling, "mean(amount)", i / SPANS, i % SPANS);
    }
    room_start(&rolling->room);
}

static void fill(struct rolling *rolling, const struct event *event, uint32_t count)
{
    struct batch *batch = &rolling->room.batch;
    batch_clear(batch);
    batch->count = count;
    for (uint32_t row = 0; row < count; row++) {
        batch->kind[row] = RECORD_EVENT;
        batch->dead[row] = batch->ahead[row] = false;
        batch->time_ms[row] = batch->newest_ms[row] = event[row].time_ms;
        for (uint32_t i = 0; i < KINDS; i++)
            batch_column(batch, i)[row].key = event[row].key[i];
        batch_column(batch, KINDS)[row].number = event[row].amount;
    }
}

/* ---- measuring ---- */

struct totals {
    double counts, means;
    uint64_t spent_ns;
};

static void totals_add(struct totals *totals, const struct rolling *rolling)
{
    const struct batch *batch = &rolling->room.batch;
    for (uint32_t i = 0; i < KINDS * SPANS; i++)
        for (uint32_t row = 0; row < batch->count; row++) {
            totals->counts += batch_column(batch, rolling->count_value[i])[row].number;
            totals->means += batch_column(batch, rolling->mean_value[i])[row].number;
        }
}

static struct totals measure(const struct events *events)
{
    static struct rolling rolling;
    struct totals totals = {0};
    rolling_open(&rolling, events->count);
    for (uint64_t done = 0; done < events->count; done += rolling.room.batch.count) {
        uint64_t left = events->count - done;
        uint64_t start = room_cpu_ns();
        fill(&rolling, events->event + done, left < BATCH ? (uint32_t)left : BATCH);
        features_extract(rolling.room.features, &rolling.room.program, &rolling.room.state,
                         &rolling.room.batch, NULL);
        totals_add(&totals, &rolling);
        totals.spent_ns += room_cpu_ns() - start;
    }
    room_close(&rolling.room);
    return totals;
}

int main(int argc, char **argv)
{
    struct events events = {0};
    struct totals best = {.spent_ns = UINT64_MAX};
    if (argc > 1)
        events_read(&events, argv[1]);
    else
        events_draw(&events);
    for (int round = 0; round < ROUNDS; round++) {
        struct totals totals = measure(&events);
        best = totals.spent_ns < best.spent_ns ? totals : best;
    }
    double us = (double)best.spent_ns / 1e3 / (double)events.count;
    printf("{\"bench\": \"features_rolling\", \"events\": %llu, \"us_event\": %.3f, "
           "\"cpu_us_event\": %.3f, \"counts\": %.0f, \"means\": %.0f}\n",
           (unsigned long long)events.count, us, us, best.counts, best.means);
    free(events.event);
    return 0;
}
