/* The sketches at work; see edge_burst.h. */
#include "base/edge_burst.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/random.h"
#include <string.h>

_Static_assert(sizeof(struct edge_burst) % 64 == 0, "buckets share no cache line with the head");

static uint64_t tables_of(enum edge_burst_variant variant)
{
    return variant == EDGE_BURST_PLAIN ? 1 : EDGE_BURST_TABLES;
}

uint64_t edge_burst_size(const struct edge_burst_setting *setting)
{
    uint64_t buckets = tables_of(setting->variant) * setting->rows * setting->buckets;
    return sizeof(struct edge_burst) + buckets * sizeof(struct edge_burst_bucket);
}

void edge_burst_init(struct edge_burst *self, const struct edge_burst_setting *setting,
                     uint64_t seed)
{
    ASSERT(setting->rows >= 1 && setting->rows <= EDGE_BURST_ROWS_MAX && setting->buckets >= 1);
    ASSERT(setting->tick_ms > 0 && setting->threshold > 0);
    ASSERT(setting->factor >= 0 && setting->factor < 1);
    memset(self, 0, edge_burst_size(setting));
    self->variant = setting->variant;
    self->rows = setting->rows;
    self->buckets = setting->buckets;
    self->tables = tables_of(setting->variant);
    self->rises = setting->rises;
    self->tick_ms = setting->tick_ms;
    self->factor = setting->variant == EDGE_BURST_PLAIN ? 0 : setting->factor;
    self->threshold = setting->threshold;
    struct random random;
    random_seed(&random, seed);
    for (uint32_t i = 0; i < EDGE_BURST_PLACES_MAX; i++)
        self->multiplier[i] = random_bits(&random) | 1;
    self->power[0] = 1;
    for (uint32_t i = 1; i < EDGE_BURST_POWERS; i++)
        self->power[i] = self->power[i - 1] * self->factor;
}

uint64_t edge_burst_number(double number)
{
    uint64_t bits;
    number += 0.0; /* one zero */
    memcpy(&bits, &number, sizeof bits);
    return number == number ? hash_pair(bits ^ 0x9E3779B97F4A7C15ULL, 1) : 0;
}

/* Multiply-shift by the row's own odd number; the product's upper half is spread over the buckets
 * by a second multiplication, so that their number is free. */
static inline uint64_t place_of(const struct edge_burst *self, uint64_t table, uint64_t row,
                                uint64_t key)
{
    uint64_t mixed = key * self->multiplier[table * EDGE_BURST_ROWS_MAX + row] >> 32;
    return (table * self->rows + row) * self->buckets + (mixed * self->buckets >> 32);
}

static inline uint64_t key_of(const struct edge *edge, uint64_t table)
{
    return table == 0   ? hash_pair(edge->source, edge->destination)
           : table == 1 ? edge->source
                        : edge->destination;
}

uint32_t edge_burst_places(const struct edge_burst *self, const struct edge *edge,
                           uint64_t places[EDGE_BURST_PLACES_MAX])
{
    uint32_t count = 0;
    for (uint64_t table = 0; table < self->tables; table++)
        for (uint64_t row = 0; row < self->rows; row++)
            places[count++] = place_of(self, table, row, key_of(edge, table));
    return count;
}

/* factor^n. */
static double faded(const struct edge_burst *self, uint64_t ticks)
{
    if (__builtin_expect(ticks < EDGE_BURST_POWERS, 1))
        return self->power[ticks];
    double power = 1, square = self->factor;
    for (; ticks; ticks >>= 1, square *= square)
        power *= ticks & 1 ? square : 1;
    return power;
}

/* 1 + factor + ... + factor^(n-1). */
static double passed(const struct edge_burst *self, uint64_t ticks)
{
    return (1 - faded(self, ticks)) / (1 - self->factor);
}

/* What is true of the bucket at a tick's time. */
static inline struct edge_burst_bucket caught_up(const struct edge_burst *self, uint64_t tick,
                                                 const struct edge_burst_bucket *bucket)
{
    struct edge_burst_bucket now = *bucket;
    if (__builtin_expect(now.tick == tick, 1))
        return now;
    uint64_t ticks = tick - now.tick;
    if (self->variant == EDGE_BURST_FILTERED) {
        if (now.statistic < self->threshold)
            now.total += now.current * passed(self, ticks);
        else if (now.tick > 1)
            now.total *= (double)(tick - 1) / (double)(now.tick - 1);
    }
    now.current *= faded(self, ticks);
    now.tick = tick;
    return now;
}

