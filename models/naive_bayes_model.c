/* Naive Bayes: the class whose share, times the probabilities of all features within the class, is
 * greatest; features are taken as independent.  For numbers a normal distribution a class, for
 * flags, enumerations and keys the frequencies of their values, with Laplace's correction:
 *
 *     p(c | x)  ~  (n_c + 1) prod_numbers N(x_j; mean_cj, variance_cj)
 *                            prod_names (n_cj(x_j) + a) / (n_cj + a values_j)
 *
 * n are weights of labels.  David Lewis, "Naive (Bayes) at forty: the independence assumption in
 * information retrieval", 1998; variances as B. P. Welford, "Note on a method for calculating
 * corrected sums of squares and products", 1962.  A density is taken for at least `floor`, so that
 * one far value does not outweigh all others; of a class without two different values of a feature
 * nothing better is known.  Values of names are counted in hashed buckets (two that meet share
 * one).
 *
 * With a half-life a label counts half after so many later ones.  Older counts are not touched for
 * that: each new label weighs more than the one before, and all are brought back to scale before
 * the numbers grow too large (Graham Cormode, Vladislav Shkapenyuk, Divesh Srivastava, Bojian Xu,
 * "Forward decay", 2009).
 *
 * Missing numbers, flags and keys are left out of the product.  With half_life 0, floor 1e-9 the
 * product is River's GaussianNB but for the 1 in n_c + 1 and for a density that is cut off at the
 * floor instead of being raised by it. */
#include "base/assert.h"
#include "base/hash.h"
#include "models/model.h"
#include "models/numbers.h"
#include <math.h>
#include <string.h>

enum naming { NAMING_NUMBER, NAMING_ENUM, NAMING_KEY };

/* Beyond this a number is nobody's; and the weight of a label at which all are brought to scale. */
static const double FEATURE_LIMIT = 1e100, WEIGHT_LIMIT = 1e60;

struct bayes_options {
    int64_t half_life, buckets;
    double floor, laplace;
};

/* Of a number within a class. */
struct normal {
    double weight, mean, squares; /* squares: of the distances from the mean, weighted */
    double factor, constant;      /* log density = constant - factor (x - mean)^2 */
};

/* The row: this; naming and count of different values of each feature (2, feature_count); then a
 * block a class: its weight, struct normal (feature_count), the weights of its names
 * (feature_count); then counts of names (buckets, class_count). */
struct bayes {
    uint64_t feature_count, class_count, bucket_count;
    uint64_t classes_offset, class_size, names_offset;
    uint64_t salt;
    double floor, laplace;  /* floor: its logarithm */
    double growth, current; /* of each label's weight; the weight of the next */
    double cells[];
};

static bool is_name(enum value_type type)
{
    return type == TYPE_TEXT || type == TYPE_ENUM || type == TYPE_BOOLEAN;
}

static uint64_t bucket_count(const struct bayes_options *given, const struct model_shape *shape)
{
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (is_name(shape->type[i]))
            return (uint64_t)given->buckets;
    }
    return 0;
}

static uint64_t class_size(const struct model_shape *shape)
{
    uint64_t each = sizeof(struct normal) + sizeof(double);
    return sizeof(double) + shape->feature_count * each;
}

static uint64_t classes_offset(const struct model_shape *shape)
{
    return sizeof(struct bayes) + 2ULL * shape->feature_count * sizeof(double);
}

static uint64_t names_offset(const struct model_shape *shape)
{
    return classes_offset(shape) + shape->class_count * class_size(shape);
}

static uint64_t bayes_state_size(const void *options, const struct model_shape *shape)
{
    const struct bayes_options *given = (const struct bayes_options *)options;
    uint64_t counts = bucket_count(given, shape) * shape->class_count;
    return names_offset(shape) + counts * sizeof(double);
}

static inline double *inside(const struct bayes *self, uint64_t offset)
{
    return (double *)(void *)((uint8_t *)(uintptr_t)self + offset);
}

/* enum naming of a feature, as a number. */
static inline const double *naming(const struct bayes *self)
{
    return self->cells;
}

/* Different values of each feature. */
static inline double *variety(const struct bayes *self)
{
    return (double *)(uintptr_t)self->cells + self->feature_count;
}

static inline double *class_weight(const struct bayes *self, uint64_t class)
{
    return inside(self, self->classes_offset + class * self->class_size);
}

