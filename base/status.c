/* Filling failures; see status.h. */
#include "base/status.h"
#include "base/buffer.h"
#include <stdio.h>
#include <string.h>

enum status failure_set(struct failure *failure, enum status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    failure->status = status;
    return status;
}

void failure_prefix(struct failure *failure, const char *format, ...)
{
    char rest[FAILURE_TEXT_MAX];
    memcpy(rest, failure->text, sizeof rest);
    va_list arguments;
    va_start(arguments, format);
    struct buffer text;
    buffer_init(&text, failure->text, sizeof failure->text - 1);
    char prefix[FAILURE_TEXT_MAX];
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    buffer_text(&text, prefix);
    buffer_text(&text, ": ");
    buffer_text(&text, rest);
    failure->text[text.size] = '\0';
}
