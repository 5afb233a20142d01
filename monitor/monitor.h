/* Watching: drift of scores and errors, and prequential metrics with the labels' true delay.  It changes
 * no decision; its alarms are events, and wishes for the engine. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "base/batch.h"
#include "base/state.h"
#include "monitor/detector.h"

enum { DETECTORS_MAX = 16 };

enum watched {
    WATCH_SCORE, /* of every event */
    WATCH_ERROR, /* |label - score| of every label */
    WATCH_LOSS,  /* log loss of every label */
};

struct detector_setting {
    char name[64];
    const struct detector_kind *kind;
    const void *options;
    enum watched watched;
};

struct monitor_setting {
    uint32_t detector_count;
    const struct detector_setting *detector;
    uint32_t alert_outcome; /* outcomes from this index on are alerts */
    int64_t recent_labels;  /* the span of the "recent" metrics */
};

/* Prequential: each score was given before its label was known. */
struct metrics {
    uint64_t labels, positives;
    double auc, average_precision; /* NaN until both classes were seen */
    double accuracy, precision, recall, f1; /* of the alerts */
    double log_loss;
    uint64_t alerts; /* among the labelled */
};

struct monitor;

struct monitor *monitor_open(const struct monitor_setting *setting);
void monitor_close(struct monitor *monitor);
void monitor_declare(struct monitor *monitor, struct state_layout *layout);
void monitor_start(struct monitor *monitor, struct state *state);

/* True on a drift alarm; the event is in the batch. */
bool monitor_score(struct monitor *monitor, struct state *state, struct batch *batch, uint32_t row);
bool monitor_label(struct monitor *monitor, struct state *state, struct batch *batch,
                   int64_t time_ms, double score, uint32_t outcome, double label, double weight);

void monitor_metrics(const struct monitor *monitor, const struct state *state, bool recent,
                     struct metrics *metrics);

#endif
