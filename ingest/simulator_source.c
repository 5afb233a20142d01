/* Simulated transactions as records made in the process: to try a configuration with nothing around
 * it, and to measure.  The truth is in the member `fraud` of each. */
#include "base/calendar.h"
#include "ingest/simulator.h"
#include "ingest/source.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { TICK_MS = 10 };

struct simulator_options {
    int64_t seed, count, rate, customers, terminals;
    double drift_at, activity;
    char start[40];
};

struct simulated {
    struct simulator *simulator;
    const struct clock *clock;
    int64_t rate; /* records a second; 0: as fast as they are taken */
    uint64_t started_ns;
    int timer; /* -1 without a rate */
    int64_t taken;
    bool waiting, ended;
    struct transaction transaction;
    struct buffer payload;
    char bytes[TRANSACTION_TEXT_MAX];
};

/* How many records the rate has let out so far. */
static bool is_due(struct simulated *self)
{
    if (self->rate == 0)
        return true;
    uint64_t elapsed_ns = clock_monotonic_ns(self->clock) - self->started_ns;
    return (double)self->taken < (double)elapsed_ns * 1e-9 * (double)self->rate;
}

static enum status simulated_peek(void *instance, uint32_t lane, struct record *record,
                                  struct failure *failure)
{
    (void)lane;
    (void)failure;
    struct simulated *self = instance;
    if (!self->waiting && !is_due(self)) {
        uint64_t ticks;
        ssize_t ignored = read(self->timer, &ticks, sizeof ticks);
        (void)ignored; /* only empties the descriptor; there may be nothing in it */
        return STATUS_RETRY;
    }
    if (!self->waiting) {
        if (self->ended || !simulator_next(self->simulator, &self->transaction)) {
            self->ended = true;
            return STATUS_END;
        }
        buffer_clear(&self->payload);
        transaction_write(&self->payload, &self->transaction, true);
        self->waiting = true;
    }
    *record = (struct record){
        .bytes = self->payload.bytes,
        .size = self->payload.size,
        .offset = self->transaction.number,
        .timestamp_ms = self->transaction.time_ms,
    };
    return STATUS_OK;
}

static void simulated_take(void *instance, uint32_t lane)
{
    (void)lane;
    struct simulated *self = instance;
    self->waiting = false;
    self->taken++;
}

static uint32_t simulated_lane_count(void *instance)
{
    (void)instance;
    return 1;
}

static int simulated_descriptor(void *instance)
{
    return ((struct simulated *)instance)->timer;
}

static const char *simulated_header(void *instance)
{
    (void)instance;
    return NULL;
}

static void simulated_close(void *instance)
{
    struct simulated *self = instance;
    if (!self)
        return;
    simulator_close(self->simulator);
    if (self->timer >= 0)
        close(self->timer);
    free(self);
}

static enum status start_timer(struct simulated *self, struct failure *failure)
{
    struct itimerspec every = {.it_interval.tv_nsec = TICK_MS * 1000000L,
                               .it_value.tv_nsec = TICK_MS * 1000000L};
    self->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (self->timer < 0 || timerfd_settime(self->timer, 0, &every, NULL) != 0)
        return failure_set(failure, STATUS_STOP, "could not start the simulator's timer: %s",
                           strerror(errno));
    self->started_ns = clock_monotonic_ns(self->clock);
    return STATUS_OK;
}

static enum status read_setting(const struct simulator_options *options,
                                struct simulator_setting *setting, struct failure *failure)
{
    simulator_standard(setting);
    setting->seed = (uint64_t)options->seed;
    setting->count = options->count;
    setting->customers = options->customers;
    setting->terminals = options->terminals;
    setting->drift_at = options->drift_at;
    setting->activity = options->activity;
    if (!calendar_parse(options->start, strlen(options->start), &setting->start_ms) ||
        setting->start_ms < 0)
        return failure_set(failure, STATUS_STOP,
                           "could not simulate: start must be a time since 1970 such as "
                           "2025-01-01, found '%s'",
                           options->start);
    return STATUS_OK;
}

static enum status simulated_open(void **instance, const struct source_setting *setting,
                                  struct failure *failure)
{
    *instance = NULL;
    struct simulator_setting world;
    const struct simulator_options *options = setting->options;
    if (read_setting(options, &world, failure) != STATUS_OK)
        return STATUS_STOP;
    struct simulated *self = calloc(1, sizeof *self);
    if (!self)
        return failure_set(failure, STATUS_STOP, "could not simulate: out of memory");
    self->timer = -1;
    self->rate = options->rate;
    self->clock = setting->clock ? setting->clock : &system_clock;
    buffer_init(&self->payload, self->bytes, sizeof self->bytes);
    enum status status = simulator_open(&self->simulator, &world, failure);
    if (status == STATUS_OK && self->rate > 0)
        status = start_timer(self, failure);
    if (status != STATUS_OK) {
        simulated_close(self);
        return status;
    }
    *instance = self;
    return STATUS_OK;
}

#define OPTION_AT(member) .offset = offsetof(struct simulator_options, member)

static const struct option simulator_options[] = {
    {.name = "seed",
     .help = "the same seed gives the same transactions",
     .type = OPTION_INTEGER,
     OPTION_AT(seed),
     .standard = "1"},
    {.name = "count",
     .help = "transactions; 0 never ends",
     .type = OPTION_INTEGER,
     OPTION_AT(count),
     .standard = "100000",
     .minimum = 0,
     .maximum = 1e10},
    {.name = "rate",
     .help = "transactions a second; 0 as fast as they are taken",
     .type = OPTION_INTEGER,
     OPTION_AT(rate),
     .standard = "0",
     .minimum = 0,
     .maximum = 1e8},
    {.name = "customers",
     .help = "cards in the world",
     .type = OPTION_INTEGER,
     OPTION_AT(customers),
     .standard = "5000",
     .minimum = 1,
     .maximum = 1e8},
    {.name = "terminals",
     .help = "terminals in the world",
     .type = OPTION_INTEGER,
     OPTION_AT(terminals),
     .standard = "10000",
     .minimum = 1,
     .maximum = 1e8},
    {.name = "start",
     .help = "the time of the first transaction",
     .type = OPTION_TEXT,
     OPTION_AT(start),
     .size = sizeof((struct simulator_options *)NULL)->start,
     .standard = "2025-01-01"},
    {.name = "drift_at",
     .help = "share of the count after which fraudsters change their ways; 1 never",
     .type = OPTION_NUMBER,
     OPTION_AT(drift_at),
     .standard = "0.5",
     .minimum = 0,
     .maximum = 1},
    {.name = "activity",
     .help = "transactions of a customer a day, on average",
     .type = OPTION_NUMBER,
     OPTION_AT(activity),
     .standard = "2",
     .minimum = 0.001,
     .maximum = 1e5},
    OPTION_END,
};

extern const struct source_kind simulator_source;
const struct source_kind simulator_source = {
    .name = "simulator",
    .summary = "simulated card payments with known fraud, made in the process",
    .options = simulator_options,
    .option_size = sizeof(struct simulator_options),
    .open = simulated_open,
    .lane_count = simulated_lane_count,
    .peek = simulated_peek,
    .take = simulated_take,
    .descriptor = simulated_descriptor,
    .header = simulated_header,
    .close = simulated_close,
};
