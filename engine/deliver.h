/* What a folded batch has to say, encoded into the outbox. */
#ifndef ENGINE_DELIVER_H
#define ENGINE_DELIVER_H

#include "engine/outbox.h"
#include "engine/pipeline.h"

void deliver(const struct pipeline *pipeline, const struct inputs *inputs,
             const struct batch *batch, struct outbox *outbox);

#endif
