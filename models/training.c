/* Iteratively reweighted least squares; see training.h.  Each step solves
 *
 *     (Z' S Z + penalty) step = Z' (c (y - p)) - penalty w,      S = diag(c p (1 - p)),  c the
 * weights
 *
 * over the standardised examples Z with a last column of ones (not penalised), and is halved until
 * the penalised loss does not rise.  Z is made anew in blocks of LINALG_ROWS: it never stands in
 * memory. */
#include "models/training.h"
#include "base/assert.h"
#include "models/linalg.h"
#include "models/model_file.h"
#include "models/numbers.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ITERATIONS_MAX = 100,
    HALVINGS_MAX = 30,
    EXAMPLES_MIN = 20,
    ROW_FRONT = 3, /* time, label, weight */
    COVARIANCE_FEATURES_MAX = 64,
};

/* Enough for features that never vary, too little to be seen in the others. */
static const double PENALTY_LEAST = 1e-6;

/* A fit over rows [from, to) of a set; vectors have `columns` cells, zero after `count`. */
struct fit {
    const struct training_set *set;
    uint64_t from, to;
    uint32_t count, columns; /* count: features and the intercept, which is the last */
    double penalty;
    double *mean, *variance, *inverse, *seen;
    double *weight, *step, *gradient, *trial;
    double *matrix; /* (columns, columns) */
    double *block;  /* (LINALG_ROWS, columns) */
    double *room;   /* one allocation for them all */
};

static const union value *row_of(const struct training_set *set, uint64_t index)
{
    return set->rows + index * (ROW_FRONT + set->feature_count);
}

static bool fit_open(struct fit *fit, const struct training_set *set, double penalty)
{
    memset(fit, 0, sizeof *fit);
    fit->set = set;
    fit->count = set->feature_count + 1;
    fit->columns = linalg_columns(fit->count);
    fit->penalty = fmax(penalty, PENALTY_LEAST);
    size_t columns = fit->columns;
    fit->room = calloc(8 * columns + columns * columns + LINALG_ROWS * columns, sizeof(double));
    if (!fit->room)
        return false;
    double **vectors[] = {&fit->mean,   &fit->variance, &fit->inverse,  &fit->seen,
                          &fit->weight, &fit->step,     &fit->gradient, &fit->trial};
    for (size_t i = 0; i < 8; i++)
        *vectors[i] = fit->room + i * columns;
    fit->matrix = fit->room + 8 * columns;
    fit->block = fit->matrix + columns * columns;
    return true;
}

static void fit_close(struct fit *fit)
{
    free(fit->room);
    memset(fit, 0, sizeof *fit);
}

/* As the online model does it: missing values left out, keys ignored, weights not counted. */
static void fit_scaler(struct fit *fit)
{
    for (uint32_t j = 0; j + 1 < fit->count; j++) {
        double mean = 0, squares = 0, seen = 0;
        for (uint64_t i = fit->from; fit->set->type[j] != TYPE_TEXT && i < fit->to; i++) {
            double value = row_of(fit->set, i)[ROW_FRONT + j].number;
            if (!(fabs(value) <= NUMBERS_LIMIT))
                continue;
            seen += 1;
            double delta = value - mean;
            mean += delta / seen;
            squares += delta * (value - mean);
        }
        fit->seen[j] = seen;
        fit->mean[j] = mean;
        fit->variance[j] = seen > 0 ? squares / seen : 0;
        fit->inverse[j] = fit->variance[j] > 0 ? 1 / sqrt(fit->variance[j]) : 0;
    }
}

/* Fills the block with rows [start, start + LINALG_ROWS), zeros after `to`; returns how many are
 * real. */
static uint32_t fill_block(const struct fit *fit, uint64_t start, uint64_t to)
{
    uint64_t left = to - start;
    uint32_t rows = left < LINALG_ROWS ? (uint32_t)left : LINALG_ROWS;
    memset(fit->block, 0, (size_t)LINALG_ROWS * fit->columns * sizeof(double));
    for (uint32_t i = 0; i < rows; i++) {
        const union value *feature = row_of(fit->set, start + i) + ROW_FRONT;
        double *z = fit->block + (size_t)i * fit->columns;
        for (uint32_t j = 0; j + 1 < fit->count; j++) {
            double value = (feature[j].number - fit->mean[j]) * fit->inverse[j];
            z[j] = isfinite(value) ? value : 0;
        }
        z[fit->count - 1] = 1;
    }
    return rows;
}

