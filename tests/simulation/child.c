/* The training itself is done at its start, in place; see child.h. */
#include "tests/simulation/child.h"
#include "models/training.h"
#include "tests/simulation/simulation.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_text(int descriptor, const char *text)
{
    size_t size = strlen(text);
    ssize_t written = write(descriptor, text, size);
    ASSERT(written == (ssize_t)size);
}

/* Too few examples or one class only end as they would in the real child. */
static void child_train(struct sim_child *child, int training_set, int model_file)
{
    const struct training_setting setting = {.penalty = 1, .validation_share = 0.2};
    struct training_set set;
    struct training_report report;
    struct failure failure;
    child->exit_code = 1;
    if (training_set_read(training_set, &set, &failure) != STATUS_OK) {
        violate(child->process->simulation, "a training set cannot be read: %s", failure.text);
        return;
    }
    json_t *file = training_run(&set, &setting, &report, &failure);
    training_set_close(&set);
    if (!file)
        return;
    char *text = json_dumps(file, JSON_REAL_PRECISION(17));
    write_text(model_file, text);
    free(text);
    json_decref(file);
    child->exit_code = 0;
}

static enum status child_start(void *self, int training_set, int model_file,
                               const char *arguments[], struct failure *failure)
{
    struct sim_child *child = self;
    struct simulation *simulation = child->process->simulation;
    struct chance *chance = &simulation->chance;
    (void)arguments;
    if (child->running)
        violate(simulation, "process %u starts a second training", child->process->index);
    if (chance_strikes(chance, FAULT_CHILD_NOT_STARTED, 0.1))
        return failure_set(failure, STATUS_RETRY, "no process could be made");
    child->running = true;
    child->end_ns = simulation->now_ns + milliseconds(chance_between(chance, 0, 400));
    child->exit_code = 0;
    if (chance_strikes(chance, FAULT_CHILD_FAILED, 0.1))
        child->exit_code = 3;
    else if (chance_strikes(chance, FAULT_CHILD_GARBAGE, 0.1))
        write_text(model_file, "{\"format\": \xff");
    else
        child_train(child, training_set, model_file);
    return STATUS_OK;
}

static bool child_ended(void *self, int *exit_code)
{
    struct sim_child *child = self;
    if (child->process->simulation->now_ns < child->end_ns)
        return false;
    child->running = false;
    *exit_code = child->exit_code;
    return true;
}

static void child_stop(void *self)
{
    ((struct sim_child *)self)->running = false;
}

void sim_child_init(struct sim_child *child, struct process *process, struct children *children)
{
    *child = (struct sim_child){.process = process};
    *children = (struct children){child_start, child_ended, child_stop, child};
}
