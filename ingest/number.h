/* Numbers as JSON and CSV write them. */
#ifndef INGEST_NUMBER_H
#define INGEST_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* "12", "-0.5", "+3", ".5", "1e-7": decimal, no spaces, nothing else (no "inf", "nan", "0x10"). The
 * nearest double; infinite if it is too large for one.  False if the text is no such number. */
bool number_parse(const char *text, size_t size, double *number);

#endif
