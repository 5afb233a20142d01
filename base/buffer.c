/* Writing bounded text; see buffer.h. */
#include "base/buffer.h"
#include "base/digits.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer, char *bytes, size_t capacity)
{
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    buffer_clear(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->overflow = false;
}

/* Digits of a number, most significant first, two at a time; at least `width` of them. */
static void buffer_digits(struct buffer *buffer, uint64_t value, int width)
{
    char digits[24];
    int at = (int)sizeof digits;
    for (; value >= 10; value /= 100) {
        at -= 2;
        digits_pair(digits + at, (uint32_t)(value % 100));
    }
    if (value > 0)
        digits[--at] = (char)('0' + value);
    while ((int)sizeof digits - at < width)
        digits[--at] = '0';
    buffer_bytes(buffer, digits + at, sizeof digits - (size_t)at);
}

void buffer_integer(struct buffer *buffer, int64_t value)
{
    if (value < 0)
        buffer_bytes(buffer, "-", 1);
    buffer_digits(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

void buffer_number(struct buffer *buffer, double value)
{
    if (!isfinite(value)) {
        buffer_text(buffer, "null");
        return;
    }
    if (value == floor(value) && fabs(value) < 1e15) {
        buffer_integer(buffer, (int64_t)value);
        return;
    }
    /* 15 digits mostly suffice; 17 always do. */
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buffer_text(buffer, text);
}

void buffer_decimal(struct buffer *buffer, double value, int decimals)
{
    static const double scale[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    static const uint64_t unit[] = {1,      10,      100,      1000,      10000,
                                    100000, 1000000, 10000000, 100000000, 1000000000};
    if (!isfinite(value)) {
        buffer_text(buffer, "null");
        return;
    }
    if (fabs(value) >= 1e9) {
        buffer_format(buffer, "%.*f", decimals, value);
        return;
    }
    /* Halves go away from zero; what is left of a whole number's part is exact. */
    double exact = fabs(value) * scale[decimals];
    uint64_t scaled = (uint64_t)exact;
    scaled += exact - (double)scaled >= 0.5;
    uint64_t whole = scaled / unit[decimals];
    if (value < 0 && scaled)
        buffer_bytes(buffer, "-", 1);
    buffer_digits(buffer, whole, 1);
    if (decimals > 0) {
        buffer_bytes(buffer, ".", 1);
        buffer_digits(buffer, scaled - whole * unit[decimals], decimals);
    }
}

/* Bytes of the UTF-8 sequence at the front, 0 if it is none (overlong, surrogate, cut, stray). */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    if (text[0] < 0x80)
        return 1;
    size_t length = text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
    if (text[0] < 0xC2 || text[0] > 0xF4 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xF0 && text[1] < 0x90);
    bool surrogate = text[0] == 0xED && text[1] >= 0xA0;
    bool beyond = text[0] == 0xF4 && text[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

static void buffer_json_escape(struct buffer *buffer, unsigned char byte)
{
    static const char hexadecimal[] = "0123456789abcdef";
    switch (byte) {
    case '"':
        buffer_text(buffer, "\\\"");
        return;
    case '\\':
        buffer_text(buffer, "\\\\");
        return;
    case '\n':
        buffer_text(buffer, "\\n");
        return;
    case '\t':
        buffer_text(buffer, "\\t");
        return;
    case '\r':
        buffer_text(buffer, "\\r");
        return;
    default:
        buffer_text(buffer, "\\u00");
        buffer_bytes(buffer, &hexadecimal[byte >> 4], 1);
        buffer_bytes(buffer, &hexadecimal[byte & 15], 1);
    }
}

/* Behind the bytes that stand as they are; eight at a time as long as there are so many.  With
 * x - n borrowing from the byte above it, (x - n) & ~x has a top bit where a byte is below n
 * (Warren, "Hacker's Delight", 6-1), and perhaps above such a byte, which is looked at one by one.
 */
static const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end)
{
    const uint64_t each = 0x0101010101010101, top = each << 7;
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t quote = word ^ each * '"', backslash = word ^ each * '\\';
        if ((((quote - each) & ~quote) | ((backslash - each) & ~backslash) |
             ((word - each * 0x20) & ~word) | word) &
            top)
            break;
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

void buffer_json(struct buffer *buffer, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    buffer_bytes(buffer, "\"", 1);
    while (at < end) {
        const unsigned char *plain = at;
        at = skip_plain(at, end);
        buffer_bytes(buffer, plain, (size_t)(at - plain));
        if (at == end)
            break;
        size_t length = utf8_length(at, (size_t)(end - at));
        if (length == 0)
            buffer_text(buffer, "\\ufffd");
        else if (length == 1)
            buffer_json_escape(buffer, *at);
        else
            buffer_bytes(buffer, at, length);
        at += length ? length : 1;
    }
    buffer_bytes(buffer, "\"", 1);
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    if ((size_t)size >= sizeof text) {
        buffer->overflow = true;
        size = sizeof text - 1;
    }
    buffer_bytes(buffer, text, (size_t)size);
}