/* log(1 + exp(x)) without overflow: the loss of a negative with log odds x. */
static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double row_loss(double odds, double label)
{
    return label > 0.5 ? softplus(-odds) : softplus(odds);
}

static double penalised_loss(const struct fit *fit, const double *weight)
{
    double odds[LINALG_ROWS], loss = 0, squares = 0;
    for (uint64_t start = fit->from; start < fit->to; start += LINALG_ROWS) {
        uint32_t rows = fill_block(fit, start, fit->to);
        linalg_multiply(fit->block, fit->columns, weight, odds);
        for (uint32_t i = 0; i < rows; i++) {
            const union value *row = row_of(fit->set, start + i);
            loss += row[2].number * row_loss(odds[i], row[1].number);
        }
    }
    for (uint32_t j = 0; j + 1 < fit->count; j++)
        squares += weight[j] * weight[j];
    return loss + fit->penalty / 2 * squares;
}

/* Each row of the block times the root of its curvature: the block's square is then Z' S Z. */
static void weigh_block(const struct fit *fit, uint32_t rows, const double *curvature)
{
    for (uint32_t i = 0; i < rows; i++) {
        double root = sqrt(curvature[i]), *z = fit->block + (size_t)i * fit->columns;
        for (uint32_t j = 0; j < fit->count; j++)
            z[j] *= root;
    }
}

/* Gradient and curvature at the weights. */
static void gather(const struct fit *fit)
{
    double odds[LINALG_ROWS], residual[LINALG_ROWS], curvature[LINALG_ROWS];
    memset(fit->gradient, 0, fit->columns * sizeof(double));
    memset(fit->matrix, 0, (size_t)fit->columns * fit->columns * sizeof(double));
    for (uint64_t start = fit->from; start < fit->to; start += LINALG_ROWS) {
        uint32_t rows = fill_block(fit, start, fit->to);
        linalg_multiply(fit->block, fit->columns, fit->weight, odds);
        memset(residual, 0, sizeof residual);
        for (uint32_t i = 0; i < rows; i++) {
            const union value *row = row_of(fit->set, start + i);
            double p = numbers_logistic(odds[i]);
            residual[i] = row[2].number * (row[1].number - p);
            curvature[i] = row[2].number * p * (1 - p);
        }
        linalg_add_transposed(fit->block, fit->columns, residual, fit->gradient);
        weigh_block(fit, rows, curvature);
        linalg_add_square(fit->block, fit->columns, fit->matrix);
    }
    for (uint32_t j = 0; j + 1 < fit->count; j++) {
        fit->gradient[j] -= fit->penalty * fit->weight[j];
        fit->matrix[(size_t)j * fit->columns + j] += fit->penalty;
    }
    /* Only where every p is 0 or 1 in doubles: keeps the intercept's own curvature above 0. */
    fit->matrix[(size_t)(fit->count - 1) * (fit->columns + 1)] += 1e-12;
}

/* Takes as much of the step as lowers the loss; returns the largest change, or NaN if nothing does.
 */
static double advance(const struct fit *fit, double *loss)
{
    double share = 1;
    for (int i = 0; i < HALVINGS_MAX; i++, share /= 2) {
        double largest = 0;
        for (uint32_t j = 0; j < fit->count; j++) {
            fit->trial[j] = fit->weight[j] + share * fit->step[j];
            largest = fmax(largest, fabs(share * fit->step[j]));
        }
        double reached = penalised_loss(fit, fit->trial);
        if (reached <= *loss || largest < 1e-9) {
            *loss = fmin(reached, *loss);
            memcpy(fit->weight, fit->trial, fit->count * sizeof(double));
            return largest;
        }
    }
    return NAN;
}

/* From the weights that are there to the minimum. */
static enum status fit_run(const struct fit *fit, int *iterations, struct failure *failure)
{
    double loss = penalised_loss(fit, fit->weight);
    for (int i = 1; i <= ITERATIONS_MAX; i++) {
        gather(fit);
        memcpy(fit->step, fit->gradient, fit->columns * sizeof(double));
        if (!linalg_factor(fit->matrix, fit->count, fit->columns))
            break;
        linalg_solve(fit->matrix, fit->count, fit->columns, fit->step);
        double change = advance(fit, &loss);
        *iterations += 1;
        if (!(change >= 0) || !isfinite(loss))
            break;
        if (change < 1e-8)
            return STATUS_OK;
    }
    return failure_set(failure, STATUS_STOP,
                       "the training does not converge: a feature may tell the label by itself; "
                       "raise the penalty");
}

