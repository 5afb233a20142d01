/* Drift detectors: one number after the other, an alarm when their distribution has changed.  A kind is
 * one file, x_detector.c, and one row of detector_table.c.  Its memory is flat. */
#ifndef MONITOR_DETECTOR_H
#define MONITOR_DETECTOR_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

struct detector_kind {
    const char *name, *summary;
    const struct option *options;
    size_t option_size;
    uint64_t (*state_size)(const void *options);
    void (*init)(void *self, const void *options);
    /* Takes one value; true on alarm (the detector has then started over on what is new). */
    bool (*update)(void *self, double value);
    /* Means before and after the last alarm, for its message. */
    void (*change)(const void *self, double *before, double *after);
};

extern const struct detector_kind *const detector_table[]; /* NULL-terminated */
const struct detector_kind *detector_find(const char *name);

#endif
