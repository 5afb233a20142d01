/* The CSV files of a replay: scores (id,score) and features (id and every feature), one row an
 * event. */
#ifndef ENGINE_TABLE_FILE_H
#define ENGINE_TABLE_FILE_H

#include "engine/pipeline.h"
#include <stdio.h>

struct table_file {
    const struct pipeline *pipeline;
    FILE *file;
    char *line;    /* (TABLE_LINE_MAX) */
    bool features; /* otherwise scores */
};

enum { TABLE_LINE_MAX = 1 << 17 };

enum status table_file_open(struct table_file *table, const struct pipeline *pipeline,
                            const char *path, bool features, struct failure *failure);
void table_file_put(struct table_file *table, const struct batch *batch);

/* STATUS_STOP if the disk did not take it all. */
enum status table_file_close(struct table_file *table, struct failure *failure);

#endif
