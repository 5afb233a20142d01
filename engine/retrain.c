/* Wishes and their answers; see retrain.h. */
#include "engine/retrain.h"
#include "base/log.h"
#include "engine/control.h"
#include "models/training.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW_HEAD = 3 /* time, label, weight */ };

void retrain_init(struct retrain *retrain, struct pipeline *pipeline,
                  const struct children *children)
{
    memset(retrain, 0, sizeof *retrain);
    retrain->pipeline = pipeline;
    retrain->children = children;
    retrain->control_max = CONTROL_SIZE_MAX;
    retrain->training_set = retrain->model_file = -1;
}

/* Numbers of the newest labelled events, newest first. */
static uint64_t labelled_events(const struct pipeline *pipeline, uint64_t *numbers, uint64_t most)
{
    const struct history *history = &pipeline->history;
    uint64_t events = pipeline_fold(pipeline)->events, count = 0;
    uint64_t oldest = events > history->capacity ? events - history->capacity : 0;
    for (uint64_t number = events; number > oldest && count < most; number--) {
        const struct event_row *event = history_event(history, &pipeline->state, number - 1);
        if (event && !isnan(event->label))
            numbers[count++] = number - 1;
    }
    return count;
}

static void training_row(const struct pipeline *pipeline, const struct model_setting *model,
                         uint64_t number, union value *row)
{
    const struct event_row *event = history_event(&pipeline->history, &pipeline->state, number);
    const union value *features = history_features(&pipeline->history, &pipeline->state, number);
    row[0].number = (double)event->time_ms / 1000;
    row[1].number = event->label;
    row[2].number = 1;
    for (uint32_t i = 0; i < model->feature_count; i++)
        row[ROW_HEAD + i] = features[model->feature[i]];
}

/* Header and rows; a row at a time, since this is a pause of milliseconds a training at most. */
static enum status export_rows(const struct pipeline *pipeline, const struct model_setting *model,
                               const struct training_set *header, const uint64_t *numbers,
                               int descriptor, struct failure *failure)
{
    union value *rows = malloc((ROW_HEAD + MODEL_FEATURES_MAX) * sizeof *rows * 256);
    if (!rows)
        return failure_set(failure, STATUS_RETRY, "could not allocate the training set");
    enum status status = training_set_begin(descriptor, header, failure);
    uint64_t pending = 0, width = ROW_HEAD + model->feature_count;
    for (uint64_t i = header->row_count; i > 0 && status == STATUS_OK; i--) {
        training_row(pipeline, model, numbers[i - 1], rows + pending++ * width);
        if (pending < 256 && i > 1)
            continue;
        status = training_set_put(descriptor, rows, pending, model->feature_count, failure);
        pending = 0;
    }
    free(rows);
    return status;
}

enum status retrain_export(const struct pipeline *pipeline, uint32_t model, uint64_t training,
                           int descriptor, uint64_t *count, struct failure *failure)
{
    const struct model_setting *setting = &pipeline->model_setting[model];
    uint64_t most = (uint64_t)pipeline->config->retraining.examples;
    uint64_t *numbers = malloc(most * sizeof *numbers);
    char(*names)[64] = calloc(setting->feature_count + 1, sizeof *names);
    enum value_type *types = calloc(setting->feature_count + 1, sizeof *types);
    ASSERT(numbers && names && types);
    for (uint32_t i = 0; i < setting->feature_count; i++) {
        snprintf(names[i], sizeof names[i], "%s",
                 pipeline->model_feature_name[setting->feature[i]]);
        types[i] = pipeline->model_feature_type[setting->feature[i]];
    }
    struct training_set header = {
        .training = training,
        .feature_count = setting->feature_count,
        .feature_name = names,
        .type = types,
        .row_count = labelled_events(pipeline, numbers, most),
    };
    snprintf(header.model, sizeof header.model, "%s", setting->name);
    snprintf(header.kind, sizeof header.kind, "%s", setting->kind->name);
    enum status status = export_rows(pipeline, setting, &header, numbers, descriptor, failure);
    *count = header.row_count;
    free(numbers);
    free(names);
    free(types);
    return status;
}

static void retrain_answer(struct retrain *retrain, enum control_kind kind, const json_t *file,
                           const char *why)
{
    ASSERT(!retrain->control);
    const struct wish *wish = &retrain->wish;
    char *control = control_make(retrain->pipeline, kind, wish->model, wish->training, file, why);
    if (strlen(control) > retrain->control_max) {
        free(control);
        control = control_make(retrain->pipeline, CONTROL_FAILED, wish->model, wish->training, NULL,
                               "the model file is larger than a control may be");
    }
    retrain->control = control;
}

