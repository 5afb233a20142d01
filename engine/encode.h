/* Outputs as JSON objects, one line each.  Fields marked sensitive leave masked: their last four
 * characters; payloads never leave. */
#ifndef ENGINE_ENCODE_H
#define ENGINE_ENCODE_H

#include "base/buffer.h"
#include "engine/pipeline.h"

/* {"id": ..., "time": ..., "outcome": ..., "score": ..., "rules": [...], "reasons": [...],
 * "features": {...}}: rules if any fired, reasons for alerts, features if the output asks for
 * them. */
void encode_decision(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                     struct buffer *buffer);

/* A decision with the event's own fields: {..., "event": {...}}. */
void encode_alert(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                  struct buffer *buffer);

/* An event that came too late for windows, and why: {"id": ..., "time": ..., "late": {"behind_s":
 * seconds, "lateness_s": seconds, "by": ["card", ...]}, "event": {...}}. */
void encode_late(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                 struct buffer *buffer);

/* {"input": ..., "partition": ..., "offset": ..., "size": ..., "arrived": ..., "reason": ...};
 * arrived (the leader's clock) only where there is a journal. */
void encode_dead_letter(const struct pipeline *pipeline, const char *input,
                        const struct batch *batch, uint32_t row, struct buffer *buffer);

/* {"event": "drift", "time": ..., "model": ..., "detail": ...}. */
/* An alert of somebody who has not spoken: who, since when, for how long. */
void encode_silence(const struct model_event *event, struct buffer *buffer);
void encode_model_event(const struct model_event *event, struct buffer *buffer);

/* The event's id for keys and CSV: as it was written, masked if it is sensitive; events without one
 * are named by their number. */
void encode_id(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
               struct buffer *buffer);

/* "drift", "training", ... */
const char *model_event_name(enum model_event_kind kind);

#endif
