/* xStream: how few events share an event's cells, coarse or fine?  Emaad Manzoor, Hemank Lamba,
 * Leman Akoglu, "xStream: outlier detection in feature-evolving data streams", 2018.
 *
 * StreamHash projects an event to `projections` numbers: each feature's name (a key's or an
 * enumeration's with its value) is hashed to a weight of -1, 0 or 1 with probabilities 1/6, 2/3,
 * 1/6; numbers enter by their place (placement.h), keys and choices by 1.  Scaled by
 * sqrt(3 / features), a projection has a spread of about 1.
 *
 * A half-space chain halves the projected space `depth` times, each time in a projection drawn at
 * random: a projection y with its random shift s in [0, D) has cell floor((y + s) / D) at first and
 * is then halved again and again, D being SPREADS spreads.  A count-min sketch (Cormode and
 * Muthukrishnan 2005) a level counts the events of the latest window in each cell.  With the counts
 * c_l of the window before at levels l = 1, 2, ...
 *
 *     paper's score  S = mean over the chains of min over l of l + log2(1 + c_l)
 *     score          1 / (1 + 2^S / window):  falls strictly with S, towards 1 where nothing was
 *
 * and 0 until the first window is full.  A missing number stands at its mean, a missing key or
 * choice adds nothing.  At the end of a window nothing is copied or cleared: a counter knows the
 * window that it was counted in and catches up when it is next met. */
#include "base/hash.h"
#include "base/random.h"
#include "models/model.h"
#include "models/placement.h"
#include <math.h>
#include <string.h>

enum { SKETCH_ROWS = 2, PROJECTIONS_MAX = 256, DEPTH_MAX = 30, NO_LEVEL = UINT32_MAX };

static const double SPREADS = 3;

struct xstream_options {
    int64_t projections, chains, depth, window, cells;
};

/* A level of a chain: the projection's cell there is floor(y slope + offset); `before` is the level
 * that last halved the same projection. */
struct level {
    float slope, offset;
    uint32_t projection, before;
};

/* A counter is one word: reference in bits 0 to 15, latest in 16 to 31, epoch in 32 to 63. */

/* The row: this; placement; hashes of the features' names and the seed (feature_count); weights
 * (columns, projections); levels (chains, depth); at the next cache line counters (chains, depth,
 * SKETCH_ROWS, cells). */
struct xstream {
    uint64_t feature_count, projection_count, chain_count, depth, window, cells;
    uint64_t filled, epoch;
    uint64_t names_offset, weights_offset, levels_offset, counters_offset;
    double scale; /* sqrt(3 / features) */
    /* Bits: keys and enumerations; enumerations. */
    uint64_t nominal[MODEL_FEATURES_MAX / 64], choice[MODEL_FEATURES_MAX / 64];
    struct placement placement;
};

static void xstream_layout(struct xstream *self, const struct xstream_options *given,
                           const struct model_shape *shape)
{
    self->feature_count = shape->feature_count;
    self->projection_count = (uint64_t)given->projections;
    self->chain_count = (uint64_t)given->chains;
    self->depth = (uint64_t)given->depth;
    self->window = (uint64_t)given->window;
    for (self->cells = 1; self->cells < (uint64_t)given->cells;)
        self->cells *= 2;
    self->names_offset = offsetof(struct xstream, placement) + placement_size(shape);
    self->weights_offset = self->names_offset + self->feature_count * sizeof(uint64_t);
    uint64_t weights = placement_columns(shape) * self->projection_count;
    self->levels_offset = self->weights_offset + (weights + 1) / 2 * 2 * sizeof(float);
    uint64_t end = self->levels_offset + self->chain_count * self->depth * sizeof(struct level);
    self->counters_offset = (end + 63) / 64 * 64;
}

static uint64_t xstream_state_size(const void *options, const struct model_shape *shape)
{
    struct xstream layout;
    xstream_layout(&layout, (const struct xstream_options *)options, shape);
    uint64_t counters = layout.chain_count * layout.depth * SKETCH_ROWS * layout.cells;
    return layout.counters_offset + counters * sizeof(uint64_t);
}

static inline void *part_of(const struct xstream *self, uint64_t offset)
{
    return (uint8_t *)(uintptr_t)self + offset;
}

static inline bool bit_of(const uint64_t *bits, uint64_t feature)
{
    return bits[feature / 64] >> (feature % 64) & 1;
}

