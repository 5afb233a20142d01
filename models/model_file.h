/* The model file: one JSON object, readable, that outlives versions and says what it needs.
 *
 *     { "format": "weir-model", "version": 1, "kind": "logistic_regression", "model": "fraud",
 *       "training": 3, "features": ["amount_log", ...], "parameters": { ... }, "report": { ... } }
 *
 * Numbers are written with 17 significant digits, so that reading gives the same bits. */
#ifndef MODELS_MODEL_FILE_H
#define MODELS_MODEL_FILE_H

#include "models/model.h"

/* Makes the file around a model's parameters; the caller owns it. */
json_t *model_file_make(const struct model_kind *kind, const char *model, uint64_t training,
                        const struct model_shape *shape, json_t *parameters);

/* Checks format, version, kind and features; fills *parameters (borrowed). */
enum status model_file_check(const json_t *file, const struct model_kind *kind,
                             const struct model_shape *shape, const json_t **parameters,
                             struct failure *failure);

#endif
