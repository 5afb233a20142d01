/* Options as data: whoever uses options declares them in a table; reading, checking, help and the
 * printed reference come from it.  Mistakes are collected, never the first one only. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/findings.h"
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
    OPTION_SPAN,    /* int64_t, milliseconds; written "7d", "10m", or 0 */
    OPTION_SIZE,    /* int64_t, bytes; written "2GiB", "64MiB", or a number */
    OPTION_CHOICE,  /* int, index into `choices` */
};

struct option {
    const char *name;
    const char *help; /* a sentence without its full stop */
    enum option_type type;
    bool required;
    size_t offset;              /* in the structure that is filled */
    size_t size;                /* of OPTION_TEXT */
    const char *standard;       /* the default, written as in the configuration; NULL: none */
    double minimum, maximum;    /* of numbers, inclusive; both 0: no bounds; spans in ms */
    const char *const *choices; /* NULL-terminated */
};

/* Ends a table. */
#define OPTION_END                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Fills `into` from the object by the table: defaults first.  Unknown members (with the nearest
 * known name), wrong types, missing required ones and values out of range become findings under
 * `path`. Members named in `others` (NULL-terminated, may be NULL) are somebody else's and passed
 * over.  What has no default keeps the bytes that `into` came with.  A NULL table is an empty one.
 */
void options_read(const struct option *table, const json_t *object, const char *path,
                  const char *const *others, void *into, struct findings *findings);

/* The same, but members that the table does not know are not looked at: for an object that several
 * tables read. */
void options_take(const struct option *table, const json_t *object, const char *path, void *into,
                  struct findings *findings);

/* Fills the defaults alone. */
void options_default(const struct option *table, void *into);

/* Prints "name  type  range  default  help" lines for the reference. */
void options_print(const struct option *table, const char *indent);

#endif
