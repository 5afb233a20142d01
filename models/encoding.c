/* What linear kinds read instead of the features; see encoding.h. */
#include "models/encoding.h"
#include "base/assert.h"
#include "base/hash.h"
#include <math.h>
#include <string.h>

const char *const encoding_keys_names[] = {"refuse", "hash", "target", NULL};

/* Of a value: weight of its labels. */
struct target {
    double positives, total;
};

enum naming { NAMING_NONE, NAMING_ENUM, NAMING_KEY };

static enum naming naming_of(const struct encoding_options *options, enum value_type type)
{
    if (options->keys == KEYS_REFUSE)
        return NAMING_NONE;
    return type == TYPE_TEXT ? NAMING_KEY : type == TYPE_ENUM ? NAMING_ENUM : NAMING_NONE;
}

enum status encoding_check(const struct encoding_options *options, const struct model_shape *shape,
                           const char *kind, struct failure *failure)
{
    for (uint32_t i = 0; i < shape->feature_count && options->keys == KEYS_REFUSE; i++) {
        if (shape->type[i] == TYPE_TEXT)
            return failure_set(failure, STATUS_STOP,
                               "%s cannot use the identifier `%s` as a number; set `keys` to "
                               "\"target\" or \"hash\", or make a feature of it, such as a count "
                               "by it",
                               kind, shape->feature_name[i]);
    }
    return STATUS_OK;
}

/* Buckets for the values of all features that are names. */
static uint64_t table_width(const struct encoding_options *options, const struct model_shape *shape)
{
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (naming_of(options, shape->type[i]) != NAMING_NONE)
            return (uint64_t)options->buckets;
    }
    return 0;
}

uint64_t encoding_hashed_width(const struct encoding_options *options,
                               const struct model_shape *shape)
{
    return options->keys == KEYS_HASH ? table_width(options, shape) : 0;
}

static uint64_t scaler_offset(const struct model_shape *shape)
{
    return sizeof(struct encoding) + shape->feature_count * sizeof(uint64_t);
}

static uint64_t targets_offset(const struct encoding_options *options,
                               const struct model_shape *shape)
{
    return scaler_offset(shape) +
           scaler_size((enum scaler_kind)options->scaler, shape->feature_count);
}

uint64_t encoding_size(const struct encoding_options *options, const struct model_shape *shape)
{
    uint64_t targets = options->keys == KEYS_TARGET ? table_width(options, shape) : 0;
    return targets_offset(options, shape) + targets * sizeof(struct target);
}

static void *inside(const struct encoding *self, uint64_t offset)
{
    return (uint8_t *)(uintptr_t)self + offset;
}

/* A replaced value is a number to the scaler, a hashed one nothing. */
static void init_scaler(struct encoding *self, const struct encoding_options *options,
                        const struct model_shape *shape)
{
    enum value_type type[MODEL_FEATURES_MAX];
    struct model_shape seen = *shape;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        self->naming[i] = naming_of(options, shape->type[i]);
        type[i] = shape->type[i];
        if (self->naming[i] != NAMING_NONE)
            type[i] = self->keys == KEYS_HASH ? TYPE_TEXT : TYPE_NUMBER;
    }
    seen.type = type;
    scaler_init(encoding_scaler(self), (enum scaler_kind)options->scaler, &seen);
}

void encoding_init(struct encoding *self, const struct encoding_options *options,
                   const struct model_shape *shape, uint64_t seed)
{
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX);
    memset(self, 0, encoding_size(options, shape));
    self->keys = (uint64_t)options->keys;
    self->feature_count = shape->feature_count;
    self->bucket_count = table_width(options, shape);
    self->scaler_offset = scaler_offset(shape);
    self->targets_offset = targets_offset(options, shape);
    self->smoothing = options->smoothing;
    self->salt = seed;
    init_scaler(self, options, shape);
}

static bool is_named(const struct encoding *self, uint64_t feature, union value value)
{
    if (self->naming[feature] == NAMING_KEY)
        return value.key != 0;
    return self->naming[feature] == NAMING_ENUM && value.number == value.number;
}

/* Feature and seed go into the hash, so that equal values of two features do not meet. */
static uint32_t bucket_of(const struct encoding *self, uint64_t feature, union value value)
{
    uint64_t place = (self->salt + feature) | 1ULL << 63;
    uint64_t hash = hash_pair(value.key == UINT64_MAX ? 1 : value.key + 1, place);
    return (uint32_t)(((unsigned __int128)hash * self->bucket_count) >> 64);
}

static double mean_of(const struct encoding *self, uint32_t bucket)
{
    const struct target *targets = (const struct target *)inside(self, self->targets_offset);
    double share = (self->positives + 0.5) / (self->total + 1);
    double for_it = targets[bucket].positives + self->smoothing * share;
    double against =
        targets[bucket].total - targets[bucket].positives + self->smoothing * (1 - share);
    return log(for_it / against);
}

/* The features with names replaced by numbers, or by nothing and noted in `encoded`. */
static void replace(const struct encoding *self, const union value *feature, union value *number,
                    struct encoded *encoded)
{
    bool hash = self->keys == KEYS_HASH;
    memcpy(number, feature, self->feature_count * sizeof *number);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        if (self->naming[i] == NAMING_NONE)
            continue;
        bool named = is_named(self, i, feature[i]);
        uint32_t bucket = named ? bucket_of(self, i, feature[i]) : 0;
        if (named && hash) {
            encoded->source[encoded->hashed] = (uint32_t)i;
            encoded->bucket[encoded->hashed++] = bucket;
        }
        number[i].number = named && !hash ? mean_of(self, bucket) : MISSING;
    }
}

static const union value *numbers_of(const struct encoding *self, const struct example *example,
                                     union value *room, struct encoded *encoded)
{
    encoded->hashed = 0;
    if (self->bucket_count == 0)
        return example->feature;
    replace(self, example->feature, room, encoded);
    return room;
}

void encoding_read(const struct encoding *self, const struct example *example,
                   struct encoded *encoded)
{
    union value room[MODEL_FEATURES_MAX];
    const union value *numbers = numbers_of(self, example, room, encoded);
    scaler_apply(encoding_scaler(self), numbers, encoded->dense);
}

void encoding_renew(struct encoding *self, const struct example *example, struct encoded *encoded)
{
    union value room[MODEL_FEATURES_MAX];
    const union value *numbers = numbers_of(self, example, room, encoded);
    scaler_learn(encoding_scaler(self), numbers, example->weight);
    scaler_apply(encoding_scaler(self), numbers, encoded->dense);
}

void encoding_label(struct encoding *self, const struct example *example)
{
    double weight = example->weight, positive = example->label > 0.5 ? weight : 0;
    struct target *targets = (struct target *)inside(self, self->targets_offset);
    self->total += weight;
    self->positives += positive;
    if (self->keys != KEYS_TARGET || self->bucket_count == 0)
        return;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        if (!is_named(self, i, example->feature[i]))
            continue;
        struct target *target = &targets[bucket_of(self, i, example->feature[i])];
        example_touch(example, target, sizeof *target);
        target->total += weight;
        target->positives += positive;
    }
}
