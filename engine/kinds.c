/* One view of all tables; see kinds.h. */
#include "engine/kinds.h"
#include "base/program.h"
#include "features/aggregate.h"
#include "features/burst.h"
#include "ingest/decoder.h"
#include "ingest/source.h"
#include "models/model.h"
#include "monitor/detector.h"
#include "sinks/sink.h"
#include <string.h>

static const char *const table_names[KIND_TABLES][2] = {
    [KINDS_SOURCES] = {"sources", "source"},
    [KINDS_DECODERS] = {"decoders", "decoder"},
    [KINDS_AGGREGATES] = {"aggregates", "aggregate"},
    [KINDS_FUNCTIONS] = {"functions", "function"},
    [KINDS_MODELS] = {"models", "model"},
    [KINDS_DETECTORS] = {"detectors", "detector"},
    [KINDS_SINKS] = {"sinks", "sink"},
};

const char *kind_table_name(enum kind_table table)
{
    return table_names[table][0];
}

const char *kind_table_noun(enum kind_table table)
{
    return table_names[table][1];
}

static bool source_at(uint32_t index, struct kind *kind)
{
    const struct source_kind *row = source_table[index];
    if (row)
        *kind = (struct kind){row->name, row->summary, NULL, row->options, row->option_size, row};
    return row;
}

static bool decoder_at(uint32_t index, struct kind *kind)
{
    const struct decoder_kind *row = decoder_table[index];
    if (row)
        *kind = (struct kind){row->name, row->summary, NULL, NULL, 0, row};
    return row;
}

/* Behind those of the table what is of no entity. */
static bool aggregate_at(uint32_t index, struct kind *kind)
{
    uint32_t count = 0;
    while (aggregate_table[count])
        count++;
    const struct aggregate_kind *row = index < count ? aggregate_table[index] : NULL;
    if (row)
        *kind = (struct kind){row->name, row->summary, row->signature, NULL, 0, row};
    else if (index == count)
        *kind = (struct kind){burst_help.name, burst_help.summary, burst_help.signature, NULL, 0,
                              &burst_help};
    return index <= count;
}

static bool function_at(uint32_t index, struct kind *kind)
{
    uint32_t count;
    const struct program_function *row = program_functions(&count) + index;
    if (index < count)
        *kind = (struct kind){row->name, row->summary, row->signature, NULL, 0, row};
    return index < count;
}

static bool model_at(uint32_t index, struct kind *kind)
{
    const struct model_kind *row = model_table[index];
    if (row)
        *kind = (struct kind){row->name, row->summary, NULL, row->options, row->option_size, row};
    return row;
}

static bool detector_at(uint32_t index, struct kind *kind)
{
    const struct detector_kind *row = detector_table[index];
    if (row)
        *kind = (struct kind){row->name, row->summary, NULL, row->options, row->option_size, row};
    return row;
}

static bool sink_at(uint32_t index, struct kind *kind)
{
    const struct sink_kind *row = sink_table[index];
    if (row)
        *kind = (struct kind){row->name, row->summary, NULL, row->options, row->option_size, row};
    return row;
}

bool kind_at(enum kind_table table, uint32_t index, struct kind *kind)
{
    static bool (*const at[KIND_TABLES])(uint32_t, struct kind *) = {
        source_at, decoder_at, aggregate_at, function_at, model_at, detector_at, sink_at,
    };
    return at[table](index, kind);
}

bool kind_find(enum kind_table table, const char *name, struct kind *kind)
{
    for (uint32_t i = 0; kind_at(table, i, kind); i++)
        if (strcmp(kind->name, name) == 0)
            return true;
    return false;
}
