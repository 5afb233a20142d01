/* Answers the fold's wishes: a training is a child process `weir train` that reads a copy of the
 * newest labelled examples and leaves a model file; promotions and rejections need no work but to
 * be written down. Every answer is one control record, handed to the engine's next batch. */
#ifndef ENGINE_RETRAIN_H
#define ENGINE_RETRAIN_H

#include "engine/pipeline.h"

/* The child, behind a seam so that tests can put one of their own in its place. */
struct children {
    /* Starts `weir train` with the training set in one descriptor and the model file's place in the
     * other (both stay the caller's); STATUS_RETRY if the machine cannot start it now. */
    enum status (*start)(void *self, int training_set, int model_file, const char *arguments[],
                         struct failure *failure);
    /* True when it has ended; 0 is good, anything else failed. */
    bool (*ended)(void *self, int *exit_code);
    void (*stop)(void *self);
    void *self;
};

struct retrain {
    struct pipeline *pipeline;
    const struct children *children;
    bool running;
    struct wish wish;             /* the training under way */
    struct wish answered;         /* the last wish whose control is on its way */
    int training_set, model_file; /* memory files */
    char *control;                /* waits for the next batch; NULL: none */
    size_t control_max;           /* bytes of one */
};

void retrain_init(struct retrain *retrain, struct pipeline *pipeline,
                  const struct children *children);

/* Looks at the wishes and at the child; fills `control` when there is something to write down. */
void retrain_turn(struct retrain *retrain);

/* Whether a training is under way or an answer waits. */
bool retrain_is_busy(const struct retrain *retrain);
void retrain_close(struct retrain *retrain);

/* Copies the newest labelled examples of a model into a descriptor as a training set. */
enum status retrain_export(const struct pipeline *pipeline, uint32_t model, uint64_t training,
                           int descriptor, uint64_t *count, struct failure *failure);

#endif
