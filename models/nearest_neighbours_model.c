/* The k nearest neighbours among the latest `window` labelled examples, found exactly, by looking
 * at all of them; each votes for its class, by its weight and the nearer the more.  Evelyn Fix,
 * Joseph Hodges, "Discriminatory analysis, nonparametric discrimination: consistency properties",
 * 1951; votes by distance: Sahibsingh Dudani, "The distance-weighted k-nearest-neighbor rule",
 * 1976.
 *
 *     d(x, e) = sqrt(sum_numbers (z_j - z_ej)^2 + |{names that differ}|)     or the sum of |z_j -
 * z_ej| vote(e) = weight_e / max(d, 1e-9)                                      or weight_e p(c) =
 * (k votes_c / votes + 1/2) / (k + 1), with two classes
 *
 * The z are scaled as the scaler stood when the example was learned (models/scaler.h). Enumerations
 * and keys are names: equal or not.  A missing number is at the middle, a missing name differs from
 * all but a missing one.  Of neighbours equally far the newest count.  Before there is a label the
 * score is 1/2, or class 0.
 *
 * Examples lie in blocks of sixteen, feature by feature, so that sixteen distances are summed at
 * once; a block that has none nearer than those found so far is not looked at further.  With
 * `standard`, `euclidean`, window 1000, neighbours 5 this is River's StandardScaler |
 * KNNClassifier(LazySearch) but for float distances and ties. */
#include "base/assert.h"
#include "models/model.h"
#include "models/scaler.h"
#include <math.h>
#include <string.h>

enum { LANES = 8, BLOCK = 2 * LANES, WINDOW_MAX = 16384, NEIGHBOURS_MAX = 256 };
enum { DISTANCE_MANHATTAN, DISTANCE_EUCLIDEAN };
enum { VOTE_DISTANCE, VOTE_UNIFORM };

/* Rows are aligned to their elements alone. */
typedef float lanes_of_float __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t lanes_of_mask __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint32_t lanes_of_name __attribute__((vector_size(4 * LANES), aligned(4)));

struct neighbours_options {
    int64_t window, neighbours;
    int scaler, distance, vote;
};

/* The row: this; the scaler; then blocks, each floats of the numbers (number_count, BLOCK), halves
 * of the names' hashes (name_count, BLOCK), classes and weights (2, BLOCK). */
struct neighbours {
    uint64_t feature_count, class_count, number_count, name_count;
    uint64_t first_key;            /* the first place of a key */
    uint64_t window, filled, next; /* next: where the next example goes */
    uint64_t neighbours, manhattan, uniform;
    uint64_t blocks_offset, block_size;
    uint64_t place[]; /* (feature_count) of the features: numbers, enumerations, keys */
};

/* An example as it is compared. */
struct query {
    float number[MODEL_FEATURES_MAX];
    uint32_t name[MODEL_FEATURES_MAX];
};

/* The nearest so far, in order. */
struct found {
    uint64_t count, most;
    float distance[NEIGHBOURS_MAX];
    uint32_t slot[NEIGHBOURS_MAX];
};

static bool is_name(enum value_type type)
{
    return type == TYPE_TEXT || type == TYPE_ENUM;
}

static uint64_t scaler_offset(const struct model_shape *shape)
{
    return sizeof(struct neighbours) + shape->feature_count * sizeof(uint64_t);
}

static uint64_t blocks_offset(const struct neighbours_options *given,
                              const struct model_shape *shape)
{
    return scaler_offset(shape) +
           scaler_size((enum scaler_kind)given->scaler, shape->feature_count);
}

static uint64_t block_size(const struct model_shape *shape)
{
    return (shape->feature_count + 2ULL) * BLOCK * sizeof(float);
}

static uint64_t neighbours_state_size(const void *options, const struct model_shape *shape)
{
    const struct neighbours_options *given = (const struct neighbours_options *)options;
    uint64_t blocks = ((uint64_t)given->window + BLOCK - 1) / BLOCK;
    return blocks_offset(given, shape) + blocks * block_size(shape);
}

