/* weir train: a model out of a training set.  The service starts it as a child, in a process of its
 * own so that a training that fails or takes long harms nobody; a person may run it over an
 * exported set. */
#include "base/log.h"
#include "engine/command.h"
#include "models/training.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct train_flags {
    const char *examples, *output, *penalty, *validation;
    int64_t descriptor;
    bool json;
};

/* A number of a flag within bounds; false after a message. */
static bool take_number(const char *flag, const char *text, double least, double most,
                        double *number)
{
    char *end = NULL;
    *number = strtod(text, &end);
    if (end != text && *end == '\0' && *number >= least && *number <= most)
        return true;
    fprintf(stderr, "weir train: --%s: expected a number from %g to %g, found '%s'\n", flag, least,
            most, text);
    return false;
}

static bool check_flags(const struct train_flags *flags, struct training_setting *setting)
{
    if ((flags->examples == NULL) == (flags->descriptor < 0)) {
        fprintf(stderr, "weir train: give either --examples or --descriptor\n");
        return false;
    }
    if (!flags->output) {
        fprintf(stderr, "weir train: --output is missing; - is standard output\n");
        return false;
    }
    return take_number("penalty", flags->penalty, 0, 1e12, &setting->penalty) &&
           take_number("validation", flags->validation, 0, 0.9, &setting->validation_share);
}

static enum status open_examples(const struct train_flags *flags, int *descriptor,
                                 struct failure *failure)
{
    *descriptor =
        flags->examples ? open(flags->examples, O_RDONLY | O_CLOEXEC) : dup((int)flags->descriptor);
    if (*descriptor >= 0)
        return STATUS_OK;
    if (flags->examples)
        return failure_set(failure, STATUS_STOP, "could not open %s: %s", flags->examples,
                           strerror(errno));
    return failure_set(failure, STATUS_STOP, "could not use descriptor %lld: %s",
                       (long long)flags->descriptor, strerror(errno));
}

static enum status read_examples(const struct train_flags *flags, struct training_set *set,
                                 struct failure *failure)
{
    int descriptor = -1;
    enum status status = open_examples(flags, &descriptor, failure);
    if (status != STATUS_OK)
        return status;
    status = training_set_read(descriptor, set, failure);
    close(descriptor);
    return status;
}

static bool dump(const json_t *file, FILE *stream)
{
    return json_dumpf(file, stream, JSON_REAL_PRECISION(17) | JSON_INDENT(1)) == 0 &&
           fputc('\n', stream) != EOF && fflush(stream) == 0;
}

/* Beside it first, then moved: nobody ever reads half a model. */
static enum status write_file(const json_t *file, const char *path, struct failure *failure)
{
    char beside[4096];
    if (snprintf(beside, sizeof beside, "%s.part", path) >= (int)sizeof beside)
        return failure_set(failure, STATUS_STOP, "could not write the model: the path is too long");
    FILE *stream = fopen(beside, "w");
    bool good = stream && dump(file, stream) && fsync(fileno(stream)) == 0;
    int reason = errno;
    if (stream && fclose(stream) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && rename(beside, path) == 0)
        return STATUS_OK;
    reason = good ? errno : reason;
    if (stream)
        unlink(beside);
    return failure_set(failure, STATUS_STOP, "could not write the model to %s: %s", path,
                       strerror(reason));
}

static enum status write_model(const json_t *file, const char *path, struct failure *failure)
{
    if (strcmp(path, "-") != 0)
        return write_file(file, path, failure);
    if (dump(file, stdout))
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP, "could not write the model to standard output: %s",
                       strerror(errno));
}

static void print_report(const struct train_flags *flags, const struct training_set *set,
                         const struct training_report *report)
{
    if (flags->json) {
        json_t *object = training_report_json(report);
        json_dumpf(object, stderr, JSON_REAL_PRECISION(6) | JSON_COMPACT);
        fputc('\n', stderr);
        json_decref(object);
        return;
    }
    log_info("train",
             "training %llu of model=%s: examples=%llu positives=%llu features=%u steps=%d "
             "log_loss=%.5f",
             (unsigned long long)set->training, set->model, (unsigned long long)report->examples,
             (unsigned long long)report->positives, set->feature_count, report->iterations,
             report->loss);
    if (!isnan(report->validation_loss))
        log_info("train",
                 "judged on the newest, before they were learned: log_loss=%.5f "
                 "average_precision=%.4f",
                 report->validation_loss, report->validation_average_precision);
}

static enum status train(const struct train_flags *flags, const struct training_setting *setting,
                         struct failure *failure)
{
    struct training_set set;
    struct training_report report;
    enum status status = read_examples(flags, &set, failure);
    if (status != STATUS_OK)
        return status;
    json_t *file = training_run(&set, setting, &report, failure);
    status = file ? write_model(file, flags->output, failure) : failure->status;
    if (status == STATUS_OK)
        print_report(flags, &set, &report);
    json_decref(file);
    training_set_close(&set);
    return status;
}

static int train_run(const struct command *command, int argument_count, char **arguments)
{
    struct train_flags flags = {.descriptor = -1, .penalty = "1", .validation = "0.2"};
    struct training_setting setting;
    struct failure failure;
    if (command_parse(command, argument_count, arguments, &flags) < 0 ||
        !check_flags(&flags, &setting))
        return EXIT_USAGE;
    if (train(&flags, &setting, &failure) == STATUS_OK)
        return EXIT_GOOD;
    fprintf(stderr, "weir train: %s\n", failure.text);
    return EXIT_FINDINGS;
}

static const struct flag train_flags[] = {
    {"examples", "FILE", "the training set", FLAG_TEXT, offsetof(struct train_flags, examples)},
    {"descriptor", "N", "the training set on an open file descriptor instead", FLAG_INTEGER,
     offsetof(struct train_flags, descriptor)},
    {"output", "FILE", "where the model file goes; - is standard output", FLAG_TEXT,
     offsetof(struct train_flags, output)},
    {"penalty", "X", "L2 penalty on the standardised weights (default 1)", FLAG_TEXT,
     offsetof(struct train_flags, penalty)},
    {"validation", "SHARE", "newest share to judge a first fit on (default 0.2; 0: none)",
     FLAG_TEXT, offsetof(struct train_flags, validation)},
    {"json", NULL, "report as one JSON object on standard error", FLAG_SWITCH,
     offsetof(struct train_flags, json)},
    {NULL, NULL, NULL, FLAG_SWITCH, 0},
};

extern const struct command command_train;
const struct command command_train = {
    .name = "train",
    .usage = "weir train --examples FILE --output FILE [--penalty X] [--validation SHARE] [--json]",
    .summary = "fit a model to a training set",
    .help = "Logistic regression over standardised features.  It is first fitted to the older\n"
            "examples and judged on the newest, then fitted to all.  The model file is JSON; the\n"
            "service starts this command by itself when a model is to be trained again.",
    .flags = train_flags,
    .argument_min = 0,
    .argument_max = 0,
    .run = train_run,
};
