/* A bounded text being written: JSON out, CSV out, log lines.  The memory is the caller's; what
 * does not fit is cut and remembered as `overflow`, so writers need no checks of their own. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    char *bytes;
    size_t size, capacity;
    bool overflow;
};

void buffer_init(struct buffer *buffer, char *bytes, size_t capacity);
void buffer_clear(struct buffer *buffer);

/* In line, as these two write most of all outputs: a literal's length is known there. */
static inline void buffer_bytes(struct buffer *buffer, const void *bytes, size_t size)
{
    size_t room = buffer->capacity - buffer->size;
    if (__builtin_expect(size > room, 0)) {
        buffer->overflow = true;
        size = room;
    }
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

static inline void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_bytes(buffer, text, strlen(text));
}

void buffer_integer(struct buffer *buffer, int64_t value);

/* The shortest decimal that reads back as the same double; "null" for NaN and infinities. */
void buffer_number(struct buffer *buffer, double value);

/* A fixed number of decimals (0 to 9), for scores and money; "null" for NaN and infinities. */
void buffer_decimal(struct buffer *buffer, double value, int decimals);

/* A JSON string with its quotes: escapes quotes, backslashes and control characters; bytes that are
 * not UTF-8 become U+FFFD. */
void buffer_json(struct buffer *buffer, const char *text, size_t size);

void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
