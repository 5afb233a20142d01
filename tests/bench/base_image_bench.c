/* What an image of a state of 1 GiB costs the loop: how long its begin and its end take, and how
 * much slower random writes are while a writer, which only hashes, takes it.  Each write is timed,
 * before and during; a long one during which the system put another thread in our place is no pause
 * of ours and counted apart.  Prints one JSON line a pattern of writes. */
#include "base/clock.h"
#include "base/histogram.h"
#include "base/image.h"
#include "base/random.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ROW = 64, PAGE_ROWS = STATE_PAGE / ROW, WRITES_BEFORE = 5000000, LONG_NS = 20000 };

static const uint64_t ROWS = (1ULL << 30) / ROW;

static struct state state;
static struct image *image;
static struct random chance;
static _Atomic bool ended;
static _Atomic uint64_t sum;

static uint64_t now(void)
{
    return clock_monotonic_ns(&system_clock);
}

static void *hash_image(void *unused)
{
    (void)unused;
    uint64_t page;
    uint8_t bytes[STATE_PAGE];
    while (image_next(image, &page, bytes))
        sum += state_hash_page(page, bytes);
    ended = true;
    return NULL;
}

/* Nine writes of ten into one page of twenty, when `hot`: as entities and models are written. */
static uint64_t any_row(bool hot)
{
    uint64_t bits = random_bits(&chance), row = bits % ROWS;
    if (hot && (bits >> 40) % 10 != 0)
        row = row / PAGE_ROWS / 20 * 20 * PAGE_ROWS + row % PAGE_ROWS;
    return row;
}

struct pauses {
    struct histogram spent;
    uint64_t preempted;
    long switches;
};

static long switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

static void write_row(bool hot, struct pauses *pauses)
{
    uint64_t row = any_row(hot), start = now();
    *(uint64_t *)state_write(&state, 0, row, 8, 8) += row;
    uint64_t spent = now() - start;
    if (spent > LONG_NS) {
        long before = pauses->switches;
        pauses->switches = switches();
        if (pauses->switches != before) {
            pauses->preempted++;
            return;
        }
    }
    histogram_add(&pauses->spent, spent, 1);
}

static double mean(const struct pauses *pauses)
{
    return (double)pauses->spent.sum / (double)pauses->spent.count;
}

static void print_pauses(const char *name, const struct pauses *pauses)
{
    printf("\"%s\": {\"writes\": %llu, \"write_ns\": %.0f, \"pause_us_p999\": %.1f, "
           "\"pause_us_max\": %.1f, \"preempted\": %llu}",
           name, (unsigned long long)pauses->spent.count, mean(pauses),
           (double)histogram_quantile(&pauses->spent, 0.999) / 1e3,
           (double)pauses->spent.maximum / 1e3, (unsigned long long)pauses->preempted);
}

static void print_figures(const char *name, const struct pauses *before,
                          const struct pauses *during, const uint64_t took[3])
{
    printf("{\"bench\": \"image\", \"name\": \"%s\", \"begin_us\": %.1f, \"duration_ms\": %.1f, "
           "\"end_us\": %.1f, \"slowdown\": %.2f, \"failed\": %s, ",
           name, (double)took[0] / 1e3, (double)took[1] / 1e6, (double)took[2] / 1e3,
           mean(during) / mean(before), image_failed(image) ? "true" : "false");
    print_pauses("before", before);
    printf(", ");
    print_pauses("during", during);
    printf("}\n");
}

static void bench(const char *name, bool hot)
{
    static struct pauses before, during;
    memset(&before, 0, sizeof before);
    memset(&during, 0, sizeof during);
    before.switches = switches();
    for (uint32_t i = 0; i < WRITES_BEFORE; i++)
        write_row(hot, &before);
    uint64_t took[3], start = now();
    image_begin(image, &state);
    took[0] = now() - start;
    ended = false;
    during.switches = switches();
    pthread_t writer;
    if (pthread_create(&writer, NULL, hash_image, NULL) != 0)
        exit(1);
    start = now();
    while (!ended)
        write_row(hot, &during);
    took[1] = now() - start;
    pthread_join(writer, NULL);
    start = now();
    image_end(image);
    took[2] = now() - start;
    print_figures(name, &before, &during, took);
}

int main(int count, char **words)
{
    struct state_layout layout;
    struct failure failure;
    state_layout_init(&layout);
    state_layout_add(&layout, "rows", 1, ROW, ROW, ROWS, STATE_ROWS_ALWAYS);
    (void)words;
    const struct image_setting setting = {.aside_size = state_layout_size(&layout),
                                          .often = count > 1,
                                          .clock = count > 2 ? &system_clock : NULL};
    if (state_open(&state, &layout, &failure) != STATUS_OK ||
        image_open(&image, &setting, &failure) != STATUS_OK) {
        fprintf(stderr, "%s\n", failure.text);
        return 1;
    }
    for (uint64_t row = 0; row < ROWS; row++)
        *(uint64_t *)state_write_row(&state, 0, row) = row + 1;
    random_seed(&chance, 1);
    for (int round = 0; round < 2; round++) {
        bench("anywhere", false);
        bench("hot pages", true);
    }
    image_close(image);
    state_close(&state);
    return 0;
}
