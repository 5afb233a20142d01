/* A configuration's zones; see zones.h. */
#include "base/zones.h"
#include <string.h>

static const struct zone *find(const struct zones *zones, const char *name)
{
    for (uint32_t i = 0; i < zones->count; i++)
        if (strcmp(zones->zone[i]->name, name) == 0)
            return zones->zone[i];
    return NULL;
}

const struct zone *zones_find(struct zones *zones, const char *name, struct failure *failure)
{
    const struct zone *known = find(zones, name);
    if (known)
        return known;
    if (zones->count == ZONES_MAX) {
        failure_set(failure, STATUS_STOP, "too many time zones: there can be %d", ZONES_MAX);
        return NULL;
    }
    struct zone *zone = zone_open(name, failure);
    if (zone)
        zones->zone[zones->count++] = zone;
    return zone;
}

bool zones_give(struct zones *zones, const char *name, const int64_t *from_s,
                const int64_t *offset_s, uint32_t count)
{
    if (find(zones, name) || zones->count == ZONES_MAX)
        return false;
    struct zone *zone = zone_make(name, from_s, offset_s, count);
    if (zone)
        zones->zone[zones->count++] = zone;
    return zone != NULL;
}

void zones_close(struct zones *zones)
{
    for (uint32_t i = 0; i < zones->count; i++)
        zone_close(zones->zone[i]);
    zones->count = 0;
}
