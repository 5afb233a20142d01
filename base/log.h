/* Log lines for the operator, on standard error: time, level, part, message with key=value pairs.
 * Never from the path of an event, never with a payload or an identifier in it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_line(enum log_level level, const char *part, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_info(part, ...) log_line(LOG_INFO, part, __VA_ARGS__)
#define log_warning(part, ...) log_line(LOG_WARNING, part, __VA_ARGS__)
#define log_error(part, ...) log_line(LOG_ERROR, part, __VA_ARGS__)

#endif
