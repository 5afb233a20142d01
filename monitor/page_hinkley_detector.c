/* The Page-Hinkley test: adds up how far values lie above their own mean so far and gives the alarm
 * when the sum has climbed.  Page, "Continuous Inspection Schemes", 1954, as in Gama, Zliobaite,
 * Bifet, Pechenizkiy and Bouchachia, "A Survey on Concept Drift Adaptation", 2014:
 *
 *     m(t) = m(t-1) + x(t) - mean(x(1..t)) - delta,     alarm when m(t) - min(m(1), ..., m(t)) >
 * threshold.
 *
 * What has been climbed, g = m - min m, is the same as Page's
 *
 *     g(t) = max(0, alpha * g(t-1) + x(t) - mean(x(1..t)) - delta)
 *
 * with alpha = 1, and this is what is kept.  alpha < 1 forgets what was climbed long ago.
 * (Forgetting in m itself, as is often done, gives false alarms by chance: m then wanders about a
 * level while its minimum stays.)
 *
 * That is for a rise; for a fall the same with -x.  `delta` and `threshold` are in the unit of the
 * values. After an alarm everything starts over.  The change is taken to have begun where g was
 * last 0: the means before and after are those of the values on either side of it. */
#include "base/assert.h"
#include "monitor/detector.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

struct page_hinkley_options {
    double delta, threshold, alpha;
    int64_t minimum;
    int direction;
};

/* One direction. */
struct page_hinkley_side {
    double climbed;
    double count_then, mean_then; /* when it was last 0 */
};

struct page_hinkley {
    double delta, threshold, alpha, minimum;
    double count, mean;
    double before, after;
    uint64_t direction;
    struct page_hinkley_side up, down;
};

_Static_assert(sizeof(struct page_hinkley) == 15 * sizeof(double), "padding would be saved");

static const struct option page_hinkley_option_table[] = {
    {.name = "delta",
     .help = "change of the mean that is tolerated, in the unit of the values",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct page_hinkley_options, delta),
     .standard = "0.005",
     .minimum = 0,
     .maximum = 1e100},
    {.name = "threshold",
     .help = "sum of what exceeds the tolerated change that gives the alarm",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct page_hinkley_options, threshold),
     .standard = "50",
     .minimum = 0,
     .maximum = 1e100},
    {.name = "minimum",
     .help = "fewest values before an alarm",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct page_hinkley_options, minimum),
     .standard = "30",
     .minimum = 1,
     .maximum = 1e6},
    {.name = "alpha",
     .help = "share of the sum that is kept at each value; 1 forgets nothing",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct page_hinkley_options, alpha),
     .standard = "0.9999",
     .minimum = 0.5,
     .maximum = 1},
    {.name = "direction",
     .help = "which changes of the mean give the alarm",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct page_hinkley_options, direction),
     .standard = "up",
     .choices = direction_choices},
    OPTION_END,
};

static uint64_t page_hinkley_state_size(const void *options)
{
    (void)options;
    return sizeof(struct page_hinkley);
}

static void page_hinkley_init(void *self, const void *options)
{
    struct page_hinkley *test = self;
    const struct page_hinkley_options *given = options;
    ASSERT(given->delta >= 0 && given->threshold >= 0);
    ASSERT(given->alpha > 0 && given->alpha <= 1);
    memset(test, 0, sizeof *test);
    test->delta = given->delta;
    test->threshold = given->threshold;
    test->alpha = given->alpha;
    test->minimum = (double)given->minimum;
    test->direction = (uint64_t)given->direction;
}

/* True if it has climbed past the threshold. */
static bool side_update(struct page_hinkley_side *side, const struct page_hinkley *test,
                        double deviation)
{
    side->climbed = fmax(0, test->alpha * side->climbed + deviation - test->delta);
    if (side->climbed == 0) {
        side->count_then = test->count;
        side->mean_then = test->mean;
    }
    return side->climbed > test->threshold;
}

/* Notes the means on either side of the change and forgets everything else. */
static void page_hinkley_restart(struct page_hinkley *test, const struct page_hinkley_side *side)
{
    double share = side->count_then / test->count;
    test->before = side->mean_then;
    test->after = (test->mean - side->mean_then * share) / (1 - share);
    test->count = 0;
    test->mean = 0;
    memset(&test->up, 0, sizeof test->up);
    memset(&test->down, 0, sizeof test->down);
}

static bool page_hinkley_update(void *self, double value)
{
    struct page_hinkley *test = self;
    if (!isfinite(value))
        return false;
    value = fmax(-DETECTOR_VALUE_MAX, fmin(DETECTOR_VALUE_MAX, value));
    test->count++;
    test->mean += (value - test->mean) / test->count;
    bool up = side_update(&test->up, test, value - test->mean);
    bool down = side_update(&test->down, test, test->mean - value);
    up = up && test->direction != DIRECTION_DOWN;
    down = down && test->direction != DIRECTION_UP;
    if (test->count < test->minimum || !(up || down))
        return false;
    page_hinkley_restart(test, up ? &test->up : &test->down);
    return true;
}

static void page_hinkley_change(const void *self, double *before, double *after)
{
    const struct page_hinkley *test = self;
    *before = test->before;
    *after = test->after;
}

const struct detector_kind page_hinkley_detector = {
    .name = "page_hinkley",
    .summary = "Page-Hinkley test: sums up how far values lie above (or below) their mean so far",
    .options = page_hinkley_option_table,
    .option_size = sizeof(struct page_hinkley_options),
    .state_size = page_hinkley_state_size,
    .init = page_hinkley_init,
    .update = page_hinkley_update,
    .change = page_hinkley_change,
};
