/* Outputs as lines of files.  A line is safe when the operating system has it: it outlives a crash
 * of the program; with `sync` it outlives a loss of power too. */
#include "base/log.h"
#include "sinks/sink.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_option {
    char path[256];
    bool truncate, sync;
};

struct file_sink {
    FILE *file[STREAMS]; /* streams of the same path share one */
    char path[STREAMS][256];
    bool sync[STREAMS];
    bool waiting[STREAMS]; /* something was put since the last settle */
    uint64_t settled;
};

static bool is_standard_output(const char *path)
{
    return strcmp(path, "-") == 0;
}

static enum status file_fail(const char *attempt, const char *path, struct failure *failure)
{
    return failure_set(failure, STATUS_STOP, "could not %s %s: %s", attempt,
                       is_standard_output(path) ? "standard output" : path, strerror(errno));
}

/* A crash may have torn the last line.  It was not settled, so it comes again; all that is needed
 * is that it does not spoil the next one. */
static enum status end_torn_line(FILE *file, const char *path, struct failure *failure)
{
    struct stat status;
    char last = '\n';
    if (fstat(fileno(file), &status) != 0)
        return file_fail("look at", path, failure);
    if (!S_ISREG(status.st_mode) || status.st_size == 0)
        return STATUS_OK;
    if (pread(fileno(file), &last, 1, status.st_size - 1) != 1)
        return file_fail("read", path, failure);
    if (last == '\n')
        return STATUS_OK;
    log_warning("file", "%s ended within a line, a new one was begun", path);
    return fputc('\n', file) == EOF ? file_fail("write", path, failure) : STATUS_OK;
}

static enum status file_open_path(struct file_sink *sink, enum stream stream,
                                  const struct file_option *option, struct failure *failure)
{
    FILE *file = is_standard_output(option->path)
                     ? stdout
                     : fopen(option->path, option->truncate ? "we+" : "ae+");
    if (!file)
        return file_fail("open", option->path, failure);
    sink->file[stream] = file;
    if (file == stdout)
        return STATUS_OK;
    setvbuf(file, NULL, _IOFBF, 1 << 18);
    return end_torn_line(file, option->path, failure);
}

static enum status file_open_stream(struct file_sink *sink, enum stream stream,
                                    const struct file_option *option, struct failure *failure)
{
    snprintf(sink->path[stream], sizeof sink->path[stream], "%s", option->path);
    sink->sync[stream] = option->sync && !is_standard_output(option->path);
    for (enum stream other = 0; other < stream; other++)
        if (sink->file[other] && strcmp(sink->path[other], option->path) == 0) {
            sink->file[stream] = sink->file[other];
            return STATUS_OK;
        }
    return file_open_path(sink, stream, option, failure);
}

static void file_close(void *self)
{
    struct file_sink *sink = self;
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        FILE *file = sink->file[stream];
        for (enum stream other = stream; file && other < STREAMS; other++)
            if (sink->file[other] == file)
                sink->file[other] = NULL;
        if (file && (file == stdout ? fflush(file) : fclose(file)) != 0)
            log_error("file", "could not write %s: %s", sink->path[stream], strerror(errno));
    }
    free(sink);
}

static enum status file_open(void **self, const struct sink_setting *setting,
                             struct failure *failure)
{
    struct file_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return failure_set(failure, STATUS_STOP, "could not open sink file: out of memory");
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        const struct file_option *option = setting->options[stream];
        if (option && file_open_stream(sink, stream, option, failure) != STATUS_OK) {
            failure_prefix(failure, "output %s", stream_name(stream));
            file_close(sink);
            return STATUS_STOP;
        }
    }
    *self = sink;
    return STATUS_OK;
}

static enum status file_put(void *self, const struct output *output, struct failure *failure)
{
    struct file_sink *sink = self;
    FILE *file = sink->file[output->stream];
    sink->waiting[output->stream] = true;
    if (fwrite_unlocked(output->bytes, 1, output->size, file) != output->size ||
        putc_unlocked('\n', file) == EOF)
        return file_fail("write", sink->path[output->stream], failure);
    return STATUS_OK;
}

static enum status file_settle(void *self, uint64_t sequence, struct failure *failure)
{
    struct file_sink *sink = self;
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        if (!sink->waiting[stream])
            continue;
        if (fflush(sink->file[stream]) != 0)
            return file_fail("write", sink->path[stream], failure);
        if (sink->sync[stream] && fdatasync(fileno(sink->file[stream])) != 0)
            return file_fail("sync", sink->path[stream], failure);
        sink->waiting[stream] = false;
    }
    sink->settled = sequence;
    return STATUS_OK;
}

static enum status file_settled(void *self, uint64_t *sequence, struct failure *failure)
{
    (void)failure;
    *sequence = ((struct file_sink *)self)->settled;
    return STATUS_OK;
}

static int file_descriptor(void *self)
{
    (void)self;
    return -1;
}

static const struct option file_options[] = {
    {.name = "path",
     .help = "the file to append to; '-' is standard output",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct file_option, path),
     .size = sizeof(((struct file_option *)0)->path)},
    {.name = "truncate",
     .help = "empty the file at the start",
     .type = OPTION_BOOLEAN,
     .standard = "false",
     .offset = offsetof(struct file_option, truncate)},
    {.name = "sync",
     .help = "wait for the disk before an output counts as written",
     .type = OPTION_BOOLEAN,
     .standard = "false",
     .offset = offsetof(struct file_option, sync)},
    OPTION_END,
};

const struct sink_kind file_sink = {
    .name = "file",
    .summary = "lines of JSON in a file or on standard output",
    .options = file_options,
    .option_size = sizeof(struct file_option),
    .open = file_open,
    .put = file_put,
    .settle = file_settle,
    .settled = file_settled,
    .descriptor = file_descriptor,
    .close = file_close,
};
