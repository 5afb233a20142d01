/* One pass over the bytes; see json_flat.h. */
#include "ingest/json_scan.h"

/* From the name's quote to what follows the value. */
static inline const char *scan_member(const char *at, struct json_flat_member *member)
{
    if (*at != '"')
        return NULL;
    at = scan_text(at + 1, &member->name, &member->name_size);
    if (!at)
        return NULL;
    at = scan_space(at);
    if (*at != ':')
        return NULL;
    member->value = scan_space(at + 1);
    member->end = scan_value(member->value, member);
    return member->end ? scan_space(member->end) : NULL;
}

uint32_t json_flat_scan(const char *record, size_t size,
                        struct json_flat_member members[JSON_FLAT_MEMBERS_MAX])
{
    const char *at = scan_space(record);
    if (*at != '{')
        return JSON_NOT_FLAT;
    at = scan_space(at + 1);
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
        at = scan_space(at + 1);
    }
    return scan_space(at + 1) == record + size ? count : JSON_NOT_FLAT;
}
