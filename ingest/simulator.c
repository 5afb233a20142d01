/* The transactions of the simulated world, one after the other; see simulator.h. */
#include "base/calendar.h"
#include "ingest/chance.h"
#include "ingest/simulator_world.h"
#include <stdlib.h>
#include <string.h>

enum {
    MINUTES = 24 * 60,
    TERMINAL_DAYS = 28,
    CARD_DAYS = 14,
    TESTING_LEAST = 6, /* payments of one card in one night */
    TESTING_MOST = 14,
    TESTING_BEGIN_MS = 30 * MINUTE_MS, /* after midnight */
    TESTING_SPAN_MS = 4 * HOUR_MS,
    TESTING_GAP_MS = 40 * SECOND_MS,
    AMOUNT_FRAUD_CENTS = 22000,
};

static const double noon_s = 43200, noon_deviation_s = 20000; /* of the times of day */
static const double inflation = 1.125;
static const double delay_deviation = 0.5; /* of the delay's logarithm */

/* One payment of kind 4 that is to come. */
struct testing {
    int64_t time_ms;
    uint64_t device;
    uint32_t customer, ip;
    double latitude, longitude;
};

struct simulator {
    struct simulator_setting setting;
    struct random random;
    struct world world;
    int64_t emitted, last_ms;
    int32_t day;                    /* since start, of the next genuine payment */
    double part;                    /* of the day that is over when it happens, by payments */
    uint32_t minute;                /* of the day, where `part` was last found */
    int64_t genuine_ms;             /* when it happens */
    double cumulative[MINUTES + 1]; /* share of a day's payments before each minute */
    double terminals_due, cards_due, tests_due; /* fractions carried from day to day */
    uint32_t testing_count, testing_capacity;
    struct testing *testing; /* a binary heap by time */
};

void simulator_standard(struct simulator_setting *setting)
{
    *setting = (struct simulator_setting){
        .seed = 1,
        .count = 100000,
        .customers = 5000,
        .terminals = 10000,
        .start_ms = 1735689600000, /* 2025-01-01 */
        .drift_at = 0.5,
        .activity = 2,
        .label_delay_ms = DAY_MS,
        .terminal_share = 0.00016,
        .card_share = 0.0006,
        .testing_share = 0.005,
    };
}

static bool drifted(const struct simulator *self)
{
    return self->setting.count > 0 &&
           (double)self->emitted >= self->setting.drift_at * (double)self->setting.count;
}

/* ---- kind 4: cards that are tried at night ---- */

static bool testing_before(const struct testing *a, const struct testing *b)
{
    return a->time_ms < b->time_ms;
}

static void testing_push(struct simulator *self, struct testing testing)
{
    if (self->testing_count == self->testing_capacity)
        return; /* nights with more than the expected eightfold are cut */
    uint32_t at = self->testing_count++;
    for (; at > 0 && testing_before(&testing, &self->testing[(at - 1) / 2]); at = (at - 1) / 2)
        self->testing[at] = self->testing[(at - 1) / 2];
    self->testing[at] = testing;
}

static struct testing testing_pop(struct simulator *self)
{
    struct testing first = self->testing[0], moving = self->testing[--self->testing_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= self->testing_count)
            break;
        if (child + 1 < self->testing_count &&
            testing_before(&self->testing[child + 1], &self->testing[child]))
            child++;
        if (!testing_before(&self->testing[child], &moving))
            break;
        self->testing[at] = self->testing[child];
        at = child;
    }
    self->testing[at] = moving;
    return first;
}

static void plan_testing(struct simulator *self, int64_t midnight_ms)
{
    struct random *random = &self->random;
    struct testing testing = {
        .time_ms = midnight_ms + TESTING_BEGIN_MS + (int64_t)random_below(random, TESTING_SPAN_MS),
        .device = random_bits(random) | 1,
        .customer = (uint32_t)random_below(random, self->world.customer_count),
        .ip = (uint32_t)(random_bits(random) >> 40) | 0xB0000000,
        .latitude = random_uniform(random) * 100 - 40,
        .longitude = random_uniform(random) * 300 - 150,
    };
    uint64_t count = TESTING_LEAST + random_below(random, TESTING_MOST - TESTING_LEAST + 1);
    for (uint64_t i = 0; i < count; i++) {
        testing_push(self, testing);
        testing.time_ms += 2 * SECOND_MS + (int64_t)(chance_exponential(random) * TESTING_GAP_MS);
    }
}

/* ---- days ---- */

static void compromise_terminals(struct simulator *self, int32_t day)
{
    self->terminals_due += self->setting.terminal_share * self->world.terminal_count;
    for (; self->terminals_due >= 1; self->terminals_due--) {
        uint64_t index = random_below(&self->random, self->world.terminal_count);
        self->world.terminal[index].compromised_until = day + TERMINAL_DAYS;
    }
}

