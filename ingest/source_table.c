/* All sources, in the order of `weir list sources`. */
#include "ingest/source.h"
#include <string.h>

extern const struct source_kind kafka_source, file_source, simulator_source;

const struct source_kind *const source_table[] = {&kafka_source, &file_source, &simulator_source,
                                                  NULL};

const struct source_kind *source_find(const char *name)
{
    for (const struct source_kind *const *kind = source_table; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
