/* From one configuration's monitor to another's: metrics go on, and every detector that is the same
 * and watches the same. */
#ifndef MONITOR_MIGRATE_H
#define MONITOR_MIGRATE_H

#include "monitor/monitor.h"

enum detector_fate {
    DETECTOR_KEPT,
    DETECTOR_NEW,
    DETECTOR_OTHER_KIND,
    DETECTOR_OTHER_SUBJECT, /* it watches something else, or that is computed otherwise */
    DETECTOR_OTHER_OPTIONS,
};

enum detector_fate monitor_fate(const struct monitor *to, uint32_t detector,
                                const struct monitor *from);

/* Fills the metrics and all detectors that are kept, of a fresh state. */
void monitor_move(const struct monitor *to, struct state *to_state, const struct monitor *from,
                  const struct state *from_state);

#endif
