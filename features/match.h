/* What of a new plan of an entity is found in an old one, each by what it means. */
#ifndef FEATURES_MATCH_H
#define FEATURES_MATCH_H

#include "features/entity.h"
#include "features/migrate.h"

struct match {
    const struct entity *to, *from;
    bool same; /* the rows' bytes mean the same; of plans that are sealed */
    /* indices in `from`, or INDEX_NONE */
    uint32_t cell[CELLS_MAX], condition[CONDITIONS_MAX];
    uint32_t
        moment[MOMENTS_MAX]; /* whose first sums are ours; the others are read from the slots */
    uint32_t window[WINDOWS_MAX]; /* of kinds with a running value: who keeps the same */
};

void match_make(struct match *match, const struct entity *to, const struct program *to_program,
                const struct entity *from, const struct program *from_program);

/* Whether the moment of the old plan that is matched has all the sums that are needed. */
bool match_has_needs(const struct match *match, uint32_t moment, uint32_t needs);

/* How far back an entity keeps all its slots; 0: it promises none. */
int64_t entity_reach_ms(const struct entity *entity, int64_t lateness_ms);

/* Does it keep slots at all, or as many as their windows hold, however old they are? */
bool entity_keeps(const struct entity *entity, int64_t lateness_ms);
bool entity_holds(const struct entity *entity);

#endif
