/* Making and checking model files; see model_file.h. */
#include "models/model_file.h"
#include <string.h>

enum { MODEL_FILE_VERSION = 1 };
static const char FORMAT[] = "weir-model";

json_t *model_file_make(const struct model_kind *kind, const char *model, uint64_t training,
                        const struct model_shape *shape, json_t *parameters)
{
    json_t *features = json_array();
    for (uint32_t i = 0; i < shape->feature_count; i++)
        json_array_append_new(features, json_string(shape->feature_name[i]));
    json_t *file = json_object();
    json_object_set_new(file, "format", json_string(FORMAT));
    json_object_set_new(file, "version", json_integer(MODEL_FILE_VERSION));
    json_object_set_new(file, "kind", json_string(kind->name));
    json_object_set_new(file, "model", json_string(model));
    json_object_set_new(file, "training", json_integer((json_int_t)training));
    json_object_set_new(file, "features", features);
    json_object_set_new(file, "parameters", parameters);
    return file;
}

static const char *member_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static enum status check_features(const json_t *features, const struct model_shape *shape,
                                  struct failure *failure)
{
    if (json_array_size(features) != shape->feature_count)
        return failure_set(failure, STATUS_STOP,
                           "the model file has %zu features where the configuration has %u: train "
                           "it again",
                           json_array_size(features), shape->feature_count);
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        const char *name = json_string_value(json_array_get(features, i));
        if (!name || strcmp(name, shape->feature_name[i]) != 0)
            return failure_set(failure, STATUS_STOP,
                               "feature %u of the model file is `%s` where the configuration has "
                               "`%s`: train it again",
                               i + 1, name ? name : "", shape->feature_name[i]);
    }
    return STATUS_OK;
}

enum status model_file_check(const json_t *file, const struct model_kind *kind,
                             const struct model_shape *shape, const json_t **parameters,
                             struct failure *failure)
{
    if (!json_is_object(file) || strcmp(member_text(file, "format"), FORMAT) != 0)
        return failure_set(failure, STATUS_STOP, "this is not a model file: it has no format `%s`",
                           FORMAT);
    json_int_t version = json_integer_value(json_object_get(file, "version"));
    if (version != MODEL_FILE_VERSION)
        return failure_set(failure, STATUS_STOP,
                           "the model file has version %lld, this program reads %d",
                           (long long)version, MODEL_FILE_VERSION);
    if (strcmp(member_text(file, "kind"), kind->name) != 0)
        return failure_set(failure, STATUS_STOP,
                           "the model file is of kind `%s` where the configuration has `%s`",
                           member_text(file, "kind"), kind->name);
    if (check_features(json_object_get(file, "features"), shape, failure) != STATUS_OK)
        return failure->status;
    *parameters = json_object_get(file, "parameters");
    if (!json_is_object(*parameters))
        return failure_set(failure, STATUS_STOP, "the model file has no `parameters`");
    return STATUS_OK;
}
