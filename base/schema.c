/* Looking fields up; see schema.h. */
#include "base/schema.h"
#include <string.h>

uint32_t schema_find(const struct schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (strcmp(schema->field[i].name, name) == 0)
            return i;
    return SLOT_NONE;
}

const char *field_type_name(enum field_type type)
{
    static const char *const name[] = {
        [FIELD_ID] = "id",         [FIELD_KEY] = "key",           [FIELD_TEXT] = "text",
        [FIELD_NUMBER] = "number", [FIELD_TIME] = "time",         [FIELD_BOOLEAN] = "boolean",
        [FIELD_ENUM] = "enum",     [FIELD_LATITUDE] = "latitude", [FIELD_LONGITUDE] = "longitude",
    };
    return name[type];
}
