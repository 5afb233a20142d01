/* The loops of operations on texts and sets; see text_operation.h.  A missing text has no bytes,
 * and a text that has none is missing. */
#include "base/text_operation.h"
#include "base/key_set.h"
#include "base/networks.h"
#include "base/pattern.h"
#include "base/zone.h"
#include <string.h>

/* A text of a row. */
struct text {
    const char *bytes;
    size_t size;
};

static inline struct text text_of(const struct operation_call *call, uint32_t argument,
                                  uint32_t row)
{
    struct span span = call->in_text[argument][row];
    return (struct text){call->bytes + span.offset, span.size};
}

static inline bool is_missing(double x)
{
    return x != x;
}

/* ---- texts made of texts ---- */

/* A part of the first argument's text, without capitals, where it stands in its layer.  What had
 * none is what it was, so it needs no hash again. */
static void put_lower(const struct operation_call *call, uint32_t row, struct text part)
{
    struct span whole = call->in_text[0][row];
    uint32_t inside = (uint32_t)(part.bytes - (call->bytes + whole.offset));
    struct span made = {call->layer + (whole.offset + inside) % BATCH_LAYER_BYTES,
                        (uint32_t)part.size};
    char *to = call->bytes + made.offset;
    bool changed = part.size != whole.size;
    for (size_t i = 0; i < part.size; i++) {
        bool capital = part.bytes[i] >= 'A' && part.bytes[i] <= 'Z';
        to[i] = (char)(part.bytes[i] | (capital ? 0x20 : 0));
        changed |= capital;
    }
    call->out_text[row] = made;
    call->out[row].key = changed ? hash_bytes(call->key, to, made.size) : call->in[0][row].key;
}

static void put_missing(const struct operation_call *call, uint32_t row)
{
    call->out_text[row] = (struct span){0, 0};
    call->out[row].key = 0;
}

void call_lower(const struct operation_call *call)
{
    for (uint32_t row = 0; row < call->count; row++) {
        struct text text = text_of(call, 0, row);
        if (text.size)
            put_lower(call, row, text);
        else
            put_missing(call, row);
    }
}

/* Behind the last of a byte; all of it if there is none. */
static struct text behind_last(struct text text, char byte)
{
    const char *found = text.size ? memrchr(text.bytes, byte, text.size) : NULL;
    if (!found)
        return text;
    return (struct text){found + 1, text.size - (size_t)(found + 1 - text.bytes)};
}

static struct text cut_at(struct text text, const char *ends)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] && strchr(ends, text.bytes[i]))
            return (struct text){text.bytes, i};
    return text;
}

/* The host of scheme://user@host:port/path (RFC 3986, section 3.2), without the brackets of an IPv6
 * address; of what has no scheme, what stands behind the last @. */
static struct text host_of(struct text text)
{
    const char *scheme = text.size ? memmem(text.bytes, text.size, "://", 3) : NULL;
    struct text host = text;
    if (scheme) {
        size_t skipped = (size_t)(scheme + 3 - text.bytes);
        host = cut_at((struct text){scheme + 3, text.size - skipped}, "/?#\\");
    } else if (!text.size || !memchr(text.bytes, '@', text.size)) {
        return (struct text){text.bytes, 0};
    }
    host = behind_last(host, '@');
    if (host.size && host.bytes[0] == '[')
        return cut_at((struct text){host.bytes + 1, host.size - 1}, "]");
    return scheme ? cut_at(host, ":") : host;
}

void call_domain(const struct operation_call *call)
{
    for (uint32_t row = 0; row < call->count; row++) {
        struct text host = host_of(text_of(call, 0, row));
        if (host.size)
            put_lower(call, row, host);
        else
            put_missing(call, row);
    }
}

/* ---- questions about texts ---- */

static bool has_prefix(struct text text, struct text part)
{
    return text.size >= part.size && memcmp(text.bytes, part.bytes, part.size) == 0;
}

static bool has_suffix(struct text text, struct text part)
{
    return text.size >= part.size &&
           memcmp(text.bytes + text.size - part.size, part.bytes, part.size) == 0;
}

static bool has_part(struct text text, struct text part)
{
    return memmem(text.bytes, text.size, part.bytes, part.size) != NULL;
}

