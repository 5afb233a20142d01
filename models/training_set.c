/* The training set's file; see training.h.
 *
 *     {"format":"weir-training-set","version":1,"model":"fraud","kind":"logistic_regression",
 *      "training":3,"rows":5000,"features":[{"name":"amount","type":"number"}, ...]}\n
 *     rows: little-endian doubles, or keys, (rows, 3 + features) */
#include "base/assert.h"
#include "models/training.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, HEADER_MAX = 1 << 20, ROWS_AT_ONCE = 4096, ROW_FRONT = 3 };
static const char FORMAT[] = "weir-training-set";

static const char *const type_names[] = {[TYPE_NUMBER] = "number",
                                         [TYPE_BOOLEAN] = "boolean",
                                         [TYPE_TIME] = "time",
                                         [TYPE_TEXT] = "text",
                                         [TYPE_ENUM] = "enum"};
enum { TYPE_COUNT = sizeof type_names / sizeof type_names[0] };

static enum status write_all(int descriptor, const void *bytes, size_t size,
                             struct failure *failure)
{
    const uint8_t *at = (const uint8_t *)bytes;
    while (size > 0) {
        ssize_t written = write(descriptor, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return failure_set(failure, STATUS_STOP, "could not write the training set: %s",
                               strerror(errno));
        at += written;
        size -= (size_t)written;
    }
    return STATUS_OK;
}

enum status training_set_begin(int descriptor, const struct training_set *header,
                               struct failure *failure)
{
    json_t *features = json_array();
    for (uint32_t i = 0; i < header->feature_count; i++)
        json_array_append_new(features, json_pack("{s:s, s:s}", "name", header->feature_name[i],
                                                  "type", type_names[header->type[i]]));
    json_t *line = json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:o}", "format", FORMAT, "version",
                             VERSION, "model", header->model, "kind", header->kind, "training",
                             (json_int_t)header->training, "rows", (json_int_t)header->row_count,
                             "features", features);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (!text)
        return failure_set(failure, STATUS_STOP,
                           "could not write the training set: a name in it is not UTF-8");
    enum status status = write_all(descriptor, text, strlen(text), failure);
    free(text);
    return status == STATUS_OK ? write_all(descriptor, "\n", 1, failure) : status;
}

enum status training_set_put(int descriptor, const union value *rows, uint64_t row_count,
                             uint32_t feature_count, struct failure *failure)
{
    return write_all(descriptor, rows, row_count * (ROW_FRONT + feature_count) * sizeof *rows,
                     failure);
}

static enum status damaged(struct failure *failure, const char *what)
{
    return failure_set(failure, STATUS_STOP, "the training set's header %s", what);
}

static bool take_text(const json_t *object, const char *name, char *into, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (!text || strlen(text) >= size)
        return false;
    memcpy(into, text, strlen(text) + 1);
    return true;
}

static bool take_type(const json_t *object, enum value_type *type)
{
    const char *text = json_string_value(json_object_get(object, "type"));
    for (int i = 0; text && i < TYPE_COUNT; i++) {
        if (strcmp(text, type_names[i]) == 0) {
            *type = (enum value_type)i;
            return true;
        }
    }
    return false;
}

static enum status take_features(struct training_set *set, const json_t *features,
                                 struct failure *failure)
{
    size_t count = json_array_size(features);
    if (count == 0 || count > MODEL_FEATURES_MAX)
        return damaged(failure, "names no features, or more than a model can have");
    set->feature_count = (uint32_t)count;
    set->feature_name = calloc(count, sizeof *set->feature_name);
    set->type = calloc(count, sizeof *set->type);
    if (!set->feature_name || !set->type)
        return failure_set(failure, STATUS_STOP, "out of memory for the training set");
    for (size_t i = 0; i < count; i++) {
        const json_t *feature = json_array_get(features, i);
        if (!take_text(feature, "name", set->feature_name[i], sizeof set->feature_name[i]) ||
            !take_type(feature, &set->type[i]))
            return damaged(failure, "has a feature without a name or a known type");
    }
    return STATUS_OK;
}

