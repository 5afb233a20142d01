/* The nearest known name, for "did you mean": by edit distance (Damerau and Levenshtein). */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* Offers `candidate`; keeps the best so far in *best (start it as NULL) if it is near enough to be
 * a slip of the pen: at most one edit per three letters. */
void suggest_offer(const char *wanted, const char *candidate, const char **best, size_t *distance);

#endif
