/* The kinds of sinks, in the order of `weir list sinks`. */
#include "base/assert.h"
#include "sinks/sink.h"
#include <string.h>

extern const struct sink_kind kafka_sink, file_sink, console_sink, null_sink;

const struct sink_kind *const sink_table[] = {
    &kafka_sink, &file_sink, &console_sink, &null_sink, NULL,
};

const struct sink_kind *sink_find(const char *name)
{
    for (const struct sink_kind *const *kind = sink_table; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}

const char *stream_name(enum stream stream)
{
    static const char *const name[STREAMS] = {
        [STREAM_DECISIONS] = "decisions",
        [STREAM_ALERTS] = "alerts",
        [STREAM_DEAD_LETTERS] = "dead_letters",
        [STREAM_MODEL_EVENTS] = "model_events",
        [STREAM_LATE] = "late",
    };
    ASSERT(stream < STREAMS);
    return name[stream];
}
