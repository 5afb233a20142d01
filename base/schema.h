/* What a record looks like and where its values go.  Made from the configuration, never changed. */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include "base/hash.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    SCHEMA_FIELDS_MAX = 128,
    SCHEMA_NAME_MAX = 64,
    SCHEMA_PATH_MAX = 192,
    SCHEMA_CHOICES_MAX = 64,
    SCHEMA_TEXT_MAX = 4096, /* bytes of one identifier or text; longer ones are refused */
};

#define SLOT_NONE UINT32_MAX

enum field_type {
    FIELD_ID,        /* names the event; text or whole number; key column, text kept for outputs */
    FIELD_KEY,       /* an entity: card, merchant, device; like FIELD_ID */
    FIELD_TEXT,      /* compared in formulas; like FIELD_ID */
    FIELD_NUMBER,    /* number, or a text that is one; never NaN or infinite */
    FIELD_TIME,      /* ISO 8601 text, or epoch in the field's unit */
    FIELD_BOOLEAN,   /* true, false, 0, 1, and these as texts */
    FIELD_ENUM,      /* one of `choices`; the column holds its index */
    FIELD_LATITUDE,  /* -90 to 90 */
    FIELD_LONGITUDE, /* -180 to 180 */
};

/* Of a time that is a number. */
enum time_unit { TIME_SECONDS, TIME_MILLISECONDS, TIME_MICROSECONDS };

/* What the value is besides a column: which fixed array of the batch it goes to as well. */
enum field_role { ROLE_NONE, ROLE_ID, ROLE_TIME, ROLE_LABEL };

struct field {
    char name[SCHEMA_NAME_MAX];   /* as formulas and outputs say it */
    char source[SCHEMA_PATH_MAX]; /* JSON path with dots, or CSV column */
    enum field_type type;
    enum field_role role;
    enum time_unit unit;
    bool required;  /* missing or null makes a dead letter; otherwise `fallback`, else missing */
    bool sensitive; /* leaves only masked: the last four characters */
    bool has_fallback;
    double fallback;                     /* numbers, booleans, enum index, time in seconds */
    char fallback_text[SCHEMA_NAME_MAX]; /* identifiers and texts */
    double minimum, maximum;             /* of numbers, inclusive */
    uint32_t choice_count;
    char (*choices)[SCHEMA_NAME_MAX]; /* (choice_count); lives as long as the schema */
    uint32_t slot;                    /* column, or SLOT_NONE (a label's own fields) */
    uint32_t text_slot;               /* row of batch.texts, or SLOT_NONE */
};

struct schema {
    struct hash_key key; /* identifiers and texts are hashed with it, see program.h */
    uint32_t field_count;
    struct field field[SCHEMA_FIELDS_MAX];
};

/* The field's index, or SLOT_NONE. */
uint32_t schema_find(const struct schema *schema, const char *name);

/* "number", "key", ... as the configuration says it. */
const char *field_type_name(enum field_type type);

/* True for types whose cells are keys rather than numbers. */
static inline bool field_type_is_key(enum field_type type)
{
    return type == FIELD_ID || type == FIELD_KEY || type == FIELD_TEXT;
}

#endif
