/* The monitor as the files of this folder see it: its detectors and where its metrics are. */
#ifndef MONITOR_WATCHER_H
#define MONITOR_WATCHER_H

#include "monitor/monitor.h"
#include "monitor/prequential.h"

struct watcher {
    struct detector_setting setting; /* its options are our copy */
    uint32_t region;
    uint64_t size;
};

struct monitor {
    uint32_t watcher_count, alert_outcome;
    uint64_t recent_labels;
    uint32_t class_count;
    uint32_t sums_region, bins_region, recent_region, classes_region;
    struct prequential_bin *scratch; /* (PREQUENTIAL_BINS), of the recent metrics */
    struct watcher watcher[DETECTORS_MAX];
};

/* Of what the region's bytes mean; options one by one, as their structure may have padding. */
uint64_t watcher_fingerprint(const struct detector_setting *setting);

#endif
