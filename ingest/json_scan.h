/* The bytes of plain JSON values, for those who read records without a tree (json_flat.h,
 * json_shape.h).  A zero byte and JSON_FLAT_PADDING - 1 readable ones follow the record.
 *
 * Texts are looked through 32 bytes at a time, or eight where the processor has no such registers:
 * with x - n borrowing from the byte above it, in (x - n) & ~x the lowest top bit that is set is
 * that of the first byte below n (Warren, "Hacker's Delight", 6-1).  Numbers are exact: up to 15
 * digits and the powers of ten up to 10^15 are doubles, and one division of doubles is rounded once
 * (Clinger, "How to read floating point numbers accurately", 1990). */
#ifndef INGEST_JSON_SCAN_H
#define INGEST_JSON_SCAN_H

#include "ingest/json_flat.h"
#include <stdbool.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { SCAN_WHOLE_MAX = 18, SCAN_DIGITS_MAX = 15 };

static inline const char *scan_space(const char *at)
{
    if (__builtin_expect((unsigned char)*at > ' ', 1))
        return at;
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

#ifdef __AVX2__

enum { SCAN_STEP = 32 };

/* How many bytes of a step are plain; SCAN_STEP: all.  What ends a plain text: a quote, a
 * backslash, a control character, or a byte beyond ASCII, which is negative. */
static inline uint32_t scan_plain(const char *at)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
    __m256i backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    __m256i control = _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), bytes);
    __m256i stops = _mm256_or_si256(_mm256_or_si256(quote, backslash), control);
    uint64_t beyond = 1ULL << SCAN_STEP;
    return (uint32_t)__builtin_ctzll((uint32_t)_mm256_movemask_epi8(stops) | beyond);
}

#else

enum { SCAN_STEP = 8 };

static inline uint32_t scan_plain(const char *at)
{
    const uint64_t each = 0x0101010101010101, top = each << 7;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t quote = word ^ each * '"', backslash = word ^ each * '\\';
    uint64_t stops = (((quote - each) & ~quote) | ((backslash - each) & ~backslash) |
                      ((word - each * 0x20) & ~word) | word) &
                     top;
    return stops ? (uint32_t)__builtin_ctzll(stops) / 8 : SCAN_STEP;
}

#endif

/* Behind the closing quote of a text that begins at `at`; NULL: it is not plain. */
static inline const char *scan_text(const char *at, const char **text, uint32_t *size)
{
    uint32_t plain;
    *text = at;
    while ((plain = scan_plain(at)) == SCAN_STEP)
        at += SCAN_STEP;
    at += plain;
    *size = (uint32_t)(at - *text);
    return *at == '"' ? at + 1 : NULL;
}

/* How many of the eight bytes from the first on are digits: those have 3 in their upper half, and
 * still when 6 is added. */
static inline uint32_t scan_digits(uint64_t word)
{
    const uint64_t each = 0x0101010101010101, upper = each * 0xf0, three = each * 0x30;
    uint64_t other = ((word & upper) ^ three) | (((word + each * 6) & upper) ^ three);
    return other ? (uint32_t)__builtin_ctzll(other) / 8 : 8;
}

/* The number that the first `count` bytes, 1 to 8 digits, stand for: neighbours are joined to
 * pairs, pairs to fours, fours to the number, with zeros in front. */
static inline uint64_t scan_joined(uint64_t word, uint32_t count)
{
    word = (word - 0x3030303030303030) << (64 - 8 * count);
    word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
    word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
    return (word * 10000 + (word >> 32)) & 0xffffffff;
}

/* Behind the digits at `at`, which are put behind those of the number. */
static inline const char *scan_run(const char *at, uint64_t *number)
{
    static const uint64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint32_t count;
    do {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        count = scan_digits(word);
        if (count == 0)
            break;
        *number = *number * power[count] + scan_joined(word, count);
        at += count;
    } while (count == 8);
    return at;
}

/* Behind the number at `at`, an integer or a decimal as the member tells; NULL: it is not plain. */
static inline const char *scan_number(const char *at, struct json_flat_member *member)
{
    static const double power[SCAN_DIGITS_MAX + 1] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = *at == '-';
    const char *whole = at + negative;
    uint64_t number = 0;
    at = scan_run(whole, &number);
    if (at == whole || at - whole > SCAN_WHOLE_MAX || (*whole == '0' && at - whole > 1))
        return NULL;
    member->type = FLAT_INTEGER;
    member->integer = negative ? -(int64_t)number : (int64_t)number;
    if (*at != '.')
        return at;
    const char *fraction = at + 1;
    at = scan_run(fraction, &number);
    if (at == fraction || at - whole - 1 > SCAN_DIGITS_MAX)
        return NULL;
    member->type = FLAT_DECIMAL;
    member->decimal = (double)(int64_t)number / power[at - fraction];
    member->decimal = negative ? -member->decimal : member->decimal;
    return at;
}

static inline const char *scan_word(const char *at, struct json_flat_member *member)
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

/* Behind the value that begins at `at`; NULL: it is not plain. */
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

#endif
