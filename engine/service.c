/* The loop's turns; see service.h.
 *
 *     a descriptor, the timer or idle -> service_turn -> engine_turn, a few times
 *
 * As long as a turn finds work the idle handle keeps the loop turning; while the sinks are full the
 * sources are not watched. */
#include "engine/service.h"
#include "base/log.h"
#include <signal.h>
#include <string.h>

enum { TURNS_MAX = 16, TIMER_MS = 10, DRAIN_MS = 10000 };

void service_init(struct service *service)
{
    memset(service, 0, sizeof *service);
    uv_loop_init(&service->loop);
    process_children_init(&service->children, &service->loop);
}

static void service_stop(struct service *service, enum status status)
{
    service->stopping = true;
    service->status = status;
    uv_stop(&service->loop);
}

static void service_on_idle(uv_idle_t *idle);
static void service_on_readable(uv_poll_t *poll, int status, int events);

/* A source with records stays readable; while the sinks are full that would turn the loop for
 * nothing. */
static void service_hold_sources(struct service *service, bool hold)
{
    if (hold == service->sources_held)
        return;
    service->sources_held = hold;
    for (uint32_t i = 0; i < service->source_count; i++) {
        if (hold || inputs_has_ended(service->engine->inputs, service->input[i]))
            uv_poll_stop(&service->poll[i]);
        else
            uv_poll_start(&service->poll[i], UV_READABLE, service_on_readable);
    }
}

static void service_turn(struct service *service)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < TURNS_MAX && status == STATUS_OK && !service->stopping; i++) {
        status = engine_turn(service->engine, &service->failure);
        if (service->events_most && service->engine->events >= service->events_most)
            service_stop(service, STATUS_OK);
    }
    if (status == STATUS_OK && !service->stopping)
        uv_idle_start(&service->idle, service_on_idle);
    else
        uv_idle_stop(&service->idle);
    service_hold_sources(service, engine_is_full(service->engine));
    if (status == STATUS_STOP)
        service_stop(service, STATUS_STOP);
    if (status == STATUS_END)
        service_stop(service, STATUS_OK);
}

static void service_on_idle(uv_idle_t *idle)
{
    service_turn(idle->data);
}

static void service_on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct service *service = poll->data;
    uint32_t index = (uint32_t)(poll - service->poll);
    /* An ended source stays readable for ever. */
    if (index < service->source_count &&
        inputs_has_ended(service->engine->inputs, service->input[index]))
        uv_poll_stop(poll);
    service_turn(service);
}

static void service_on_timer(uv_timer_t *timer)
{
    service_turn(timer->data);
}

static void service_on_signal(uv_signal_t *signal, int number)
{
    struct service *service = signal->data;
    log_info("service",
             "signal=%d: stopping after what is under way has settled; once more ends at "
             "once",
             number);
    service_stop(service, STATUS_OK);
    /* Settling may wait for a broker that is gone: the next signal is the system's. */
    uv_signal_stop(&service->interrupt);
    uv_signal_stop(&service->terminate);
}

static void service_watch(struct service *service, int descriptor)
{
    if (descriptor < 0)
        return;
    ASSERT(service->poll_count < SERVICE_POLLS_MAX);
    uv_poll_t *poll = &service->poll[service->poll_count++];
    poll->data = service;
    /* Some devices cannot be watched; the timer asks them. */
    if (uv_poll_init(&service->loop, poll, descriptor) != 0)
        service->poll_count--;
    else
        uv_poll_start(poll, UV_READABLE, service_on_readable);
}

static void service_watch_all(struct service *service)
{
    const struct inputs *inputs = service->engine->inputs;
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct source *source = &inputs->input[i].source;
        service->input[service->poll_count] = i;
        service_watch(service, source->kind->descriptor(source->self));
    }
    service->source_count = service->poll_count;
    struct outbox *outbox = &service->engine->outbox;
    for (uint32_t i = 0; i < outbox->sink_count; i++)
        service_watch(service, outbox->sink[i].kind->descriptor(outbox->sink[i].self));
}

static void service_signal(struct service *service, uv_signal_t *signal, int number)
{
    signal->data = service;
    uv_signal_init(&service->loop, signal);
    uv_signal_start(signal, service_on_signal, number);
}

enum status service_run(struct service *service, struct engine *engine, struct failure *failure)
{
    service->engine = engine;
    service->timer.data = service->idle.data = service;
    uv_timer_init(&service->loop, &service->timer);
    uv_idle_init(&service->loop, &service->idle);
    service_signal(service, &service->interrupt, SIGINT);
    service_signal(service, &service->terminate, SIGTERM);
    service_watch_all(service);
    uv_timer_start(&service->timer, service_on_timer, 0, TIMER_MS);
    uv_run(&service->loop, UV_RUN_DEFAULT);
    *failure = service->failure;
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
    if (!uv_is_closing(handle) && uv_handle_get_type(handle) != UV_PROCESS)
        uv_close(handle, NULL);
}

void service_close(struct service *service)
{
    process_children_close(&service->children);
    uv_walk(&service->loop, service_close_handle, NULL);
    uv_run(&service->loop, UV_RUN_DEFAULT);
    uv_loop_close(&service->loop);
}
