/* The loop's turns; see service.h.
 *
 *     a descriptor, the timer or idle -> service_turn -> engine_turn or node_turn, a few times
 *
 * As long as a turn finds work the idle handle keeps the loop turning; while nothing may be taken
 * from the sources (the sinks are full, or another process leads) they are not watched. */
#include "engine/service.h"
#include "base/log.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_MAX = 16, TIMER_MOST_MS = 10, DRAIN_MS = 10000, STOP_SECONDS = 30 };

void service_init(struct service *service)
{
    memset(service, 0, sizeof *service);
    uv_loop_init(&service->loop);
    process_children_init(&service->children, &service->loop);
}

static void service_end(struct service *service, enum status status)
{
    service->stopping = true;
    service->status = status;
    uv_stop(&service->loop);
}

/* ---- what is watched ---- */

static void service_on_idle(uv_idle_t *idle);
static void service_on_readable(uv_poll_t *poll, int status, int events);

static struct watch *watch_open(struct service *service, int descriptor)
{
    struct watch *watch = calloc(1, sizeof *watch);
    ASSERT(watch);
    watch->service = service;
    /* Some devices cannot be watched; the timer asks them. */
    if (descriptor < 0 || uv_poll_init(&service->loop, &watch->poll, descriptor) != 0) {
        free(watch);
        return NULL;
    }
    uv_poll_start(&watch->poll, UV_READABLE, service_on_readable);
    return watch;
}

static void watch_free(uv_handle_t *handle)
{
    free(handle); /* the poll is the watch's first member */
}

void service_watch_inputs(struct service *service, const struct inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct source *source = &inputs->input[i].source;
        struct watch *watch = watch_open(service, source->kind->descriptor(source->self));
        if (!watch)
            continue;
        watch->input = i;
        ASSERT(service->source_count < SERVICE_POLLS_MAX);
        service->source[service->source_count++] = watch;
    }
    service->sources_held = false;
}

void service_unwatch_inputs(struct service *service)
{
    for (uint32_t i = 0; i < service->source_count; i++)
        uv_close((uv_handle_t *)&service->source[i]->poll, watch_free);
    service->source_count = 0;
}

void service_watch_descriptor(struct service *service, int descriptor)
{
    struct watch *watch = watch_open(service, descriptor);
    if (!watch)
        return;
    ASSERT(service->other_count < SERVICE_POLLS_MAX);
    service->other[service->other_count++] = watch;
}

/* A source with records stays readable; while nothing is taken that would turn the loop for
 * nothing. */
static void service_hold_sources(struct service *service, bool hold)
{
    if (hold == service->sources_held)
        return;
    service->sources_held = hold;
    for (uint32_t i = 0; i < service->source_count; i++) {
        struct watch *watch = service->source[i];
        if (hold || inputs_has_ended(service->engine->inputs, watch->input))
            uv_poll_stop(&watch->poll);
        else
            uv_poll_start(&watch->poll, UV_READABLE, service_on_readable);
    }
}

static bool service_takes(const struct service *service)
{
    if (service->node) {
        struct node_report report;
        node_report(service->node, &report);
        if (report.role != ROLE_LEADING)
            return false;
    }
    return !engine_is_full(service->engine);
}

/* ---- turns ---- */

static enum status turn_once(struct service *service)
{
    if (!service->node)
        return engine_turn(service->engine, &service->failure);
    enum status status = node_turn(service->node, &service->failure);
    service->engine = node_engine(service->node);
    return status;
}

/* An engine alone stops where it is and drains; a node has things to do until it has stopped. */
static void service_stop(struct service *service)
{
    if (!service->node) {
        service_end(service, STATUS_OK);
        return;
    }
    node_stop(service->node);
    if (service->deadline_ns == 0)
        service->deadline_ns = uv_hrtime() + STOP_SECONDS * UINT64_C(1000000000);
}

