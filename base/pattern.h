/* Regular expressions, in linear time: RE2 (Cox, "Regular Expression Matching in the Wild", 2010)
 * runs automata and never backtracks, so no text and no pattern makes it slow.  It is kept behind
 * this door; its header is seen by pattern.cc alone. */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pattern;

enum {
    PATTERN_MEMORY_MAX = 4 << 20, /* bytes of one: its program and the states found so far */
    PATTERN_MESSAGE_MAX = 128,
};

/* Where a bad one is bad (a byte of the text), and why. */
struct pattern_error {
    size_t column;
    char message[PATTERN_MESSAGE_MAX];
};

/* NULL with the error if the text is no pattern, or one that needs too much memory. */
struct pattern *pattern_open(const char *text, size_t size, struct pattern_error *error);
void pattern_close(void *pattern);

/* Does it match anywhere in the text?  States are made as texts ask for them, at most
 * PATTERN_MEMORY_MAX, and then reused: the answer does not depend on what was asked before. */
bool pattern_matches(const struct pattern *pattern, const char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
