/* Records of one sender mostly have the same members in the same order, written in the same way.
 * So what stands between the values of a plain record is remembered, with the fields that want each
 * value; the next record is compared with it and read in one pass, without looking up a name.
 *
 * Of a record that is written otherwise, or that has a fault, nothing is said: it is for the others
 * (json_decoder.cc) to read.  They show what they have read, so that the shape follows. */
#ifndef INGEST_JSON_SHAPE_H
#define INGEST_JSON_SHAPE_H

#include "base/batch.h"
#include "base/schema.h"
#include "ingest/json_flat.h"
#include <stdbool.h>

enum { JSON_LITERAL_MAX = 32 };

/* One value's place. */
struct json_place {
    char literal[JSON_LITERAL_MAX]; /* from the value before to this one: `, "amount": ` */
    uint32_t size, mask;            /* of the literal; a bit a byte */
    uint32_t first, last;           /* want[first, last) take the value */
};

struct json_shape {
    uint32_t place_count; /* 0: there is no shape */
    uint32_t want_count, absent_count;
    uint32_t pause, left; /* records to pass over after a miss, and how many of them are left */
    struct json_place place[JSON_FLAT_MEMBERS_MAX];
    const struct field *want[SCHEMA_FIELDS_MAX];
    const struct field *absent[SCHEMA_FIELDS_MAX]; /* no member has them */
};

/* True: the row's cells are filled.  False: they may be, too, and nothing of that is to be taken
 * for good. */
bool json_shape_decode(struct json_shape *shape, const struct schema *schema, struct batch *batch,
                       uint32_t row);

/* A record that was read otherwise becomes the shape: begin, each member in its order with the
 * fields that want it, end. */
void json_shape_begin(struct json_shape *shape);
void json_shape_member(struct json_shape *shape, const char *before /* the end of the last value */,
                       const struct json_flat_member *member);
void json_shape_want(struct json_shape *shape, const struct field *field);
void json_shape_end(struct json_shape *shape, const struct schema *schema);

/* Whether a record is worth showing: who changes shape all the time is left alone for a while. */
bool json_shape_wants(const struct json_shape *shape);

#endif
