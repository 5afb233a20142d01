/* A disk in memory that can be full, can break, and forgets in a crash what was not synced.
 *
 * Each file keeps what is written and, apart from it, what is durable: whole sectors get from one
 * to the other by a sync; in a crash each unsynced sector does so or not, by chance.  Names are
 * kept likewise: creations, renames and removals since the last sync_names are each durable after a
 * crash or not, in any combination.  A sync that fails has forgotten what it should have written,
 * as Linux does: a second one finds nothing to do and is content. */
#ifndef TESTS_UNIT_ENGINE_MEMORY_DISK_H
#define TESTS_UNIT_ENGINE_MEMORY_DISK_H

#include "base/assert.h"
#include "base/disk.h"
#include "base/random.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMORY_SECTOR = 512,
    MEMORY_FILES_MAX = 256,
    MEMORY_NAMES_MAX = 64,
    MEMORY_CHANGES_MAX = 256,
};

#define MEMORY_NEVER UINT64_MAX

struct memory_file {
    uint8_t *bytes, *durable, *dirty; /* the last: a flag for each sector */
    size_t size, capacity, durable_size;
    bool lost; /* a sync of it has failed: it must be neither synced nor renamed again */
};

struct memory_name {
    char name[DISK_NAME_MAX];
    uint32_t file;
};

struct memory_names {
    uint32_t count;
    struct memory_name name[MEMORY_NAMES_MAX];
};

/* Of names; after a rename `name` is gone and `to` is the file. */
struct memory_change {
    enum memory_change_kind { MEMORY_CREATED, MEMORY_RENAMED, MEMORY_REMOVED } kind;
    char name[DISK_NAME_MAX], to[DISK_NAME_MAX];
    uint32_t file;
};

struct memory_disk {
    pthread_mutex_t mutex;
    uint32_t file_count, change_count;
    struct memory_file file[MEMORY_FILES_MAX];
    struct memory_names names, durable_names;
    struct memory_change change[MEMORY_CHANGES_MAX];

    uint64_t calls;     /* of all kinds but close */
    uint64_t fail_call; /* this one fails (from 0), or MEMORY_NEVER */
    bool dead;          /* ... and all after it: the machine has stopped */
    bool dies;          /* the failing call is the machine's last one */
    const char *failed; /* what kind of call it was; NULL: it was not reached */
    uint64_t syncs, largest_write;
    uint64_t ragged; /* writes that are not of whole units (DISK_UNIT) at whole places */
};

enum memory_crash { MEMORY_FORGETS_ALL, MEMORY_KEEPS_ALL, MEMORY_KEEPS_SOME };

/* ---- files ---- */

static inline void memory_file_reserve(struct memory_file *file, size_t size)
{
    if (size <= file->capacity)
        return;
    size_t capacity = file->capacity ? file->capacity : 4096;
    while (capacity < size)
        capacity *= 2;
    file->bytes = realloc(file->bytes, capacity);
    file->durable = realloc(file->durable, capacity);
    file->dirty = realloc(file->dirty, capacity / MEMORY_SECTOR);
    ASSERT(file->bytes && file->durable && file->dirty);
    memset(file->bytes + file->capacity, 0, capacity - file->capacity);
    memset(file->durable + file->capacity, 0, capacity - file->capacity);
    memset(file->dirty + file->capacity / MEMORY_SECTOR, 0,
           (capacity - file->capacity) / MEMORY_SECTOR);
    file->capacity = capacity;
}

static inline void memory_file_append(struct memory_file *file, const void *bytes, size_t size)
{
    memory_file_reserve(file, file->size + size);
    if (size == 0)
        return;
    memcpy(file->bytes + file->size, bytes, size);
    for (size_t i = file->size / MEMORY_SECTOR; i <= (file->size + size - 1) / MEMORY_SECTOR; i++)
        file->dirty[i] = 1;
    file->size += size;
}

/* Dirty sectors become durable: all, or by chance; none at all without `random` and `all`. */
static inline void memory_file_settle(struct memory_file *file, bool all, struct random *random)
{
    size_t sectors = (file->size + MEMORY_SECTOR - 1) / MEMORY_SECTOR;
    for (size_t i = 0; i < sectors; i++) {
        bool kept = all || (random && (random_bits(random) & 1));
        if (!file->dirty[i] || !kept)
            continue;
        size_t at = i * MEMORY_SECTOR, end = at + MEMORY_SECTOR;
        end = end < file->size ? end : file->size;
        memcpy(file->durable + at, file->bytes + at, end - at);
        file->durable_size = file->durable_size < end ? end : file->durable_size;
    }
    if (sectors)
        memset(file->dirty, 0, sectors);
}

/* ---- names ---- */

static inline struct memory_name *memory_names_find(struct memory_names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i].name, name) == 0)
            return &names->name[i];
    return NULL;
}

static inline void memory_names_set(struct memory_names *names, const char *name, uint32_t file)
{
    struct memory_name *entry = memory_names_find(names, name);
    if (!entry) {
        ASSERT(names->count < MEMORY_NAMES_MAX);
        entry = &names->name[names->count++];
        snprintf(entry->name, sizeof entry->name, "%s", name);
    }
    entry->file = file;
}

