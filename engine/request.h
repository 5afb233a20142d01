/* Records of the control topic: what people ask of a running pipeline.
 *
 *     {"erase": {"card": "4929..."}}    forget the entity made of exactly these keys
 *
 * They are not the engine's own control records (control.h): nobody outside promotes a model. */
#ifndef ENGINE_REQUEST_H
#define ENGINE_REQUEST_H

#include "engine/pipeline.h"

/* Fills the row's key columns with what is named; or refuses the row, without the identifier in the
 * reason. */
void request_decode(const struct pipeline *pipeline, struct batch *batch, uint32_t row);

/* Counts it, and says on the stream of model events what became of it. */
void request_answer(struct pipeline *pipeline, struct batch *batch, uint32_t row);

#endif
