/* Watching: drift of values, scores and errors, and prequential metrics with the labels' true
 * delay.  It changes no decision; its alarms are model events, and the engine may ask for a
 * training on them. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "base/batch.h"
#include "base/state.h"
#include "monitor/detector.h"

enum { DETECTORS_MAX = 15 };

enum watched {
    WATCH_VALUE, /* any column, of every event: the score, a feature, a field */
    WATCH_ERROR, /* |label - score| of every label */
    WATCH_LOSS,  /* log loss of every label */
};

struct detector_setting {
    char name[64];
    const struct detector_kind *kind;
    const void *options; /* the kind's structure, filled; copied */
    enum watched watched;
    uint32_t value;       /* of WATCH_VALUE */
    char subject[64];     /* of WATCH_VALUE: its name, for messages; "" is called "value" */
    uint64_t fingerprint; /* of WATCH_VALUE: the program value's; goes into the region's */
};

struct monitor_setting {
    uint32_t detector_count;
    const struct detector_setting *detector;
    uint32_t alert_outcome; /* outcomes from this index on are alerts */
    int64_t recent_labels;  /* how many labels "recent" looks back on; at least 1 */
    uint32_t class_count;   /* of the labels; 0 is taken for 2 */
};

/* A matured label with the decision it is about. */
struct judged {
    double score, label, weight;
    uint32_t outcome;
    uint32_t last_class, common_class; /* monitor_classes at the decision */
};

/* Prequential: each score was given before its label was known.  All but the counts are weighted.
 * AUC and average precision come from a histogram of scores (monitor/prequential.h states their
 * error). */
struct metrics {
    uint64_t labels, positives, alerts;     /* alerts: among the labelled; none of these is known of
                                               labels with more than two classes */
    double auc, average_precision;          /* NaN until both classes were seen */
    double accuracy, precision, recall, f1; /* of the alerts; NaN where undefined */
    double log_loss;
};

/* Of the classes that were taken for the truth; see monitor/classes.h. */
enum class_predictor { PREDICTOR_SCORE, PREDICTOR_NO_CHANGE, PREDICTOR_MAJORITY, CLASS_PREDICTORS };

struct class_metrics {
    uint64_t labels;            /* that it had an opinion on */
    double accuracy, f1, kappa; /* NaN where undefined */
};

struct monitor;

/* Copies the setting. */
struct monitor *monitor_open(const struct monitor_setting *setting);
void monitor_close(struct monitor *monitor);
void monitor_declare(struct monitor *monitor, struct state_layout *layout);
void monitor_start(const struct monitor *monitor, struct state *state); /* fresh state */

/* Both return bit i for an alarm of detector i.  The first alarm of a detector at a row is a model
 * event; more at the same row (many labels may mature before one) are bits only.  A label that is
 * not a number, or whose weight is not above 0, is passed over. */
uint32_t monitor_event(const struct monitor *monitor, struct state *state, struct batch *batch,
                       uint32_t row);
uint32_t monitor_label(const struct monitor *monitor, struct state *state, struct batch *batch,
                       uint32_t row, const struct judged *judged);

/* The last label that is known now and the most frequent one, each plus 1; 0: there was none. */
void monitor_classes(const struct monitor *monitor, const struct state *state, uint8_t *last,
                     uint8_t *common);

void monitor_class_metrics(const struct monitor *monitor, const struct state *state,
                           enum class_predictor predictor, struct class_metrics *metrics);

/* From the start, or of the last `recent_labels` labels exactly. */
void monitor_metrics(const struct monitor *monitor, const struct state *state, bool recent,
                     struct metrics *metrics);

#endif
