/* Starting and reaping `weir train`; see process_children.h.
 *
 * The same bits everywhere: the child gets one BLAS thread and one named kernel, because OpenBLAS
 * picks kernels by processor, and sums in another order are other bits. */
#include "engine/process_children.h"
#include "base/assert.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16 };

extern char **environ;

static void children_on_close(uv_handle_t *process)
{
    free(process);
}

static void children_on_exit(uv_process_t *process, int64_t exit_status, int signal)
{
    struct process_children *children = process->data;
    if (children) { /* else it was stopped, and nobody waits for it */
        children->ended = true;
        children->exit_code = signal ? 128 + signal : (int)exit_status;
    }
    uv_close((uv_handle_t *)process, children_on_close);
}

/* The environment with the settings that fix BLAS; freed by the caller (the array only). */
static char **children_environment(void)
{
    static char threads[] = "OPENBLAS_NUM_THREADS=1", core[] = "OPENBLAS_CORETYPE=Haswell";
    size_t count = 0;
    while (environ[count])
        count++;
    char **result = calloc(count + 3, sizeof *result);
    ASSERT(result);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "OPENBLAS_", strlen("OPENBLAS_")) != 0)
            result[kept++] = environ[i];
    result[kept++] = threads;
    result[kept] = core;
    return result;
}

static enum status children_start(void *self, int training_set, int model_file,
                                  const char *arguments[], struct failure *failure)
{
    struct process_children *children = self;
    ASSERT(!children->started);
    char program[] = "/proc/self/exe", *argv[ARGUMENTS_MAX + 2] = {program};
    for (size_t i = 0; arguments[i]; i++) {
        ASSERT(i < ARGUMENTS_MAX);
        argv[i + 1] = (char *)arguments[i];
    }
    uv_stdio_container_t stdio[4] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = model_file},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = training_set},
    };
    char **environment = children_environment();
    uv_process_options_t options = {
        .exit_cb = children_on_exit,
        .file = program,
        .args = argv,
        .env = environment,
        .stdio_count = 4,
        .stdio = stdio,
    };
    children->ended = false;
    children->process = calloc(1, sizeof *children->process);
    ASSERT(children->process);
    children->process->data = children;
    int error = uv_spawn(children->loop, children->process, &options);
    free(environment);
    if (error) {
        uv_close((uv_handle_t *)children->process, children_on_close);
        return failure_set(failure, STATUS_RETRY, "could not start the training: %s",
                           uv_strerror(error));
    }
    children->started = true;
    return STATUS_OK;
}

static bool children_ended(void *self, int *exit_code)
{
    struct process_children *children = self;
    if (children->owns_loop && !children->ended)
        uv_run(children->loop, UV_RUN_DEFAULT);
    if (!children->ended)
        return false;
    children->started = false;
    *exit_code = children->exit_code;
    return true;
}

static void children_stop(void *self)
{
    struct process_children *children = self;
    if (children->started && !children->ended) {
        uv_process_kill(children->process, SIGKILL);
        children->process->data = NULL;
    }
    children->started = children->ended = false;
}

void process_children_init(struct process_children *children, uv_loop_t *loop)
{
    memset(children, 0, sizeof *children);
    children->owns_loop = loop == NULL;
    children->loop = loop;
    if (!loop) {
        uv_loop_init(&children->own_loop);
        children->loop = &children->own_loop;
    }
    children->children = (struct children){
        .start = children_start, .ended = children_ended, .stop = children_stop, .self = children};
}

void process_children_close(struct process_children *children)
{
    children_stop(children);
    if (!children->owns_loop)
        return;
    uv_run(children->loop, UV_RUN_DEFAULT);
    uv_loop_close(children->loop);
}
