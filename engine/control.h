/* Control records: what the engine writes into the journal in answer to the fold's wishes.
 *
 *     {"control": "model", "model": "fraud", "training": 3, "file": { ... }}
 *     {"control": "promote" | "reject", "model": "fraud", "training": 3}
 *     {"control": "failed", "model": "fraud", "training": 3, "why": "..."} */
#ifndef ENGINE_CONTROL_H
#define ENGINE_CONTROL_H

#include "engine/pipeline.h"

enum { CONTROL_SIZE_MAX = 32 << 20 }; /* bytes; an entry of the journal holds it in parts */

/* Writes the record's text, owned by the caller (free); file may be NULL. */
char *control_make(const struct pipeline *pipeline, enum control_kind kind, uint32_t model,
                   uint64_t training, const json_t *file, const char *why);

/* Applies a control row.  What does not make sense is refused as a dead letter. */
void control_apply(struct pipeline *pipeline, struct batch *batch, uint32_t row);

#endif