static inline uint64_t mixed(uint64_t value)
{
    value = (value ^ (value >> 32)) * 0xD6E8FEB86659FD93ULL;
    value = (value ^ (value >> 32)) * 0xD6E8FEB86659FD93ULL;
    return value ^ (value >> 32);
}

/* -1, 0 or 1 by what is hashed and the projection. */
static inline float sparse_weight(uint64_t hash, uint64_t projection)
{
    uint64_t drawn = mixed(hash + projection * 0x9E3779B97F4A7C15ULL) >> 32;
    return drawn < 0x2AAAAAABU ? -1.0F : drawn < 0x55555555U ? 1.0F : 0.0F;
}

static void levels_init(struct xstream *self, struct random *random)
{
    struct level *level = part_of(self, self->levels_offset);
    for (uint64_t chain = 0; chain < self->chain_count; chain++, level += self->depth) {
        double shift[PROJECTIONS_MAX] = {0};
        for (uint64_t i = 0; i < self->projection_count; i++)
            shift[i] = random_uniform(random);
        for (uint32_t i = 0; i < self->depth; i++) {
            uint32_t projection = (uint32_t)random_below(random, self->projection_count);
            uint32_t before = NO_LEVEL;
            for (uint32_t j = 0; j < i; j++)
                before = level[j].projection == projection ? j : before;
            double slope = 1 / SPREADS, offset = shift[projection];
            if (before != NO_LEVEL) {
                slope = 2 * (double)level[before].slope;
                offset = 2 * (double)level[before].offset - shift[projection];
            }
            level[i] = (struct level){(float)slope, (float)offset, projection, before};
        }
    }
}

static void xstream_init(void *memory, const void *options, const struct model_shape *shape,
                         uint64_t seed)
{
    struct xstream *self = (struct xstream *)memory;
    memset(self, 0, xstream_state_size(options, shape));
    xstream_layout(self, (const struct xstream_options *)options, shape);
    placement_init(&self->placement, shape);
    self->scale = sqrt(3 / (double)shape->feature_count);
    uint64_t *name = part_of(self, self->names_offset);
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        name[i] = seed ^ hash_fingerprint(shape->feature_name[i], strlen(shape->feature_name[i]));
        uint64_t choice = shape->type[i] == TYPE_ENUM, key = value_type_is_key(shape->type[i]);
        self->choice[i / 64] |= choice << (i % 64);
        self->nominal[i / 64] |= (choice | key) << (i % 64);
    }
    float *weight = part_of(self, self->weights_offset);
    for (uint64_t i = 0; i < self->placement.count; i++)
        for (uint64_t j = 0; j < self->projection_count; j++)
            *weight++ = sparse_weight(name[self->placement.column[i].feature], j);
    struct random random;
    random_seed(&random, seed);
    levels_init(self, &random);
}

/* The event's projections (projection_count). */
static void project(const struct xstream *self, const union value *feature, float *projected)
{
    float place[MODEL_FEATURES_MAX], scale = (float)self->scale;
    uint64_t count = self->projection_count;
    placement_place(&self->placement, feature, place);
    memset(projected, 0, count * sizeof *projected);
    const float *weight = part_of(self, self->weights_offset);
    for (uint64_t i = 0; i < self->placement.count; i++, weight += count) {
        float at = bit_of(self->nominal, self->placement.column[i].feature) ? 0 : place[i] * scale;
        for (uint64_t j = 0; j < count; j++)
            projected[j] += weight[j] * at;
    }
    const uint64_t *name = part_of(self, self->names_offset);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        bool missing = bit_of(self->choice, i) ? isnan(feature[i].number) : feature[i].key == 0;
        if (missing || !bit_of(self->nominal, i))
            continue;
        uint64_t hash = mixed(name[i] ^ mixed(feature[i].key + 1));
        for (uint64_t j = 0; j < count; j++)
            projected[j] += sparse_weight(hash, j) * scale;
    }
}

/* The count as it is in this epoch: unchanged, or with the last window's as reference. */
static inline uint64_t caught_up(uint64_t counter, uint64_t epoch)
{
    uint64_t counted = counter >> 32;
    uint64_t reference = counted + 1 == epoch ? (counter >> 16) & 0xffff : 0;
    return counted == epoch ? counter : epoch << 32 | reference;
}