struct ranked {
    double score, label, weight;
};

static int by_score_falling(const void *a, const void *b)
{
    double first = ((const struct ranked *)a)->score, second = ((const struct ranked *)b)->score;
    return (first < second) - (first > second);
}

/* Sum over the thresholds of precision times the recall gained; NaN without positives. */
static double average_precision(struct ranked *ranked, uint64_t count)
{
    qsort(ranked, count, sizeof *ranked, by_score_falling);
    double positives = 0, all = 0, sum = 0;
    for (uint64_t i = 0; i < count;) {
        double before = positives, score = ranked[i].score;
        for (; i < count && ranked[i].score == score; i++) {
            positives += ranked[i].weight * ranked[i].label;
            all += ranked[i].weight;
        }
        sum += (positives - before) * positives / all;
    }
    return positives > 0 ? sum / positives : NAN;
}

/* Mean loss over rows [from, to), and their ranking if it is wanted. */
static double judge(const struct fit *fit, uint64_t from, uint64_t to, struct ranked *ranked)
{
    double odds[LINALG_ROWS], loss = 0, weight = 0;
    for (uint64_t start = from; start < to; start += LINALG_ROWS) {
        uint32_t rows = fill_block(fit, start, to);
        linalg_multiply(fit->block, fit->columns, fit->weight, odds);
        for (uint32_t i = 0; i < rows; i++) {
            const union value *row = row_of(fit->set, start + i);
            loss += row[2].number * row_loss(odds[i], row[1].number);
            weight += row[2].number;
            if (ranked)
                ranked[start - from + i] = (struct ranked){odds[i], row[1].number, row[2].number};
        }
    }
    return weight > 0 ? loss / weight : NAN;
}

static uint64_t count_positives(const struct training_set *set, uint64_t from, uint64_t to)
{
    uint64_t positives = 0;
    for (uint64_t i = from; i < to; i++)
        positives += row_of(set, i)[1].number > 0.5;
    return positives;
}

/* One pass of adagrad's sums at the end: what its rates would be after these examples. */
static json_t *squared_gradients(const struct fit *fit)
{
    double odds[LINALG_ROWS];
    double *squares = fit->trial;
    memset(squares, 0, fit->columns * sizeof(double));
    for (uint64_t start = fit->from; start < fit->to; start += LINALG_ROWS) {
        uint32_t rows = fill_block(fit, start, fit->to);
        linalg_multiply(fit->block, fit->columns, fit->weight, odds);
        for (uint32_t i = 0; i < rows; i++) {
            const union value *row = row_of(fit->set, start + i);
            double slope = row[2].number * (numbers_logistic(odds[i]) - row[1].number);
            const double *z = fit->block + (size_t)i * fit->columns;
            for (uint32_t j = 0; j < fit->count; j++)
                squares[j] += slope * slope * z[j] * z[j];
        }
    }
    return numbers_save(squares, fit->count);
}

/* The posterior's covariance, the inverse of the curvature: lower triangle, row after row. */
static json_t *posterior_covariance(const struct fit *fit)
{
    gather(fit);
    if (!linalg_factor(fit->matrix, fit->count, fit->columns))
        return NULL;
    json_t *list = json_array();
    for (uint32_t i = 0; i < fit->count; i++) {
        memset(fit->trial, 0, fit->columns * sizeof(double));
        fit->trial[i] = 1;
        linalg_solve(fit->matrix, fit->count, fit->columns, fit->trial);
        for (uint32_t j = 0; j <= i; j++)
            json_array_append_new(list, json_real(fit->trial[j]));
    }
    return list;
}

static json_t *parameters_of(const struct fit *fit)
{
    uint32_t features = fit->count - 1;
    json_t *parameters = json_object();
    json_object_set_new(parameters, "examples", json_integer((json_int_t)(fit->to - fit->from)));
    json_object_set_new(parameters, "intercept", json_real(fit->weight[features]));
    json_object_set_new(parameters, "weights", numbers_save(fit->weight, features));
    json_object_set_new(parameters, "means", numbers_save(fit->mean, features));
    json_object_set_new(parameters, "variances", numbers_save(fit->variance, features));
    json_object_set_new(parameters, "counts", numbers_save(fit->seen, features));
    json_object_set_new(parameters, "squared_gradients", squared_gradients(fit));
    json_t *covariance = features <= COVARIANCE_FEATURES_MAX ? posterior_covariance(fit) : NULL;
    if (covariance)
        json_object_set_new(parameters, "covariance", covariance);
    return parameters;
}

