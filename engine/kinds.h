/* The tables of all kinds, seen in one way: by the configuration, by `weir list`. */
#ifndef ENGINE_KINDS_H
#define ENGINE_KINDS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

enum kind_table {
    KINDS_SOURCES,
    KINDS_DECODERS,
    KINDS_AGGREGATES,
    KINDS_FUNCTIONS,
    KINDS_MODELS,
    KINDS_DETECTORS,
    KINDS_SINKS,
    KIND_TABLES,
};

/* A row of any table. */
struct kind {
    const char *name, *summary;
    const char *signature; /* of aggregates and functions; else NULL */
    const struct option *options;
    size_t option_size;
    const void *row; /* struct source_kind, ... */
};

/* "sources", "decoders", ... */
const char *kind_table_name(enum kind_table table);

/* "source", "decoder", ... */
const char *kind_table_noun(enum kind_table table);

/* False past the table's end. */
bool kind_at(enum kind_table table, uint32_t index, struct kind *kind);
bool kind_find(enum kind_table table, const char *name, struct kind *kind);

#endif
