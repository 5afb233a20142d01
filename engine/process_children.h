/* Trainings as real child processes of this program, by libuv. */
#ifndef ENGINE_PROCESS_CHILDREN_H
#define ENGINE_PROCESS_CHILDREN_H

#include "engine/retrain.h"
#include <uv.h>

struct process_children {
    struct children children;
    uv_loop_t *loop;
    bool owns_loop; /* a replay has no loop of its own: `ended` turns this one */
    uv_loop_t own_loop;
    uv_process_t *process; /* of the running child; frees itself when it has closed */
    bool started, ended;
    int exit_code;
};

/* With a loop, children end while it runs; with NULL, `ended` waits for them. */
void process_children_init(struct process_children *children, uv_loop_t *loop);
void process_children_close(struct process_children *children);

#endif
