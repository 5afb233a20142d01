/* Which features would give away what a sensitive field holds, if they left weir. */
#ifndef ENGINE_SENSITIVE_H
#define ENGINE_SENSITIVE_H

#include "engine/pipeline.h"

/* Marks those that are computed from a sensitive field, directly or by way of windows.  A window
 * that only counts or compares texts (distinct, new) gives none of them away; nor do the keys and
 * the condition of a window. */
void sensitive_features(const struct pipeline *pipeline, bool masked[CONFIG_FEATURES_MAX]);

#endif
