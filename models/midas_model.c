/* MIDAS, MIDAS-R and MIDAS-F: bursts among the edges of a graph that grows, from two keys and the
 * time alone.  The mathematics and the papers stand in base/edge_burst.h.
 *
 *     score = x / (x + threshold),   x the chi-squared statistic
 *
 * which falls and rises strictly with x, is 1/2 at the threshold and 0 while there is no past.
 *
 * The first feature is the source, the second the destination; the configuration refuses anything
 * but two keys.  In a shape that is used nevertheless numbers serve as keys, and others are passed
 * over.  An edge without one of its ends scores 0 and is not counted. */
#include "base/assert.h"
#include "base/edge_burst.h"
#include "models/model.h"

enum { ENDS = 2 };

struct midas_options {
    int variant;
    int64_t rows, buckets, tick;
    double factor, threshold;
};

/* The row: this, and the sketches behind it. */
struct midas {
    uint64_t is_key[ENDS];
    uint64_t end_count;
    uint64_t spare[5]; /* to a cache line's end */
    struct edge_burst burst;
};

_Static_assert(offsetof(struct midas, burst) % 64 == 0, "sketches begin at a cache line");

static struct edge_burst_setting setting_of(const struct midas_options *given)
{
    return (struct edge_burst_setting){
        .variant = (enum edge_burst_variant)given->variant,
        .rows = (uint32_t)given->rows,
        .buckets = (uint32_t)given->buckets,
        .tick_ms = given->tick,
        .factor = given->factor,
        .threshold = given->threshold,
    };
}

static enum status midas_check(const void *options, const struct model_shape *shape,
                               struct failure *failure)
{
    (void)options;
    if (shape->feature_count == ENDS && shape->type[0] == TYPE_TEXT && shape->type[1] == TYPE_TEXT)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "midas needs exactly two features that are keys or texts, the source and "
                       "the destination of an edge");
}

static uint64_t midas_state_size(const void *options, const struct model_shape *shape)
{
    (void)shape;
    struct edge_burst_setting setting = setting_of((const struct midas_options *)options);
    return offsetof(struct midas, burst) + edge_burst_size(&setting);
}

static void midas_init(void *memory, const void *options, const struct model_shape *shape,
                       uint64_t seed)
{
    struct midas *self = (struct midas *)memory;
    struct edge_burst_setting setting = setting_of((const struct midas_options *)options);
    *self = (struct midas){.end_count = shape->feature_count < ENDS ? shape->feature_count : ENDS};
    for (uint64_t i = 0; i < self->end_count; i++)
        self->is_key[i] = shape->type[i] == TYPE_TEXT;
    edge_burst_init(&self->burst, &setting, seed);
}

static inline uint64_t end_of(const struct midas *self, const struct example *example, uint64_t end)
{
    if (end >= self->end_count)
        return 0;
    union value value = example->feature[end];
    return self->is_key[end] ? value.key : edge_burst_number(value.number);
}

static inline struct graph_edge edge_of(const struct midas *self, const struct example *example)
{
    return (struct graph_edge){.source = end_of(self, example, 0),
                               .destination = end_of(self, example, 1),
                               .time_ms = example->time_ms,
                               .weight = example->weight};
}

static inline double squeezed(const struct midas *self, double statistic)
{
    return statistic / (statistic + self->burst.threshold);
}

static double midas_score(const void *memory, const struct example *example)
{
    const struct midas *self = (const struct midas *)memory;
    struct graph_edge edge = edge_of(self, example);
    return squeezed(self, edge_burst_look(&self->burst, &edge));
}

static double midas_learn(void *memory, const struct example *example)
{
    struct midas *self = (struct midas *)memory;
    struct graph_edge edge = edge_of(self, example);
    return squeezed(self, edge_burst_count(&self->burst, &edge, example->state));
}

static const char *const variants[] = {"plain", "relational", "filtered", NULL};

static const struct option midas_table[] = {
    {.name = "variant",
     .help = "plain: MIDAS, edges alone; relational: MIDAS-R, their ends too, and ticks fade; "
             "filtered: MIDAS-F, bursts do not become what is expected",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct midas_options, variant),
     .choices = variants,
     .standard = "filtered"},
    {.name = "tick",
     .help = "time that is counted together and compared with the past",
     .type = OPTION_SPAN,
     .offset = offsetof(struct midas_options, tick),
     .standard = "1m",
     .minimum = 1,
     .maximum = 365.0 * 86400000},
    {.name = "rows",
     .help = "rows of each sketch: more of them, fewer false alarms where buckets are shared",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct midas_options, rows),
     .standard = "2",
     .minimum = 1,
     .maximum = EDGE_BURST_ROWS_MAX},
    {.name = "buckets",
     .help = "counters of each row, 32 bytes each; best some times the edges of a tick",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct midas_options, buckets),
     .standard = "1024",
     .minimum = 16,
     .maximum = 1 << 24},
    {.name = "factor",
     .help = "what is left of a tick's counts in the next one; not of plain",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct midas_options, factor),
     .standard = "0.5",
     .minimum = 0,
     .maximum = 0.999},
    {.name = "threshold",
     .help = "statistic that is scored 1/2; filtered: from it on a tick is not taken as usual",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct midas_options, threshold),
     .standard = "1000",
     .minimum = 1e-3,
     .maximum = 1e15},
    OPTION_END,
};

const struct model_kind midas_model = {
    .name = "midas",
    .summary = "bursts of edges by MIDAS, -R or -F (Bhatia and others, 2020 and 2022), of two keys",
    .options = midas_table,
    .option_size = sizeof(struct midas_options),
    .supervised = false,
    .takes_keys = true,
    .scattered = true,
    .cost_ns = 50,
    .check = midas_check,
    .state_size = midas_state_size,
    .init = midas_init,
    .score = midas_score,
    .learn = midas_learn,
};
