/* Writing scores and features; see table_file.h. */
#include "engine/table_file.h"
#include "base/hash.h"
#include "engine/encode.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_header(struct table_file *table)
{
    if (!table->features) {
        fputs("id,score\n", table->file);
        return;
    }
    fputs("id", table->file);
    for (uint32_t i = 0; i < table->pipeline->config->feature_count; i++)
        fprintf(table->file, ",%s", table->pipeline->config->feature[i].name);
    fputs("\n", table->file);
}

enum status table_file_open(struct table_file *table, const struct pipeline *pipeline,
                            const char *path, bool features, struct failure *failure)
{
    *table = (struct table_file){.pipeline = pipeline, .features = features};
    table->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    table->line = malloc(TABLE_LINE_MAX);
    if (!table->file || !table->line)
        return failure_set(failure, STATUS_STOP, "could not write %s: %s", path, strerror(errno));
    if (pipeline)
        put_header(table);
    return STATUS_OK;
}

/* Of the columns' names. */
static uint64_t header_print(const struct table_file *table, const struct config *config)
{
    uint64_t print = 1;
    for (uint32_t i = 0; table->features && i < config->feature_count; i++)
        print = hash_pair(
            print, hash_fingerprint(config->feature[i].name, strlen(config->feature[i].name)));
    return print;
}

void table_file_turn(struct table_file *table, const struct pipeline *pipeline)
{
    if (!table->file)
        return;
    uint64_t print = header_print(table, pipeline->config);
    table->pipeline = pipeline;
    if (print != table->header)
        put_header(table);
    table->header = print;
}

/* A CSV cell: quoted when it holds a comma, a quote or a line's end. */
static void put_id(const struct pipeline *pipeline, const struct batch *batch, uint32_t row,
                   struct buffer *line)
{
    char bytes[SCHEMA_TEXT_MAX + 8];
    struct buffer id;
    buffer_init(&id, bytes, sizeof bytes);
    encode_id(pipeline, batch, row, &id);
    bool quoted = false;
    for (size_t i = 0; i < id.size; i++)
        quoted = quoted || strchr(",\"\r\n", bytes[i]) != NULL;
    if (!quoted) {
        buffer_bytes(line, bytes, id.size);
        return;
    }
    buffer_text(line, "\"");
    for (size_t i = 0; i < id.size; i++)
        buffer_bytes(line, bytes[i] == '"' ? "\"\"" : bytes + i, bytes[i] == '"' ? 2 : 1);
    buffer_text(line, "\"");
}

static void put_features(const struct table_file *table, const struct batch *batch, uint32_t row,
                         struct buffer *line)
{
    const struct pipeline *pipeline = table->pipeline;
    for (uint32_t i = 0; i < pipeline->config->feature_count; i++) {
        uint32_t value = pipeline->feature_value[i];
        union value cell = batch_column(batch, value)[row];
        buffer_text(line, ",");
        bool is_key = value_type_is_key(pipeline->program.value[value].type);
        if (is_key && cell.key)
            buffer_format(line, "%016llx", (unsigned long long)cell.key);
        else if (!is_key && !isnan(cell.number))
            buffer_number(line, cell.number);
    }
}

void table_file_put(struct table_file *table, const struct batch *batch)
{
    if (!table->file)
        return;
    for (uint32_t row = 0; row < batch->count; row++) {
        if (batch->dead[row] || batch->kind[row] != RECORD_EVENT)
            continue;
        struct buffer line;
        buffer_init(&line, table->line, TABLE_LINE_MAX);
        put_id(table->pipeline, batch, row, &line);
        if (table->features) {
            put_features(table, batch, row, &line);
        } else {
            buffer_text(&line, ",");
            buffer_number(&line, batch->score[row]);
        }
        buffer_text(&line, "\n");
        fwrite(line.bytes, 1, line.size, table->file);
    }
}

enum status table_file_close(struct table_file *table, struct failure *failure)
{
    bool failed = table->file && (fflush(table->file) != 0 || ferror(table->file));
    if (table->file && table->file != stdout)
        failed = fclose(table->file) != 0 || failed;
    free(table->line);
    *table = (struct table_file){0};
    return failed ? failure_set(failure, STATUS_STOP, "could not write a CSV file: %s",
                                strerror(errno))
                  : STATUS_OK;
}
