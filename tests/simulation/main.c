/* Many worlds, by several workers; or one, told step by step.
 *
 *     simulation --seeds FROM..TO [--jobs N] [--plant NAME]
 *     simulation --seed N [--verbose] [--plant NAME]
 *
 * Exit code 1: a world was violated (its seed is printed), or among 1,000 worlds and more some kind
 * of fault never happened, so that they prove less than they claim. */
#include "tests/simulation/simulation.h"
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, WORLD_SECONDS = 60, ENOUGH_SEEDS = 1000 };

struct options {
    uint64_t from, to; /* both are run */
    uint32_t jobs;
    enum plant plant;
    bool verbose;
};

/* What the workers write for the one who started them. */
struct board {
    _Atomic uint64_t next;
    _Atomic bool stop;
    struct {
        uint64_t seed; /* under way */
        bool busy;
        uint64_t worlds, turns, opens, entries, records;
        uint64_t count[FAULTS];
        bool violated;
        char violation[VIOLATION_MAX];
    } worker[JOBS_MAX];
};

static const char usage[] = "usage: simulation --seeds FROM..TO [--jobs N] [--plant NAME]\n"
                            "       simulation --seed N [--verbose] [--plant NAME]\n"
                            "plants: ";

static int print_usage(void)
{
    fputs(usage, stderr);
    for (int i = 1; i < PLANTS; i++)
        fprintf(stderr, "%s%s", i > 1 ? ", " : "", plant_name((enum plant)i));
    fputs("\n", stderr);
    return 2;
}

static bool read_plant(const char *name, enum plant *plant)
{
    for (int i = 0; i < PLANTS; i++)
        if (strcmp(plant_name((enum plant)i), name) == 0) {
            *plant = (enum plant)i;
            return true;
        }
    return false;
}

static bool read_range(const char *text, struct options *options)
{
    char *end;
    options->from = options->to = strtoull(text, &end, 10);
    if (strncmp(end, "..", 2) == 0)
        options->to = strtoull(end + 2, &end, 10);
    return *end == '\0' && end != text && options->to >= options->from;
}

/* One option and its value, if it has one; false: it is none. */
static bool read_option(const char *name, const char *value, struct options *options, int *used)
{
    char *end = NULL;
    *used = 2;
    if (strcmp(name, "--verbose") == 0) {
        options->verbose = true;
        *used = 1;
        return true;
    }
    if (!value)
        return false;
    if (strcmp(name, "--seeds") == 0 || strcmp(name, "--seed") == 0)
        return read_range(value, options);
    if (strcmp(name, "--plant") == 0)
        return read_plant(value, &options->plant);
    if (strcmp(name, "--jobs") != 0)
        return false;
    options->jobs = (uint32_t)strtoul(value, &end, 10);
    return *end == '\0' && options->jobs >= 1 && options->jobs <= JOBS_MAX;
}

static bool read_options(int argument_count, char **arguments, struct options *options)
{
    *options = (struct options){.jobs = 1, .from = 1, .to = 0};
    for (int i = 1, used; i < argument_count; i += used)
        if (!read_option(arguments[i], arguments[i + 1], options, &used))
            return false;
    return options->from <= options->to;
}

/* ---- a worker ---- */

static void work(const struct options *options, struct board *board, uint32_t at)
{
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* worlds touch little of much memory */
    struct simulation *simulation = simulation_new();
    simulation->verbose = options->verbose;
    simulation->plant = options->plant;
    while (!board->stop) {
        uint64_t seed = board->next++;
        if (seed > options->to)
            break;
        board->worker[at].seed = seed;
        board->worker[at].busy = true;
        alarm(WORLD_SECONDS); /* a world that does not end is a fault, too */
        bool good = simulation_run(simulation, seed);
        alarm(0);
        board->worker[at].busy = false;
        board->worker[at].worlds++;
        board->worker[at].turns += simulation->turns;
        board->worker[at].opens += simulation->opens;
        board->worker[at].entries += simulation->broker.transaction_count;
        for (int i = 0; i < FAULTS; i++)
            board->worker[at].count[i] += simulation->chance.count[i];
        if (good)
            continue;
        board->worker[at].violated = true;
        memcpy(board->worker[at].violation, simulation->violation, VIOLATION_MAX);
        board->stop = true;
    }
    simulation_free(simulation);
}

/* ---- the report ---- */

static void replay_line(const struct options *options, uint64_t seed)
{
    printf("replay it: simulation --seed %" PRIu64 " --verbose", seed);
    if (options->plant)
        printf(" --plant %s", plant_name(options->plant));
    printf("\n");
}

static bool report_workers(const struct options *options, const struct board *board)
{
    bool good = true;
    for (uint32_t i = 0; i < options->jobs; i++) {
        if (!board->worker[i].violated && !board->worker[i].busy)
            continue;
        good = false;
        printf("VIOLATION in seed %" PRIu64 ": %s\n", board->worker[i].seed,
               board->worker[i].violated ? board->worker[i].violation
                                         : "the world crashed or did not end");
        replay_line(options, board->worker[i].seed);
    }
    return good;
}

/* A fault that never happens tests nothing. */
static bool report_faults(const struct board *board, uint32_t jobs, bool told, bool enough)
{
    bool good = true;
    for (int fault = 0; fault < FAULTS; fault++) {
        uint64_t count = 0;
        for (uint32_t i = 0; i < jobs; i++)
            count += board->worker[i].count[fault];
        if (told)
            printf("  %10" PRIu64 "  %s\n", count, fault_name((enum fault)fault));
        if (count == 0 && enough) {
            printf("the fault '%s' never happened\n", fault_name((enum fault)fault));
            good = false;
        }
    }
    return good;
}

static bool report(const struct options *options, const struct board *board, double seconds)
{
    uint64_t worlds = 0, turns = 0, opens = 0, entries = 0;
    for (uint32_t i = 0; i < options->jobs; i++) {
        worlds += board->worker[i].worlds;
        turns += board->worker[i].turns;
        opens += board->worker[i].opens;
        entries += board->worker[i].entries;
    }
    bool good = report_workers(options, board);
    bool varied = report_faults(board, options->jobs, options->to > options->from,
                                good && worlds >= ENOUGH_SEEDS);
    printf("%" PRIu64 " worlds in %.1f s: %.1f a second; %" PRIu64 " starts, %" PRIu64
           " turns, %" PRIu64 " transactions\n",
           worlds, seconds, (double)worlds / seconds, opens, turns, entries);
    return good && varied;
}

int main(int argument_count, char **arguments)
{
    struct options options;
    if (!getenv("OPENBLAS_NUM_THREADS")) { /* read when the library is loaded */
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        execv("/proc/self/exe", arguments);
    }
    if (!read_options(argument_count, arguments, &options))
        return print_usage();
    struct board *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(board != MAP_FAILED);
    board->next = options.from;
    uint64_t began_ns = clock_monotonic_ns(&system_clock);
    if (options.verbose) {
        options.jobs = 1;
        setvbuf(stdout, NULL, _IOLBF, 0);
    }
    for (uint32_t i = 0; i < options.jobs; i++) {
        fflush(stdout);
        if (fork() == 0) {
            work(&options, board, i);
            fflush(stdout);
            _exit(0);
        }
    }
    int status;
    while (wait(&status) > 0)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            board->stop = true;
    double seconds = (double)(clock_monotonic_ns(&system_clock) - began_ns) / 1e9;
    return report(&options, board, seconds) ? 0 : 1;
}
