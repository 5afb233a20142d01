/* The time zones that a configuration uses, each read once: from tzdata, or as it is given, so that
 * a state goes on by the rules that it was made by. */
#ifndef BASE_ZONES_H
#define BASE_ZONES_H

#include "base/zone.h"

enum { ZONES_MAX = 64 };

struct zones {
    uint32_t count;
    struct zone *zone[ZONES_MAX];
};

/* One that is there already, or out of tzdata; NULL with the failure.  It lives as long as they. */
const struct zone *zones_find(struct zones *zones, const char *name, struct failure *failure);

/* One of that name by these rules, instead of tzdata's: offset_s[0] until from_s[1], and so on
 * (from_s[0] is not looked at).  False if they are none, or the name is. */
bool zones_give(struct zones *zones, const char *name, const int64_t *from_s,
                const int64_t *offset_s, uint32_t count);

void zones_close(struct zones *zones);

#endif
