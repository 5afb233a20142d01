/* What snapshots of a state of 1 GiB, one straight after the other, cost a loop that writes to it
 * at random all the time: how much slower it gets, how long it is held up, and what processor time
 * the writer takes for one.  They go to a directory made for it under the working directory, which
 * should be on a real disk.  Prints one JSON line without snapshots and one with them.
 *
 *     engine_snapshot_bench [SNAPSHOTS] [WRITES_A_SECOND]     3 and as many as go */
#include "base/disk.h"
#include "base/histogram.h"
#include "base/random.h"
#include "engine/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ROW = 64, TURN_WRITES = 256 };

static const uint64_t ROWS = (1ULL << 30) / ROW, ASIDE = 1ULL << 30;

static struct state state;
static struct snapshots *snapshots;
static struct random chance;
static uint64_t sequence;

static uint64_t now(void)
{
    return clock_monotonic_ns(&system_clock);
}

static uint64_t spent_us(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000U +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void begin(void)
{
    struct snapshot_facts facts = {
        .pipeline = "bench", .program = "bench", .sequence = ++sequence, .configuration = ""};
    state_set_journal(&state, sequence, 0);
    snapshots_begin(snapshots, &state, &facts);
    snapshots_commit(snapshots, 0);
}

/* What the node does each turn, and then some events. */
static void turn(bool with)
{
    struct snapshot_facts facts;
    if (with && snapshots_turn(snapshots, &facts) == STATUS_OK)
        snapshot_facts_close(&facts);
    if (with && !snapshots_busy(snapshots))
        begin();
    if (!snapshots_has_room(snapshots, TURN_WRITES)) {
        usleep(100);
        return;
    }
    for (int i = 0; i < TURN_WRITES; i++) {
        uint64_t row = random_bits(&chance) % ROWS;
        *(uint64_t *)state_write(&state, 0, row, 8, 8) += row;
    }
}

static void print_figures(bool with, const struct histogram *turns, double seconds,
                          uint64_t loop_us, uint64_t others_us)
{
    struct snapshots_report report;
    snapshots_report(snapshots, &report);
    uint64_t written = report.written ? report.written : 1;
    printf("{\"bench\": \"snapshot\", \"with\": %s, \"writes_per_second\": %.0f, "
           "\"loop_cpu_ns_per_write\": %.1f, \"turn_us_p999\": %.1f, \"turn_us_max\": %.1f",
           with ? "true" : "false", (double)(turns->count * TURN_WRITES) / seconds,
           (double)loop_us * 1e3 / (double)(turns->count * TURN_WRITES),
           (double)histogram_quantile(turns, 0.999) / 1e3, (double)turns->maximum / 1e3);
    if (with)
        printf(", \"snapshots\": %llu, \"failed\": %llu, \"last_ms\": %llu, \"bytes\": %llu, "
               "\"writer_cpu_ms\": %.0f",
               (unsigned long long)report.written, (unsigned long long)report.failed,
               (unsigned long long)report.last_duration_ms, (unsigned long long)report.bytes,
               (double)others_us / 1e3 / (double)written);
    if (with)
        printf(", \"pauses\": %llu, \"pause_sum_ms\": %.1f, \"pause_us_p999\": %.1f, "
               "\"pause_us_max\": %.1f",
               (unsigned long long)report.pauses, (double)report.pause_sum_ns / 1e6,
               (double)report.pause_p99_9_ns / 1e3, (double)report.pause_maximum_ns / 1e3);
    printf("}\n");
}

static bool has_written(uint64_t most)
{
    struct snapshots_report report;
    snapshots_report(snapshots, &report);
    return report.written + report.failed >= most;
}

/* For five seconds; or until so many are written. */
static void bench(uint64_t with, uint64_t rate)
{
    static struct histogram turns;
    memset(&turns, 0, sizeof turns);
    uint64_t loop_us = spent_us(RUSAGE_THREAD), all_us = spent_us(RUSAGE_SELF);
    uint64_t start = now(), at = start;
    while (with ? turns.count % 64 != 0 || !has_written(with) : at - start < 5000000000U) {
        turn(with > 0);
        uint64_t end = now();
        histogram_add(&turns, end - at, 1);
        at = end;
        uint64_t due = rate ? start + turns.count * TURN_WRITES * 1000000000U / rate : 0;
        if (due > at)
            usleep((unsigned)((due - at) / 1000U));
        at = rate ? now() : at;
    }
    loop_us = spent_us(RUSAGE_THREAD) - loop_us;
    all_us = spent_us(RUSAGE_SELF) - all_us;
    print_figures(with > 0, &turns, (double)(at - start) / 1e9, loop_us, all_us - loop_us);
    snapshots_drop(snapshots);
}

int main(int count, char **words)
{
    char path[] = "snapshot-bench-XXXXXX", command[64];
    struct state_layout layout;
    struct failure failure;
    struct snapshots_setting setting = {
        .clock = &system_clock, .keep = 2, .aside_size = ASIDE, .threaded = true, .often = true};
    state_layout_init(&layout);
    state_layout_add(&layout, "rows", 1, ROW, ROW, ROWS, STATE_ROWS_ALWAYS);
    if (!mkdtemp(path) || state_open(&state, &layout, &failure) != STATUS_OK ||
        disk_open(&setting.disk, path, true, &failure) != STATUS_OK ||
        snapshots_open(&snapshots, &setting, &failure) != STATUS_OK) {
        fprintf(stderr, "could not begin: %s\n", failure.text);
        return 1;
    }
    random_seed(&chance, 1);
    for (uint64_t row = 0; row < ROWS; row++)
        *(uint64_t *)state_write_row(&state, 0, row) = random_bits(&chance);
    uint64_t most = count > 1 ? strtoull(words[1], NULL, 10) : 3;
    uint64_t rate = count > 2 ? strtoull(words[2], NULL, 10) : 0;
    bench(0, rate);
    bench(most, rate);
    snapshots_close(snapshots);
    disk_close(&setting.disk);
    state_close(&state);
    snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command) == 0 ? 0 : 1;
}