static inline struct normal *normals(const struct bayes *self, uint64_t class)
{
    return (struct normal *)(void *)(class_weight(self, class) + 1);
}

/* The weight of a class's labels that came with the feature's name. */
static inline double *named_weight(const struct bayes *self, uint64_t class)
{
    return (double *)(void *)(normals(self, class) + self->feature_count);
}

static inline double *names_counted(const struct bayes *self, uint64_t bucket)
{
    return inside(self, self->names_offset) + bucket * self->class_count;
}

/* Numbers and names are all welcome. */
static enum status bayes_check(const void *options, const struct model_shape *shape,
                               struct failure *failure)
{
    (void)options, (void)shape, (void)failure;
    return STATUS_OK;
}

static void bayes_init(void *memory, const void *options, const struct model_shape *shape,
                       uint64_t seed)
{
    const struct bayes_options *given = (const struct bayes_options *)options;
    ASSERT(shape->class_count >= 2 && shape->class_count <= MODEL_CLASSES_MAX);
    struct bayes *self = (struct bayes *)memory;
    memset(self, 0, bayes_state_size(options, shape));
    self->feature_count = shape->feature_count;
    self->class_count = shape->class_count;
    self->bucket_count = bucket_count(given, shape);
    self->classes_offset = classes_offset(shape);
    self->class_size = class_size(shape);
    self->names_offset = names_offset(shape);
    self->salt = seed;
    self->floor = log(given->floor);
    self->laplace = given->laplace;
    self->growth = given->half_life > 0 ? exp2(1.0 / (double)given->half_life) : 1;
    self->current = 1;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        enum value_type type = shape->type[i];
        for (uint32_t c = 0; c < shape->class_count; c++)
            normals(self, c)[i].constant = self->floor;
        self->cells[i] = type == TYPE_TEXT ? NAMING_KEY
                         : is_name(type)   ? NAMING_ENUM
                                           : NAMING_NUMBER;
    }
}

/* Equal values of two features lie in different buckets. */
static uint64_t bucket_of(const struct bayes *self, uint64_t feature, union value value)
{
    uint64_t place = (self->salt + feature) | 1ULL << 63;
    uint64_t hash = hash_pair(value.key == UINT64_MAX ? 1 : value.key + 1, place);
    return (uint64_t)(((unsigned __int128)hash * self->bucket_count) >> 64);
}

static inline bool is_known(double kind, union value value)
{
    return kind == NAMING_KEY    ? value.key != 0
           : kind == NAMING_ENUM ? value.number == value.number
                                 : fabs(value.number) <= FEATURE_LIMIT;
}

static void add_names(const struct bayes *self, uint64_t feature, union value value, double *odds)
{
    const double *counted = names_counted(self, bucket_of(self, feature, value));
    double added = self->laplace * self->current, values = variety(self)[feature];
    for (uint64_t c = 0; c < self->class_count; c++) {
        double all = named_weight(self, c)[feature] + added * (values + 1);
        odds[c] += log((counted[c] + added) / all);
    }
}

/* The logarithms of the products, but for what all classes share. */
static void log_odds(const struct bayes *self, const struct example *example, double *odds)
{
    for (uint64_t c = 0; c < self->class_count; c++) {
        const struct normal *normal = normals(self, c);
        double sum = log(*class_weight(self, c) + self->current);
        for (uint64_t i = 0; i < self->feature_count; i++) {
            double distance = example->feature[i].number - normal[i].mean;
            double density = normal[i].constant - normal[i].factor * distance * distance;
            density = density > self->floor ? density : self->floor;
            bool counts = naming(self)[i] == NAMING_NUMBER && fabs(distance) <= 2 * FEATURE_LIMIT;
            sum += counts ? density : 0;
        }
        odds[c] = sum;
    }
    for (uint64_t i = 0; self->bucket_count && i < self->feature_count; i++) {
        union value value = example->feature[i];
        if (naming(self)[i] != NAMING_NUMBER && is_known(naming(self)[i], value))
            add_names(self, i, value, odds);
    }
}

static double bayes_score(const void *memory, const struct example *example)
{
    const struct bayes *self = (const struct bayes *)memory;
    double odds[MODEL_CLASSES_MAX];
    log_odds(self, example, odds);
    if (self->class_count == 2)
        return numbers_logistic(odds[1] - odds[0]);
    uint64_t likeliest = 0;
    for (uint64_t c = 1; c < self->class_count; c++)
        likeliest = odds[c] > odds[likeliest] ? c : likeliest;
    return (double)likeliest;
}

