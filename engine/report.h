/* What a run or a replay has to say at its end: for people, and as one JSON object. */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include "engine/engine.h"
#include <stdio.h>

/* The whole report; owned by the caller. */
json_t *report_make(const struct engine *engine, double seconds);

/* The same for people. */
void report_print(const struct engine *engine, double seconds, FILE *file);

#endif