static struct scaler *scaler_of(const struct neighbours *self)
{
    return (struct scaler *)(uintptr_t)(self->place + self->feature_count);
}

static void *block_at(const struct neighbours *self, uint64_t block)
{
    return (uint8_t *)(uintptr_t)self + self->blocks_offset + block * self->block_size;
}

static inline float *block_numbers(const struct neighbours *self, uint64_t block)
{
    return (float *)block_at(self, block);
}

static inline uint32_t *block_names(const struct neighbours *self, uint64_t block)
{
    return (uint32_t *)(void *)(block_numbers(self, block) + self->number_count * BLOCK);
}

static inline float *block_classes(const struct neighbours *self, uint64_t block)
{
    return (float *)(void *)(block_names(self, block) + self->name_count * BLOCK);
}

static inline float *block_weights(const struct neighbours *self, uint64_t block)
{
    return block_classes(self, block) + BLOCK;
}

/* Gives features of one sort their places from `next` on; returns the one behind them. */
static uint64_t arrange(struct neighbours *self, const struct model_shape *shape, uint64_t next,
                        bool name, bool key)
{
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        enum value_type type = shape->type[i];
        if (is_name(type) == name && (type == TYPE_TEXT) == key)
            self->place[i] = next++;
    }
    return next;
}

/* Numbers and names are all welcome. */
static enum status neighbours_check(const void *options, const struct model_shape *shape,
                                    struct failure *failure)
{
    (void)options, (void)shape, (void)failure;
    return STATUS_OK;
}

static void neighbours_init(void *memory, const void *options, const struct model_shape *shape,
                            uint64_t seed)
{
    (void)seed;
    const struct neighbours_options *given = (const struct neighbours_options *)options;
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX && given->window <= WINDOW_MAX);
    struct neighbours *self = (struct neighbours *)memory;
    memset(self, 0, neighbours_state_size(options, shape));
    self->feature_count = shape->feature_count;
    self->class_count = shape->class_count;
    self->window = (uint64_t)given->window;
    self->neighbours = (uint64_t)given->neighbours;
    self->manhattan = given->distance == DISTANCE_MANHATTAN;
    self->uniform = given->vote == VOTE_UNIFORM;
    self->blocks_offset = blocks_offset(given, shape);
    self->block_size = block_size(shape);
    self->number_count = arrange(self, shape, 0, false, false);
    self->first_key = arrange(self, shape, self->number_count, true, false);
    self->name_count = arrange(self, shape, self->first_key, true, true) - self->number_count;
    scaler_init(scaler_of(self), (enum scaler_kind)given->scaler, shape);
}

/* A name's bits, mixed so that half of them tell it.  A missing enumeration is any NaN. */
static uint32_t name_of(union value value, bool key)
{
    uint64_t bits = !key && value.number != value.number ? UINT64_MAX : value.key;
    uint64_t mixed = (bits ^ (bits >> 32)) * 0xD6E8FEB86659FD93ULL;
    return (uint32_t)(mixed >> 32);
}

static void query_fill(const struct neighbours *self, const union value *feature,
                       struct query *query)
{
    double z[MODEL_FEATURES_MAX + NUMBERS_LANES] = {0};
    scaler_apply(scaler_of(self), feature, z);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        uint64_t place = self->place[i];
        if (place < self->number_count)
            query->number[place] = (float)z[i];
        else
            query->name[place - self->number_count] = name_of(feature[i], place >= self->first_key);
    }
}

static inline lanes_of_float absolute(lanes_of_float value)
{
    return (lanes_of_float)((lanes_of_mask)value & INT32_MAX);
}

static inline lanes_of_float lesser(lanes_of_float a, lanes_of_float b)
{
    lanes_of_mask first = a < b;
    return (lanes_of_float)(((lanes_of_mask)a & first) | ((lanes_of_mask)b & ~first));
}

