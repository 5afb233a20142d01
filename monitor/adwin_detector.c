/* The drift detector over ADWIN, adaptive windowing (base/adwin.c has the mathematics): keeps as
 * long a window of the last values as has one mean, and gives the alarm when it has to be cut. */
#include "base/adwin.h"
#include "monitor/detector.h"
#include <stddef.h>

_Static_assert((int)ADWIN_BOTH == DIRECTION_BOTH && (int)ADWIN_UP == DIRECTION_UP &&
                   (int)ADWIN_DOWN == DIRECTION_DOWN,
               "one numbering");

struct adwin_options {
    double delta;
    int64_t clock, minimum;
    int direction;
};

static const struct option adwin_option_table[] = {
    {.name = "delta",
     .help = "chance that one look at an unchanged stream gives a false alarm; lower is calmer",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct adwin_options, delta),
     .standard = "0.002",
     .minimum = 1e-12,
     .maximum = 0.5},
    {.name = "clock",
     .help = "looks for a change after every so many values",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct adwin_options, clock),
     .standard = "32",
     .minimum = 1,
     .maximum = 1e6},
    {.name = "minimum",
     .help = "fewest values on either side of a change",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct adwin_options, minimum),
     .standard = "30",
     .minimum = 1,
     .maximum = 1e6},
    {.name = "direction",
     .help = "which changes of the mean give the alarm",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct adwin_options, direction),
     .standard = "both",
     .choices = direction_choices},
    OPTION_END,
};

static uint64_t adwin_state_size(const void *options)
{
    (void)options;
    return sizeof(struct adwin);
}

static void adwin_start(void *self, const void *options)
{
    const struct adwin_options *given = options;
    adwin_init(self, given->delta, (uint64_t)given->clock, (uint64_t)given->minimum,
               (enum adwin_direction)given->direction);
}

static bool adwin_take(void *self, double value)
{
    return adwin_update(self, value);
}

static void adwin_change(const void *self, double *before, double *after)
{
    const struct adwin *adwin = self;
    *before = adwin->before;
    *after = adwin->after;
}

const struct detector_kind adwin_detector = {
    .name = "adwin",
    .summary = "adaptive window: finds abrupt and gradual changes of the mean, on any scale",
    .options = adwin_option_table,
    .option_size = sizeof(struct adwin_options),
    .state_size = adwin_state_size,
    .init = adwin_start,
    .update = adwin_take,
    .change = adwin_change,
};