static void steal_cards(struct simulator *self, int32_t day)
{
    self->cards_due += self->setting.card_share * self->world.customer_count;
    for (; self->cards_due >= 1; self->cards_due--) {
        uint64_t index = random_below(&self->random, self->world.customer_count);
        self->world.customer[index].stolen_until = day + CARD_DAYS;
    }
}

static void test_cards(struct simulator *self, int32_t day)
{
    double payments = self->setting.testing_share * self->world.payments_per_day;
    self->tests_due += payments / ((TESTING_LEAST + TESTING_MOST) / 2.0);
    for (; self->tests_due >= 1; self->tests_due--)
        plan_testing(self, self->setting.start_ms + (int64_t)day * DAY_MS);
}

static void begin_day(struct simulator *self)
{
    self->minute = 0;
    compromise_terminals(self, self->day);
    steal_cards(self, self->day);
    if (drifted(self))
        test_cards(self, self->day);
}

/* The first day has as much fraud as later ones: the four weeks before have been. */
static void begin_world(struct simulator *self)
{
    for (int32_t day = -TERMINAL_DAYS; day < 0; day++) {
        compromise_terminals(self, day);
        steal_cards(self, day);
    }
    begin_day(self);
}

static void make_times_of_day(struct simulator *self)
{
    double sum = 0;
    for (int minute = 0; minute < MINUTES; minute++) {
        self->cumulative[minute] = sum;
        double away = (minute * 60 + 30 - noon_s) / noon_deviation_s;
        sum += chance_power(-away * away / 2);
    }
    for (int minute = 0; minute < MINUTES; minute++)
        self->cumulative[minute] /= sum;
    self->cumulative[MINUTES] = 1;
}

/* Finds the time of the next genuine payment: exponential gaps in payments, then by the times of
 * day. */
static void plan_genuine(struct simulator *self)
{
    self->part += chance_exponential(&self->random) / self->world.payments_per_day;
    for (; self->part >= 1; self->part--) {
        self->day++;
        begin_day(self);
    }
    while (self->cumulative[self->minute + 1] <= self->part)
        self->minute++;
    double before = self->cumulative[self->minute];
    double within = (self->part - before) / (self->cumulative[self->minute + 1] - before);
    self->genuine_ms = self->setting.start_ms + (int64_t)self->day * DAY_MS +
                       (int64_t)((self->minute + within) * MINUTE_MS);
}

/* ---- a transaction ---- */

static double round_place(double degrees)
{
    return (double)(int64_t)(degrees * 1e4 + (degrees < 0 ? -0.5 : 0.5)) / 1e4;
}

static void set_place(struct transaction *transaction, double x, double y)
{
    transaction->latitude = round_place(38 + y * 0.15);
    transaction->longitude = round_place(-6 + x * 0.2);
}

static void set_terminal(const struct world *world, struct transaction *transaction, uint32_t index)
{
    const struct terminal *terminal = &world->terminal[index];
    uint32_t country = (uint32_t)(terminal->x * WORLD_COUNTRIES / WORLD_SIZE);
    transaction->terminal = index;
    transaction->merchant = terminal->merchant;
    transaction->mcc = terminal->mcc;
    transaction->channel = terminal->channel;
    transaction->country = country < WORLD_COUNTRIES ? country : WORLD_COUNTRIES - 1;
    set_place(transaction, terminal->x, terminal->y);
}

/* About the customer's mean with half of it as deviation; what would be negative is drawn evenly.
 */
static double draw_amount(struct simulator *self, const struct customer *customer)
{
    double mean = customer->amount_mean;
    double amount = mean + mean / 2 * chance_normal(&self->random);
    if (amount < 0)
        amount = 2 * mean * random_uniform(&self->random);
    return drifted(self) ? amount * inflation : amount;
}

static void set_online(struct simulator *self, struct transaction *transaction)
{
    struct random *random = &self->random;
    struct customer *customer = &self->world.customer[transaction->customer];
    if (chance_happens(random, 0.004))
        customer->devices++;
    uint64_t second = chance_happens(random, 0.15);
    uint64_t device = (uint64_t)transaction->customer << 24 | (uint64_t)customer->devices << 1;
    transaction->device = ((device | second) + 1) * 0x9E3779B97F4A7C15ULL;
    transaction->ip = customer->home_ip;
    if (chance_happens(random, 0.1)) /* on the way */
        transaction->ip = (uint32_t)(random_bits(random) >> 44) | 0x64000000;
    set_place(transaction, customer->x, customer->y);
}

static enum simulator_scenario set_fraud(struct simulator *self, struct transaction *transaction,
                                         double *amount)
{
    const struct world *world = &self->world;
    bool before = !drifted(self);
    if (before && *amount * 100 > AMOUNT_FRAUD_CENTS)
        return SCENARIO_AMOUNT;
    if (world->terminal[transaction->terminal].compromised_until > self->day)
        return SCENARIO_TERMINAL;
    if (before && world->customer[transaction->customer].stolen_until > self->day &&
        random_below(&self->random, 3) == 0) {
        *amount *= 5;
        return SCENARIO_CARD;
    }
    return SCENARIO_NONE;
}