static void retrain_forget_files(struct retrain *retrain)
{
    if (retrain->training_set >= 0)
        close(retrain->training_set);
    if (retrain->model_file >= 0)
        close(retrain->model_file);
    retrain->training_set = retrain->model_file = -1;
}

static enum status retrain_start(struct retrain *retrain, struct failure *failure)
{
    retrain->training_set = memfd_create("weir-training-set", MFD_CLOEXEC);
    retrain->model_file = memfd_create("weir-model", MFD_CLOEXEC);
    if (retrain->training_set < 0 || retrain->model_file < 0)
        return failure_set(failure, STATUS_STOP, "could not make a memory file: %s",
                           strerror(errno));
    uint64_t count = 0;
    enum status status =
        retrain_export(retrain->pipeline, retrain->wish.model, retrain->wish.training,
                       retrain->training_set, &count, failure);
    if (status != STATUS_OK)
        return status;
    lseek(retrain->training_set, 0, SEEK_SET);
    const struct config_retraining *retraining = &retrain->pipeline->config->retraining;
    char penalty[32], share[32];
    snprintf(penalty, sizeof penalty, "%.17g", retraining->penalty);
    snprintf(share, sizeof share, "%.17g", retraining->validation_share);
    const char *arguments[] = {"train", "--descriptor", "3",   "--output", "-", "--penalty",
                               penalty, "--validation", share, NULL};
    log_info("retrain", "training %llu of model=%s starts with examples=%llu",
             (unsigned long long)retrain->wish.training,
             retrain->pipeline->model_setting[retrain->wish.model].name, (unsigned long long)count);
    return retrain->children->start(retrain->children->self, retrain->training_set,
                                    retrain->model_file, arguments, failure);
}

/* The model file that the child left, or NULL with the reason. */
static json_t *retrain_result(const struct retrain *retrain, char *why, size_t why_size)
{
    struct stat status;
    if (fstat(retrain->model_file, &status) != 0 || status.st_size == 0) {
        snprintf(why, why_size, "the training left no model");
        return NULL;
    }
    lseek(retrain->model_file, 0, SEEK_SET);
    json_error_t error;
    json_t *file = json_loadfd(retrain->model_file, JSON_REJECT_DUPLICATES, &error);
    if (!file)
        snprintf(why, why_size, "the model file cannot be read: %s", error.text);
    return file;
}

static void retrain_finish(struct retrain *retrain, int exit_code)
{
    char why[256] = "";
    json_t *file = NULL;
    if (exit_code == 0)
        file = retrain_result(retrain, why, sizeof why);
    else
        snprintf(why, sizeof why, "the training ended with code %d; its messages are in the log",
                 exit_code);
    retrain_answer(retrain, file ? CONTROL_MODEL : CONTROL_FAILED, file, file ? NULL : why);
    json_decref(file);
    retrain_forget_files(retrain);
    retrain->running = false;
}

static bool wish_equal(const struct wish *one, const struct wish *other)
{
    return one->kind == other->kind && one->model == other->model &&
           one->training == other->training;
}

static void retrain_begin(struct retrain *retrain)
{
    struct failure failure;
    if (retrain_start(retrain, &failure) == STATUS_OK) {
        retrain->running = true;
        return;
    }
    log_error("retrain", "%s", failure.text);
    retrain_answer(retrain, CONTROL_FAILED, NULL, failure.text);
    retrain_forget_files(retrain);
}

void retrain_turn(struct retrain *retrain)
{
    int exit_code;
    if (retrain->control)
        return;
    if (retrain->running) {
        if (retrain->children->ended(retrain->children->self, &exit_code))
            retrain_finish(retrain, exit_code);
        return;
    }
    struct wish wish = models_wish(retrain->pipeline->models, &retrain->pipeline->state);
    if (wish.kind == WISH_NONE || wish_equal(&wish, &retrain->answered))
        return;
    retrain->wish = retrain->answered = wish;
    if (wish.kind == WISH_TRAINING)
        retrain_begin(retrain);
    else
        retrain_answer(retrain, wish.kind == WISH_PROMOTION ? CONTROL_PROMOTE : CONTROL_REJECT,
                       NULL, NULL);
}

bool retrain_is_busy(const struct retrain *retrain)
{
    return retrain->running || retrain->control;
}

void retrain_close(struct retrain *retrain)
{
    if (!retrain->pipeline)
        return; /* never opened */
    if (retrain->running)
        retrain->children->stop(retrain->children->self);
    retrain_forget_files(retrain);
    free(retrain->control);
    retrain->control = NULL;
}
