/* Lists that a configuration names, for `x in NAME`: as they were written, in order. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/schema.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LISTS_MAX = 64, LIST_MEMBERS_MAX = 1 << 20 };

enum list_type { LIST_TEXT, LIST_NUMBER, LIST_NETWORK };

struct list_member {
    const char *text; /* of texts and networks; whoever made the list keeps them */
    uint32_t size;
    double number; /* of numbers */
};

struct list {
    char name[SCHEMA_NAME_MAX];
    enum list_type type;
    bool unread; /* it had mistakes: whoever looks into it is not blamed for them */
    uint32_t count;
    struct list_member *member; /* (count) */
};

struct lists {
    uint32_t count;
    struct list list[LISTS_MAX];
};

/* NULL if there is none of that name. */
static inline const struct list *lists_find(const struct lists *lists, const char *name)
{
    for (uint32_t i = 0; lists && i < lists->count; i++)
        if (strcmp(lists->list[i].name, name) == 0)
            return &lists->list[i];
    return NULL;
}

#endif