static void service_turn(struct service *service)
{
    enum status status = STATUS_OK;
    if (service->stopping) /* the loop ends, but lets those who wait have a last word */
        return;
    for (int i = 0; i < TURNS_MAX && status == STATUS_OK && !service->stopping; i++) {
        status = turn_once(service);
        if (service->events_most && status != STATUS_STOP &&
            service->engine->events - service->engine->first_events >= service->events_most)
            service_stop(service);
    }
    if (status == STATUS_OK && !service->stopping)
        uv_idle_start(&service->idle, service_on_idle);
    else
        uv_idle_stop(&service->idle);
    if (status == STATUS_STOP)
        service_end(service, STATUS_STOP);
    else if (status == STATUS_END)
        service_end(service, STATUS_OK);
    else
        service_hold_sources(service, !service_takes(service));
}

static void service_on_idle(uv_idle_t *idle)
{
    service_turn(idle->data);
}

static void service_on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct watch *watch = (struct watch *)poll;
    struct service *service = watch->service;
    /* An ended source stays readable for ever. */
    for (uint32_t i = 0; i < service->source_count; i++)
        if (service->source[i] == watch && inputs_has_ended(service->engine->inputs, watch->input))
            uv_poll_stop(poll);
    service_turn(service);
}

static void service_on_timer(uv_timer_t *timer)
{
    struct service *service = timer->data;
    if (service->deadline_ns && uv_hrtime() > service->deadline_ns) {
        failure_set(&service->failure, STATUS_STOP,
                    "could not end in order within %d s; what has not committed is decided again "
                    "after the next start",
                    STOP_SECONDS);
        service_end(service, STATUS_STOP);
        return;
    }
    service_turn(service);
}

static void service_on_signal(uv_signal_t *signal, int number)
{
    struct service *service = signal->data;
    log_info("service",
             "signal=%d: stopping after what is under way has settled; once more ends at "
             "once",
             number);
    service_stop(service);
    /* Settling may wait for a broker that is gone: the next signal is the system's. */
    uv_signal_stop(&service->interrupt);
    uv_signal_stop(&service->terminate);
}

static void service_signal(struct service *service, uv_signal_t *signal, int number)
{
    signal->data = service;
    uv_signal_init(&service->loop, signal);
    uv_signal_start(signal, service_on_signal, number);
}

/* Often enough that an entry is not closed late. */
static uint64_t timer_ms(const struct service *service)
{
    int64_t part = service->engine->pipeline->config->commit_ms / 10;
    return part < 1 ? 1 : part < TIMER_MOST_MS ? (uint64_t)part : TIMER_MOST_MS;
}

enum status service_run(struct service *service, struct engine *engine, struct node *node,
                        struct failure *failure)
{
    service->engine = engine;
    service->node = node;
    service->timer.data = service->idle.data = service;
    uv_timer_init(&service->loop, &service->timer);
    uv_idle_init(&service->loop, &service->idle);
    service_signal(service, &service->interrupt, SIGINT);
    service_signal(service, &service->terminate, SIGTERM);
    struct outbox *outbox = &engine->outbox;
    for (uint32_t i = 0; i < outbox->sink_count; i++)
        service_watch_descriptor(service, outbox->sink[i].kind->descriptor(outbox->sink[i].self));
    uv_timer_start(&service->timer, service_on_timer, 0, timer_ms(service));
    uv_run(&service->loop, UV_RUN_DEFAULT);
    *failure = service->failure;
    if (node)
        return service->status;
    /* What was decided before a source failed is settled all the same. */
    struct failure draining;
    enum status drained = engine_drain(engine, DRAIN_MS, &draining);
    if (service->status == STATUS_OK)
        *failure = draining;
    return service->status == STATUS_OK ? drained : service->status;
}

static void service_close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    /* A child that was killed closes its own handle when it has ended. */
    if (uv_is_closing(handle) || uv_handle_get_type(handle) == UV_PROCESS)
        return;
    uv_close(handle, uv_handle_get_type(handle) == UV_POLL ? watch_free : NULL);
}

void service_close(struct service *service)
{
    process_children_close(&service->children);
    uv_walk(&service->loop, service_close_handle, NULL);
    uv_run(&service->loop, UV_RUN_DEFAULT);
    uv_loop_close(&service->loop);
}
