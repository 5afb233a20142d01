/* What each aggregate costs: ns an event for entering, leaving and reading one window, where the
 * same window of events is counted already.  features/cost.c has its table from here.  Prints a
 * JSON line a kind: of windows of about 16 events (walked) and of about 1,000 (indexed), 1,000
 * entities.
 *
 *     features_kinds_bench [EVENTS] */
#include "base/random.h"
#include "tests/bench/features_room.h"

enum { CARD, AMOUNT, PLACE, KIND, FIELDS, CARDS = 1000, BATCH = 256, STEP_MS = 100 };

static const char *const calls[] = {
    "count()",
    "mean(amount)",
    "sum(amount)",
    "rate()",
    "share(amount > 500)",
    "sd(amount)",
    "variance(amount)",
    "skewness(amount)",
    "z(amount)",
    "min(amount)",
    "max(amount)",
    "range(amount)",
    "median(amount)",
    "quantile(amount, 0.9)",
    "rank(amount)",
    "distinct(kind)",
    "mode(kind)",
    "entropy(kind)",
    "heavy(kind, 3)",
    "age()",
    "since(amount > 500)",
    "first(amount)",
    "last(amount)",
    "previous(amount)",
    "streak(amount > 500)",
    "trend(amount)",
    "correlation(amount, place)",
    "distance(amount, place)",
    "speed(amount, place)",
    NULL,
};
static const char *const faded[] = {"ewma(amount, 1h)", "ewsd(amount, 1h)", "ewsum(amount, 1h)",
                                    "new(kind)", NULL};

struct bench {
    struct room room;
    struct random random;
    int64_t time_ms;
    uint64_t number, cards;
};

static void bench_open(struct bench *bench, uint64_t cards)
{
    const struct features_setting setting = {.memory = 4LL << 30};
    static const char *const names[FIELDS] = {"card", "amount", "place", "kind"};
    memset(bench, 0, sizeof *bench);
    bench->cards = cards;
    bench->time_ms = 1500000000000;
    random_seed(&bench->random, 20180401);
    room_open(&bench->room, &setting);
    for (uint32_t i = 0; i < FIELDS; i++)
        room_add_field(&bench->room, names[i], i == CARD || i == KIND);
}

static void fill(struct bench *bench)
{
    struct batch *batch = &bench->room.batch;
    batch_clear(batch);
    batch->count = BATCH;
    for (uint32_t row = 0; row < BATCH; row++) {
        batch->kind[row] = RECORD_EVENT;
        batch->number[row] = bench->number++;
        batch->time_ms[row] = bench->time_ms += STEP_MS;
        uint64_t card = random_below(&bench->random, bench->cards);
        batch_column(batch, CARD)[row].key = (card + 1) * 0x9E3779B97F4A7C15ULL | 1;
        batch_column(batch, AMOUNT)[row].number = (double)random_below(&bench->random, 1000);
        batch_column(batch, PLACE)[row].number = (double)random_below(&bench->random, 90);
        batch_column(batch, KIND)[row].key = random_below(&bench->random, 50) + 1;
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

/* ns an event of count() over that many events a card, and of the formula beside it. */
static double measure(const char *formula, uint64_t cards, uint64_t held, uint64_t events)
{
    static struct bench bench;
    char count[64];
    bench_open(&bench, cards);
    snprintf(count, sizeof count, "count() by card over %llus",
             (unsigned long long)(held * cards * STEP_MS / 1000));
    room_compile(&bench.room, count);
    if (formula)
        room_compile(&bench.room, formula);
    room_start(&bench.room);
    run(&bench, held * cards + cards);
    double ns = run(&bench, events);
    room_close(&bench.room);
    return ns;
}

static double beside_count(const char *call, const char *clause, uint64_t cards, uint64_t held,
                           uint64_t events)
{
    char formula[128];
    int used = snprintf(formula, sizeof formula, "%s by card", call);
    if (*clause)
        snprintf(formula + used, sizeof formula - (size_t)used, " %s %llus", clause,
                 (unsigned long long)(held * cards * STEP_MS / 1000));
    return measure(formula, cards, held, events) - measure(NULL, cards, held, events);
}

static void print(const char *call, double few_ns, double many_ns)
{
    printf("{\"bench\": \"features_kinds\", \"call\": \"%s\", \"ns_of_16\": %.0f, "
           "\"ns_of_1000\": %.0f}\n",
           call, few_ns, many_ns);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    events = (events / BATCH + 1) * BATCH;
    print("an entity, one window counted", measure(NULL, CARDS, 16, events),
          measure(NULL, CARDS, 1000, events));
    print("of a million entities", measure(NULL, 1000000, 3, events), 0);
    print("another span", beside_count("count()", "delay 1s over", CARDS, 16, events),
          beside_count("count()", "delay 1s over", CARDS, 1000, events));
    for (uint32_t i = 0; calls[i]; i++)
        print(calls[i], beside_count(calls[i], "over", CARDS, 16, events),
              beside_count(calls[i], "over", CARDS, 1000, events));
    for (uint32_t i = 0; faded[i]; i++)
        print(faded[i], beside_count(faded[i], "", CARDS, 16, events), 0);
    return 0;
}
