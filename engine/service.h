/* The service: an engine turned by libuv.  Descriptors of sources and sinks wake it, a timer
 * settles what is due, signals end it in order. */
#ifndef ENGINE_SERVICE_H
#define ENGINE_SERVICE_H

#include "engine/engine.h"
#include "engine/process_children.h"
#include <uv.h>

enum { SERVICE_POLLS_MAX = INPUTS_MAX + STREAMS };

struct service {
    struct engine *engine;
    uv_loop_t loop;
    uv_poll_t poll[SERVICE_POLLS_MAX]; /* sources first */
    uint32_t poll_count, source_count;
    uint32_t input[SERVICE_POLLS_MAX]; /* of each source's poll */
    bool sources_held;
    uv_timer_t timer;
    uv_idle_t idle;
    uv_signal_t interrupt, terminate;
    struct process_children children;
    uint64_t events_most; /* stop after so many; 0: go on */
    bool stopping;
    enum status status;
    struct failure failure;
};

/* Makes the loop and the children; the engine is opened with service->children in its world. */
void service_init(struct service *service);

/* Runs until a signal, the end of all inputs, events_most or a failure.  OK: it ended in order and
 * everything decided has settled. */
enum status service_run(struct service *service, struct engine *engine, struct failure *failure);
void service_close(struct service *service);

#endif
