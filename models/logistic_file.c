/* Logistic regression to and from a model file. */
#include "models/logistic.h"
#include <math.h>
#include <string.h>

/* What deviations there would have to be for the scaler's factors. */
static json_t *save_variances(const struct scaler *scaler, uint32_t count)
{
    double variance[MODEL_FEATURES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        double inverse = scaler_read(scaler, SCALER_INVERSE)[i];
        bool moments = scaler->kind == SCALER_BOUNDED || scaler->kind == SCALER_STANDARD;
        variance[i] = moments       ? scaler_read(scaler, SCALER_VARIANCE)[i]
                      : inverse > 0 ? 1 / inverse / inverse
                                    : 0;
    }
    return numbers_save(variance, count);
}

json_t *logistic_save(const void *memory, const struct model_shape *shape)
{
    const struct logistic *self = (const struct logistic *)memory;
    const struct scaler *scaler = encoding_scaler(linear_encoding(&self->linear));
    uint32_t count = shape->feature_count;
    json_t *parameters = json_object();
    json_object_set_new(parameters, "examples", json_integer((json_int_t)self->examples));
    json_object_set_new(parameters, "intercept", json_real(self->linear.intercept - self->offset));
    json_object_set_new(parameters, "weights", numbers_save(linear_dense(&self->linear), count));
    json_object_set_new(parameters, "means",
                        numbers_save(scaler_read(scaler, SCALER_CENTRE), count));
    json_object_set_new(parameters, "variances", save_variances(scaler, count));
    json_object_set_new(parameters, "counts",
                        numbers_save(scaler_read(scaler, SCALER_WEIGHT), count));
    if (self->optimizer == OPTIMIZER_ADAGRAD) {
        json_t *squares = numbers_save(logistic_memory(self), count);
        json_array_append_new(squares, json_real(self->intercept_squares));
        json_object_set_new(parameters, "squared_gradients", squares);
    }
    if (self->optimizer == OPTIMIZER_NEWTON)
        json_object_set_new(parameters, "newton", newton_save(self));
    return parameters;
}

static enum status check_parameters(const struct model_shape *shape, const json_t *parameters,
                                    struct failure *failure)
{
    uint64_t count = shape->feature_count, all = count + 1;
    const json_t *examples = json_object_get(parameters, "examples");
    const json_t *intercept = json_object_get(parameters, "intercept");
    if (!json_is_integer(examples) || json_integer_value(examples) < 0)
        return failure_set(failure, STATUS_STOP, "`examples` is not a count");
    if (!json_is_number(intercept) || !(fabs(json_number_value(intercept)) <= NUMBERS_LIMIT))
        return failure_set(failure, STATUS_STOP, "`intercept` is not a sensible number");
    const struct numbers_list lists[] = {
        {.name = "weights", .count = count},
        {.name = "means", .count = count},
        {.name = "variances", .count = count, .positive = true},
        {.name = "counts", .count = count, .positive = true},
        {.name = "squared_gradients", .count = all, .positive = true, .optional = true},
        {.name = "covariance", .count = all * (all + 1) / 2, .optional = true},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (numbers_check(parameters, &lists[i], failure) != STATUS_OK)
            return failure->status;
    }
    return newton_check(json_object_get(parameters, "newton"), all, failure);
}

/* Without a covariance, each label is taken to have told a quarter of a unit of every weight, the
 * most that it can: better too sure of a trained model than to shake it. */
static void load_covariance(struct logistic *self, const json_t *list)
{
    double told_by_labels = (double)self->examples / 4;
    if (!list || !newton_load_covariance(self, list))
        newton_spread(self, self->prior_variance / (1 + self->prior_variance * told_by_labels));
}

static void load_squares(struct logistic *self, const json_t *list, uint32_t count)
{
    double *squares = logistic_memory(self);
    double standing = (double)self->examples / 4;
    for (uint64_t i = 0; i < count; i++)
        squares[i] = list ? json_number_value(json_array_get(list, i)) : standing;
    self->intercept_squares = list ? json_number_value(json_array_get(list, count)) : standing;
}

/* Sums of gradients for which the weights are what they are. */
static void load_sums(struct logistic *self, uint32_t count)
{
    double *squares = logistic_memory(self), *sums = squares + self->linear.width;
    double pull = (self->beta + sqrt((double)self->examples / 4)) / self->learning_rate;
    load_squares(self, NULL, count);
    for (uint64_t i = 0; i < count; i++) {
        double weight = linear_dense(&self->linear)[i];
        double l1 = weight > 0 ? self->l1 : weight < 0 ? -self->l1 : 0;
        sums[i] = -weight * (pull + self->l2) - l1;
    }
    self->intercept_sum = -self->linear.intercept * pull;
}

static void load_memory(struct logistic *self, const json_t *parameters, uint32_t count)
{
    if (self->optimizer == OPTIMIZER_ADAGRAD)
        load_squares(self, json_object_get(parameters, "squared_gradients"), count);
    if (self->optimizer == OPTIMIZER_FTRL)
        load_sums(self, count);
    if (self->optimizer == OPTIMIZER_NEWTON)
        load_covariance(self, json_object_get(parameters, "covariance"));
    if (self->optimizer == OPTIMIZER_NEWTON && json_object_get(parameters, "newton"))
        newton_load(self, json_object_get(parameters, "newton"));
}

/* A trained model brings means and deviations: whatever the scaler was, it is by these now. */
static void load_scaler(struct scaler *scaler, const json_t *parameters, uint32_t count)
{
    double mean[MODEL_FEATURES_MAX], variance[MODEL_FEATURES_MAX], weight[MODEL_FEATURES_MAX];
    numbers_load(json_object_get(parameters, "means"), mean, count);
    numbers_load(json_object_get(parameters, "variances"), variance, count);
    numbers_load(json_object_get(parameters, "counts"), weight, count);
    scaler_restore(scaler, mean, variance, weight);
}

enum status logistic_load(void *memory, const struct model_shape *shape, const json_t *parameters,
                          struct failure *failure)
{
    struct logistic *self = (struct logistic *)memory;
    struct encoding *encoding = linear_encoding(&self->linear);
    if (encoding->bucket_count > 0)
        return failure_set(failure, STATUS_STOP,
                           "a trained model has no weights for the values of keys; set `keys` to "
                           "\"refuse\"");
    if (check_parameters(shape, parameters, failure) != STATUS_OK)
        return failure->status;
    uint32_t count = shape->feature_count;
    self->examples = (uint64_t)json_integer_value(json_object_get(parameters, "examples"));
    self->linear.intercept =
        json_number_value(json_object_get(parameters, "intercept")) + self->offset;
    numbers_load(json_object_get(parameters, "weights"), linear_dense(&self->linear), count);
    load_scaler(encoding_scaler(encoding), parameters, count);
    load_memory(self, parameters, count);
    return STATUS_OK;
}
