/* Lines of comma-separated cells (RFC 4180: quotes around a cell, doubled quotes inside) to cells
 * of the schema.  The header line names the columns.  One line is one record: a quoted line break
 * is refused, because otherwise one stray quote would swallow the good records after it. */
#include "base/suggest.h"
#include "ingest/decoder.h"
#include "ingest/utf8.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_NONE UINT32_MAX

struct cell {
    const char *text;
    uint32_t size;
    bool escaped; /* has doubled quotes in it */
};

struct csv {
    const struct schema *schema;
    uint32_t column_count;
    struct cell *cell;     /* (column_count) of the line at hand */
    uint32_t *first_field; /* (column_count), then next_field; SLOT_NONE ends */
    uint32_t next_field[SCHEMA_FIELDS_MAX];
    char *unescaped; /* (BATCH_PAYLOAD_MAX) one cell without its doubled quotes */
    char *header;    /* a copy that the cells of the header point into */
};

/* ---- cutting a line ---- */

/* Reads a quoted cell from the quote on; false if the quote is not closed. */
static bool cut_quoted(const char **at, const char *end, struct cell *cell)
{
    cell->text = ++*at;
    for (; *at < end; ++*at) {
        if (**at != '"')
            continue;
        if (*at + 1 == end || (*at)[1] != '"') {
            cell->size = (uint32_t)(*at - cell->text);
            ++*at;
            return true;
        }
        cell->escaped = true;
        ++*at;
    }
    return false;
}

/* Reads the next cell and leaves *at on the comma behind it or at the end.  NULL or what is wrong.
 */
static const char *cut_cell(const char **at, const char *end, struct cell *cell)
{
    *cell = (struct cell){*at, 0, false};
    if (*at < end && **at == '"') {
        if (!cut_quoted(at, end, cell))
            return "a quoted cell does not end on its line";
        return *at == end || **at == ',' ? NULL : "a quoted cell goes on after its closing quote";
    }
    const char *comma = memchr(*at, ',', (size_t)(end - *at));
    const char *stop = comma ? comma : end;
    cell->size = (uint32_t)(stop - *at);
    if (memchr(*at, '"', cell->size))
        return "a quote inside a cell that is not quoted";
    *at = stop;
    return NULL;
}

/* Cuts a line into at most cell_max cells; *count may go beyond, for the message. */
static const char *cut_line(const char *at, const char *end, struct cell *cells, uint32_t cell_max,
                            uint32_t *count)
{
    for (*count = 0;; at++) {
        struct cell cell;
        const char *wrong = cut_cell(&at, end, &cell);
        if (wrong)
            return wrong;
        if (*count < cell_max)
            cells[*count] = cell;
        ++*count;
        if (at == end)
            return NULL;
    }
}

static size_t unescape(const struct cell *cell, char *into)
{
    size_t size = 0;
    for (uint32_t i = 0; i < cell->size; i++) {
        into[size++] = cell->text[i];
        i += cell->text[i] == '"'; /* the second of the pair */
    }
    return size;
}

/* A line may come with its carriage return. */
static size_t line_size(const char *line, size_t size)
{
    return size > 0 && line[size - 1] == '\r' ? size - 1 : size;
}

/* ---- a record ---- */

static bool decode_cell(struct csv *self, uint32_t column, struct batch *batch, uint32_t row)
{
    const struct cell *cell = &self->cell[column];
    const char *text = cell->text;
    size_t size = cell->size;
    if (cell->escaped && self->first_field[column] != SLOT_NONE) {
        size = unescape(cell, self->unescaped);
        text = self->unescaped;
    }
    for (uint32_t i = self->first_field[column]; i != SLOT_NONE; i = self->next_field[i])
        if (!decode_text(self->schema, &self->schema->field[i], text, size, batch, row))
            return false;
    return true;
}

static uint32_t find_id(const struct csv *self)
{
    for (uint32_t column = 0; column < self->column_count; column++)
        for (uint32_t i = self->first_field[column]; i != SLOT_NONE; i = self->next_field[i])
            if (self->schema->field[i].role == ROLE_ID && !self->schema->field[i].sensitive)
                return column;
    return COLUMN_NONE;
}

/* The dead letter names the record if the fault is not in the id itself, whatever the order of the
 * columns.  A sensitive id is not kept, nor one with quotes in it, which is not as it was meant. */
static void keep_id(const struct csv *self, struct batch *batch, uint32_t row)
{
    batch->id_text[row] = (struct span){0, 0};
    uint32_t column = find_id(self);
    if (column == COLUMN_NONE)
        return;
    const struct cell *cell = &self->cell[column];
    if (cell->escaped || cell->size > SCHEMA_TEXT_MAX || memchr(cell->text, '\0', cell->size))
        return;
    struct span payload = batch->payload[row];
    uint32_t within = (uint32_t)(cell->text - batch_bytes(batch, payload));
    batch->id_text[row] = (struct span){payload.offset + within, cell->size};
}

