/* Finding places in a JSON text; see locate.h. */
#include "engine/locate.h"
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *text;
    size_t size, at;
};

static char scan_peek(const struct scan *scan)
{
    return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

static void skip_blank(struct scan *scan)
{
    while (scan->at < scan->size && strchr(" \t\r\n", scan->text[scan->at]))
        scan->at++;
}

static uint32_t scan_hex(const struct scan *scan, size_t at)
{
    char digits[5] = "";
    if (at + 4 <= scan->size)
        memcpy(digits, scan->text + at, 4);
    return (uint32_t)strtoul(digits, NULL, 16);
}

static size_t utf8_encode(uint32_t code, char into[4])
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; code >>= 6)
        into[i] = (char)(0x80 | (code & 0x3F));
    into[0] = (char)(size == 1 ? code : lead[size] | code);
    return size;
}

/* One character of a JSON string, escaped or not, as bytes; returns how many. */
static size_t take_character(struct scan *scan, char into[4])
{
    char byte = scan->text[scan->at++];
    into[0] = byte;
    if (byte != '\\' || scan->at == scan->size)
        return 1;
    char escape = scan->text[scan->at++];
    const char *plain = strchr("b\bf\fn\nr\rt\t", escape);
    into[0] = escape && plain ? plain[1] : escape;
    if (escape != 'u')
        return 1;
    uint32_t code = scan_hex(scan, scan->at);
    scan->at += 4;
    if (code >= 0xD800 && code < 0xDC00) { /* the first half of a pair */
        code = 0x10000 + ((code - 0xD800) << 10) + (scan_hex(scan, scan->at + 2) - 0xDC00);
        scan->at += 6;
    }
    return utf8_encode(code & 0x1FFFFF, into);
}

static void skip_text(struct scan *scan)
{
    for (scan->at++; scan->at < scan->size && scan->text[scan->at] != '"'; scan->at++)
        if (scan->text[scan->at] == '\\')
            scan->at++;
    scan->at = scan->at < scan->size ? scan->at + 1 : scan->size;
}

static void skip_value(struct scan *scan)
{
    int depth = 0;
    while (scan->at < scan->size) {
        char byte = scan->text[scan->at];
        if (byte == '"') {
            skip_text(scan);
        } else {
            if (depth == 0 && strchr(",}] \t\r\n", byte))
                return;
            depth += byte == '{' || byte == '[';
            depth -= byte == '}' || byte == ']';
            scan->at++;
        }
        if (depth == 0 && strchr("\"}]", scan->text[scan->at - 1]))
            return;
    }
}

/* How much of `path` the text at scan spells, up to a joint of the path; 0 if it is another name.
 */
static size_t match_name(struct scan scan, const char *path)
{
    size_t matched = 0;
    char bytes[4];
    for (scan.at++; scan.at < scan.size && scan.text[scan.at] != '"';) {
        size_t size = take_character(&scan, bytes);
        if (strncmp(path + matched, bytes, size) != 0)
            return 0;
        matched += size;
    }
    return strchr(".[", path[matched]) ? matched : 0; /* strchr finds the end as well */
}

/* What a step along the path found. */
struct step_found {
    size_t key, value; /* offsets */
    const char *rest;  /* of the path; NULL: not there */
};

/* Names may hold dots ("bootstrap.servers"), so the longest that fits is meant. */
static struct step_found find_member(struct scan scan, const char *path)
{
    struct step_found found = {0};
    size_t longest = 1;
    for (scan.at++; skip_blank(&scan), scan_peek(&scan) == '"';) {
        size_t key = scan.at, matched = match_name(scan, path);
        skip_text(&scan);
        skip_blank(&scan);
        scan.at++; /* the colon */
        skip_blank(&scan);
        if (matched >= longest) {
            longest = matched;
            found = (struct step_found){key, scan.at, path + matched + (path[matched] == '.')};
        }
        skip_value(&scan);
        skip_blank(&scan);
        if (scan_peek(&scan) == ',')
            scan.at++;
    }
    return found;
}

static struct step_found find_item(struct scan scan, const char *path)
{
    struct step_found found = {0};
    char *end;
    unsigned long index = strtoul(path + 1, &end, 10);
    if (path[0] != '[' || *end != ']')
        return found;
    scan.at++;
    skip_blank(&scan);
    for (unsigned long i = 0; i < index && scan_peek(&scan) != ']' && scan.at < scan.size; i++) {
        skip_value(&scan);
        skip_blank(&scan);
        if (scan_peek(&scan) == ',')
            scan.at++;
        skip_blank(&scan);
    }
    if (scan_peek(&scan) != ']' && scan.at < scan.size)
        found = (struct step_found){scan.at, scan.at, end + 1 + (end[1] == '.')};
    return found;
}

/* The raw offset of a byte of a text value. */
static size_t offset_inside(struct scan scan, uint32_t inside)
{
    char bytes[4];
    size_t passed = 0;
    for (scan.at++; scan.at < scan.size && scan.text[scan.at] != '"';) {
        size_t before = scan.at;
        passed += take_character(&scan, bytes);
        if (passed > inside)
            return before;
    }
    return scan.at;
}

struct place locate_offset(const char *text, size_t size, size_t offset)
{
    struct place place = {1, 1};
    for (size_t i = 0; i < size && i < offset; i++) {
        if (text[i] == '\n')
            place = (struct place){place.line + 1, 1};
        else if (((unsigned char)text[i] & 0xC0) != 0x80)
            place.column++;
    }
    return place;
}

struct place locate_path(const char *text, size_t size, const char *path, bool key_itself,
                         uint32_t inside)
{
    struct scan scan = {text, size, 0};
    skip_blank(&scan);
    struct step_found found = {scan.at, scan.at, path};
    while (*path) {
        char byte = scan_peek(&scan);
        struct step_found next = {0};
        if (byte == '{')
            next = find_member(scan, path);
        else if (byte == '[')
            next = find_item(scan, path);
        if (!next.rest)
            return locate_offset(text, size, found.value);
        found = next;
        path = next.rest;
        scan.at = next.value;
    }
    if (key_itself)
        return locate_offset(text, size, found.key);
    if (inside > 0 && scan_peek(&scan) == '"')
        return locate_offset(text, size, offset_inside(scan, inside));
    return locate_offset(text, size, found.value);
}
