/* Reading and unpacking; see file_reader.h. */
#include "ingest/file_reader.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { RAW_SIZE = 1 << 18, GZIP_WINDOW = 15 + 16 /* zlib: the largest window, gzip's wrapping */ };

struct file_reader {
    char path[1024];
    int descriptor;
    bool regular;
    bool ended;   /* nothing more to read from the descriptor */
    bool decided; /* whether it is gzip */
    bool gzip;
    bool member_done; /* a gzip file may be several, one after the other */
    z_stream stream;
    size_t at, end; /* bytes of `raw` not yet passed on */
    unsigned char raw[RAW_SIZE];
};

static enum status open_descriptor(struct file_reader *reader, struct failure *failure)
{
    bool input = strcmp(reader->path, "-") == 0;
    reader->descriptor = input ? dup(STDIN_FILENO) : open(reader->path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (reader->descriptor < 0 || fstat(reader->descriptor, &about) != 0)
        return failure_set(failure, STATUS_STOP, "could not open %s: %s", reader->path,
                           strerror(errno));
    if (S_ISDIR(about.st_mode))
        return failure_set(failure, STATUS_STOP, "could not read %s: it is a folder, name a file",
                           reader->path);
    reader->regular = S_ISREG(about.st_mode);
    return STATUS_OK;
}

enum status file_reader_open(struct file_reader **result, const char *path, struct failure *failure)
{
    *result = NULL;
    struct file_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return failure_set(failure, STATUS_STOP, "could not open %s: out of memory", path);
    snprintf(reader->path, sizeof reader->path, "%s", path);
    reader->descriptor = -1;
    if (open_descriptor(reader, failure) != STATUS_OK) {
        file_reader_close(reader);
        return STATUS_STOP;
    }
    *result = reader;
    return STATUS_OK;
}

void file_reader_close(struct file_reader *reader)
{
    if (!reader)
        return;
    if (reader->gzip)
        inflateEnd(&reader->stream);
    if (reader->descriptor >= 0)
        close(reader->descriptor);
    free(reader);
}

int file_reader_descriptor(const struct file_reader *reader)
{
    return reader->regular ? -1 : reader->descriptor;
}

/* Reads once behind what is there. */
static enum status read_raw(struct file_reader *reader, bool wait, struct failure *failure)
{
    if (reader->at == reader->end)
        reader->at = reader->end = 0;
    struct pollfd waiting = {.fd = reader->descriptor, .events = POLLIN};
    if (!reader->regular && poll(&waiting, 1, wait ? -1 : 0) == 0)
        return STATUS_RETRY;
    ssize_t size;
    do
        size = read(reader->descriptor, reader->raw + reader->end, RAW_SIZE - reader->end);
    while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN)
        return STATUS_RETRY;
    if (size < 0)
        return failure_set(failure, STATUS_STOP, "could not read %s: %s", reader->path,
                           strerror(errno));
    reader->ended = size == 0;
    reader->end += (size_t)size;
    return STATUS_OK;
}

/* Two bytes tell; a shorter file is none. */
static enum status decide(struct file_reader *reader, bool wait, struct failure *failure)
{
    while (reader->end - reader->at < 2 && !reader->ended) {
        enum status status = read_raw(reader, wait, failure);
        if (status != STATUS_OK)
            return status;
    }
    const unsigned char *raw = reader->raw + reader->at;
    bool gzip = reader->end - reader->at >= 2 && raw[0] == 0x1f && raw[1] == 0x8b;
    if (gzip && inflateInit2(&reader->stream, GZIP_WINDOW) != Z_OK)
        return failure_set(failure, STATUS_STOP, "could not unpack %s: out of memory",
                           reader->path);
    reader->gzip = gzip;
    reader->decided = true;
    return STATUS_OK;
}

static enum status unpack(struct file_reader *reader, char *into, size_t room, size_t *size,
                          struct failure *failure)
{
    z_stream *stream = &reader->stream;
    if (reader->member_done && reader->at < reader->end) {
        inflateReset(stream);
        reader->member_done = false;
    }
    *size = 0;
    if (reader->member_done)
        return STATUS_OK;
    stream->next_in = reader->raw + reader->at;
    stream->avail_in = (unsigned)(reader->end - reader->at);
    stream->next_out = (unsigned char *)into;
    stream->avail_out = (unsigned)room;
    int result = inflate(stream, Z_NO_FLUSH);
    reader->at = reader->end - stream->avail_in;
    reader->member_done = result == Z_STREAM_END;
    *size = room - stream->avail_out;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "could not unpack %s: it is damaged (%s); check the file with gzip -t",
                       reader->path, stream->msg ? stream->msg : "no gzip data");
}

static void pass_on(struct file_reader *reader, char *into, size_t room, size_t *size)
{
    size_t waiting = reader->end - reader->at;
    *size = waiting < room ? waiting : room;
    memcpy(into, reader->raw + reader->at, *size);
    reader->at += *size;
}

enum status file_reader_read(struct file_reader *reader, bool wait, char *into, size_t room,
                             size_t *size, struct failure *failure)
{
    enum status status = STATUS_OK;
    if (!reader->decided)
        status = decide(reader, wait, failure);
    while (status == STATUS_OK) {
        if (reader->gzip)
            status = unpack(reader, into, room, size, failure);
        else
            pass_on(reader, into, room, size);
        if (status != STATUS_OK || *size > 0)
            return status;
        if (reader->ended && reader->at == reader->end)
            break;
        if (reader->at == reader->end)
            status = read_raw(reader, wait, failure);
    }
    if (status != STATUS_OK)
        return status;
    if (reader->gzip && !reader->member_done)
        return failure_set(failure, STATUS_STOP,
                           "could not unpack %s: it is cut short; fetch the file again",
                           reader->path);
    return STATUS_END;
}
