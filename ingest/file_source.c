/* The lines of a file as records: JSON lines or CSV, plain or gzip, "-" for standard input.  One
 * lane; the offset is the line's number, from 1.  A CSV's first line is no record but the header.
 */
#include "ingest/file_source.h"
#include "ingest/file_reader.h"
#include "ingest/source.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 1 << 20, LINE_MAX_SIZE = BATCH_PAYLOAD_MAX + 1 };

struct file {
    struct file_reader *reader;
    bool csv;
    bool first_read;  /* the first line's byte order mark and the header are dealt with */
    char *header;     /* NULL: none */
    int64_t line;     /* number of the line at `at` */
    size_t at, end;   /* what of the block is not yet taken */
    size_t searched;  /* bytes from `at` known to have no line break */
    bool found;       /* the line at `at` is complete: */
    size_t line_size; /* without its end; LINE_MAX_SIZE if it is too long */
    size_t taken;     /* bytes it covers, as far as they have been read */
    bool cut;         /* its rest is not read yet and will be passed over */
    bool skipping;
    char block[BLOCK_SIZE];
};

static bool name_ends(const char *name, size_t size, const char *end)
{
    size_t length = strlen(end);
    return size >= length && memcmp(name + size - length, end, length) == 0;
}

static bool is_csv(const struct file_options *options)
{
    if (options->format != FILE_FORMAT_AUTO)
        return options->format == FILE_FORMAT_CSV;
    size_t size = strlen(options->path);
    if (name_ends(options->path, size, ".gz"))
        size -= 3;
    return name_ends(options->path, size, ".csv");
}

static enum status read_block(struct file *file, bool wait, struct failure *failure)
{
    memmove(file->block, file->block + file->at, file->end - file->at);
    file->end -= file->at;
    file->at = 0;
    size_t size;
    enum status status = file_reader_read(file->reader, wait, file->block + file->end,
                                          BLOCK_SIZE - file->end, &size, failure);
    if (status == STATUS_OK)
        file->end += size;
    return status;
}

/* Passes over the rest of a line that was too long. */
static enum status skip_rest(struct file *file, bool wait, struct failure *failure)
{
    while (file->skipping) {
        char *start = file->block + file->at;
        char *line_break = memchr(start, '\n', file->end - file->at);
        file->at = line_break ? (size_t)(line_break + 1 - file->block) : file->end;
        file->skipping = !line_break;
        if (line_break)
            break;
        enum status status = read_block(file, wait, failure);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static void set_line(struct file *file, size_t size, size_t taken)
{
    if (size > 0 && file->block[file->at + size - 1] == '\r')
        size--;
    file->line_size = size < LINE_MAX_SIZE ? size : LINE_MAX_SIZE;
    file->taken = taken;
    file->found = true;
    file->searched = 0;
}

static enum status find_line(struct file *file, bool wait, struct failure *failure)
{
    enum status status = skip_rest(file, wait, failure);
    while (status == STATUS_OK && !file->found) {
        char *start = file->block + file->at;
        size_t size = file->end - file->at;
        char *line_break = memchr(start + file->searched, '\n', size - file->searched);
        file->searched = size;
        if (line_break) {
            set_line(file, (size_t)(line_break - start), (size_t)(line_break - start) + 1);
        } else if (size > LINE_MAX_SIZE) {
            set_line(file, size, size);
            file->cut = true;
        } else {
            status = read_block(file, wait, failure);
        }
    }
    if (status == STATUS_END && file->end > file->at) {
        set_line(file, file->end - file->at, file->end - file->at);
        return STATUS_OK;
    }
    return status;
}

static void take_line(struct file *file)
{
    file->at += file->taken;
    file->skipping = file->cut;
    file->cut = false;
    file->found = false;
    file->line++;
}

/* The first line may begin with a byte order mark, which is none of the data. */
static void drop_mark(struct file *file)
{
    if (file->line_size < 3 || memcmp(file->block + file->at, "\xEF\xBB\xBF", 3) != 0)
        return;
    file->at += 3;
    file->line_size -= 3;
    file->taken -= 3;
}

static enum status read_first(struct file *file, bool wait, struct failure *failure)
{
    if (file->first_read)
        return STATUS_OK;
    enum status status = find_line(file, wait, failure);
    if (status != STATUS_OK)
        return status;
    file->first_read = true;
    drop_mark(file);
    if (!file->csv)
        return STATUS_OK;
    file->header = strndup(file->block + file->at, file->line_size);
    take_line(file);
    return STATUS_OK;
}

static enum status file_peek(void *self, uint32_t lane, struct record *record,
                             struct failure *failure)
{
    (void)lane;
    struct file *file = self;
    enum status status = read_first(file, false, failure);
    if (status == STATUS_OK)
        status = find_line(file, false, failure);
    if (status != STATUS_OK)
        return status;
    *record = (struct record){
        .bytes = file->line_size ? file->block + file->at : NULL,
        .size = file->line_size,
        .offset = file->line,
        .timestamp_ms = INT64_MIN,
    };
    return STATUS_OK;
}

static void file_take(void *self, uint32_t lane)
{
    (void)lane;
    take_line(self);
}

static const char *file_header(void *self)
{
    struct file *file = self;
    struct failure failure;
    if (file->csv)
        read_first(file, true, &failure);
    return file->header;
}

static uint32_t file_lane_count(void *self)
{
    (void)self;
    return 1;
}

static int file_descriptor(void *self)
{
    return file_reader_descriptor(((struct file *)self)->reader);
}

static void file_close(void *self)
{
    struct file *file = self;
    if (!file)
        return;
    file_reader_close(file->reader);
    free(file->header);
    free(file);
}

static enum status file_open(void **self, const struct source_setting *setting,
                             struct failure *failure)
{
    const struct file_options *options = setting->options;
    *self = NULL;
    struct file *file = calloc(1, sizeof *file);
    if (!file)
        return failure_set(failure, STATUS_STOP, "could not open %s: out of memory", options->path);
    file->csv = is_csv(options);
    file->line = 1;
    if (file_reader_open(&file->reader, options->path, failure) != STATUS_OK) {
        file_close(file);
        return STATUS_STOP;
    }
    *self = file;
    return STATUS_OK;
}

static const char *const file_formats[] = {"auto", "jsonl", "csv", NULL};

static const struct option file_options[] = {
    {.name = "path",
     .help = "the file, plain or gzip; - is standard input",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct file_options, path),
     .size = sizeof((struct file_options *)NULL)->path},
    {.name = "format",
     .help = "what the lines are; auto goes by the name's ending",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct file_options, format),
     .standard = "auto",
     .choices = file_formats},
    OPTION_END,
};

extern const struct source_kind file_source;
const struct source_kind file_source = {
    .name = "file",
    .summary = "the lines of a JSON-lines or CSV file, plain or gzip, or of standard input",
    .options = file_options,
    .option_size = sizeof(struct file_options),
    .open = file_open,
    .lane_count = file_lane_count,
    .peek = file_peek,
    .take = file_take,
    .descriptor = file_descriptor,
    .header = file_header,
    .close = file_close,
};