static json_t *number_or_null(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *file_of(const struct fit *fit, const struct model_kind *kind,
                       const struct training_report *report)
{
    const struct training_set *set = fit->set;
    const char *names[MODEL_FEATURES_MAX];
    for (uint32_t i = 0; i < set->feature_count; i++)
        names[i] = set->feature_name[i];
    struct model_shape shape = {set->feature_count, set->type, names, 2};
    json_t *file = model_file_make(kind, set->model, set->training, &shape, parameters_of(fit));
    json_object_set_new(file, "report", training_report_json(report));
    return file;
}

json_t *training_report_json(const struct training_report *report)
{
    json_t *object = json_object();
    json_object_set_new(object, "examples", json_integer((json_int_t)report->examples));
    json_object_set_new(object, "positives", json_integer((json_int_t)report->positives));
    json_object_set_new(object, "loss", number_or_null(report->loss));
    json_object_set_new(object, "validation_loss", number_or_null(report->validation_loss));
    json_object_set_new(object, "validation_average_precision",
                        number_or_null(report->validation_average_precision));
    json_object_set_new(object, "iterations", json_integer(report->iterations));
    return object;
}

static enum status check_set(const struct training_set *set, const struct model_kind **kind,
                             struct failure *failure)
{
    *kind = model_find(set->kind);
    if (!*kind || strcmp((*kind)->name, "logistic_regression") != 0)
        return failure_set(failure, STATUS_STOP, "models of kind `%s` cannot be trained in a batch",
                           set->kind);
    uint64_t positives = count_positives(set, 0, set->row_count);
    if (set->row_count < EXAMPLES_MIN)
        return failure_set(failure, STATUS_STOP,
                           "too few labelled examples: %llu where at least %d are needed",
                           (unsigned long long)set->row_count, EXAMPLES_MIN);
    if (positives == 0 || positives == set->row_count)
        return failure_set(failure, STATUS_STOP, "all %llu examples are %s: nothing to tell apart",
                           (unsigned long long)set->row_count, positives ? "positive" : "negative");
    return STATUS_OK;
}

/* Fits the older part and judges it on the newest. */
static enum status validate(struct fit *fit, double share, struct training_report *report,
                            struct failure *failure)
{
    uint64_t rows = fit->set->row_count;
    uint64_t held = (uint64_t)((double)rows * share), split = rows - held;
    uint64_t positives = count_positives(fit->set, 0, split);
    report->validation_loss = report->validation_average_precision = NAN;
    if (held == 0 || positives == 0 || positives == split)
        return STATUS_OK;
    struct ranked *ranked = calloc(held, sizeof *ranked);
    if (!ranked)
        return failure_set(failure, STATUS_STOP, "out of memory for the validation");
    fit->from = 0;
    fit->to = split;
    fit_scaler(fit);
    enum status status = fit_run(fit, &report->iterations, failure);
    if (status == STATUS_OK) {
        report->validation_loss = judge(fit, split, rows, ranked);
        report->validation_average_precision = average_precision(ranked, held);
    }
    free(ranked);
    return status;
}

json_t *training_run(const struct training_set *set, const struct training_setting *setting,
                     struct training_report *report, struct failure *failure)
{
    struct fit fit;
    const struct model_kind *kind = NULL;
    memset(report, 0, sizeof *report);
    if (check_set(set, &kind, failure) != STATUS_OK)
        return NULL;
    if (!fit_open(&fit, set, setting->penalty)) {
        failure_set(failure, STATUS_STOP, "out of memory for the training");
        return NULL;
    }
    linalg_start();
    enum status status = validate(&fit, setting->validation_share, report, failure);
    json_t *file = NULL;
    if (status == STATUS_OK) {
        memset(fit.weight, 0, fit.columns * sizeof(double));
        fit.from = 0;
        fit.to = set->row_count;
        fit_scaler(&fit);
        status = fit_run(&fit, &report->iterations, failure);
    }
    if (status == STATUS_OK) {
        report->examples = set->row_count;
        report->positives = count_positives(set, 0, set->row_count);
        report->loss = judge(&fit, 0, set->row_count, NULL);
        file = file_of(&fit, kind, report);
    }
    fit_close(&fit);
    return file;
}
