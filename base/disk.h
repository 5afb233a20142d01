/* The only door to the state directory: plain files, behind a seam so that a test can lose, tear
 * and reorder what was not synced, or be full.  Paths are inside one directory that the disk was
 * opened with; names hold no slash.  What is written counts as there after a crash only when
 * `sync` of the file and, for its name, `sync_names` have returned OK.
 *
 * Failures: RETRY when it may work later (no space, an I/O error: the file at hand is to be given
 * up and removed, never synced a second time), STOP when it will not (no directory, no right). */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DISK_NAME_MAX = 128,
    DISK_UNIT = 4096, /* pieces of it are written past the system's cache where that can be */
};

struct disk_kind;

struct disk {
    const struct disk_kind *kind;
    void *self;
};

struct disk_kind {
    /* A new empty file; one that is there is emptied.  The handle is >= 0. */
    enum status (*create)(void *self, const char *name, int *handle, struct failure *failure);
    enum status (*open)(void *self, const char *name, int *handle, uint64_t *size,
                        struct failure *failure);
    /* All of the bytes or a failure, at the end of what was written before.  Large writes are
     * cheapest as whole units: their size, their place in memory and in the file. */
    enum status (*write)(void *self, int handle, const void *bytes, size_t size,
                         struct failure *failure);
    /* Fills all of `size` bytes from `offset`; a shorter file is a failure (STOP). */
    enum status (*read)(void *self, int handle, uint64_t offset, void *bytes, size_t size,
                        struct failure *failure);
    enum status (*sync)(void *self, int handle, struct failure *failure);
    void (*close)(void *self, int handle);

    /* Atomic: afterwards `to` is the old file or the new one. */
    enum status (*rename)(void *self, const char *from, const char *to, struct failure *failure);
    enum status (*remove)(void *self, const char *name, struct failure *failure);
    enum status (*sync_names)(void *self, struct failure *failure);

    /* Calls back with every name, in no particular order; not with those of DISK_NAME_MAX and more
     * bytes, which are not ours, nor with the disk's own lock. */
    enum status (*list)(void *self, void (*each)(void *context, const char *name), void *context,
                        struct failure *failure);
};

/* A directory of the machine, made if it is not there (its parents too), mode 0700, and locked: a
 * second process that opens it is refused, STOP.  A lone reader (`exclusive` false) takes no lock
 * and makes, renames and removes nothing.  Different threads may use it at the same time, each its
 * own handles. */
enum status disk_open(struct disk *disk, const char *path, bool exclusive, struct failure *failure);
void disk_close(struct disk *disk);

#endif