/* Of an edge that came `late` ticks after its own. */
static inline void add(const struct edge_burst *self, struct edge_burst_bucket *bucket,
                       double weight, uint64_t late)
{
    bucket->current += late ? weight * faded(self, late) : weight;
    if (self->variant != EDGE_BURST_FILTERED)
        bucket->total += weight;
    else if (late && bucket->statistic < self->threshold)
        bucket->total += weight * passed(self, late);
}

static inline double statistic_of(const struct edge_burst *self, uint64_t tick, double current,
                                  double total)
{
    if (tick <= 1 || !(total > 0))
        return 0;
    double before = (double)(tick - 1);
    double ticks = self->variant == EDGE_BURST_FILTERED ? before : (double)tick;
    double more = current * ticks - total;
    return more < 0 && self->rises ? 0 : more * more / (total * before);
}

/* When an edge comes, seen from the sketch. */
struct moment_of_edge {
    uint64_t tick, late;
    int64_t begin_ms;
};

static int64_t floor_to(int64_t time_ms, int64_t unit_ms)
{
    int64_t rest = time_ms % unit_ms;
    return time_ms - (rest < 0 ? rest + unit_ms : rest);
}

static inline struct moment_of_edge moment_at(const struct edge_burst *self, int64_t time_ms)
{
    struct moment_of_edge moment = {self->tick, 0, self->begin_ms};
    int64_t into_ms = time_ms - self->begin_ms;
    if (__builtin_expect(self->tick && into_ms >= 0 && into_ms < self->tick_ms, 1))
        return moment;
    int64_t begin_ms = floor_to(time_ms, self->tick_ms);
    int64_t ticks = (begin_ms - self->begin_ms) / self->tick_ms;
    if (self->tick == 0)
        return (struct moment_of_edge){1, 0, begin_ms};
    if (ticks < 0)
        moment.late = (uint64_t)-ticks;
    else
        moment = (struct moment_of_edge){self->tick + (uint64_t)ticks, 0, begin_ms};
    return moment;
}

uint64_t edge_burst_behind(const struct edge_burst *self, int64_t time_ms)
{
    return moment_at(self, time_ms).late;
}

static inline __attribute__((always_inline)) double
visit_table(const struct edge_burst *self, uint64_t table, uint64_t key, const struct edge *edge,
            const struct moment_of_edge *moment, const bool counts)
{
    struct edge_burst_bucket *bucket[EDGE_BURST_ROWS_MAX];
    double current = 0, total = 0;
    for (uint64_t row = 0; row < self->rows; row++) {
        bucket[row] =
            (struct edge_burst_bucket *)(uintptr_t)&self->bucket[place_of(self, table, row, key)];
        struct edge_burst_bucket now = caught_up(self, moment->tick, bucket[row]);
        add(self, &now, edge->weight, moment->late);
        if (counts)
            *bucket[row] = now;
        current = row == 0 || now.current < current ? now.current : current;
        total = row == 0 || now.total < total ? now.total : total;
    }
    double statistic = statistic_of(self, moment->tick, current, total);
    if (counts && self->variant == EDGE_BURST_FILTERED && moment->late == 0)
        for (uint64_t row = 0; row < self->rows; row++)
            bucket[row]->statistic = statistic;
    return statistic;
}

static inline __attribute__((always_inline)) double visit(const struct edge_burst *self,
                                                          const struct edge *edge,
                                                          const struct moment_of_edge *moment,
                                                          const bool counts)
{
    if (edge->source == 0 || edge->destination == 0)
        return 0;
    uint64_t both = key_of(edge, 0);
    double statistic = visit_table(self, 0, both, edge, moment, counts);
    if (self->tables == 1)
        return statistic;
    double source = visit_table(self, 1, edge->source, edge, moment, counts);
    double destination = visit_table(self, 2, edge->destination, edge, moment, counts);
    statistic = source > statistic ? source : statistic;
    return destination > statistic ? destination : statistic;
}

double edge_burst_look(const struct edge_burst *self, const struct edge *edge)
{
    struct moment_of_edge moment = moment_at(self, edge->time_ms);
    return visit(self, edge, &moment, false);
}

double edge_burst_count(struct edge_burst *self, const struct edge *edge)
{
    struct moment_of_edge moment = moment_at(self, edge->time_ms);
    if (edge->source && edge->destination) {
        self->tick = moment.tick;
        self->begin_ms = moment.begin_ms;
    }
    return visit(self, edge, &moment, true);
}
