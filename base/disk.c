/* A directory of the machine as a disk; see disk.h.  A handle is the file's descriptor, so nothing
 * here is shared between threads but what never changes. */
#include "base/disk.h"
#include "base/assert.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char LOCK_NAME[] = "lock";

struct directory {
    int descriptor, lock; /* lock: -1 for a lone reader */
    char path[PATH_MAX];
};

/* ---- what went wrong ---- */

struct reason {
    int error;
    enum status status;
    const char *advice;
};

/* Every error that may pass, and those that people can do something about; the rest is STOP. */
static const struct reason reason_table[] = {
    {ENOSPC, STATUS_RETRY, "; free some space there"},
    {EDQUOT, STATUS_RETRY, "; raise the quota or free some space there"},
    {EIO, STATUS_RETRY, "; look at the disk"},
    {ENOMEM, STATUS_RETRY, ""},
    {EAGAIN, STATUS_RETRY, ""},
    {EINTR, STATUS_RETRY, ""},
    {EMFILE, STATUS_RETRY, "; raise the limit of open files"},
    {ENFILE, STATUS_RETRY, "; raise the limit of open files"},
    {ESTALE, STATUS_RETRY, ""},
    {ETIMEDOUT, STATUS_RETRY, ""},
    {EACCES, STATUS_STOP, "; give the user that runs weir the right to it"},
    {EPERM, STATUS_STOP, "; give the user that runs weir the right to it"},
    {EROFS, STATUS_STOP, "; mount it writable or name another directory"},
    {ENOTDIR, STATUS_STOP, "; a file is in its place: name another directory"},
    {ELOOP, STATUS_STOP, "; files there must not be links"},
};

/* From errno: "could not `what` `path`/`name`: why; what to do". */
static enum status fail(struct failure *failure, const char *what, const char *path,
                        const char *name)
{
    int error = errno;
    const struct reason *reason = NULL;
    for (size_t i = 0; i < sizeof reason_table / sizeof *reason_table && !reason; i++)
        if (reason_table[i].error == error)
            reason = &reason_table[i];
    return failure_set(failure, reason ? reason->status : STATUS_STOP, "could not %s %s%s%s: %s%s",
                       what, path, *name ? "/" : "", name, strerror(error),
                       reason ? reason->advice : "");
}

/* The path of an open file, asked of the system: a failure is rare, a table of names is state. */
static const char *handle_path(const struct directory *directory, int handle, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size < 0)
        return directory->path;
    path[size] = '\0';
    return path;
}

static enum status fail_handle(struct failure *failure, const char *what,
                               const struct directory *directory, int handle)
{
    int error = errno;
    char path[PATH_MAX];
    const char *known = handle_path(directory, handle, path);
    errno = error;
    return fail(failure, what, known, "");
}

/* ---- files ---- */

static void check_name(const char *name)
{
    ASSERT(*name && strlen(name) < DISK_NAME_MAX && !strchr(name, '/'));
    ASSERT(strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, LOCK_NAME) != 0);
}

