/* The fold's stages one by one, for whoever measures them; step() is these in a row. */
#ifndef ENGINE_STEP_H
#define ENGINE_STEP_H

#include "engine/pipeline.h"

void step_decode(struct pipeline *pipeline, struct batch *batch);
void step_extract(struct pipeline *pipeline, struct batch *batch);
void step_rows(struct pipeline *pipeline, struct batch *batch);

#endif
