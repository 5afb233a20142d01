/* Whether bytes are text. */
#ifndef INGEST_UTF8_H
#define INGEST_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8: nothing overlong, no surrogates, nothing beyond U+10FFFF, nothing cut. */
bool utf8_valid(const char *text, size_t size);

#endif