static inline float least_of(lanes_of_float lanes)
{
    lanes = lesser(lanes, __builtin_shufflevector(lanes, lanes, 4, 5, 6, 7, 0, 1, 2, 3));
    lanes = lesser(lanes, __builtin_shufflevector(lanes, lanes, 2, 3, 0, 1, 6, 7, 4, 5));
    return lanes[0] < lanes[1] ? lanes[0] : lanes[1];
}

/* Distances of a block's sixteen (squared, if euclidean); returns the least. */
static inline __attribute__((always_inline)) float measure(const struct neighbours *self,
                                                           uint64_t block,
                                                           const struct query *query,
                                                           const bool manhattan, float *distance)
{
    lanes_of_float low = {0}, high = {0};
    const float *number = block_numbers(self, block);
    for (uint64_t i = 0; i < self->number_count; i++) {
        lanes_of_float a = *(const lanes_of_float *)(number + i * BLOCK) - query->number[i];
        lanes_of_float b = *(const lanes_of_float *)(number + i * BLOCK + LANES) - query->number[i];
        low += manhattan ? absolute(a) : a * a;
        high += manhattan ? absolute(b) : b * b;
    }
    const uint32_t *name = block_names(self, block);
    for (uint64_t i = 0; i < self->name_count; i++) {
        lanes_of_mask a = *(const lanes_of_name *)(name + i * BLOCK) != query->name[i];
        lanes_of_mask b = *(const lanes_of_name *)(name + i * BLOCK + LANES) != query->name[i];
        low -= __builtin_convertvector(a, lanes_of_float);
        high -= __builtin_convertvector(b, lanes_of_float);
    }
    memcpy(distance, &low, sizeof low);
    memcpy(distance + LANES, &high, sizeof high);
    return least_of(lesser(low, high));
}

static void found_add(struct found *found, float distance, uint64_t slot)
{
    uint64_t place = found->count < found->most ? found->count++ : found->most - 1;
    for (; place > 0 && found->distance[place - 1] > distance; place--) {
        found->distance[place] = found->distance[place - 1];
        found->slot[place] = found->slot[place - 1];
    }
    found->distance[place] = distance;
    found->slot[place] = (uint32_t)slot;
}

/* Slots [from, to) of one block, newest first. */
static void visit(const struct neighbours *self, uint64_t from, uint64_t to,
                  const struct query *query, struct found *found)
{
    float distance[BLOCK];
    uint64_t block = from / BLOCK;
    float least = self->manhattan ? measure(self, block, query, true, distance)
                                  : measure(self, block, query, false, distance);
    if (found->count == found->most && !(least < found->distance[found->most - 1]))
        return;
    for (uint64_t slot = to; slot-- > from;) {
        float here = distance[slot % BLOCK];
        if (found->count < found->most || here < found->distance[found->most - 1])
            found_add(found, here, slot);
    }
}

/* Slots [0, to) from the newest to the oldest, down to `from`. */
static void visit_down(const struct neighbours *self, uint64_t from, uint64_t to,
                       const struct query *query, struct found *found)
{
    while (to > from) {
        uint64_t begin = (to - 1) / BLOCK * BLOCK;
        begin = begin < from ? from : begin;
        visit(self, begin, to, query, found);
        to = begin;
    }
}

static double vote_of(const struct neighbours *self, const struct found *found, uint64_t i)
{
    uint64_t slot = found->slot[i];
    double weight = (double)block_weights(self, slot / BLOCK)[slot % BLOCK];
    double distance = (double)found->distance[i];
    distance = self->manhattan ? distance : sqrt(distance);
    return self->uniform ? weight : weight / (distance > 1e-9 ? distance : 1e-9);
}

