/* Outputs go nowhere: for measuring, and for streams that nobody reads. */
#include "sinks/sink.h"
#include <stdlib.h>

struct null_sink {
    uint64_t settled;
};

static enum status null_open(void **self, const struct sink_setting *setting,
                             struct failure *failure)
{
    (void)setting;
    *self = calloc(1, sizeof(struct null_sink));
    if (!*self)
        return failure_set(failure, STATUS_STOP, "could not open sink none: out of memory");
    return STATUS_OK;
}

static enum status null_put(void *self, const struct output *output, struct failure *failure)
{
    (void)self, (void)output, (void)failure;
    return STATUS_OK;
}

static enum status null_settle(void *self, uint64_t sequence, struct failure *failure)
{
    (void)failure;
    ((struct null_sink *)self)->settled = sequence;
    return STATUS_OK;
}

static enum status null_settled(void *self, uint64_t *sequence, struct failure *failure)
{
    (void)failure;
    *sequence = ((struct null_sink *)self)->settled;
    return STATUS_OK;
}

static int null_descriptor(void *self)
{
    (void)self;
    return -1;
}

static const struct option null_options[] = {OPTION_END};

const struct sink_kind null_sink = {
    .name = "none",
    .summary = "discards the outputs",
    .options = null_options,
    .open = null_open,
    .put = null_put,
    .settle = null_settle,
    .settled = null_settled,
    .descriptor = null_descriptor,
    .close = free,
};
