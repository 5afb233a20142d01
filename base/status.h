/* The world's faults.  Each has a class that says what the caller does, and a sentence for people:
 * what was attempted, why it failed, what to do. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdarg.h>

enum status {
    STATUS_OK,
    STATUS_END,   /* there is no more, and that is well */
    STATUS_RETRY, /* may work later (broker away, queue full): wait, then the same again */
    STATUS_STOP,  /* cannot go on (configuration, damaged state): message, orderly end */
};

enum { FAILURE_TEXT_MAX = 512 };

struct failure {
    enum status status;
    char text[FAILURE_TEXT_MAX]; /* lower case, no full stop; always terminated */
};

/* Fills the failure and returns its status, so that `return failure_set(...)` reads well.  A text
 * that is too long is cut. */
enum status failure_set(struct failure *failure, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts words in front of the text that is there: "could not open state: no such file". */
void failure_prefix(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