static inline void ask(const struct operation_call *call, bool (*has)(struct text, struct text))
{
    for (uint32_t row = 0; row < call->count; row++) {
        struct text text = text_of(call, 0, row), part = text_of(call, 1, row);
        call->out[row].number = text.size && part.size ? (has(text, part) ? 1 : 0) : MISSING;
    }
}

void call_prefix(const struct operation_call *call)
{
    ask(call, has_prefix);
}

void call_suffix(const struct operation_call *call)
{
    ask(call, has_suffix);
}

void call_contains(const struct operation_call *call)
{
    ask(call, has_part);
}

/* Characters of UTF-8: the bytes that do not continue one. */
void call_length(const struct operation_call *call)
{
    for (uint32_t row = 0; row < call->count; row++) {
        struct text text = text_of(call, 0, row);
        uint32_t count = 0;
        for (size_t i = 0; i < text.size; i++)
            count += ((unsigned char)text.bytes[i] & 0xC0) != 0x80;
        call->out[row].number = text.size ? count : MISSING;
    }
}

void call_matches(const struct operation_call *call)
{
    for (uint32_t row = 0; row < call->count; row++) {
        struct text text = text_of(call, 0, row);
        double found = text.size && pattern_matches(call->with, text.bytes, text.size);
        call->out[row].number = text.size ? found : MISSING;
    }
}

/* ---- passing on ---- */

void call_if_text(const struct operation_call *call)
{
    for (uint32_t row = 0; row < call->count; row++) {
        double condition = call->in[0][row].number;
        uint32_t taken = condition != 0 && !is_missing(condition) ? 1 : 2;
        call->out[row] = call->in[taken][row];
        call->out_text[row] = call->in_text[taken][row];
    }
}

void call_coalesce_text(const struct operation_call *call)
{
    for (uint32_t row = 0; row < call->count; row++) {
        uint32_t taken = call->in[0][row].key != 0 ? 0 : 1;
        call->out[row] = call->in[taken][row];
        call->out_text[row] = call->in_text[taken][row];
    }
}

/* ---- sets ---- */

static inline void look_up_keys(const struct operation_call *call, bool wanted)
{
    for (uint32_t row = 0; row < call->count; row++) {
        uint64_t key = call->in[0][row].key;
        call->out[row].number = key != 0 && key_set_has(call->with, key) == wanted ? 1 : 0;
    }
}

void call_in_keys(const struct operation_call *call)
{
    look_up_keys(call, true);
}

void call_not_in_keys(const struct operation_call *call)
{
    look_up_keys(call, false);
}

static inline void look_up_numbers(const struct operation_call *call, bool wanted)
{
    for (uint32_t row = 0; row < call->count; row++) {
        double x = call->in[0][row].number;
        bool found = key_set_has(call->with, number_word(x));
        call->out[row].number = !is_missing(x) && found == wanted ? 1 : 0;
    }
}

void call_in_numbers(const struct operation_call *call)
{
    look_up_numbers(call, true);
}

void call_not_in_numbers(const struct operation_call *call)
{
    look_up_numbers(call, false);
}

/* What is no address is in no network. */
static inline void look_up_networks(const struct operation_call *call, bool wanted)
{
    for (uint32_t row = 0; row < call->count; row++) {
        struct text text = text_of(call, 0, row);
        struct address address;
        bool found = text.size && address_parse(text.bytes, text.size, &address) &&
                     networks_have(call->with, &address);
        call->out[row].number = text.size && found == wanted ? 1 : 0;
    }
}

void call_in_networks(const struct operation_call *call)
{
    look_up_networks(call, true);
}

void call_not_in_networks(const struct operation_call *call)
{
    look_up_networks(call, false);
}

/* ---- clocks ---- */

/* Whole seconds of the years 1 to 9999, the calendar's, shifted; other moments are missing.  Times
 * that are near each other have one offset, so it is looked up once for many. */
void call_local(const struct operation_call *call)
{
    struct zone_interval interval = {0, 0, 0};
    for (uint32_t row = 0; row < call->count; row++) {
        double second = floor(call->in[0][row].number);
        if (!(second >= -62135596800.0 && second < 253402300800.0)) {
            call->out[row].number = MISSING;
            continue;
        }
        int64_t time_ms = (int64_t)second * 1000;
        if (time_ms < interval.from_ms || time_ms >= interval.to_ms)
            interval = zone_interval(call->with, time_ms);
        call->out[row].number = second + (double)interval.offset_ms / 1000;
    }
}
