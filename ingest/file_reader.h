/* A stream of bytes out of a file or pipe, unpacked if it is gzip (told by its first two bytes, not
 * by its name). */
#ifndef INGEST_FILE_READER_H
#define INGEST_FILE_READER_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>

struct file_reader;

/* "-" is standard input.  STOP if there is no such file. */
enum status file_reader_open(struct file_reader **result, const char *path,
                             struct failure *failure);

/* Writes at least one byte and at most `room`.  RETRY: nothing waits in the pipe (never with
 * `wait`, never for a regular file).  END: that was all.  STOP: unreadable, damaged or cut short.
 */
enum status file_reader_read(struct file_reader *reader, bool wait, char *into, size_t room,
                             size_t *size, struct failure *failure);

/* Becomes readable when bytes may wait; -1 for a regular file, which always has them. */
int file_reader_descriptor(const struct file_reader *reader);
void file_reader_close(struct file_reader *reader);

#endif
