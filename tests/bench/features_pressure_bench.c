/* What it costs when entities do not fit: ns an event, resident memory and evictions with 1 GiB for
 * cards and merchants, six windows each.
 *
 *     uniform     1 M cards, 20,000 merchants: all fit
 *     hot key     the same, and every second event is one merchant's
 *     distinct    10 M cards: most are forgotten before they come again
 *     strangers   every event is a card never seen: each one pushes another out
 *     blocks      200,000 cards that all want more events than there are blocks for
 *     few blocks  1 M cards of which some want blocks, and fewer have one
 *
 * The first events only fill the windows and are not measured.
 *
 *     features_pressure_bench [EVENTS [LOAD]] */
#include "base/random.h"
#include "tests/bench/features_room.h"
#include <unistd.h>

enum { CARD, MERCHANT, AMOUNT, FIELDS, BATCH = 256, WARM = 6000000, MEMORY_MIB = 1024 };

static const char *const field_names[FIELDS] = {"card", "merchant", "amount"};

/* A load: how many of whom, and how far apart events are. */
struct load {
    const char *name;
    uint64_t cards, merchants, warm;
    int64_t step_ms;
    bool hot, strangers;
    struct entity_setting entity[2];
};

struct bench {
    struct room room;
    struct random random;
    const struct load *load;
    int64_t time_ms;
    uint64_t number;
};

static void windows_add(struct bench *bench)
{
    static const char *const aggregates[] = {"count()", "mean(amount)"};
    static const char *const spans[] = {"1h", "1d", "7d"};
    for (int by = CARD; by <= MERCHANT; by++)
        for (int span = 0; span < 3; span++)
            for (int i = 0; i < 2; i++) {
                char formula[100];
                snprintf(formula, sizeof formula, "%s by %s over %s", aggregates[i],
                         field_names[by], spans[span]);
                room_compile(&bench->room, formula);
            }
}

static void bench_open(struct bench *bench, const struct load *load)
{
    const struct features_setting setting = {.memory = (int64_t)MEMORY_MIB << 20,
                                             .lateness_ms = 3600000,
                                             .entity_count = 2,
                                             .entity = load->entity};
    memset(bench, 0, sizeof *bench);
    bench->load = load;
    bench->time_ms = 1500000000000;
    random_seed(&bench->random, 20180401);
    room_open(&bench->room, &setting);
    for (uint32_t i = 0; i < FIELDS; i++)
        room_add_field(&bench->room, field_names[i], i != AMOUNT);
    windows_add(bench);
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
    const struct load *load = bench->load;
    struct batch *batch = &bench->room.batch;
    batch_clear(batch);
    batch->count = BATCH;
    for (uint32_t row = 0; row < BATCH; row++) {
        uint64_t card = load->strangers ? bench->number : random_below(&bench->random, load->cards);
        uint64_t merchant =
            load->hot && bench->number % 2 ? 0 : random_below(&bench->random, load->merchants);
        bench->time_ms += load->step_ms;
        batch->kind[row] = RECORD_EVENT;
        batch->time_ms[row] = batch->newest_ms[row] = bench->time_ms;
        batch->number[row] = bench->number++;
        batch_column(batch, CARD)[row].key = mix(card + 1);
        batch_column(batch, MERCHANT)[row].key = mix(merchant + (1ULL << 40));
        batch_column(batch, AMOUNT)[row].number = (double)(row % 100);
    }
}

static double resident_mib(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%llu %llu", &size, &resident) != 2)
        room_stop("/proc/self/statm", "not readable");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* Only the features' own work is measured. */
static double turn(struct bench *bench)
{
    fill(bench);
    uint64_t started_ns = room_cpu_ns(); /* a busy machine does not count */
    features_extract(bench->room.features, &bench->room.program, &bench->room.state,
                     &bench->room.batch, NULL);
    return (double)(room_cpu_ns() - started_ns) / 1e9;
}

static void evictions_print(const struct bench *bench)
{
    struct entity_report report[2];
    features_report(bench->room.features, &bench->room.state, report, 2);
    for (uint32_t i = 0; i < 2; i++)
        printf(", \"%s\": {\"live\": %llu, \"most\": %llu, \"blocks\": %llu, \"blocks_most\": "
               "%llu, \"evicted_for_rows\": %llu, \"evicted_for_blocks\": %llu, "
               "\"events_dropped\": %llu}",
               report[i].name, (unsigned long long)report[i].live,
               (unsigned long long)report[i].entities_max, (unsigned long long)report[i].blocks,
               (unsigned long long)report[i].blocks_max,
               (unsigned long long)report[i].evicted_for_rows,
               (unsigned long long)report[i].evicted_for_blocks,
               (unsigned long long)report[i].events_dropped);
}

static void load_run(const struct load *load, uint64_t events)
{
    static struct bench bench;
    bench_open(&bench, load);
    while (bench.number < load->warm)
        turn(&bench);
    double seconds = 0, longest = 0;
    for (uint64_t done = 0; done < events; done += BATCH) {
        double took = turn(&bench);
        seconds += took;
        longest = took > longest ? took : longest;
    }
    printf("{\"bench\": \"pressure\", \"load\": \"%s\", \"ns_per_event\": %.0f, "
           "\"longest_batch_us\": %.0f, \"resident_mib\": %.0f, \"limit_mib\": %d",
           load->name, seconds / (double)events * 1e9, longest * 1e6, resident_mib(), MEMORY_MIB);
    evictions_print(&bench);
    printf("}\n");
    fflush(stdout);
    room_close(&bench.room);
}

int main(int argument_count, char **arguments)
{
    static const int64_t mib = 1 << 20;
    const struct load loads[] = {
        {.name = "uniform", .cards = 1000000, .merchants = 20000, .warm = WARM, .step_ms = 400},
        {.name = "hot key",
         .cards = 1000000,
         .merchants = 20000,
         .warm = WARM,
         .step_ms = 400,
         .hot = true},
        {.name = "distinct", .cards = 10000000, .merchants = 20000, .warm = WARM, .step_ms = 400},
        {.name = "strangers", .merchants = 20000, .warm = WARM, .step_ms = 400, .strangers = true},
        {.name = "blocks", .cards = 200000, .merchants = 20000, .warm = WARM, .step_ms = 400},
        {.name = "few blocks", .cards = 1000000, .merchants = 16, .warm = WARM, .step_ms = 400},
    };
    uint64_t events = argument_count > 1 ? strtoull(arguments[1], NULL, 10) : 2000000;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        struct load load = loads[i];
        if (argument_count > 2 && strcmp(arguments[2], load.name) != 0)
            continue;
        load.entity[0] =
            (struct entity_setting){.name = "card", .events_max = 4096, .memory = 900 * mib};
        if (strcmp(load.name, "blocks") == 0)
            load.entity[0].memory = 100 * mib;
        if (strcmp(load.name, "few blocks") == 0) {
            load.entity[0].memory = 304 * mib;
            load.entity[0].entities_max = 1100000;
        }
        load.entity[1] =
            (struct entity_setting){.name = "merchant", .events_max = 4096, .memory = 124 * mib};
        load_run(&load, events);
    }
    return 0;
}
