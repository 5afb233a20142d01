/* What linear kinds read instead of the features: scaled numbers, and for the fields that are names
 * rather than numbers (keys and enumerations) one of two encodings.  A block inside a model's row.
 *
 *     refuse   keys are nothing to it (the configuration refuses them), enumerations are numbers
 *     hash     each value is an input of its own, 1 where it occurs; inputs are found by hashing
 *              (Kilian Weinberger, Anirban Dasgupta, John Langford, Alex Smola, Josh Attenberg,
 *              "Feature hashing for large scale multitask learning", 2009): values that share one
 *              of `buckets` share its weight
 *     target   each value is replaced by the log odds of the label where it occurred,
 *
 *                  log (s r + positives) / (s (1 - r) + negatives),    r: share of positives so far
 *
 *              with `smoothing` s (Daniele Micci-Barreca, "A preprocessing scheme for high-
 *              cardinality categorical attributes", 2001), and scaled like any number.  An example
 *              is learned with the value from before its own label.
 *
 * A missing value has no input (hash) or that of the average (target). */
#ifndef MODELS_ENCODING_H
#define MODELS_ENCODING_H

#include "models/model.h"
#include "models/scaler.h"

enum encoding_keys { KEYS_REFUSE, KEYS_HASH, KEYS_TARGET };
extern const char *const encoding_keys_names[];

/* The first member of a kind's options. */
struct encoding_options {
    int scaler, keys;
    int64_t buckets;
    double smoothing;
};

/* Rows of the table of options of a kind whose structure begins with struct encoding_options. */
#define ENCODING_OPTIONS(keys_standard)                                                            \
    {.name = "scaler",                                                                             \
     .type = OPTION_CHOICE,                                                                        \
     .choices = scaler_names,                                                                      \
     .standard = "bounded",                                                                        \
     .offset = offsetof(struct encoding_options, scaler),                                          \
     .help = "how numbers are made comparable: by mean and deviation (standard; bounded: within "  \
             "what so few values can tell), median and quartiles (robust), least and greatest "    \
             "(minmax), rank (quantile), or not at all"},                                          \
        {.name = "keys",                                                                           \
         .type = OPTION_CHOICE,                                                                    \
         .choices = encoding_keys_names,                                                           \
         .standard = (keys_standard),                                                              \
         .offset = offsetof(struct encoding_options, keys),                                        \
         .help = "what becomes of identifiers and enumerations: nothing (refuse), a weight for "   \
                 "each value (hash), or the label's running mean where it occurred (target)"},     \
        {.name = "buckets",                                                                        \
         .type = OPTION_INTEGER,                                                                   \
         .standard = "16384",                                                                      \
         .minimum = 16,                                                                            \
         .maximum = 1 << 24,                                                                       \
         .offset = offsetof(struct encoding_options, buckets),                                     \
         .help = "places for the values of keys and enumerations; values that meet share one"},    \
    {                                                                                              \
        .name = "smoothing", .type = OPTION_NUMBER, .standard = "20", .minimum = 1e-3,             \
        .maximum = 1e6, .offset = offsetof(struct encoding_options, smoothing),                    \
        .help = "labels of average kind that a value is taken to have had before its first, for "  \
                "target"                                                                           \
    }

/* The row: this, a scaler, the means of the values (target alone). */
struct encoding {
    uint64_t keys, feature_count;
    uint64_t bucket_count; /* 0: no feature is a name */
    uint64_t scaler_offset, targets_offset;
    uint64_t salt; /* two models meet at different buckets */
    double smoothing;
    double positives, total; /* weight of the labels so far */
    uint64_t naming[];       /* (feature_count) enum naming */
};

/* An example as it is read: scaled numbers, then the inputs that are 1. */
struct encoded {
    double dense[MODEL_FEATURES_MAX + NUMBERS_LANES]; /* (encoding_width), zero after features */
    uint64_t hashed;
    uint32_t bucket[MODEL_FEATURES_MAX]; /* (hashed) */
    uint32_t source[MODEL_FEATURES_MAX]; /* (hashed) the feature */
};

/* Whether keys are among the features that the options refuse: a sentence in the name of `kind`. */
enum status encoding_check(const struct encoding_options *options, const struct model_shape *shape,
                           const char *kind, struct failure *failure);

uint64_t encoding_size(const struct encoding_options *options, const struct model_shape *shape);
void encoding_init(struct encoding *self, const struct encoding_options *options,
                   const struct model_shape *shape, uint64_t seed);

/* Inputs that a kind has to keep weights for. */
static inline uint64_t encoding_width(const struct model_shape *shape)
{
    return scaler_width(shape->feature_count);
}
uint64_t encoding_hashed_width(const struct encoding_options *options,
                               const struct model_shape *shape);

void encoding_read(const struct encoding *self, const struct example *example,
                   struct encoded *encoded);

/* Before an example is learned: takes its numbers in and reads it anew.  Changes the first
 * encoding_head bytes. */
void encoding_renew(struct encoding *self, const struct example *example, struct encoded *encoded);

/* After it was learned: its label joins the means of its values.  Changes the head, and touches
 * what it changes behind it. */
void encoding_label(struct encoding *self, const struct example *example);

static inline struct scaler *encoding_scaler(const struct encoding *self)
{
    return (struct scaler *)(void *)((uint8_t *)(uintptr_t)self + self->scaler_offset);
}

static inline uint64_t encoding_head(const struct encoding *self)
{
    return self->targets_offset;
}

#endif
