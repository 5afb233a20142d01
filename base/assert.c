/* Where a failed assertion ends: a line that says what and where, then a core dump. */
#include "base/assert.h"
#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "weir: assertion failed at %s:%d: %s\n", file, line, condition);
    abort();
}