static void learn_number(const struct bayes *self, struct normal *normal, double value,
                         double weight)
{
    static const double half_log_tau = 0.91893853320467274178;
    double delta = value - normal->mean;
    normal->weight += weight;
    normal->mean += delta * weight / normal->weight;
    normal->squares += weight * delta * (value - normal->mean);
    /* The sample variance, as of labels that all weigh as much as this one does. */
    double degrees = normal->weight - weight;
    double variance = degrees > 0 ? normal->squares / degrees : 0;
    bool spread = variance > 1e-200;
    normal->factor = spread ? 0.5 / variance : 0;
    normal->constant = spread ? -half_log_tau - 0.5 * log(variance) : self->floor;
}

static void learn_name(struct bayes *self, const struct example *example, uint64_t feature,
                       uint64_t class, double weight)
{
    double *counted = names_counted(self, bucket_of(self, feature, example->feature[feature]));
    double before = 0;
    for (uint64_t c = 0; c < self->class_count; c++)
        before += counted[c];
    variety(self)[feature] += before == 0;
    named_weight(self, class)[feature] += weight;
    example_touch(example, &counted[class], sizeof *counted);
    counted[class] += weight;
}

/* All weights are brought back to where the next label weighs 1. */
static void rescale(struct bayes *self, const struct example *example)
{
    double factor = 1 / self->current;
    uint64_t counts = self->bucket_count * self->class_count;
    example_touch(example, self, self->names_offset + counts * sizeof(double));
    for (uint64_t c = 0; c < self->class_count; c++) {
        *class_weight(self, c) *= factor;
        for (uint64_t i = 0; i < self->feature_count; i++) {
            normals(self, c)[i].weight *= factor;
            normals(self, c)[i].squares *= factor;
            named_weight(self, c)[i] *= factor;
        }
    }
    for (uint64_t i = 0; i < counts; i++)
        names_counted(self, 0)[i] *= factor;
    self->current = 1;
}

static double bayes_learn(void *memory, const struct example *example)
{
    struct bayes *self = (struct bayes *)memory;
    double score = bayes_score(memory, example);
    uint64_t class = (uint64_t)example->label;
    ASSERT(class < self->class_count);
    example_touch(example, self, self->classes_offset);
    example_touch(example, class_weight(self, class), self->class_size);
    double weight = example->weight * self->current;
    *class_weight(self, class) += weight;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        union value value = example->feature[i];
        if (!is_known(naming(self)[i], value))
            continue;
        if (naming(self)[i] == NAMING_NUMBER)
            learn_number(self, &normals(self, class)[i], value.number, weight);
        else
            learn_name(self, example, i, class, weight);
    }
    self->current *= self->growth;
    if (self->current > WEIGHT_LIMIT)
        rescale(self, example);
    return score;
}

static const struct option bayes_options[] = {
    {.name = "half_life",
     .type = OPTION_INTEGER,
     .standard = "0",
     .maximum = 1e12,
     .offset = offsetof(struct bayes_options, half_life),
     .help = "labels after which a label counts half; 0: all count the same"},
    {.name = "floor",
     .type = OPTION_NUMBER,
     .standard = "1e-9",
     .minimum = 1e-300,
     .maximum = 1,
     .offset = offsetof(struct bayes_options, floor),
     .help = "least density of a number: how much one far value can tell"},
    {.name = "laplace",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-6,
     .maximum = 1e6,
     .offset = offsetof(struct bayes_options, laplace),
     .help = "labels that each value of a flag, enumeration or key is taken to have had already"},
    {.name = "buckets",
     .type = OPTION_INTEGER,
     .standard = "4096",
     .minimum = 16,
     .maximum = 1 << 22,
     .offset = offsetof(struct bayes_options, buckets),
     .help = "places for the values of flags, enumerations and keys, 8 bytes a class each"},
    OPTION_END,
};

const struct model_kind naive_bayes_model = {
    .name = "naive_bayes",
    .summary = "each feature votes by how usual its value is in each class",
    .options = bayes_options,
    .option_size = sizeof(struct bayes_options),
    .supervised = true,
    .multiclass = true,
    .takes_keys = true,
    .scattered = true,
    .cost_ns = 200,
    .check = bayes_check,
    .state_size = bayes_state_size,
    .init = bayes_init,
    .score = bayes_score,
    .learn = bayes_learn,
};