static inline void memory_names_drop(struct memory_names *names, const char *name)
{
    struct memory_name *entry = memory_names_find(names, name);
    if (entry)
        *entry = names->name[--names->count];
}

static inline void memory_names_apply(struct memory_names *names,
                                      const struct memory_change *change)
{
    if (change->kind == MEMORY_CREATED)
        memory_names_set(names, change->name, change->file);
    else
        memory_names_drop(names, change->name);
    if (change->kind == MEMORY_RENAMED)
        memory_names_set(names, change->to, change->file);
}

static inline void memory_disk_change(struct memory_disk *disk, enum memory_change_kind kind,
                                      const char *name, const char *to, uint32_t file)
{
    ASSERT(disk->change_count < MEMORY_CHANGES_MAX);
    struct memory_change change = {.kind = kind, .file = file};
    snprintf(change.name, sizeof change.name, "%s", name);
    snprintf(change.to, sizeof change.to, "%s", to);
    memory_names_apply(&disk->names, &change);
    disk->change[disk->change_count++] = change;
}

/* ---- calls ---- */

/* Counts a call; false if it fails.  In a machine that dies the call itself still did something. */
static inline bool memory_disk_call(struct memory_disk *disk, const char *what, bool *effect,
                                    struct failure *failure)
{
    bool fails = disk->dead || disk->calls == disk->fail_call;
    *effect = !fails || (!disk->dead && disk->dies);
    if (fails && !disk->failed)
        disk->failed = what;
    if (fails && disk->dies)
        disk->dead = true;
    disk->calls++;
    if (fails)
        failure_set(failure, STATUS_RETRY, "could not %s: no space left on device", what);
    return !fails;
}

static inline enum status memory_create(void *self, const char *name, int *handle,
                                        struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    bool good = memory_disk_call(disk, "create", &effect, failure);
    if (effect) {
        ASSERT(disk->file_count < MEMORY_FILES_MAX);
        *handle = (int)disk->file_count;
        memory_disk_change(disk, MEMORY_CREATED, name, "", disk->file_count++);
    }
    pthread_mutex_unlock(&disk->mutex);
    return good ? STATUS_OK : STATUS_RETRY;
}

static inline enum status memory_open(void *self, const char *name, int *handle, uint64_t *size,
                                      struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    enum status status = STATUS_RETRY;
    if (memory_disk_call(disk, "open", &effect, failure)) {
        const struct memory_name *entry = memory_names_find(&disk->names, name);
        status = entry ? STATUS_OK : failure_set(failure, STATUS_STOP, "there is no %s", name);
        *handle = entry ? (int)entry->file : -1;
        *size = entry ? disk->file[entry->file].size : 0;
    }
    pthread_mutex_unlock(&disk->mutex);
    return status;
}

static inline enum status memory_write(void *self, int handle, const void *bytes, size_t size,
                                       struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    bool good = memory_disk_call(disk, "write", &effect, failure);
    if (size % DISK_UNIT || (uintptr_t)bytes % DISK_UNIT || disk->file[handle].size % DISK_UNIT)
        disk->ragged++;
    disk->largest_write = disk->largest_write < size ? size : disk->largest_write;
    /* A full disk takes what it has room for. */
    memory_file_append(&disk->file[handle], bytes, good || effect ? size : size / 2);
    pthread_mutex_unlock(&disk->mutex);
    return good ? STATUS_OK : STATUS_RETRY;
}

static inline enum status memory_read(void *self, int handle, uint64_t offset, void *bytes,
                                      size_t size, struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    const struct memory_file *file = &disk->file[handle];
    enum status status = STATUS_RETRY;
    if (memory_disk_call(disk, "read", &effect, failure)) {
        bool inside = offset <= file->size && size <= file->size - offset;
        status = inside ? STATUS_OK : failure_set(failure, STATUS_STOP, "the file ends early");
        if (inside && size)
            memcpy(bytes, file->bytes + offset, size);
    }
    pthread_mutex_unlock(&disk->mutex);
    return status;
}

static inline enum status memory_sync(void *self, int handle, struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    bool good = memory_disk_call(disk, "sync", &effect, failure);
    disk->syncs++;
    ASSERT(!disk->file[handle].lost);
    disk->file[handle].lost = !good;
    /* In a dying machine the crash itself says what became durable. */
    if (good || !effect)
        memory_file_settle(&disk->file[handle], good, NULL);
    pthread_mutex_unlock(&disk->mutex);
    return good ? STATUS_OK : STATUS_RETRY;
}

static inline void memory_close(void *self, int handle)
{
    struct memory_disk *disk = self;
    ASSERT(handle >= 0 && (uint32_t)handle < disk->file_count);
}

