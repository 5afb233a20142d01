/* Where outputs go.  The engine's outbox owns the encoded outputs, entry by entry; a sink is handed
 * them, may read them until their entry has settled, and says up to which entry everything is safe.
 * Nothing upstream is committed before that.
 *
 * A kind is one file, x_sink.c, and one row of sink_table.c.  One instance serves all the streams
 * that name the kind, so that Kafka needs one producer. */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include "base/option.h"
#include "base/status.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum stream {
    STREAM_DECISIONS,
    STREAM_ALERTS,
    STREAM_DEAD_LETTERS,
    STREAM_MODEL_EVENTS,
    STREAM_LATE, /* events that came too late for a window */
    STREAMS
};

/* "decisions", "alerts", "dead_letters", "model_events", "late". */
const char *stream_name(enum stream stream);

struct output {
    enum stream stream;
    const char *key, *bytes; /* key: the event's id; the bytes are one JSON object, no newline */
    uint32_t key_size, size;
};

struct sink_setting {
    const void *options[STREAMS]; /* the kind's structure for each stream it serves, else NULL */
    const json_t *kafka;          /* librdkafka properties common to the pipeline; NULL if none */
    int64_t wait_ms;              /* for brokers that are away: <0: for ever; 0: a while */
};

struct sink_kind {
    const char *name, *summary;
    const struct option *options;
    size_t option_size;

    enum status (*open)(void **self, const struct sink_setting *setting, struct failure *failure);

    /* Takes one output of the current entry.  RETRY: full, the same again later.  STOP: failure. */
    enum status (*put)(void *self, const struct output *output, struct failure *failure);

    /* All outputs of the entry `sequence` have been put (entries are numbered from 1, in order). */
    enum status (*settle)(void *self, uint64_t sequence, struct failure *failure);

    /* Lets deliveries proceed without waiting; sets the last entry that is safe.  STOP: an output
     * was lost for good. */
    enum status (*settled)(void *self, uint64_t *sequence, struct failure *failure);

    /* A descriptor that becomes readable when settled may have moved, or -1. */
    int (*descriptor)(void *self);

    void (*close)(void *self);
};

extern const struct sink_kind *const sink_table[]; /* NULL-terminated */
const struct sink_kind *sink_find(const char *name);

#endif
