/* What a run or a replay has to say at its end: for people, and as one JSON object. */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include "engine/node.h"
#include <stdio.h>

/* The whole report; owned by the caller. */
json_t *report_make(const struct engine *engine, double seconds);

/* The same for people. */
void report_print(const struct engine *engine, double seconds, FILE *file);

/* What a node adds: its place in the journal, what it replayed, its snapshots. */
void report_add_node(json_t *report, struct node *node);
void report_print_node(struct node *node, FILE *file);

#endif
