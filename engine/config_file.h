/* Files that the configuration consists of, read whole. */
#ifndef ENGINE_CONFIG_FILE_H
#define ENGINE_CONFIG_FILE_H

#include "base/hash.h"
#include "base/status.h"
#include <stddef.h>

enum { CONFIG_SIZE_MAX = 1 << 22 };

/* The text of a file, or of standard input for "-": owned by the caller, terminated. */
enum status config_file_read(const char *path, char **text, size_t *size, struct failure *failure);

/* The same of a regular file only: a pipe would hold the start up for ever. */
enum status config_file_read_plain(const char *path, char **text, size_t *size,
                                   struct failure *failure);

/* The 16 bytes of a key file. */
enum status config_file_key(const char *path, struct hash_key *key, struct failure *failure);

#endif
