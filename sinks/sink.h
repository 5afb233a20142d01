/* Where outputs go.  A sink takes encoded lines in order and says how many of them are safe.  Nothing
 * upstream is committed before that (see engine/settle.h).
 *
 * A kind is one file, x_sink.c, and one row of sink_table.c. */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include "base/option.h"
#include "base/status.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct sink_setting {
    const char *stream;    /* "decisions", "alerts", "dead_letters", "model_events" */
    const json_t *options; /* the kind's own members, checked against its table */
    const json_t *kafka;   /* librdkafka properties common to the pipeline; NULL if none */
};

struct sink_kind {
    const char *name, *summary;
    const struct option *options;
    size_t option_size;

    enum status (*open)(void **self, const struct sink_setting *setting, struct failure *failure);

    /* Takes one output; the bytes are copied.  RETRY: full, come again after service.  STOP: failure. */
    enum status (*put)(void *self, const void *key, size_t key_size, const void *bytes, size_t size,
                       struct failure *failure);

    /* Lets deliveries proceed without waiting.  STOP: an output was lost for good. */
    enum status (*service)(void *self, struct failure *failure);

    /* Outputs put so far that are safe (acknowledged, written). */
    uint64_t (*acknowledged)(void *self);

    /* Waits until all are safe, at most timeout_ms. */
    enum status (*flush)(void *self, int timeout_ms, struct failure *failure);
    void (*close)(void *self);
};

extern const struct sink_kind *const sink_table[]; /* NULL-terminated */
const struct sink_kind *sink_find(const char *name);

#endif
