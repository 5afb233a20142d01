/* The CSV files of a replay: scores (id,score) and features (id and every feature), one row an
 * event. */
#ifndef ENGINE_TABLE_FILE_H
#define ENGINE_TABLE_FILE_H

#include "engine/pipeline.h"
#include <stdio.h>
#include <string.h>

struct table_file {
    const struct pipeline *pipeline;
    FILE *file;
    char *line;      /* (TABLE_LINE_MAX) */
    bool features;   /* otherwise scores */
    uint64_t header; /* print of the one that table_file_turn wrote last; 0: none */
};

enum { TABLE_LINE_MAX = 1 << 17 };

/* Without pipeline: table_file_turn says whose rows come. */
enum status table_file_open(struct table_file *table, const struct pipeline *pipeline,
                            const char *path, bool features, struct failure *failure);

/* Of a journal: rows of this pipeline follow.  A header comes first, and again where other features
 * begin because the pipeline was given another configuration. */
void table_file_turn(struct table_file *table, const struct pipeline *pipeline);

/* Nothing if it is not open. */
void table_file_put(struct table_file *table, const struct batch *batch);

/* Does it go to standard output, so that nothing else may? */
static inline bool table_file_is_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* STATUS_STOP if the disk did not take it all. */
enum status table_file_close(struct table_file *table, struct failure *failure);

#endif
