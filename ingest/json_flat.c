/* One pass over the bytes; see json_flat.h.
 *
 * Texts are looked through eight bytes at a time: with x - n borrowing from the byte above it, in
 * (x - n) & ~x the lowest top bit that is set is that of the first byte below n (Warren, "Hacker's
 * Delight", 6-1).  Numbers are exact: up to 15 digits and the powers of ten up to 10^15 are
 * doubles, and one division of doubles is rounded once (Clinger, "How to read floating point
 * numbers accurately", 1990). */
#include "ingest/json_flat.h"
#include <stdbool.h>
#include <string.h>

enum { WHOLE_DIGITS_MAX = 18, DIGITS_MAX = 15 };

static inline const char *skip_space(const char *at)
{
    if (__builtin_expect((unsigned char)*at > ' ', 1))
        return at;
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

/* Top bits; the lowest is that of the first byte that ends a plain text: a quote, a backslash, a
 * control character, or one beyond ASCII. */
static inline uint64_t text_stops(uint64_t word)
{
    const uint64_t each = 0x0101010101010101, top = each << 7;
    uint64_t quote = word ^ each * '"', backslash = word ^ each * '\\';
    return (((quote - each) & ~quote) | ((backslash - each) & ~backslash) |
            ((word - each * 0x20) & ~word) | word) &
           top;
}

/* Behind the closing quote of a text that begins at `at`; NULL: it is not plain. */
static inline const char *scan_text(const char *at, const char **text, uint32_t *size)
{
    *text = at;
    for (;; at += sizeof(uint64_t)) {
        uint64_t word, stops;
        memcpy(&word, at, sizeof word);
        stops = text_stops(word);
        if (!stops)
            continue;
        at += __builtin_ctzll(stops) / 8;
        *size = (uint32_t)(at - *text);
        return *at == '"' ? at + 1 : NULL;
    }
}

/* Eight digits at once: neighbours are joined to pairs, pairs to fours, fours to the number.  False
 * if not all are digits: those have 3 in their upper half, and still when 6 is added. */
static inline bool eight_digits(const char *at, uint64_t *number)
{
    const uint64_t each = 0x0101010101010101, upper = each * 0xf0, three = each * 0x30;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    if ((word & upper) != three || ((word + each * 6) & upper) != three)
        return false;
    word -= three;
    word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
    word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
    *number = (word * 10000 + (word >> 32)) & 0xffffffff;
    return true;
}

static inline const char *scan_digits(const char *at, int64_t *number)
{
    uint64_t eight;
    for (; eight_digits(at, &eight); at += sizeof eight)
        *number = (int64_t)((uint64_t)*number * 100000000 + eight);
    for (; *at >= '0' && *at <= '9'; at++)
        *number = (int64_t)((uint64_t)*number * 10 + (uint64_t)(*at - '0'));
    return at;
}

static inline const char *scan_number(const char *at, struct json_flat_member *member)
{
    static const double power[DIGITS_MAX + 1] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = *at == '-';
    const char *whole = at + negative;
    int64_t number = 0;
    at = scan_digits(whole, &number);
    if (at == whole || at - whole > WHOLE_DIGITS_MAX || (*whole == '0' && at - whole > 1))
        return NULL;
    member->type = FLAT_INTEGER;
    member->integer = negative ? -number : number;
    if (*at != '.')
        return at;
    const char *fraction = at + 1;
    at = scan_digits(fraction, &number);
    if (at == fraction || at - whole - 1 > DIGITS_MAX)
        return NULL;
    member->type = FLAT_DECIMAL;
    member->decimal = (double)number / power[at - fraction];
    member->decimal = negative ? -member->decimal : member->decimal;
    return at;
}

static const char *scan_word(const char *at, struct json_flat_member *member)
{
    static const struct {
        char text[8];
        uint32_t size;
        enum json_flat_type type;
    } word[] = {{"true", 4, FLAT_TRUE}, {"false", 5, FLAT_FALSE}, {"null", 4, FLAT_NULL}};
    for (uint32_t i = 0; i < sizeof word / sizeof *word; i++)
        if (memcmp(at, word[i].text, word[i].size) == 0) {
            member->type = word[i].type;
            return at + word[i].size;
        }
    return NULL;
}

static inline const char *scan_value(const char *at, struct json_flat_member *member)
{
    if (*at == '"') {
        member->type = FLAT_TEXT;
        return scan_text(at + 1, &member->text, &member->text_size);
    }
    if (*at == '-' || (*at >= '0' && *at <= '9'))
        return scan_number(at, member);
    return scan_word(at, member);
}

/* From the name's quote to what follows the value. */
static inline const char *scan_member(const char *at, struct json_flat_member *member)
{
    if (*at != '"')
        return NULL;
    at = scan_text(at + 1, &member->name, &member->name_size);
    if (!at)
        return NULL;
    at = skip_space(at);
    if (*at != ':')
        return NULL;
    at = scan_value(skip_space(at + 1), member);
    return at ? skip_space(at) : NULL;
}

uint32_t json_flat_scan(const char *record, size_t size,
                        struct json_flat_member members[JSON_FLAT_MEMBERS_MAX])
{
    const char *at = skip_space(record);
    if (*at != '{')
        return JSON_NOT_FLAT;
    at = skip_space(at + 1);
    uint32_t count = 0;
    while (*at != '}' || count > 0) {
        if (count == JSON_FLAT_MEMBERS_MAX)
            return JSON_NOT_FLAT;
        at = scan_member(at, &members[count]);
        if (!at)
            return JSON_NOT_FLAT;
        count++;
        if (*at == '}')
            break;
        if (*at != ',')
            return JSON_NOT_FLAT;
        at = skip_space(at + 1);
    }
    return skip_space(at + 1) == record + size ? count : JSON_NOT_FLAT;
}
