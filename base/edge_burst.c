/* The sketches at work; see edge_burst.h. */
#include "base/edge_burst.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/random.h"
#include <math.h>
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
    memset(self, 0, edge_burst_size(setting));
    edge_burst_begin(self, setting, seed);
}

void edge_burst_begin(struct edge_burst *self, const struct edge_burst_setting *setting,
                      uint64_t seed)
{
    ASSERT(setting->rows >= 1 && setting->rows <= EDGE_BURST_ROWS_MAX && setting->buckets >= 1);
    ASSERT(setting->tick_ms > 0 && setting->threshold > 0);
    ASSERT(setting->factor >= 0 && setting->factor < 1 && setting->expected >= 0);
    ASSERT(setting->expected == 0 || setting->variant == EDGE_BURST_FILTERED);
    self->variant = setting->variant;
    self->rows = setting->rows;
    self->buckets = setting->buckets;
    self->tables = tables_of(setting->variant);
    self->least = setting->rises ? 0 : -INFINITY;
    self->tick_ms = setting->tick_ms;
    self->factor = setting->variant == EDGE_BURST_PLAIN ? 0 : setting->factor;
    self->threshold = setting->threshold;
    self->expected = setting->expected;
    struct random random;
    random_seed(&random, seed);
    for (uint32_t i = 0; i < EDGE_BURST_PLACES_MAX; i++)
        self->multiplier[i] = random_bits(&random) | 1;
    self->power[0] = 1;
    for (uint32_t i = 1; i < EDGE_BURST_POWERS; i++) {
        self->power[i] = self->power[i - 1] * self->factor;
        self->passed[i] = self->passed[i - 1] + self->power[i - 1];
    }
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

static inline uint64_t key_of(const struct graph_edge *edge, uint64_t table)
{
    return table == 0   ? hash_pair(edge->source, edge->destination)
           : table == 1 ? edge->source
                        : edge->destination;
}

uint32_t edge_burst_places(const struct edge_burst *self, const struct graph_edge *edge,
                           uint64_t places[EDGE_BURST_PLACES_MAX])
{
    uint32_t count = 0;
    for (uint64_t table = 0; table < self->tables; table++)
        for (uint64_t row = 0; row < self->rows; row++)
            places[count++] = place_of(self, table, row, key_of(edge, table));
    return count;
}

/* Beyond the tables: by squaring, and the sum in closed form. */
static __attribute__((noinline)) double power_far(const struct edge_burst *self, uint64_t ticks)
{
    double power = 1, square = self->factor;
    for (; ticks; ticks >>= 1, square *= square)
        power *= ticks & 1 ? square : 1;
    return power;
}

static inline double power_of(const struct edge_burst *self, uint64_t ticks)
{
    return __builtin_expect(ticks < EDGE_BURST_POWERS, 1) ? self->power[ticks]
                                                          : power_far(self, ticks);
}

static inline double passed_of(const struct edge_burst *self, uint64_t ticks)
{
    return __builtin_expect(ticks < EDGE_BURST_POWERS, 1)
               ? self->passed[ticks]
               : (1 - power_far(self, ticks)) / (1 - self->factor);
}

/* When an edge comes, seen from the sketch. */
struct moment_of_edge {
    uint64_t tick, late;
    int64_t begin_ms;
    double share; /* 1 / (t - 1); of the first tick 0 */
};

/* Signed numbers take one instruction. */
static inline double ticks_of(uint64_t ticks)
{
    return (double)(int64_t)ticks;
}

/* What is true of the bucket at a tick's time.  Nobody can foretell which bucket was looked at in
 * this tick already, or ever, so that neither is a branch: with no tick between, nothing changes to
 * the bit.  The filtered mean is
 *
 *     (m (t - 1) + a passed) / (u - 1) = m + (a passed - m n) / (u - 1) */
static inline __attribute__((always_inline)) struct edge_burst_bucket
caught_up(const struct edge_burst *self, enum edge_burst_variant variant,
          const struct moment_of_edge *moment, const struct edge_burst_bucket *bucket)
{
    struct edge_burst_bucket now = {bucket->current, bucket->past, bucket->statistic, bucket->tick};
    uint64_t ticks = moment->tick - now.tick;
    uint64_t near = ticks < EDGE_BURST_POWERS ? ticks : EDGE_BURST_POWERS - 1;
    double power = self->power[near], passed = self->passed[near];
    if (__builtin_expect(ticks != near && now.current > 0, 0)) {
        power = power_of(self, ticks);
        passed = passed_of(self, ticks);
    }
    if (variant == EDGE_BURST_FILTERED && now.statistic < self->threshold)
        now.past += (now.current * passed - now.past * ticks_of(ticks)) * moment->share;
    now.current *= power;
    now.tick = moment->tick;
    return now;
}

/* Of an edge that came `late` ticks after its own. */
static inline __attribute__((always_inline)) void
add(const struct edge_burst *self, enum edge_burst_variant variant,
    struct edge_burst_bucket *bucket, double weight, const struct moment_of_edge *moment)
{
    bucket->current += moment->late ? weight * power_of(self, moment->late) : weight;
    if (variant != EDGE_BURST_FILTERED)
        bucket->past += weight;
    else if (moment->late && bucket->statistic < self->threshold)
        bucket->past += weight * passed_of(self, moment->late) * moment->share;
}

/* Nothing without a past: the division is by something else then, and not looked at. */
static inline __attribute__((always_inline)) double
statistic_of(const struct edge_burst *self, enum edge_burst_variant variant,
             const struct moment_of_edge *moment, double current, double past)
{
    double more = current * ticks_of(moment->tick) - past;
    double part = past * ticks_of(moment->tick - 1);
    if (variant == EDGE_BURST_FILTERED) {
        more = current - past;
        part = past > self->expected ? past : self->expected;
        part = moment->share > 0 ? part : 0;
    }
    more = more > self->least ? more : self->least;
    double square = more * more, over = part > 0 ? square : 0, under = part > 0 ? part : 1;
    return over / under;
}

static int64_t floor_to(int64_t time_ms, int64_t unit_ms)
{
    int64_t rest = time_ms % unit_ms;
    return time_ms - (rest < 0 ? rest + unit_ms : rest);
}

static inline struct moment_of_edge moment_at(const struct edge_burst *self, int64_t time_ms)
{
    struct moment_of_edge moment = {self->tick, 0, self->begin_ms, self->share};
    int64_t into_ms = time_ms - self->begin_ms;
    if (__builtin_expect(self->tick && into_ms >= 0 && into_ms < self->tick_ms, 1))
        return moment;
    int64_t begin_ms = floor_to(time_ms, self->tick_ms);
    int64_t ticks = (begin_ms - self->begin_ms) / self->tick_ms;
    if (self->tick == 0)
        return (struct moment_of_edge){1, 0, begin_ms, 0};
    moment.late = ticks < 0 ? (uint64_t)-ticks : 0;
    if (ticks <= 0)
        return moment;
    moment.tick += (uint64_t)ticks;
    moment.begin_ms = begin_ms;
    moment.share = 1 / ticks_of(moment.tick - 1);
    return moment;
}

uint64_t edge_burst_behind(const struct edge_burst *self, int64_t time_ms)
{
    return moment_at(self, time_ms).late;
}

/* What is the same for all tables of a visit; where it is compiled most of it is constant. */
struct looking {
    enum edge_burst_variant variant;
    uint64_t rows;
    bool counts;               /* otherwise nothing is written */
    const struct state *state; /* is told; NULL: nobody */
};

/* Word by word, as it is read: what was written in other pieces is slow to read again. */
static inline __attribute__((always_inline)) void bucket_put(struct edge_burst_bucket *bucket,
                                                             const struct edge_burst_bucket *now,
                                                             const struct state *state)
{
    if (state)
        state_touch(state, bucket, sizeof *bucket);
    bucket->current = now->current;
    bucket->past = now->past;
    bucket->tick = now->tick;
}

static inline __attribute__((always_inline)) double
visit_table(struct edge_burst *self, uint64_t table, const struct graph_edge *edge,
            const struct moment_of_edge *moment, const struct looking looking)
{
    struct edge_burst_bucket *bucket[EDGE_BURST_ROWS_MAX];
    double current = 0, past = 0;
    uint64_t key = key_of(edge, table);
#pragma GCC unroll 2
    for (uint64_t row = 0; row < looking.rows; row++) {
        bucket[row] = &self->bucket[place_of(self, table, row, key)];
        struct edge_burst_bucket now = caught_up(self, looking.variant, moment, bucket[row]);
        add(self, looking.variant, &now, edge->weight, moment);
        if (looking.counts)
            bucket_put(bucket[row], &now, looking.state);
        current = row == 0 || now.current < current ? now.current : current;
        past = row == 0 || now.past < past ? now.past : past;
    }
    double statistic = statistic_of(self, looking.variant, moment, current, past);
    if (looking.counts && looking.variant == EDGE_BURST_FILTERED && moment->late == 0)
#pragma GCC unroll 2
        for (uint64_t row = 0; row < looking.rows; row++)
            bucket[row]->statistic = past > 0 ? statistic : 0;
    return statistic;
}

static inline __attribute__((always_inline)) double
visit_tables(struct edge_burst *self, const struct graph_edge *edge,
             const struct moment_of_edge *moment, const struct looking looking)
{
    double edges = visit_table(self, 0, edge, moment, looking);
    if (looking.variant == EDGE_BURST_PLAIN)
        return edges;
    double sources = visit_table(self, 1, edge, moment, looking);
    double destinations = visit_table(self, 2, edge, moment, looking);
    double ends = sources > destinations ? sources : destinations;
    return edges > ends ? edges : ends;
}

/* Two rows are usual: then all loops are straight code. */
static inline __attribute__((always_inline)) double visit_rows(struct edge_burst *self,
                                                               const struct graph_edge *edge,
                                                               const struct moment_of_edge *moment,
                                                               struct looking looking)
{
    looking.rows = self->rows;
    if (looking.rows != 2)
        return visit_tables(self, edge, moment, looking);
    looking.rows = 2;
    return visit_tables(self, edge, moment, looking);
}

static inline __attribute__((always_inline)) double
visit(struct edge_burst *self, const struct graph_edge *edge, const struct moment_of_edge *moment,
      const bool counts, const struct state *state)
{
    switch ((enum edge_burst_variant)self->variant) {
    case EDGE_BURST_PLAIN:
        return visit_rows(self, edge, moment, (struct looking){EDGE_BURST_PLAIN, 0, counts, state});
    case EDGE_BURST_RELATIONAL:
        return visit_rows(self, edge, moment,
                          (struct looking){EDGE_BURST_RELATIONAL, 0, counts, state});
    default:
        return visit_rows(self, edge, moment,
                          (struct looking){EDGE_BURST_FILTERED, 0, counts, state});
    }
}

static bool has_ends(const struct graph_edge *edge)
{
    return edge->source && edge->destination;
}

double edge_burst_look(const struct edge_burst *self, const struct graph_edge *edge)
{
    struct moment_of_edge moment = moment_at(self, edge->time_ms);
    return has_ends(edge) ? visit((struct edge_burst *)(uintptr_t)self, edge, &moment, false, NULL)
                          : 0;
}

double edge_burst_count(struct edge_burst *self, const struct graph_edge *edge,
                        const struct state *state)
{
    if (!has_ends(edge))
        return 0;
    struct moment_of_edge moment = moment_at(self, edge->time_ms);
    if (self->tick != moment.tick) {
        if (state)
            state_touch(state, self, sizeof *self);
        self->tick = moment.tick;
        self->begin_ms = moment.begin_ms;
        self->share = moment.share;
    }
    return visit(self, edge, &moment, true, state);
}

void edge_burst_prefetch(const struct edge_burst *self, const struct graph_edge *edge)
{
    uint64_t places[EDGE_BURST_PLACES_MAX];
    uint32_t count = edge_burst_places(self, edge, places);
    for (uint32_t i = 0; i < count; i++)
        __builtin_prefetch(&self->bucket[places[i]], 1);
}
