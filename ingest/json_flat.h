/* Plain JSON objects, which most records are, without a tree: no object or list inside, no escapes,
 * nothing but ASCII, numbers of few digits and without exponent.  Of all else the scan says
 * nothing, neither that it is JSON nor that it is not. */
#ifndef INGEST_JSON_FLAT_H
#define INGEST_JSON_FLAT_H

#include <stddef.h>
#include <stdint.h>

enum { JSON_FLAT_MEMBERS_MAX = 64, JSON_FLAT_PADDING = 32 };

#define JSON_NOT_FLAT UINT32_MAX

enum json_flat_type { FLAT_TEXT, FLAT_INTEGER, FLAT_DECIMAL, FLAT_TRUE, FLAT_FALSE, FLAT_NULL };

struct json_flat_member {
    const char *name, *text; /* in the record */
    const char *value, *end; /* its value's first byte, and behind its last */
    uint32_t name_size, text_size;
    enum json_flat_type type;
    int64_t integer;
    double decimal;
};

/* Fills the members in their order and returns how many there are, or JSON_NOT_FLAT.  A zero byte
 * and JSON_FLAT_PADDING - 1 readable ones follow the record. */
uint32_t json_flat_scan(const char *record, size_t size,
                        struct json_flat_member members[JSON_FLAT_MEMBERS_MAX]);

#endif
