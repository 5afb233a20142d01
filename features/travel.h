/* What distance and speed share: the place of the latest event, and the great circle between two
 * places by the haversine formula (Sinnott, "Virtues of the haversine", 1984):
 *
 *     a = sin^2((lat2 - lat1) / 2) + cos(lat1) cos(lat2) sin^2((lon2 - lon1) / 2)
 *     d = 2 R asin(sqrt(a))
 */
#ifndef FEATURES_TRAVEL_H
#define FEATURES_TRAVEL_H

#include "features/aggregate.h"
#include <math.h>

/* Of a sphere with the Earth's volume; the true ellipsoid differs by 0.5 % at most. */
static const double EARTH_RADIUS_KM = 6371.0, RADIANS = 0.017453292519943295;

struct travel {
    int64_t time_ms;
    double latitude, longitude;
    uint64_t state; /* enum travel_state */
};

enum travel_state { TRAVEL_NONE, TRAVEL_KNOWN, TRAVEL_NOWHERE /* it has no place */ };

static inline bool slot_is_somewhere(const struct slot_view *slot)
{
    return !slot_misses(slot, 0) && !slot_misses(slot, 1);
}

static inline void travel_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    struct travel *travel = value;
    bool known = slot_is_somewhere(slot);
    travel->time_ms = slot->time_ms;
    travel->latitude = known ? slot->argument[0].number : 0;
    travel->longitude = known ? slot->argument[1].number : 0;
    travel->state = known ? TRAVEL_KNOWN : TRAVEL_NOWHERE;
}

/* The oldest leaves: if it is of the latest's time, it may be the latest itself. */
static inline void travel_remove(void *value, const struct slot_view *slot,
                                 struct window_view *window)
{
    struct travel *travel = value;
    struct slot_view rest;
    if (slot->time_ms < travel->time_ms)
        return;
    window_first(window);
    if (!window_next(window, &rest))
        *travel = (struct travel){0};
}

/* Behind all of its time and of earlier ones: then it is the latest. */
static inline void travel_insert(void *value, const struct slot_view *slot, uint32_t newer,
                                 struct window_view *window)
{
    (void)window;
    if (newer == 0)
        travel_add(value, slot, NULL);
}

static inline bool travel_settles(const struct slot_view *slot)
{
    (void)slot;
    return true;
}

static inline void travel_join(void *value, const void *newer)
{
    struct travel *travel = value;
    const struct travel *other = newer;
    if (other->state != TRAVEL_NONE &&
        (travel->state == TRAVEL_NONE || other->time_ms >= travel->time_ms))
        *travel = *other;
}

static inline double great_circle_km(double latitude, double longitude, double to_latitude,
                                     double to_longitude)
{
    double north = sin((to_latitude - latitude) / 2 * RADIANS);
    double east = sin((to_longitude - longitude) / 2 * RADIANS);
    double a = north * north + cos(latitude * RADIANS) * cos(to_latitude * RADIANS) * east * east;
    return 2 * EARTH_RADIUS_KM * asin(sqrt(a < 1 ? a : 1));
}

/* Kilometres from the latest place to the event's; false if either is unknown. */
static inline bool travel_km(const struct travel *travel, const struct slot_view *event, double *km)
{
    if (travel->state != TRAVEL_KNOWN || !slot_is_somewhere(event))
        return false;
    *km = great_circle_km(travel->latitude, travel->longitude, event->argument[0].number,
                          event->argument[1].number);
    return true;
}

/* The latest of all slots, as the definitions see it. */
static inline struct travel travel_latest(const struct slot_view *slots, uint32_t count)
{
    struct travel travel = {0};
    if (count > 0)
        travel_add(&travel, &slots[count - 1], NULL);
    return travel;
}

#endif
