/* What watching costs: nanoseconds a detector update, a judged label, a reading of the metrics. One
 * JSON line a figure. */
#include "base/clock.h"
#include "base/random.h"
#include "monitor/monitor.h"
#include "tests/unit/monitor_helper.h"
#include <stdio.h>

enum { VALUES = 1 << 20, LABELS = 1 << 19, RECENT = 10000 };

static double values[VALUES];

static void fill(double share, double noise)
{
    struct random random;
    random_seed(&random, 1);
    for (uint32_t i = 0; i < VALUES; i++)
        values[i] = random_bernoulli(&random, share) + noise * random_normal(&random);
}

static void print_figure(const char *name, uint64_t start_ns, uint64_t count)
{
    double spent = (double)(clock_monotonic_ns(&system_clock) - start_ns);
    printf("{\"bench\": \"monitor\", \"name\": \"%s\", \"ns\": %.1f}\n", name,
           spent / (double)count);
}

static void bench_detector(const struct detector_kind *kind)
{
    void *self = detector_make(kind, options_make(kind));
    uint64_t start = clock_monotonic_ns(&system_clock);
    for (uint32_t i = 0; i < VALUES; i++)
        kind->update(self, values[i]);
    print_figure(kind->name, start, VALUES);
    free(self);
}

static void bench_labels(const struct monitor *monitor, struct state *state, struct batch *batch)
{
    struct random random;
    random_seed(&random, 2);
    static struct judged judged[LABELS];
    for (uint32_t i = 0; i < LABELS; i++) {
        double score = 1 / (1 + exp(4 - 2 * random_normal(&random)));
        judged[i] = (struct judged){score, random_bernoulli(&random, score), 1, score > 0.5, 0, 0};
    }
    uint64_t start = clock_monotonic_ns(&system_clock);
    for (uint32_t i = 0; i < LABELS; i++)
        monitor_label(monitor, state, batch, 0, &judged[i]);
    print_figure("judged label (metrics only)", start, LABELS);
    struct metrics metrics;
    start = clock_monotonic_ns(&system_clock);
    for (uint32_t i = 0; i < 100; i++)
        monitor_metrics(monitor, state, false, &metrics);
    print_figure("metrics from the start", start, 100);
    start = clock_monotonic_ns(&system_clock);
    for (uint32_t i = 0; i < 100; i++)
        monitor_metrics(monitor, state, true, &metrics);
    print_figure("metrics of the last 10000 labels", start, 100);
}

int main(void)
{
    fill(0.02, 0.1);
    for (const struct detector_kind *const *kind = detector_table; *kind; kind++)
        bench_detector(*kind);
    const struct monitor_setting setting = {.alert_outcome = 1, .recent_labels = RECENT};
    struct monitor *monitor = monitor_open(&setting);
    struct state_layout layout;
    struct state state;
    struct failure failure;
    static struct batch batch;
    state_layout_init(&layout);
    monitor_declare(monitor, &layout);
    if (state_open(&state, &layout, &failure) != STATUS_OK) {
        fprintf(stderr, "%s\n", failure.text);
        return 1;
    }
    monitor_start(monitor, &state);
    bench_labels(monitor, &state, &batch);
    state_close(&state);
    monitor_close(monitor);
    return 0;
}