/* Not through links, which could lead out of the directory, and not waiting at a pipe. */
static int open_file(const struct directory *directory, const char *name, int flags)
{
    check_name(name);
    int handle;
    do
        handle =
            openat(directory->descriptor, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    while (handle < 0 && errno == EINTR);
    return handle;
}

static enum status check_plain(const struct directory *directory, int handle, uint64_t *size,
                               struct failure *failure)
{
    struct stat about;
    if (fstat(handle, &about) != 0)
        return fail_handle(failure, "look at", directory, handle);
    char path[PATH_MAX];
    if (!S_ISREG(about.st_mode))
        return failure_set(failure, STATUS_STOP, "could not use %s: it is not a plain file",
                           handle_path(directory, handle, path));
    *size = (uint64_t)about.st_size;
    return STATUS_OK;
}

static enum status open_plain(const struct directory *directory, const char *name, int flags,
                              const char *what, int *result, uint64_t *size,
                              struct failure *failure)
{
    int handle = open_file(directory, name, flags);
    if (handle < 0)
        return fail(failure, what, directory->path, name);
    enum status status = check_plain(directory, handle, size, failure);
    if (status != STATUS_OK)
        close(handle);
    else
        *result = handle;
    return status;
}

static enum status directory_create(void *self, const char *name, int *handle,
                                    struct failure *failure)
{
    const struct directory *directory = self;
    ASSERT(directory->lock >= 0);
    uint64_t size;
    return open_plain(directory, name, O_RDWR | O_CREAT | O_TRUNC, "create", handle, &size,
                      failure);
}

static enum status directory_open(void *self, const char *name, int *handle, uint64_t *size,
                                  struct failure *failure)
{
    enum status status = open_plain(self, name, O_RDONLY, "open", handle, size, failure);
    /* What was written past the cache is read from the disk, further ahead if it knows how. */
    if (status == STATUS_OK)
        posix_fadvise(*handle, 0, 0, POSIX_FADV_SEQUENTIAL);
    return status;
}

/* Past the system's cache when it can be: a piece of whole units at a whole place goes from our
 * memory to the disk, without a copy and without pushing out of memory what others need.  Returns
 * the bytes written: none if it is not such a piece or the file system refuses (each in its own
 * way), fewer than all if it is full or was interrupted; the cache takes the rest, or says why not.
 * The flag is the handle's only for as long as the call. */
static size_t write_direct(int handle, const uint8_t *bytes, size_t size)
{
    off_t at = lseek(handle, 0, SEEK_CUR);
    if (size == 0 || size % DISK_UNIT != 0 || (uintptr_t)bytes % DISK_UNIT != 0 || at < 0 ||
        at % DISK_UNIT != 0)
        return 0;
    int flags = fcntl(handle, F_GETFL);
    if (flags < 0 || fcntl(handle, F_SETFL, flags | O_DIRECT) != 0)
        return 0;
    ssize_t written = write(handle, bytes, size);
    fcntl(handle, F_SETFL, flags);
    return written > 0 ? (size_t)written : 0;
}

static enum status directory_write(void *self, int handle, const void *bytes, size_t size,
                                   struct failure *failure)
{
    const uint8_t *at = bytes;
    size_t direct = write_direct(handle, at, size);
    at += direct;
    size -= direct;
    while (size > 0) {
        ssize_t written = write(handle, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_handle(failure, "write to", self, handle);
        at += written;
        size -= (size_t)written;
    }
    return STATUS_OK;
}

static enum status directory_read(void *self, int handle, uint64_t offset, void *bytes, size_t size,
                                  struct failure *failure)
{
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = pread(handle, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_handle(failure, "read", self, handle);
        char path[PATH_MAX];
        if (got == 0)
            return failure_set(failure, STATUS_STOP,
                               "could not read %s: it ends at byte %llu, %zu bytes early",
                               handle_path(self, handle, path), (unsigned long long)offset, size);
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return STATUS_OK;
}

/* Interrupted is not failed: what could not be written is told once, and not by EINTR. */
static int sync_descriptor(int descriptor)
{
    int result;
    do
        result = fsync(descriptor);
    while (result != 0 && errno == EINTR);
    return result;
}

static enum status directory_sync(void *self, int handle, struct failure *failure)
{
    return sync_descriptor(handle) == 0 ? STATUS_OK : fail_handle(failure, "sync", self, handle);
}

static void directory_close(void *self, int handle)
{
    (void)self;
    close(handle);
}

/* ---- names ---- */

static enum status directory_rename(void *self, const char *from, const char *to,
                                    struct failure *failure)
{
    const struct directory *directory = self;
    ASSERT(directory->lock >= 0);
    check_name(from);
    check_name(to);
    if (renameat(directory->descriptor, from, directory->descriptor, to) == 0)
        return STATUS_OK;
    return fail(failure, "rename a file to", directory->path, to);
}

static enum status directory_remove(void *self, const char *name, struct failure *failure)
{
    const struct directory *directory = self;
    ASSERT(directory->lock >= 0);
    check_name(name);
    if (unlinkat(directory->descriptor, name, 0) == 0)
        return STATUS_OK;
    return fail(failure, "remove", directory->path, name);
}

static enum status directory_sync_names(void *self, struct failure *failure)
{
    const struct directory *directory = self;
    if (sync_descriptor(directory->descriptor) == 0)
        return STATUS_OK;
    return fail(failure, "sync the names of", directory->path, "");
}

/* A stream of its own: it moves a position, which the directory's descriptor would share. */
static DIR *open_names(const struct directory *directory)
{
    int descriptor = openat(directory->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!names && descriptor >= 0)
        close(descriptor);
    return names;
}

/* Our own are neither the lock nor too long to be asked for again. */
static bool is_listed(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, LOCK_NAME) != 0 &&
           strlen(name) < DISK_NAME_MAX;
}

static enum status directory_list(void *self, void (*each)(void *context, const char *name),
                                  void *context, struct failure *failure)
{
    const struct directory *directory = self;
    DIR *names = open_names(directory);
    if (!names)
        return fail(failure, "list", directory->path, "");
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(names)) != NULL)
        if (is_listed(entry->d_name))
            each(context, entry->d_name);
    enum status status = errno == 0 ? STATUS_OK : fail(failure, "list", directory->path, "");
    closedir(names);
    return status;
}

