/* How far event time has come: see watermark.c for the two answers and what each serves. */
#ifndef ENGINE_WATERMARK_H
#define ENGINE_WATERMARK_H

#include "engine/pipeline.h"

/* One partition of the events, a row of the state; the row is the partition's number. */
struct partition_row {
    int64_t newest_ms;  /* newest time that is believed */
    int64_t arrival_ms; /* of its last record */
    uint64_t events;    /* that were believed; 0: the row says nothing */
};

void watermark_declare(struct pipeline *pipeline, struct state_layout *layout);

/* An event that is not ahead of its arrival moves time.  Returns whether its time is believed,
 * seen from the events before it. */
bool watermark_move(const struct pipeline *pipeline, struct state *state, struct fold_row *fold,
                    const struct batch *batch, uint32_t at);

/* How far event time has come at `arrival_ms` if no event has come by then: once every partition is
 * idle it goes on as the arrival clock does, from the newest time and the last event's arrival. */
int64_t watermark_idle(const struct pipeline *pipeline, const struct fold_row *fold,
                       int64_t arrival_ms);

/* A tick of that stamp moves it so far. */
void watermark_tick(const struct pipeline *pipeline, struct fold_row *fold, int64_t arrival_ms);

/* What reports say of a partition. */
struct partition_report {
    uint32_t partition;
    uint64_t events;
    int64_t newest_ms, behind_ms; /* behind the newest of all */
    bool idle;                    /* it does not hold the watermark back */
};

/* The partitions from *partition on that have had an event: false after the last. */
bool watermark_report(const struct pipeline *pipeline, uint32_t *partition,
                      struct partition_report *report);

#endif
