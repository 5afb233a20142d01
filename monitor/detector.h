/* Drift detectors: one number after the other, an alarm when their distribution has changed.  A
 * kind is one file, x_detector.c, and one row of detector_table.c.  Its memory is flat. */
#ifndef MONITOR_DETECTOR_H
#define MONITOR_DETECTOR_H

#include "base/adwin.h"
#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

/* The one of ADWIN, which is a detector too. */
#define DETECTOR_VALUE_MAX ADWIN_VALUE_MAX

/* Which changes of the mean give the alarm; a detector follows the others silently. */
enum direction { DIRECTION_BOTH, DIRECTION_UP, DIRECTION_DOWN };

extern const char *const direction_choices[]; /* for OPTION_CHOICE; NULL-terminated */

static inline bool direction_matches(uint32_t direction, double before, double after)
{
    return direction == DIRECTION_BOTH || (direction == DIRECTION_UP) == (after > before);
}

struct detector_kind {
    const char *name, *summary;
    const struct option *options;
    size_t option_size;
    uint64_t (*state_size)(const void *options);   /* a multiple of 8 */
    void (*init)(void *self, const void *options); /* writes every byte */
    /* Takes one value; true on alarm (the detector has then started over on what is new).  What is
     * not finite is passed over, what is beyond +-DETECTOR_VALUE_MAX is taken as that. */
    bool (*update)(void *self, double value);
    /* Means before and after the last alarm, for its message; 0 before the first. */
    void (*change)(const void *self, double *before, double *after);
};

extern const struct detector_kind *const detector_table[]; /* NULL-terminated */
const struct detector_kind *detector_find(const char *name);

#endif
