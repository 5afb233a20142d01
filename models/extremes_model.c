/* How extreme a number is: 1 less the probability of one as extreme, by peaks over threshold.
 *
 * SPOT (Siffer, Fouque, Termier and Largouet, "Anomaly Detection in Streams with Extreme Value
 * Theory", 2017).  The first `calibration` numbers give a threshold t at their quantile `level`;
 * what exceeds it follows a generalised Pareto distribution, fitted anew by Grimshaw's maximum
 * likelihood (models/pareto.h) whenever a twentieth of the peaks is new:
 *
 *     P(X >= x) = share above t  x  (1 + shape (x - t) / scale) ^ (-1 / shape),   x > t
 *
 * Below t it is the share of the calibration that was as large.  Numbers rarer than `risk` are
 * alarms and are not learned, so that they do not make the next one usual.  With `drift` (DSPOT) it
 * is not the number that is judged but its difference from the mean of the latest `drift` numbers
 * that were no alarms.  Two-sided, the lower tail is kept in the same way, and the smaller
 * probability counts twice; with m features it counts m times (Bonferroni), since any may be
 * extreme.  The score is 0 until calibration is over; of the peaks the latest `peaks` are fitted.
 *
 * It turns any number into a probability of extremity, the score of another detector too.  Missing
 * numbers are passed over, keys and enumerations as well; numbers are cut at 1e100 either side. */
#include "base/assert.h"
#include "models/model.h"
#include "models/pareto.h"
#include "models/series.h"
#include <math.h>
#include <string.h>

enum { SIDES = 2 };

struct extremes_options {
    int64_t calibration, peaks, drift;
    double level, risk;
    bool two_sided;
};

/* The row: this; then of each feature that is a number its lane, at `lane_size` from the next. */
struct extremes {
    uint64_t lane_count, lane_size, calibration, peaks, drift, sides;
    double level, risk;
    uint64_t lane_feature[MODEL_FEATURES_MAX];
};

/* One tail; of the lower one all signs are turned. */
struct side {
    double threshold, exceeded; /* how many ever did */
    uint64_t next, held;        /* in the ring of peaks */
    uint64_t fresh;             /* peaks since the fit */
    struct pareto pareto;
};

/* Of one series.  After it come the calibration (calibration), rising; the latest numbers (drift);
 * the peaks as excesses (sides, peaks). */
struct lane {
    double seen;       /* since the beginning of the calibration, alarms among them */
    double calibrated; /* numbers in the calibration */
    double sum;        /* of the latest numbers */
    uint64_t next, held;
    struct side side[SIDES];
};

static uint64_t lane_size(const struct extremes_options *given)
{
    int64_t numbers = given->calibration + given->drift + SIDES * given->peaks;
    return sizeof(struct lane) + (uint64_t)numbers * sizeof(double);
}

static uint64_t extremes_state_size(const void *options, const struct model_shape *shape)
{
    const struct extremes_options *given = (const struct extremes_options *)options;
    return sizeof(struct extremes) + series_count(shape) * lane_size(given);
}

static struct lane *lane_of(const struct extremes *self, uint64_t index)
{
    uint8_t *first = (uint8_t *)(uintptr_t)(self + 1);
    return (struct lane *)(void *)(first + index * self->lane_size);
}

static double *lane_calibration(const struct lane *lane)
{
    return (double *)(uintptr_t)(lane + 1);
}

static double *lane_latest(const struct extremes *self, const struct lane *lane)
{
    return lane_calibration(lane) + self->calibration;
}

static double *lane_peaks(const struct extremes *self, const struct lane *lane, uint64_t side)
{
    return lane_latest(self, lane) + self->drift + side * self->peaks;
}

static void extremes_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    (void)seed;
    const struct extremes_options *given = (const struct extremes_options *)options;
    struct extremes *self = (struct extremes *)memory;
    memset(self, 0, extremes_state_size(options, shape));
    self->lane_size = lane_size(given);
    self->calibration = (uint64_t)given->calibration;
    self->peaks = (uint64_t)given->peaks;
    self->drift = (uint64_t)given->drift;
    self->sides = given->two_sided ? SIDES : 1;
    self->level = given->level;
    self->risk = given->risk;
    self->lane_count = series_features(shape, self->lane_feature);
}

