/* "classes" and "positive" of "labels": how a label writes what it says, if not true and false.
 *
 *     "classes": ["road", "sky", "grass"]    up to MODEL_CLASSES_MAX texts or whole numbers
 *     "positive": "UP"                       two classes: this one, and whatever is not */
#include "base/assert.h"
#include "engine/config_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts, whole numbers, true and false, as a record would write them. */
static bool class_text(const json_t *value, char text[SCHEMA_NAME_MAX])
{
    int size = -1;
    if (json_is_string(value))
        size = snprintf(text, SCHEMA_NAME_MAX, "%s", json_string_value(value));
    else if (json_is_integer(value))
        size = snprintf(text, SCHEMA_NAME_MAX, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        size = snprintf(text, SCHEMA_NAME_MAX, "%s", json_is_true(value) ? "true" : "false");
    return size > 0 && size < SCHEMA_NAME_MAX;
}

static void add_class(struct config_labels *labels, const json_t *value, const char *path,
                      struct findings *findings)
{
    char text[SCHEMA_NAME_MAX];
    if (!class_text(value, text)) {
        findings_add_type(findings, path, "a text of 1 to 63 bytes, or a whole number", value);
        return;
    }
    for (uint32_t i = 0; i < labels->class_count; i++)
        if (strcmp(labels->classes[i], text) == 0)
            findings_add(findings, path, 0, "'%s' stands twice", text);
    memcpy(labels->classes[labels->class_count++], text, strlen(text) + 1);
}

static void read_list(struct config_labels *labels, const json_t *list, struct findings *findings)
{
    char path[FINDING_PATH_MAX];
    size_t count = json_array_size(list);
    if (count < 2 || count > MODEL_CLASSES_MAX) {
        findings_add(findings, "labels.classes", 0,
                     "expected a list of 2 to %d texts: what a label may say", MODEL_CLASSES_MAX);
        return;
    }
    labels->class_count = 0;
    for (size_t i = 0; i < count; i++)
        add_class(labels, json_array_get(list, i), path_item(path, "labels.classes", i), findings);
    if (labels->class_count < 2)
        labels->class_count = 2;
}

void config_read_classes(struct config_labels *labels, const json_t *object,
                         struct findings *findings)
{
    const json_t *list = json_object_get(object, "classes");
    const json_t *positive = json_object_get(object, "positive");
    if (!list && !positive)
        return;
    if (list && positive)
        findings_add_key(findings, "labels.positive",
                         "the second of two `classes` is the positive one: take one of both away");
    labels->classes = calloc(MODEL_CLASSES_MAX, sizeof *labels->classes);
    ASSERT(labels->classes);
    if (list) {
        read_list(labels, list, findings);
    } else {
        labels->class_count = 1; /* the empty first one */
        add_class(labels, positive, "labels.positive", findings);
        labels->class_count = 2;
    }
    if (labels->class_count > 2 && json_object_get(object, "negative_after"))
        findings_add_key(findings, "labels.negative_after",
                         "with more than two classes there is no negative one");
}
