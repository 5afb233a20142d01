/* The service: an engine, or a node around one, turned by libuv.  Descriptors of sources, sinks and
 * ledger wake it, a timer settles what is due, signals end it in order. */
#ifndef ENGINE_SERVICE_H
#define ENGINE_SERVICE_H

#include "engine/node.h"
#include "engine/process_children.h"
#include <uv.h>

enum { SERVICE_POLLS_MAX = INPUTS_MAX + STREAMS + 1 };

/* A descriptor that is watched; freed when libuv has closed it. */
struct watch {
    uv_poll_t poll;
    struct service *service;
    uint32_t input; /* of a source's */
};

struct service {
    struct engine *engine; /* of the node: the one that runs at the moment */
    struct node *node;     /* NULL: the engine alone, delivery at least once */
    uv_loop_t loop;
    struct watch *source[SERVICE_POLLS_MAX], *other[SERVICE_POLLS_MAX];
    uint32_t source_count, other_count;
    bool sources_held;
    uv_timer_t timer;
    uv_idle_t idle;
    uv_signal_t interrupt, terminate;
    struct process_children children;
    uint64_t events_most; /* stop after so many; 0: go on */
    uint64_t deadline_ns; /* of an orderly end */
    bool stopping;
    enum status status;
    struct failure failure;
};

/* Makes the loop and the children; the engine is opened with service->children in its world. */
void service_init(struct service *service);

/* Inputs have been opened, or are about to be closed: their descriptors are watched, or no more. */
void service_watch_inputs(struct service *service, const struct inputs *inputs);
void service_unwatch_inputs(struct service *service);
/* Any other descriptor that wakes the loop; -1: none. */
void service_watch_descriptor(struct service *service, int descriptor);

/* Runs until a signal, the end of all inputs, events_most or a failure.  OK: it ended in order and
 * everything decided has settled.  Either an engine or a node. */
enum status service_run(struct service *service, struct engine *engine, struct node *node,
                        struct failure *failure);
void service_close(struct service *service);

#endif
