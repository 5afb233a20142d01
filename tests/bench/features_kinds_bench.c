/* What each aggregate costs: ns an event for entering, leaving and reading one window, where the
 * same window of events is counted already.  features/cost.c has its table from here.  Prints a
 * JSON line a kind: of windows of about 16 events (walked) and of about 1,000 (indexed), 1,000
 * entities.
 *
 *     features_kinds_bench [EVENTS] */
#include "base/random.h"
#include "features/features.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    struct program program;
    struct features *features;
    struct program_resolver resolver;
    struct field field[FIELDS];
    struct state state;
    struct batch batch;
    struct random random;
    int64_t time_ms;
    uint64_t number, cards;
};

static uint32_t resolve(void *self, const struct syntax_node *node, struct syntax_error *error)
{
    const struct bench *bench = self;
    for (uint32_t i = 0; i < FIELDS; i++)
        if (strcmp(bench->field[i].name, node->name) == 0)
            return i;
    snprintf(error->message, sizeof error->message, "no field '%s'", node->name);
    return VALUE_NONE;
}

static uint32_t window(void *self, const struct syntax *syntax, const struct syntax_node *node,
                       struct syntax_error *error)
{
    struct bench *bench = self;
    return features_window(bench->features, &bench->program, syntax, node, &bench->resolver, error);
}

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void compile(struct bench *bench, const char *formula)
{
    static struct syntax syntax;
    struct syntax_error error;
    if (!syntax_parse(&syntax, formula, &error) ||
        program_compile(&bench->program, &syntax, syntax.root, &bench->resolver, &error) ==
            VALUE_NONE)
        stop(formula, error.message);
}

static void fields_add(struct bench *bench)
{
    static const char *const names[FIELDS] = {"card", "amount", "place", "kind"};
    for (uint32_t i = 0; i < FIELDS; i++) {
        struct field *field = &bench->field[i];
        bool key = i == CARD || i == KIND;
        snprintf(field->name, sizeof field->name, "%s", names[i]);
        field->type = key ? FIELD_KEY : FIELD_NUMBER;
        uint32_t value =
            program_add_external(&bench->program, key ? TYPE_TEXT : TYPE_NUMBER, 0, i + 1);
        bench->program.value[value].field = field;
    }
}

static void bench_open(struct bench *bench, uint64_t cards)
{
    const struct features_setting setting = {.memory = 4LL << 30};
    memset(bench, 0, sizeof *bench);
    bench->cards = cards;
    program_init(&bench->program, (struct hash_key){1, 2});
    fields_add(bench);
    bench->features = features_open(&setting);
    bench->resolver = (struct program_resolver){resolve, window, bench};
}

static void bench_start(struct bench *bench)
{
    static struct state_layout layout;
    struct failure failure;
    program_finish(&bench->program);
    state_layout_init(&layout);
    features_declare(bench->features, &layout);
    if (state_open(&bench->state, &layout, &failure) != STATUS_OK ||
        batch_open(&bench->batch, bench->program.value_count, 1, &failure) != STATUS_OK)
        stop("bench", failure.text);
    program_prepare(&bench->program, &bench->batch);
    bench->time_ms = 1500000000000;
    random_seed(&bench->random, 20180401);
}

static void bench_close(struct bench *bench)
{
    batch_close(&bench->batch);
    state_close(&bench->state);
    features_close(bench->features);
    program_close(&bench->program);
}

static void fill(struct bench *bench)
{
    struct batch *batch = &bench->batch;
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

/* Of this thread: what others do on the machine does not count. */
static uint64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static double run(struct bench *bench, uint64_t events)
{
    uint64_t spent = 0;
    for (uint64_t done = 0; done < events; done += BATCH) {
        fill(bench);
        uint64_t start = cpu_ns();
        features_extract(bench->features, &bench->program, &bench->state, &bench->batch, NULL);
        spent += cpu_ns() - start;
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
    compile(&bench, count);
    if (formula)
        compile(&bench, formula);
    bench_start(&bench);
    run(&bench, held * cards + cards);
    double ns = run(&bench, events);
    bench_close(&bench);
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