/* What is judged of x: itself, or how far it lies from the latest ones. */
static double lane_judged(const struct extremes *self, const struct lane *lane, double x)
{
    return self->drift ? x - lane->sum / (double)self->drift : x;
}

static bool lane_ready(const struct extremes *self, const struct lane *lane)
{
    return lane->calibrated >= (double)self->calibration;
}

/* The share of the calibration that is at least x, or at most x on the lower side; never 0. */
static double share_beyond(const struct extremes *self, const struct lane *lane, double x,
                           bool lower)
{
    const double *value = lane_calibration(lane);
    uint64_t low = 0, high = self->calibration;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (lower ? value[middle] <= x : value[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    uint64_t beyond = lower ? low : self->calibration - low;
    return ((double)beyond + 1) / ((double)self->calibration + 1);
}

static double side_probability(const struct extremes *self, const struct lane *lane, double x,
                               uint64_t index)
{
    const struct side *side = &lane->side[index];
    double signed_x = index ? -x : x;
    double above = (side->exceeded > 1 ? side->exceeded : 1) / lane->seen;
    if (signed_x > side->threshold)
        return above * exp(pareto_log_tail(&side->pareto, signed_x - side->threshold));
    double share = share_beyond(self, lane, x, index > 0);
    return share > above ? share : above;
}

static double lane_probability(const struct extremes *self, const struct lane *lane, double x)
{
    if (!lane_ready(self, lane))
        return 1;
    double least = 1, judged = lane_judged(self, lane, x);
    for (uint64_t i = 0; i < self->sides; i++) {
        double probability = (double)self->sides * side_probability(self, lane, judged, i);
        least = probability < least ? probability : least;
    }
    return least;
}

static double extremes_score(const void *memory, const struct example *example)
{
    const struct extremes *self = (const struct extremes *)memory;
    double least = 1;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        double x = example->feature[self->lane_feature[i]].number;
        if (isnan(x))
            continue;
        double probability =
            (double)self->lane_count * lane_probability(self, lane_of(self, i), series_clipped(x));
        least = probability < least ? probability : least;
    }
    return 1 - least;
}

static void lane_remember(const struct extremes *self, struct lane *lane, double x)
{
    if (self->drift == 0)
        return;
    double *latest = lane_latest(self, lane);
    lane->held += lane->held < self->drift ? 1 : 0;
    lane->sum += x - latest[lane->next];
    latest[lane->next] = x;
    lane->next = (lane->next + 1) % self->drift;
    /* Once a round afresh, so that rounding does not add up. */
    if (lane->next == 0) {
        lane->sum = 0;
        for (uint64_t i = 0; i < self->drift; i++)
            lane->sum += latest[i];
    }
}

static void side_take(const struct extremes *self, struct lane *lane, uint64_t index, double excess)
{
    struct side *side = &lane->side[index];
    lane_peaks(self, lane, index)[side->next] = excess;
    side->next = (side->next + 1) % self->peaks;
    side->held += side->held < self->peaks ? 1 : 0;
    side->exceeded += 1;
    side->fresh += 1;
}

static void side_fit(const struct extremes *self, struct lane *lane, uint64_t index)
{
    struct side *side = &lane->side[index];
    side->fresh = 0;
    if (side->held)
        side->pareto = pareto_from_likelihood(lane_peaks(self, lane, index), side->held);
    else
        side->pareto = (struct pareto){0, 1e-9 * (fabs(side->threshold) + 1e-9)};
}

/* The calibration is full: thresholds, and what lies beyond them. */
static void lane_calibrated(const struct extremes *self, struct lane *lane)
{
    const double *value = lane_calibration(lane);
    uint64_t last = self->calibration - 1;
    uint64_t rank = (uint64_t)(self->level * (double)last);
    for (uint64_t i = 0; i < self->sides; i++) {
        lane->side[i].threshold = i ? -value[last - rank] : value[rank];
        for (uint64_t j = rank + 1; j <= last; j++) {
            double excess = (i ? -value[last - j] : value[j]) - lane->side[i].threshold;
            if (excess > 0)
                side_take(self, lane, i, excess);
        }
        side_fit(self, lane, i);
    }
}

static void lane_calibrate(const struct extremes *self, struct lane *lane, double judged)
{
    double *value = lane_calibration(lane);
    uint64_t at = (uint64_t)lane->calibrated;
    for (; at > 0 && value[at - 1] > judged; at--)
        value[at] = value[at - 1];
    value[at] = judged;
    lane->seen += 1;
    lane->calibrated += 1;
    if (lane_ready(self, lane))
        lane_calibrated(self, lane);
}

static void lane_learn(const struct extremes *self, struct lane *lane, double x, double probability)
{
    bool ready = lane_ready(self, lane);
    double judged = lane_judged(self, lane, x);
    if (ready) {
        lane->seen += 1;
        if (probability < self->risk)
            return;
        for (uint64_t i = 0; i < self->sides; i++) {
            double excess = (i ? -judged : judged) - lane->side[i].threshold;
            if (excess > 0) {
                side_take(self, lane, i, excess);
                if (lane->side[i].fresh * 20 >= lane->side[i].held)
                    side_fit(self, lane, i);
            }
        }
    } else if (lane->held == self->drift) {
        lane_calibrate(self, lane, judged);
    }
    lane_remember(self, lane, x);
}

static double extremes_learn(void *memory, const struct example *example)
{
    struct extremes *self = (struct extremes *)memory;
    double least = 1;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        double x = example->feature[self->lane_feature[i]].number;
        if (isnan(x))
            continue;
        x = series_clipped(x);
        struct lane *lane = lane_of(self, i);
        double own = lane_probability(self, lane, x);
        double probability = (double)self->lane_count * own;
        least = probability < least ? probability : least;
        lane_learn(self, lane, x, own);
    }
    return 1 - least;
}