static const struct disk_kind directory_kind = {
    .create = directory_create,
    .open = directory_open,
    .write = directory_write,
    .read = directory_read,
    .sync = directory_sync,
    .close = directory_close,
    .rename = directory_rename,
    .remove = directory_remove,
    .sync_names = directory_sync_names,
    .list = directory_list,
};

/* ---- the directory itself ---- */

/* A new directory's name is in its parent, and must be there after a crash as well. */
static int sync_parent(const char *path)
{
    char parent[PATH_MAX + 4];
    snprintf(parent, sizeof parent, "%s/..", path);
    int descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == EACCES ? 0 : -1; /* it may be entered and written, but not read */
    int result = sync_descriptor(descriptor);
    close(descriptor);
    return result;
}

static int make_one(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return sync_parent(path);
    int error = errno;
    struct stat about;
    /* One that is there will do, whatever mkdir says: of a root that is read-only, say. */
    bool there = stat(path, &about) == 0;
    errno = error;
    return there ? 0 : -1;
}

/* Every prefix that ends before a slash, then the whole. */
static enum status make_all(const char *path, struct failure *failure)
{
    char prefix[PATH_MAX];
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        if (make_one(prefix) != 0)
            return fail(failure, "make the directory", prefix, "");
    }
    return STATUS_OK;
}

/* For people only: the lock alone counts. */
static void name_holder(int lock)
{
    char text[16];
    int size = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)size, 0) != size)
        return; /* a full disk: then nobody is named */
}

static void read_holder(int lock, char holder[32])
{
    char text[16] = "";
    ssize_t size = pread(lock, text, sizeof text - 1, 0);
    long number = size > 0 ? strtol(text, NULL, 10) : 0;
    holder[0] = '\0';
    if (number > 0)
        snprintf(holder, 32, " (%ld)", number);
}

static enum status lock_directory(struct directory *directory, struct failure *failure)
{
    directory->lock = openat(directory->descriptor, LOCK_NAME,
                             O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (directory->lock < 0)
        return fail(failure, "open", directory->path, LOCK_NAME);
    /* A process that was killed holds it until its memory has been given back. */
    enum { TRIES = 50, PAUSE_US = 100000 };
    int locked = flock(directory->lock, LOCK_EX | LOCK_NB);
    for (int i = 0; i < TRIES && locked != 0 && errno == EWOULDBLOCK; i++) {
        usleep(PAUSE_US);
        locked = flock(directory->lock, LOCK_EX | LOCK_NB);
    }
    if (locked == 0) {
        name_holder(directory->lock);
        return STATUS_OK;
    }
    if (errno != EWOULDBLOCK)
        return fail(failure, "lock", directory->path, LOCK_NAME);
    char holder[32];
    read_holder(directory->lock, holder);
    return failure_set(
        failure, STATUS_STOP,
        "could not lock %s: another process%s uses it; stop that one, or name another "
        "directory (a standby has one of its own: --state DIR)",
        directory->path, holder);
}

static void directory_free(struct directory *directory)
{
    if (directory->lock >= 0)
        close(directory->lock);
    if (directory->descriptor >= 0)
        close(directory->descriptor);
    free(directory);
}

static enum status directory_enter(struct directory *directory, bool exclusive,
                                   struct failure *failure)
{
    if (exclusive) {
        enum status status = make_all(directory->path, failure);
        if (status != STATUS_OK)
            return status;
    }
    directory->descriptor = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->descriptor < 0)
        return fail(failure, "open the directory", directory->path, "");
    return exclusive ? lock_directory(directory, failure) : STATUS_OK;
}

enum status disk_open(struct disk *disk, const char *path, bool exclusive, struct failure *failure)
{
    *disk = (struct disk){0};
    if (*path == '\0' || strlen(path) >= PATH_MAX)
        return failure_set(failure, STATUS_STOP, "could not open a directory: its path is %s",
                           *path ? "too long" : "empty");
    struct directory *directory = malloc(sizeof *directory);
    if (!directory)
        return failure_set(failure, STATUS_RETRY, "could not open %s: no memory", path);
    directory->descriptor = directory->lock = -1;
    memcpy(directory->path, path, strlen(path) + 1);
    enum status status = directory_enter(directory, exclusive, failure);
    if (status != STATUS_OK) {
        directory_free(directory);
        return status;
    }
    *disk = (struct disk){.kind = &directory_kind, .self = directory};
    return STATUS_OK;
}

void disk_close(struct disk *disk)
{
    if (disk->self)
        directory_free(disk->self);
    *disk = (struct disk){0};
}