static double neighbours_score(const void *memory, const struct example *example)
{
    const struct neighbours *self = (const struct neighbours *)memory;
    struct query query = {0};
    struct found found;
    found.count = 0;
    found.most = self->neighbours;
    ASSERT(found.most > 0 && found.most <= NEIGHBOURS_MAX);
    query_fill(self, example->feature, &query);
    visit_down(self, 0, self->next, &query, &found);
    visit_down(self, self->next, self->filled, &query, &found);
    double votes[MODEL_CLASSES_MAX] = {0}, all = 0;
    for (uint64_t i = 0; i < found.count; i++) {
        uint64_t slot = found.slot[i];
        double vote = vote_of(self, &found, i);
        votes[(uint64_t)block_classes(self, slot / BLOCK)[slot % BLOCK]] += vote;
        all += vote;
    }
    if (self->class_count == 2) {
        double count = (double)found.count, share = all > 0 ? votes[1] / all : 0.5;
        return (count * share + 0.5) / (count + 1);
    }
    uint64_t likeliest = 0;
    for (uint64_t c = 1; c < self->class_count; c++)
        likeliest = votes[c] > votes[likeliest] ? c : likeliest;
    return (double)likeliest;
}

static void store(struct neighbours *self, const struct example *example)
{
    struct query query = {0};
    query_fill(self, example->feature, &query);
    uint64_t block = self->next / BLOCK, lane = self->next % BLOCK;
    example_touch(example, block_at(self, block), self->block_size);
    for (uint64_t i = 0; i < self->number_count; i++)
        block_numbers(self, block)[i * BLOCK + lane] = query.number[i];
    for (uint64_t i = 0; i < self->name_count; i++)
        block_names(self, block)[i * BLOCK + lane] = query.name[i];
    block_classes(self, block)[lane] = (float)example->label;
    block_weights(self, block)[lane] = (float)example->weight;
    self->next = self->next + 1 == self->window ? 0 : self->next + 1;
    self->filled += self->filled < self->window;
}

static double neighbours_learn(void *memory, const struct example *example)
{
    struct neighbours *self = (struct neighbours *)memory;
    ASSERT((uint64_t)example->label < self->class_count);
    double score = neighbours_score(memory, example);
    example_touch(example, self, self->blocks_offset);
    scaler_learn(scaler_of(self), example->feature, example->weight);
    store(self, example);
    return score;
}

static const char *const distance_names[] = {"manhattan", "euclidean", NULL};
static const char *const vote_names[] = {"distance", "uniform", NULL};

static const struct option neighbours_options[] = {
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "1000",
     .minimum = 1,
     .maximum = WINDOW_MAX,
     .offset = offsetof(struct neighbours_options, window),
     .help =
         "latest labelled examples that are remembered; each takes 4 bytes a feature, and time"},
    {.name = "neighbours",
     .type = OPTION_INTEGER,
     .standard = "10",
     .minimum = 1,
     .maximum = NEIGHBOURS_MAX,
     .offset = offsetof(struct neighbours_options, neighbours),
     .help = "how many of them vote"},
    {.name = "vote",
     .type = OPTION_CHOICE,
     .choices = vote_names,
     .standard = "distance",
     .offset = offsetof(struct neighbours_options, vote),
     .help = "whether the nearer count more (distance) or all the same (uniform)"},
    {.name = "distance",
     .type = OPTION_CHOICE,
     .choices = distance_names,
     .standard = "manhattan",
     .offset = offsetof(struct neighbours_options, distance),
     .help = "by absolute differences (manhattan) or by squares (euclidean)"},
    {.name = "scaler",
     .type = OPTION_CHOICE,
     .choices = scaler_names,
     .standard = "bounded",
     .offset = offsetof(struct neighbours_options, scaler),
     .help = "how numbers are made comparable: by mean and deviation (standard; bounded: within "
             "what so few values can tell), median and quartiles (robust), least and greatest "
             "(minmax), rank (quantile), or not at all"},
    OPTION_END,
};

const struct model_kind nearest_neighbours_model = {
    .name = "nearest_neighbours",
    .summary = "the classes of the most similar among the latest examples",
    .options = neighbours_options,
    .option_size = sizeof(struct neighbours_options),
    .supervised = true,
    .multiclass = true,
    .takes_keys = true,
    .scattered = true,
    .cost_ns = 4000,
    .check = neighbours_check,
    .state_size = neighbours_state_size,
    .init = neighbours_init,
    .score = neighbours_score,
    .learn = neighbours_learn,
};
