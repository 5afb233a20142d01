/* Batch training over stored examples: what `weir train` does in a process of its own.  Logistic
 * regression by iteratively reweighted least squares (Hastie, Tibshirani, Friedman, "The Elements
 * of Statistical Learning", 4.4.1) with an L2 penalty, products by OpenBLAS. */
#ifndef MODELS_TRAINING_H
#define MODELS_TRAINING_H

#include "base/status.h"
#include "models/model.h"

/* The training set, a file that the engine copies out of the state: a JSON header line (model,
 * kind, training, feature names and types, row count), then rows of 8-byte cells: time (seconds
 * since 1970, as formulas have it), label (0 or 1), weight (> 0), features (missing numbers are
 * NaN).  Labelled events only, oldest first. */
struct training_set {
    char model[64], kind[64];
    uint64_t training;
    uint32_t feature_count;
    char (*feature_name)[64]; /* (feature_count) */
    enum value_type *type;    /* (feature_count) */
    uint64_t row_count;
    union value *rows; /* (row_count, 3 + feature_count), in the order of their times */
};

/* Writes the header; rows follow by training_set_put, exactly row_count of them. */
enum status training_set_begin(int descriptor, const struct training_set *header,
                               struct failure *failure);
enum status training_set_put(int descriptor, const union value *rows, uint64_t row_count,
                             uint32_t feature_count, struct failure *failure);
enum status training_set_read(int descriptor, struct training_set *set, struct failure *failure);
void training_set_close(struct training_set *set);

struct training_setting {
    double penalty; /* L2: penalty / 2 sum w^2 beside the summed loss, on standardised features */
    double validation_share; /* newest share held out from a first fit, which is judged on it; 0:
                                none */
};

/* The validation's figures are NaN where there is nothing to judge. */
struct training_report {
    uint64_t examples, positives;
    double loss, validation_loss, validation_average_precision;
    int iterations; /* of both fits */
};

/* As it stands in the model file, NaN as null; owned by the caller. */
json_t *training_report_json(const struct training_report *report);

/* Validates on the newest examples, then fits all of them: under drift the newest matter most.
 * Returns the model file, owned by the caller; NULL with the failure: too few examples, one class
 * only, numbers that do not converge. */
json_t *training_run(const struct training_set *set, const struct training_setting *setting,
                     struct training_report *report, struct failure *failure);

#endif
