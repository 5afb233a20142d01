/* Options as data: whoever uses options declares them in a table; reading, checking, help and the
 * printed reference come from it.  Mistakes are collected, never the first one only. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/status.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_TEXT,    /* char[size] in the structure */
    OPTION_NUMBER,  /* double */
    OPTION_INTEGER, /* int64_t */
    OPTION_BOOLEAN, /* bool */
    OPTION_SPAN,    /* int64_t, milliseconds; written "7d", "10m" */
    OPTION_SIZE,    /* int64_t, bytes; written "2GiB", "64MiB", or a number */
    OPTION_CHOICE,  /* int, index into `choices` */
};

struct option {
    const char *name;
    const char *help; /* a sentence without its full stop */
    enum option_type type;
    bool required;
    size_t offset;          /* in the structure that is filled */
    size_t size;            /* of OPTION_TEXT */
    const char *standard;   /* the default, written as in the configuration; NULL: none */
    double minimum, maximum; /* of numbers, inclusive; both 0: no bounds; spans in ms */
    const char *const *choices; /* NULL-terminated */
};

/* Ends a table. */
#define OPTION_END                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* A mistake in the configuration: where, and a sentence.  `column` is an offset in bytes inside a text
 * value (a formula), 0 if the whole value is meant; key_itself: the member's name is wrong. */
struct finding {
    char path[256]; /* "models.fraud.learning_rate"; members joined by dots, array items by [n] */
    uint32_t column;
    bool key_itself;
    char message[384];
};

struct findings {
    uint32_t count, capacity;
    struct finding *list; /* grows; start zeroed, free with findings_close */
};

void findings_add(struct findings *findings, const char *path, uint32_t column,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void findings_add_key(struct findings *findings, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void findings_close(struct findings *findings);

/* Fills `into` from the object by the table: defaults first.  Unknown members (with the nearest known
 * name), wrong types, missing required ones and values out of range become findings under `path`.
 * Members named in `others` (NULL-terminated, may be NULL) are somebody else's and passed over. */
void options_read(const struct option *table, const json_t *object, const char *path,
                  const char *const *others, void *into, struct findings *findings);

/* Fills the defaults alone. */
void options_default(const struct option *table, void *into);

/* Prints "name  type  range  default  help" lines for the reference. */
void options_print(const struct option *table, const char *indent);

#endif
