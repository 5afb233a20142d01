/* Writing log lines; see log.h. */
#include "base/log.h"
#include "base/buffer.h"
#include "base/calendar.h"
#include "base/clock.h"
#include <stdarg.h>
#include <stdio.h>

/* librdkafka's chatter comes as debug and is dropped. */
static const enum log_level log_level_least = LOG_INFO;

void log_line(enum log_level level, const char *part, const char *format, ...)
{
    static const char *const name[] = {"debug", "info", "warning", "error"};
    if (level < log_level_least)
        return;
    char text[1024];
    struct buffer line;
    buffer_init(&line, text, sizeof text - 2);
    calendar_format(&line, clock_wall_ms(&system_clock));
    buffer_format(&line, " %s %s: ", name[level], part);
    va_list arguments;
    va_start(arguments, format);
    char message[768];
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    buffer_text(&line, message);
    text[line.size] = '\n';
    /* One write, so that lines of several processes do not mix. */
    fwrite(text, 1, line.size + 1, stderr);
}
