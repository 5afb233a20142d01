/* Batch training over stored examples: what `weir train` does in its own process.  Logistic regression by
 * iteratively reweighted least squares (Newton's method; Hastie, Tibshirani, Friedman, "The Elements of
 * Statistical Learning", 4.4.1) with an L2 penalty, products by OpenBLAS. */
#ifndef MODELS_TRAINING_H
#define MODELS_TRAINING_H

#include "base/history.h"
#include "base/status.h"
#include <jansson.h>

struct training_setting {
    const char *kind;         /* the model kind's name */
    int64_t examples_max;     /* newest labelled rows */
    double penalty;           /* L2, on standardised features */
    double validation_share;  /* newest share held out, reported */
    uint32_t feature_count;   /* of the model: indices into the row's features */
    const uint32_t *feature;
    const char *const *feature_name;
};

struct training_report {
    uint64_t examples, positives;
    double loss, validation_loss, validation_average_precision;
    int iterations;
};

/* Trains and returns the model file (see model_kind.load), owned by the caller; NULL with the failure:
 * too few examples, one class only, no convergence. */
json_t *training_run(const struct history *history, const struct training_setting *setting,
                     struct training_report *report, struct failure *failure);

#endif