static void finish(struct simulator *self, struct transaction *transaction, double amount,
                   int64_t time_ms)
{
    static const double declined[] = {[SCENARIO_NONE] = 0.02,
                                      [SCENARIO_AMOUNT] = 0.05,
                                      [SCENARIO_TERMINAL] = 0.04,
                                      [SCENARIO_CARD] = 0.10,
                                      [SCENARIO_TESTING] = 0.30};
    struct random *random = &self->random;
    transaction->number = self->emitted++;
    transaction->time_ms = time_ms > self->last_ms ? time_ms : self->last_ms + 1;
    self->last_ms = transaction->time_ms;
    transaction->amount_cents = amount < 0.01 ? 1 : (uint32_t)(amount * 100 + 0.5);
    transaction->declined = chance_happens(random, declined[transaction->scenario]);
    double delay = (double)self->setting.label_delay_ms;
    if (delay > 0)
        delay *= chance_power(delay_deviation * chance_normal(random));
    transaction->known_ms = transaction->time_ms + (int64_t)delay;
}

static void make_genuine(struct simulator *self, struct transaction *transaction)
{
    transaction->customer = world_customer(&self->world, &self->random);
    set_terminal(&self->world, transaction,
                 world_terminal(&self->world, transaction->customer, &self->random));
    double amount = draw_amount(self, &self->world.customer[transaction->customer]);
    if (transaction->channel == CHANNEL_WEB)
        set_online(self, transaction);
    transaction->scenario = set_fraud(self, transaction, &amount);
    finish(self, transaction, amount, self->genuine_ms);
    plan_genuine(self);
}

static void make_testing(struct simulator *self, struct transaction *transaction)
{
    struct testing testing = testing_pop(self);
    transaction->customer = testing.customer;
    set_terminal(&self->world, transaction, world_shop(&self->world, &self->random));
    transaction->channel = CHANNEL_WEB;
    transaction->device = testing.device;
    transaction->ip = testing.ip;
    transaction->latitude = round_place(testing.latitude);
    transaction->longitude = round_place(testing.longitude);
    transaction->scenario = SCENARIO_TESTING;
    finish(self, transaction, 1 + 11 * random_uniform(&self->random), testing.time_ms);
}

bool simulator_next(struct simulator *self, struct transaction *transaction)
{
    if (self->setting.count > 0 && self->emitted == self->setting.count)
        return false;
    memset(transaction, 0, sizeof *transaction);
    if (self->testing_count > 0 && self->testing[0].time_ms <= self->genuine_ms)
        make_testing(self, transaction);
    else
        make_genuine(self, transaction);
    return true;
}

/* ---- opening ---- */

static enum status check(const struct simulator_setting *setting, struct failure *failure)
{
    if (setting->customers < 1 || setting->customers > 100000000 || setting->terminals < 1 ||
        setting->terminals > 100000000)
        return failure_set(failure, STATUS_STOP,
                           "could not simulate: customers and terminals must be 1 to 100000000");
    if (setting->count < 0 || !(setting->activity > 0 && setting->activity <= 1e5) ||
        !(setting->drift_at >= 0))
        return failure_set(failure, STATUS_STOP,
                           "could not simulate: count and drift_at must not be negative, activity "
                           "must be above 0 and at most 100000");
    if (setting->label_delay_ms < 0 || setting->label_delay_ms > 3650LL * DAY_MS)
        return failure_set(failure, STATUS_STOP,
                           "could not simulate: the delay of labels must be 0 to 3650 days");
    return STATUS_OK;
}

enum status simulator_open(struct simulator **result, const struct simulator_setting *setting,
                           struct failure *failure)
{
    *result = NULL;
    if (check(setting, failure) != STATUS_OK)
        return STATUS_STOP;
    struct simulator *self = calloc(1, sizeof *self);
    if (!self)
        return failure_set(failure, STATUS_STOP, "could not simulate: out of memory");
    self->setting = *setting;
    self->last_ms = setting->start_ms - 1;
    random_seed(&self->random, setting->seed);
    if (world_open(&self->world, setting, &self->random, failure) != STATUS_OK) {
        simulator_close(self);
        return STATUS_STOP;
    }
    double expected = setting->testing_share * self->world.payments_per_day;
    self->testing_capacity = (uint32_t)(expected * 8) + 8 * TESTING_MOST;
    self->testing = calloc(self->testing_capacity, sizeof *self->testing);
    if (!self->testing) {
        simulator_close(self);
        return failure_set(failure, STATUS_STOP, "could not simulate: out of memory");
    }
    make_times_of_day(self);
    begin_world(self);
    plan_genuine(self);
    *result = self;
    return STATUS_OK;
}

void simulator_close(struct simulator *self)
{
    if (!self)
        return;
    world_close(&self->world);
    free(self->testing);
    free(self);
}
