/* What leaves weir of an identifier that is sensitive: "****" and its last four characters, if it
 * has more than these. */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include <stddef.h>

enum { MASK_SIZE = 4, MASK_CHARACTERS = 4, MASKED_MAX = MASK_SIZE + MASK_CHARACTERS * 4 };

extern const char mask_text[MASK_SIZE + 1];

/* Bytes at the end that may be shown: the last characters, whole ones, unless there are no others.
 */
size_t mask_shown(const char *text, size_t size);

/* Returns how many bytes it is masked. */
size_t mask_apply(const char *text, size_t size, char masked[MASKED_MAX]);

#endif