static enum status take_header(struct training_set *set, const json_t *header,
                               struct failure *failure)
{
    char format[32];
    const json_t *rows = json_object_get(header, "rows");
    const json_t *training = json_object_get(header, "training");
    if (!take_text(header, "format", format, sizeof format) || strcmp(format, FORMAT) != 0)
        return damaged(failure, "is not one: this is no training set");
    if (json_integer_value(json_object_get(header, "version")) != VERSION)
        return damaged(failure, "has a version that this program does not read");
    if (!take_text(header, "model", set->model, sizeof set->model) ||
        !take_text(header, "kind", set->kind, sizeof set->kind))
        return damaged(failure, "does not say `model` and `kind`");
    if (!json_is_integer(rows) || json_integer_value(rows) < 0 || !json_is_integer(training) ||
        json_integer_value(training) < 0)
        return damaged(failure, "does not say `rows` and `training`");
    set->row_count = (uint64_t)json_integer_value(rows);
    set->training = (uint64_t)json_integer_value(training);
    return take_features(set, json_object_get(header, "features"), failure);
}

static enum status read_header(FILE *file, struct training_set *set, struct failure *failure)
{
    char *line = malloc(HEADER_MAX);
    if (!line)
        return failure_set(failure, STATUS_STOP, "out of memory for the training set");
    size_t size = 0;
    int byte;
    while (size < HEADER_MAX && (byte = getc(file)) != EOF && byte != '\n')
        line[size++] = (char)byte;
    json_error_t error;
    json_t *header = json_loadb(line, size, 0, &error);
    free(line);
    enum status status =
        header ? take_header(set, header, failure)
               : failure_set(failure, STATUS_STOP, "the training set's header is no JSON: %.200s",
                             error.text);
    json_decref(header);
    return status;
}

/* What the trainer may then take for granted. */
static enum status check_row(const struct training_set *set, uint64_t index,
                             struct failure *failure)
{
    const union value *row = set->rows + index * (ROW_FRONT + set->feature_count);
    const char *wrong = NULL;
    if (!isfinite(row[0].number))
        wrong = "the time is no number";
    else if (row[1].number != 0 && row[1].number != 1)
        wrong = "the label is neither 0 nor 1";
    else if (!(row[2].number > 0 && row[2].number <= 1e6))
        wrong = "the weight is not above 0, or over a million";
    for (uint32_t i = 0; !wrong && i < set->feature_count; i++) {
        if (set->type[i] != TYPE_TEXT && isinf(row[ROW_FRONT + i].number))
            wrong = "a feature is infinite";
    }
    if (!wrong)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP, "row %llu of the training set: %s",
                       (unsigned long long)(index + 1), wrong);
}

/* Grows with what really comes: the header's count is only a claim. */
static enum status read_rows(FILE *file, struct training_set *set, struct failure *failure)
{
    size_t row_size = (ROW_FRONT + set->feature_count) * sizeof(union value);
    uint64_t room = 0, count = 0;
    while (count < set->row_count) {
        if (count == room) {
            room = room ? 2 * room : ROWS_AT_ONCE;
            room = room < set->row_count ? room : set->row_count;
            union value *grown = realloc(set->rows, room * row_size);
            if (!grown)
                return failure_set(failure, STATUS_STOP, "out of memory for %llu examples",
                                   (unsigned long long)set->row_count);
            set->rows = grown;
        }
        size_t got = fread((uint8_t *)set->rows + count * row_size, row_size, room - count, file);
        for (uint64_t i = count; i < count + got; i++) {
            if (check_row(set, i, failure) != STATUS_OK)
                return failure->status;
        }
        count += got;
        if (count < room)
            return failure_set(failure, STATUS_STOP,
                               "the training set ends after %llu of %llu rows",
                               (unsigned long long)count, (unsigned long long)set->row_count);
    }
    if (getc(file) != EOF)
        return failure_set(failure, STATUS_STOP,
                           "the training set goes on after the %llu rows that it announced",
                           (unsigned long long)set->row_count);
    return STATUS_OK;
}

enum status training_set_read(int descriptor, struct training_set *set, struct failure *failure)
{
    memset(set, 0, sizeof *set);
    int copy = dup(descriptor);
    FILE *file = copy >= 0 ? fdopen(copy, "rb") : NULL;
    if (!file) {
        enum status status = failure_set(failure, STATUS_STOP,
                                         "could not read the training set: %s", strerror(errno));
        if (copy >= 0)
            close(copy);
        return status;
    }
    enum status status = read_header(file, set, failure);
    if (status == STATUS_OK)
        status = read_rows(file, set, failure);
    fclose(file);
    if (status != STATUS_OK)
        training_set_close(set);
    return status;
}

void training_set_close(struct training_set *set)
{
    free(set->feature_name);
    free(set->type);
    free(set->rows);
    memset(set, 0, sizeof *set);
}