static bool decode_line(struct csv *self, struct batch *batch, uint32_t row)
{
    const char *line = batch_bytes(batch, batch->payload[row]);
    size_t size = line_size(line, batch->payload[row].size);
    uint32_t count;
    const char *wrong = NULL;
    if (size == 0)
        wrong = "empty record";
    else if (!utf8_valid(line, size))
        wrong = "not valid CSV: bytes that are not UTF-8";
    else
        wrong = cut_line(line, line + size, self->cell, self->column_count, &count);
    if (wrong) {
        batch_refuse(batch, row, "%s", wrong);
        return false;
    }
    if (count != self->column_count) {
        batch_refuse(batch, row, "expected %u cells, found %u", self->column_count, count);
        return false;
    }
    for (uint32_t i = 0; i < self->column_count; i++)
        if (!decode_cell(self, i, batch, row)) {
            keep_id(self, batch, row);
            return false;
        }
    return true;
}

static void csv_decode(void *instance, struct batch *batch, uint32_t row)
{
    struct csv *self = instance;
    batch->id[row] = 0;
    batch->id_text[row] = (struct span){0, 0};
    batch->label[row] = MISSING;
    if (batch->dead[row] || !decode_line(self, batch, row))
        decode_blank(self->schema, batch, row);
}

/* ---- the header ---- */

/* Terminates each name of the header inside the copy; false if the header is no line of CSV. */
static bool read_names(struct csv *self, size_t size)
{
    uint32_t count;
    char *line = self->header;
    if (cut_line(line, line + size, self->cell, self->column_count, &count))
        return false;
    self->column_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct cell *cell = &self->cell[i];
        char *name = line + (cell->text - line);
        size_t length = cell->escaped ? unescape(cell, self->unescaped) : cell->size;
        if (cell->escaped)
            memcpy(name, self->unescaped, length);
        name[length] = '\0';
    }
    return true;
}

static uint32_t find_column(const struct csv *self, const char *name, uint32_t from)
{
    for (uint32_t i = from; i < self->column_count; i++)
        if (strcmp(self->cell[i].text, name) == 0)
            return i;
    return COLUMN_NONE;
}

static enum status connect_field(struct csv *self, uint32_t index, struct failure *failure)
{
    const struct field *field = &self->schema->field[index];
    uint32_t column = find_column(self, field->source, 0);
    if (column == COLUMN_NONE) {
        const char *best = NULL;
        size_t distance = 0;
        for (uint32_t i = 0; i < self->column_count; i++)
            suggest_offer(field->source, self->cell[i].text, &best, &distance);
        return failure_set(failure, STATUS_STOP,
                           "the header has no column '%s' for field '%s'%s%s%s", field->source,
                           field->name, best ? "; did you mean '" : "", best ? best : "",
                           best ? "'?" : "");
    }
    if (find_column(self, field->source, column + 1) != COLUMN_NONE)
        return failure_set(failure, STATUS_STOP, "the header has the column '%s' twice",
                           field->source);
    self->next_field[index] = self->first_field[column];
    self->first_field[column] = index;
    return STATUS_OK;
}

static enum status connect_fields(struct csv *self, struct failure *failure)
{
    for (uint32_t i = 0; i < self->column_count; i++)
        self->first_field[i] = SLOT_NONE;
    for (uint32_t i = 0; i < self->schema->field_count; i++)
        if (connect_field(self, i, failure) != STATUS_OK)
            return STATUS_STOP;
    return STATUS_OK;
}

static void csv_close(void *instance)
{
    struct csv *self = instance;
    if (!self)
        return;
    free(self->cell);
    free(self->first_field);
    free(self->unescaped);
    free(self->header);
    free(self);
}

static struct csv *csv_allocate(const struct schema *schema, const char *header)
{
    struct csv *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->schema = schema;
    self->column_count = 1; /* at most, until the header has been read */
    for (const char *at = header; *at; at++)
        self->column_count += *at == ',';
    self->cell = calloc(self->column_count, sizeof *self->cell);
    self->first_field = calloc(self->column_count, sizeof *self->first_field);
    size_t header_size = strlen(header);
    self->unescaped = malloc(header_size > BATCH_PAYLOAD_MAX ? header_size : BATCH_PAYLOAD_MAX);
    self->header = strdup(header);
    if (self->cell && self->first_field && self->unescaped && self->header)
        return self;
    csv_close(self);
    return NULL;
}

static enum status csv_open(void **instance, const struct schema *schema, const char *header,
                            struct failure *failure)
{
    *instance = NULL;
    size_t size = header ? line_size(header, strlen(header)) : 0;
    if (size == 0)
        return failure_set(failure, STATUS_STOP,
                           "could not read CSV: there is no header line that names the columns");
    struct csv *self = csv_allocate(schema, header);
    if (!self)
        return failure_set(failure, STATUS_STOP, "could not allocate a CSV decoder: %s",
                           strerror(errno));
    bool good = utf8_valid(header, size) && read_names(self, size);
    if (!good)
        failure_set(failure, STATUS_STOP,
                    "could not read the CSV header: its quotes are not closed or it is not UTF-8");
    if (good && connect_fields(self, failure) == STATUS_OK) {
        *instance = self;
        return STATUS_OK;
    }
    csv_close(self);
    return STATUS_STOP;
}

extern const struct decoder_kind csv_decoder;
const struct decoder_kind csv_decoder = {
    .name = "csv",
    .summary = "one line a record, cells as in RFC 4180; the header line names the columns",
    .open = csv_open,
    .decode = csv_decode,
    .close = csv_close,
};