static inline enum status memory_rename(void *self, const char *from, const char *to,
                                        struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    bool good = memory_disk_call(disk, "rename", &effect, failure);
    const struct memory_name *entry = memory_names_find(&disk->names, from);
    ASSERT(!entry || !disk->file[entry->file].lost);
    if (effect && entry)
        memory_disk_change(disk, MEMORY_RENAMED, from, to, entry->file);
    else if (good)
        good = failure_set(failure, STATUS_STOP, "there is no %s", from) == STATUS_OK;
    pthread_mutex_unlock(&disk->mutex);
    return good ? STATUS_OK : failure->status;
}

static inline enum status memory_remove(void *self, const char *name, struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    bool good = memory_disk_call(disk, "remove", &effect, failure);
    const struct memory_name *entry = memory_names_find(&disk->names, name);
    if (effect && entry)
        memory_disk_change(disk, MEMORY_REMOVED, name, "", entry->file);
    else if (good)
        good = failure_set(failure, STATUS_STOP, "there is no %s", name) == STATUS_OK;
    pthread_mutex_unlock(&disk->mutex);
    return good ? STATUS_OK : failure->status;
}

static inline enum status memory_sync_names(void *self, struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    bool good = memory_disk_call(disk, "sync the names", &effect, failure);
    if (good) {
        disk->durable_names = disk->names;
        disk->change_count = 0;
    }
    pthread_mutex_unlock(&disk->mutex);
    return good ? STATUS_OK : STATUS_RETRY;
}

static inline enum status memory_list(void *self, void (*each)(void *context, const char *name),
                                      void *context, struct failure *failure)
{
    struct memory_disk *disk = self;
    bool effect;
    pthread_mutex_lock(&disk->mutex);
    bool good = memory_disk_call(disk, "list", &effect, failure);
    struct memory_names names = disk->names;
    pthread_mutex_unlock(&disk->mutex);
    for (uint32_t i = 0; good && i < names.count; i++)
        each(context, names.name[i].name);
    return good ? STATUS_OK : STATUS_RETRY;
}

/* ---- for tests ---- */

static inline struct memory_disk *memory_disk_new(struct disk *disk)
{
    static const struct disk_kind kind = {
        .create = memory_create,
        .open = memory_open,
        .write = memory_write,
        .read = memory_read,
        .sync = memory_sync,
        .close = memory_close,
        .rename = memory_rename,
        .remove = memory_remove,
        .sync_names = memory_sync_names,
        .list = memory_list,
    };
    struct memory_disk *memory = calloc(1, sizeof *memory);
    ASSERT(memory);
    pthread_mutex_init(&memory->mutex, NULL);
    memory->fail_call = MEMORY_NEVER;
    *disk = (struct disk){&kind, memory};
    return memory;
}

static inline void memory_disk_free(struct memory_disk *memory)
{
    for (uint32_t i = 0; i < memory->file_count; i++) {
        free(memory->file[i].bytes);
        free(memory->file[i].durable);
        free(memory->file[i].dirty);
    }
    pthread_mutex_destroy(&memory->mutex);
    free(memory);
}

/* The call `calls` from now fails; `dies`: so does every one after it, until memory_disk_crash. */
static inline void memory_disk_fail(struct memory_disk *memory, uint64_t calls, bool dies)
{
    memory->fail_call = calls == MEMORY_NEVER ? calls : memory->calls + calls;
    memory->dies = dies;
    memory->dead = false;
    memory->failed = NULL;
}

/* The machine stops and starts again; all handles are gone, and faults. */
static inline void memory_disk_crash(struct memory_disk *memory, enum memory_crash crash,
                                     struct random *random)
{
    for (uint32_t i = 0; i < memory->file_count; i++) {
        struct memory_file *file = &memory->file[i];
        if (file->capacity == 0)
            continue;
        memory_file_settle(file, crash == MEMORY_KEEPS_ALL,
                           crash == MEMORY_KEEPS_SOME ? random : NULL);
        memcpy(file->bytes, file->durable, file->capacity);
        file->size = file->durable_size;
        file->lost = false;
    }
    for (uint32_t i = 0; i < memory->change_count; i++) {
        const struct memory_change change = memory->change[i];
        if (crash == MEMORY_KEEPS_ALL || (crash == MEMORY_KEEPS_SOME && (random_bits(random) & 1)))
            memory_names_apply(&memory->durable_names, &change);
    }
    memory->names = memory->durable_names;
    memory->change_count = 0;
    memory_disk_fail(memory, MEMORY_NEVER, false);
}

/* A file as it is now, or NULL; its bytes may be changed in place, its size cut. */
static inline struct memory_file *memory_disk_file(struct memory_disk *memory, const char *name)
{
    const struct memory_name *entry = memory_names_find(&memory->names, name);
    return entry ? &memory->file[entry->file] : NULL;
}

/* A durable file of these bytes. */
static inline void memory_disk_put(struct memory_disk *memory, const char *name, const void *bytes,
                                   size_t size)
{
    ASSERT(memory->file_count < MEMORY_FILES_MAX);
    struct memory_file *file = &memory->file[memory->file_count];
    memory_file_append(file, bytes, size);
    memory_file_settle(file, true, NULL);
    memory_names_set(&memory->names, name, memory->file_count);
    memory_names_set(&memory->durable_names, name, memory->file_count++);
}

#endif
