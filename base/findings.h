/* Mistakes in a configuration, collected: a reader that stops at the first one makes people start
 * again for each. */
#ifndef BASE_FINDINGS_H
#define BASE_FINDINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FINDING_PATH_MAX = 256, FINDINGS_MAX = 1000 };

/* A mistake in the configuration: where, and a sentence.  `column` is an offset in bytes inside a
 * text value (a formula), 0 if the whole value is meant; key_itself: the member's name is wrong.
 * The path of a member that is missing names the member; its place is the nearest object that is
 * there. */
struct finding {
    char path[FINDING_PATH_MAX]; /* "models.fraud.learning_rate"; members joined by dots, items by
                                    [n] */
    uint32_t column;
    bool key_itself;
    uint32_t line, line_column; /* from 1, in the file; 0 until engine/locate.c has found them */
    char message[384];
    char *formula; /* that `column` is in; owned; NULL: the value is none */
};

struct findings {
    uint32_t count, capacity;
    uint32_t dropped;     /* beyond FINDINGS_MAX */
    struct finding *list; /* grows; start zeroed, free with findings_close */
};

void findings_add(struct findings *findings, const char *path, uint32_t column, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
/* In a formula, which is shown with a mark under the column. */
void findings_add_formula(struct findings *findings, const char *path, const char *formula,
                          uint32_t column, const char *message);
void findings_add_key(struct findings *findings, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void findings_close(struct findings *findings);

/* "expected a duration such as "7d", found 12". */
void findings_add_type(struct findings *findings, const char *path, const char *expected,
                       const json_t *found);

/* "unknown model 'frued'; did you mean 'fraud'?", or with all known names if none is near.  `known`
 * gives the names one after the other, NULL at their end.  key: the name is that of the member at
 * `path`, not its value. */
void findings_add_unknown(struct findings *findings, const char *path, bool key, const char *what,
                          const char *wanted,
                          const char *(*known)(const void *self, uint32_t index), const void *self);

/* path.member and path[index], cut at FINDING_PATH_MAX; return `into`, which may not be `path`. */
const char *path_member(char into[FINDING_PATH_MAX], const char *path, const char *member);
const char *path_item(char into[FINDING_PATH_MAX], const char *path, size_t index);

#endif