static inline uint64_t meet(uint64_t *counter, uint64_t epoch, const bool learning)
{
    uint64_t current = caught_up(*counter, epoch);
    if (learning)
        *counter = current + (1 << 16);
    return current & 0xffff;
}

/* min over the levels of 2^l (1 + c_l). */
static inline __attribute__((always_inline)) double
chain_mass(const struct xstream *self, const struct level *level, uint64_t *counter,
           const float *projected, const bool learning)
{
    uint64_t part[DEPTH_MAX], hash = 0, mask = self->cells - 1;
    double least = INFINITY, scale = 1;
    for (uint64_t i = 0; i < self->depth; i++, counter += SKETCH_ROWS * self->cells) {
        float at = floorf(projected[level[i].projection] * level[i].slope + level[i].offset);
        at = at > 1e9F ? 1e9F : at < -1e9F ? -1e9F : at;
        uint64_t cell = (uint32_t)(int32_t)at;
        part[i] = mixed((uint64_t)level[i].projection << 32 | cell);
        hash += part[i] - (level[i].before != NO_LEVEL ? part[level[i].before] : 0);
        uint64_t one = meet(&counter[hash & mask], self->epoch, learning);
        uint64_t other = meet(&counter[self->cells + (hash >> 32 & mask)], self->epoch, learning);
        scale *= 2;
        double mass = scale * (double)(1 + (one < other ? one : other));
        least = mass < least ? mass : least;
    }
    return least;
}

static inline __attribute__((always_inline)) double visit(const struct xstream *self,
                                                          const union value *feature,
                                                          uint64_t *counter, const bool learning)
{
    float projected[PROJECTIONS_MAX];
    const struct level *level = part_of(self, self->levels_offset);
    project(self, feature, projected);
    double sum = 0;
    for (uint64_t i = 0; i < self->chain_count; i++, level += self->depth) {
        sum += log2(chain_mass(self, level, counter, projected, learning));
        counter += self->depth * SKETCH_ROWS * self->cells;
    }
    if (self->epoch == 0)
        return 0;
    return 1 / (1 + exp2(sum / (double)self->chain_count) / (double)self->window);
}

static double xstream_score(const void *memory, const struct example *example)
{
    const struct xstream *self = (const struct xstream *)memory;
    return visit(self, example->feature, part_of(self, self->counters_offset), false);
}

static double xstream_learn(void *memory, const struct example *example)
{
    struct xstream *self = (struct xstream *)memory;
    double score = visit(self, example->feature, part_of(self, self->counters_offset), true);
    placement_learn(&self->placement, example->feature);
    if (++self->filled == self->window) {
        self->filled = 0;
        self->epoch++;
    }
    return score;
}

static const struct option xstream_options[] = {
    {.name = "projections",
     .type = OPTION_INTEGER,
     .standard = "20",
     .minimum = 1,
     .maximum = PROJECTIONS_MAX,
     .offset = offsetof(struct xstream_options, projections),
     .help = "numbers that an event is hashed to"},
    {.name = "chains",
     .type = OPTION_INTEGER,
     .standard = "25",
     .minimum = 1,
     .maximum = 1000,
     .offset = offsetof(struct xstream_options, chains),
     .help = "half-space chains; more give a steadier score and take longer"},
    {.name = "depth",
     .type = OPTION_INTEGER,
     .standard = "15",
     .minimum = 1,
     .maximum = DEPTH_MAX,
     .offset = offsetof(struct xstream_options, depth),
     .help = "halvings of the projected space"},
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "512",
     .minimum = 10,
     .maximum = 65535,
     .offset = offsetof(struct xstream_options, window),
     .help = "events that each picture of the normal is made of; scores begin after one"},
    {.name = "cells",
     .type = OPTION_INTEGER,
     .standard = "512",
     .minimum = 16,
     .maximum = 65536,
     .offset = offsetof(struct xstream_options, cells),
     .help = "counters of each of a level's two rows, rounded up to a power of two; 8 bytes each"},
    OPTION_END,
};

const struct model_kind xstream_model = {
    .name = "xstream",
    .summary = "anomalies by how few share their cells in hashed projections; takes keys too",
    .options = xstream_options,
    .option_size = sizeof(struct xstream_options),
    .supervised = false,
    .takes_keys = true,
    .cost_ns = 10000,
    .state_size = xstream_state_size,
    .init = xstream_init,
    .score = xstream_score,
    .learn = xstream_learn,
};