static const struct option extremes_options[] = {
    {.name = "calibration",
     .type = OPTION_INTEGER,
     .standard = "1000",
     .minimum = 50,
     .maximum = 65536,
     .offset = offsetof(struct extremes_options, calibration),
     .help = "numbers that the threshold is chosen from; until they have come the score is 0"},
    {.name = "level",
     .type = OPTION_NUMBER,
     .standard = "0.98",
     .minimum = 0.5,
     .maximum = 0.9999,
     .offset = offsetof(struct extremes_options, level),
     .help = "share of the numbers below the threshold"},
    {.name = "peaks",
     .type = OPTION_INTEGER,
     .standard = "200",
     .minimum = 10,
     .maximum = 10000,
     .offset = offsetof(struct extremes_options, peaks),
     .help = "numbers above the threshold, the latest, that the tail is fitted to"},
    {.name = "risk",
     .type = OPTION_NUMBER,
     .standard = "0.0001",
     .minimum = 0,
     .maximum = 0.5,
     .offset = offsetof(struct extremes_options, risk),
     .help = "probability below which a number is an alarm and is not learned"},
    {.name = "drift",
     .type = OPTION_INTEGER,
     .standard = "0",
     .minimum = 0,
     .maximum = 65536,
     .offset = offsetof(struct extremes_options, drift),
     .help = "judge the difference from the mean of so many latest numbers; 0: the number itself"},
    {.name = "two_sided",
     .type = OPTION_BOOLEAN,
     .standard = "true",
     .offset = offsetof(struct extremes_options, two_sided),
     .help = "whether small numbers are extreme as well"},
    OPTION_END,
};

const struct model_kind extremes_model = {
    .name = "extremes",
    .summary = "how extreme a number is, as a probability: peaks over threshold (SPOT, DSPOT)",
    .options = extremes_options,
    .option_size = sizeof(struct extremes_options),
    .supervised = false,
    .cost_ns = 11000,
    .check = series_check,
    .state_size = extremes_state_size,
    .init = extremes_init,
    .score = extremes_score,
    .learn = extremes_learn,
};
