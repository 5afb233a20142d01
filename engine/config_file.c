/* Reading files whole; see config_file.h. */
#include "engine/config_file.h"
#include "base/assert.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status config_file_read(const char *path, char **text, size_t *size, struct failure *failure)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return failure_set(failure, STATUS_STOP, "could not open it: %s", strerror(errno));
    *text = malloc(CONFIG_SIZE_MAX + 1);
    ASSERT(*text);
    *size = fread(*text, 1, CONFIG_SIZE_MAX, file);
    (*text)[*size] = '\0';
    bool failed = ferror(file), longer = fgetc(file) != EOF;
    int reason = errno;
    if (file != stdin)
        fclose(file);
    if (failed)
        return failure_set(failure, STATUS_STOP, "could not read it: %s", strerror(reason));
    if (longer)
        return failure_set(failure, STATUS_STOP, "could not read it: longer than %d bytes",
                           CONFIG_SIZE_MAX);
    return STATUS_OK;
}

enum status config_file_read_plain(const char *path, char **text, size_t *size,
                                   struct failure *failure)
{
    struct stat about;
    *text = NULL;
    if (strcmp(path, "-") == 0)
        return failure_set(failure, STATUS_STOP, "could not read it: it must be a file");
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return failure_set(failure, STATUS_STOP, "could not read it: it is no regular file");
    return config_file_read(path, text, size, failure);
}

enum status config_file_key(const char *path, struct hash_key *key, struct failure *failure)
{
    struct stat about;
    struct hash_key read_key;
    /* Not waiting, and regular files only: a pipe would hold the start up for ever. */
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return failure_set(failure, STATUS_STOP, "could not open %s: %s", path, strerror(errno));
    bool plain = fstat(file, &about) == 0 && S_ISREG(about.st_mode) &&
                 about.st_size == sizeof *key && read(file, &read_key, sizeof *key) == sizeof *key;
    close(file);
    if (!plain)
        return failure_set(failure, STATUS_STOP,
                           "expected a file of %zu bytes: head -c %zu /dev/urandom > %s",
                           sizeof *key, sizeof *key, path);
    *key = read_key;
    return STATUS_OK;
}
