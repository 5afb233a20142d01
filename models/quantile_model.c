/* Quantile: how far does each feature lie from its running median, in units of its quartiles?
 * Robust: half of the window may be wild before the median moves (Hampel, "The influence curve and
 * its role in robust estimation", 1974).
 *
 * Each feature keeps its latest `window` values, sorted, so that quantiles are exact (the lower
 * ones: value number floor(q (n - 1)) of n, from 0).  With r the distance from the median,
 *
 *     z = r / ((third quartile - first) / 1.349)      as many deviations, were it normal
 *     surprise_i = log(1 + z^2)
 *     d = mean (sum) or greatest (max) surprise       score = d / (1 + d)
 *
 * Where the quartiles are equal, a sixth of the window's range takes their place; where all is
 * equal, the median's own size, at least 1.  A missing number says nothing and does not enter the
 * window, nor do keys.  explain gives the surprises' shares of the score. */
#include "models/placement.h"
#include "models/surprises.h"
#include <math.h>
#include <string.h>

static const double VALUE_LIMIT = 1e150, NORMAL_QUARTILES = 1.349, FAR = 1e9;

struct quantile_options {
    int64_t window;
    int combine;
};

struct quantile_column {
    uint64_t feature, count, next; /* next: the oldest value's slot */
};

/* The row: this; columns; then for each column its values as they came (window) and sorted
 * (window). */
struct quantile {
    uint64_t count, feature_count, combine, window;
    struct quantile_column column[];
};

static uint64_t quantile_state_size(const void *options, const struct model_shape *shape)
{
    const struct quantile_options *given = (const struct quantile_options *)options;
    uint64_t values = 2 * (uint64_t)given->window * sizeof(double);
    return sizeof(struct quantile) +
           placement_columns(shape) * (sizeof(struct quantile_column) + values);
}

static enum status quantile_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    return placement_check(shape, "the quantile scorer", failure);
}

static inline double *arrivals(const struct quantile *self, uint64_t column)
{
    double *values = (double *)(uintptr_t)(const void *)(self->column + self->count);
    return values + column * 2 * self->window;
}

static inline double *sorted(const struct quantile *self, uint64_t column)
{
    return arrivals(self, column) + self->window;
}

static void quantile_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    (void)seed;
    const struct quantile_options *given = (const struct quantile_options *)options;
    struct quantile *self = (struct quantile *)memory;
    memset(self, 0, quantile_state_size(options, shape));
    self->feature_count = shape->feature_count;
    self->combine = (uint64_t)given->combine;
    self->window = (uint64_t)given->window;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (!value_type_is_key(shape->type[i]))
            self->column[self->count++].feature = i;
    }
}

static double column_surprise(const struct quantile *self, uint64_t column, double value)
{
    uint64_t count = self->column[column].count;
    const double *values = sorted(self, column);
    if (value != value || count < 2)
        return 0;
    double median = values[(count - 1) / 2];
    double spread = (values[3 * (count - 1) / 4] - values[(count - 1) / 4]) / NORMAL_QUARTILES;
    if (!(spread > 0))
        spread = (values[count - 1] - values[0]) / 6;
    if (!(spread > 0))
        spread = fabs(median) > 1 ? fabs(median) : 1;
    double z = fabs(value - median) / spread;
    z = z < FAR ? z : FAR;
    return log1p(z * z);
}

/* Fills the surprises (count) and returns d. */
static double combine(const struct quantile *self, const union value *feature, double *surprises)
{
    double sum = 0, most = 0, told = 0;
    for (uint64_t i = 0; i < self->count; i++) {
        double value = feature[self->column[i].feature].number;
        surprises[i] = column_surprise(self, i, value);
        sum += surprises[i];
        most = surprises[i] > most ? surprises[i] : most;
        told += value == value;
    }
    if (told < 1)
        return 0;
    return self->combine == SURPRISES_SUM ? sum / told : most;
}

static double quantile_score(const void *memory, const struct example *example)
{
    double surprises[MODEL_FEATURES_MAX];
    double combined = combine((const struct quantile *)memory, example->feature, surprises);
    return combined / (1 + combined);
}

/* The first place of a value not below this one. */
static uint64_t lower_bound(const double *values, uint64_t count, double value)
{
    uint64_t low = 0;
    while (count > 0) {
        uint64_t half = count / 2;
        bool above = values[low + half] < value;
        low = above ? low + half + 1 : low;
        count = above ? count - half - 1 : half;
    }
    return low;
}

static void column_learn(struct quantile *self, uint64_t column, double value)
{
    if (!(fabs(value) <= VALUE_LIMIT))
        return;
    struct quantile_column *own = &self->column[column];
    double *values = sorted(self, column), *arrived = arrivals(self, column) + own->next;
    uint64_t place = lower_bound(values, own->count, value);
    uint64_t empty = own->count;
    if (own->count == self->window)
        empty = lower_bound(values, own->count, *arrived);
    else
        own->count++;
    if (place <= empty)
        memmove(values + place + 1, values + place, (empty - place) * sizeof *values);
    else
        memmove(values + empty, values + empty + 1, (--place - empty) * sizeof *values);
    values[place] = value;
    *arrived = value;
    own->next = own->next + 1 < self->window ? own->next + 1 : 0;
}

static double quantile_learn(void *memory, const struct example *example)
{
    struct quantile *self = (struct quantile *)memory;
    double score = quantile_score(memory, example);
    for (uint64_t i = 0; i < self->count; i++)
        column_learn(self, i, example->feature[self->column[i].feature].number);
    return score;
}

static void quantile_explain(const void *memory, const struct example *example,
                             double *contributions)
{
    const struct quantile *self = (const struct quantile *)memory;
    double surprises[MODEL_FEATURES_MAX];
    double combined = combine(self, example->feature, surprises);
    surprises_share(surprises, self->count, self->combine, combined / (1 + combined));
    memset(contributions, 0, self->feature_count * sizeof *contributions);
    for (uint64_t i = 0; i < self->count; i++)
        contributions[self->column[i].feature] = surprises[i];
}

static const struct option quantile_options[] = {
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "1024",
     .minimum = 4,
     .maximum = 1000000,
     .offset = offsetof(struct quantile_options, window),
     .help = "latest values that quantiles are taken of; 16 bytes each a feature"},
    SURPRISES_OPTION(quantile_options, combine),
    OPTION_END,
};

const struct model_kind quantile_model = {
    .name = "quantile",
    .summary = "anomalies by how far each feature lies from its running median; robust",
    .options = quantile_options,
    .option_size = sizeof(struct quantile_options),
    .supervised = false,
    .cost_ns = 2900,
    .check = quantile_check,
    .state_size = quantile_state_size,
    .init = quantile_init,
    .score = quantile_score,
    .learn = quantile_learn,
    .explain = quantile_explain,
};
