/* Files, names and what a crash does to them; see disk.h. */
#include "tests/simulation/disk.h"
#include "tests/simulation/simulation.h"
#include <stdlib.h>
#include <string.h>

static struct chance *chance_of(const struct sim_disk *disk)
{
    return &disk->process->simulation->chance;
}

static bool is_dead(struct sim_disk *disk, struct failure *failure)
{
    if (!process_enter(disk->process, SEAM_DISK))
        return false;
    failure_set(failure, STATUS_RETRY, "the process is dead");
    return true;
}

static enum status disk_leave(struct sim_disk *disk, enum status status)
{
    process_leave(disk->process, SEAM_DISK);
    return status;
}

static bool is_full(struct sim_disk *disk)
{
    struct simulation *simulation = disk->process->simulation;
    if (chance_strikes(&simulation->chance, FAULT_DISK_FULL, 0.01))
        disk->full_until_ns =
            simulation->now_ns + milliseconds(chance_between(&simulation->chance, 10, 1000));
    return disk->full_until_ns > simulation->now_ns && !simulation->chance.calm;
}

/* ---- files and names ---- */

static bool file_is_named(const struct sim_disk *disk, int file)
{
    for (uint32_t i = 0; i < disk->name_count; i++)
        if (disk->name[i].now == file || disk->name[i].kept == file)
            return true;
    for (int i = 0; i < SIM_HANDLES_MAX; i++)
        if (disk->handle[i].file == file)
            return true;
    return false;
}

static int file_new(struct sim_disk *disk)
{
    for (int i = 0; i < SIM_FILES_MAX; i++) {
        struct sim_file *file = &disk->file[i];
        if (file->used && file_is_named(disk, i))
            continue;
        file->used = true;
        file->size = file->synced = 0;
        return i;
    }
    ASSERT(!"too many files on a simulated disk");
    return -1;
}

static struct sim_name *name_find(struct sim_disk *disk, const char *name)
{
    for (uint32_t i = 0; i < disk->name_count; i++)
        if (strcmp(disk->name[i].name, name) == 0)
            return &disk->name[i];
    return NULL;
}

static struct sim_name *name_make(struct sim_disk *disk, const char *name)
{
    struct sim_name *found = name_find(disk, name);
    if (found)
        return found;
    for (uint32_t i = 0; i < disk->name_count; i++)
        if (disk->name[i].now == -1 && disk->name[i].kept == -1)
            found = &disk->name[i];
    if (!found) {
        ASSERT(disk->name_count < SIM_FILES_MAX);
        found = &disk->name[disk->name_count++];
    }
    snprintf(found->name, sizeof found->name, "%s", name);
    found->now = found->kept = -1;
    return found;
}

static int handle_new(struct sim_disk *disk, int file)
{
    for (int i = 0; i < SIM_HANDLES_MAX; i++) {
        if (disk->handle[i].file >= 0)
            continue;
        disk->handle[i] = (struct sim_handle){.file = file};
        return i;
    }
    ASSERT(!"too many open files on a simulated disk");
    return -1;
}

static struct sim_file *handle_file(struct sim_disk *disk, int handle)
{
    ASSERT(handle >= 0 && handle < SIM_HANDLES_MAX && disk->handle[handle].file >= 0);
    return &disk->file[disk->handle[handle].file];
}

/* ---- the calls ---- */

static enum status sim_create(void *self, const char *name, int *handle, struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    if (is_full(disk) && chance_one_in(chance_of(disk), 2))
        return failure_set(failure, STATUS_RETRY, "could not create %s: no space left", name);
    struct sim_name *made = name_make(disk, name);
    made->now = -1;
    int file = file_new(disk);
    made->now = file;
    *handle = handle_new(disk, file);
    return disk_leave(disk, STATUS_OK);
}

static enum status sim_open(void *self, const char *name, int *handle, uint64_t *size,
                            struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    const struct sim_name *found = name_find(disk, name);
    if (!found || found->now < 0)
        return failure_set(failure, STATUS_STOP, "could not open %s: there is no such file", name);
    *handle = handle_new(disk, found->now);
    *size = disk->file[found->now].size;
    return disk_leave(disk, STATUS_OK);
}

static void file_append(struct sim_file *file, const void *bytes, size_t size)
{
    if (file->size + size > file->capacity) {
        file->capacity = (file->size + size) * 2;
        file->bytes = realloc(file->bytes, file->capacity);
        ASSERT(file->bytes);
    }
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

static enum status sim_write(void *self, int handle, const void *bytes, size_t size,
                             struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    struct sim_file *file = handle_file(disk, handle);
    if (disk->handle[handle].flawed)
        violate(disk->process->simulation, "process %u writes on to a file that has failed",
                disk->process->index);
    if (is_full(disk)) {
        file_append(file, bytes, (size_t)random_below(&chance_of(disk)->random, size + 1));
        disk->handle[handle].flawed = true;
        return failure_set(failure, STATUS_RETRY, "could not write: no space left");
    }
    file_append(file, bytes, size);
    return disk_leave(disk, STATUS_OK);
}

static enum status sim_read(void *self, int handle, uint64_t offset, void *bytes, size_t size,
                            struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    const struct sim_file *file = handle_file(disk, handle);
    if (chance_strikes(chance_of(disk), FAULT_READ_FAILED, 0.01)) {
        disk->hurt = true;
        return failure_set(failure, STATUS_RETRY, "could not read: an error of the disk");
    }
    if (offset > file->size || size > file->size - offset)
        return failure_set(failure, STATUS_STOP, "could not read: the file ends before");
    memcpy(bytes, file->bytes + offset, size);
    return disk_leave(disk, STATUS_OK);
}

static enum status sim_sync(void *self, int handle, struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    struct sim_file *file = handle_file(disk, handle);
    if (disk->handle[handle].flawed)
        violate(disk->process->simulation, "process %u syncs a file that has failed",
                disk->process->index);
    if (chance_strikes(chance_of(disk), FAULT_SYNC_FAILED, 0.05)) {
        disk->handle[handle].flawed = true;
        return failure_set(failure, STATUS_RETRY, "could not sync: an error of the disk");
    }
    file->synced = file->size;
    return disk_leave(disk, STATUS_OK);
}

static void sim_close(void *self, int handle)
{
    struct sim_disk *disk = self;
    handle_file(disk, handle);
    disk->handle[handle].file = -1;
}

static enum status sim_rename(void *self, const char *from, const char *to, struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    struct sim_name *old = name_find(disk, from);
    if (!old || old->now < 0)
        return failure_set(failure, STATUS_STOP, "could not rename %s: there is no such file",
                           from);
    int file = old->now;
    name_make(disk, to)->now = file;
    old->now = -1;
    return disk_leave(disk, STATUS_OK);
}

static enum status sim_remove(void *self, const char *name, struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    struct sim_name *found = name_find(disk, name);
    if (!found || found->now < 0)
        return failure_set(failure, STATUS_STOP, "could not remove %s: there is no such file",
                           name);
    found->now = -1;
    return disk_leave(disk, STATUS_OK);
}

static enum status sim_sync_names(void *self, struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    if (chance_strikes(chance_of(disk), FAULT_SYNC_FAILED, 0.02))
        return failure_set(failure, STATUS_RETRY, "could not sync: an error of the disk");
    for (uint32_t i = 0; i < disk->name_count; i++)
        disk->name[i].kept = disk->name[i].now;
    return disk_leave(disk, STATUS_OK);
}

/* From a random one on, so that nobody relies on an order. */
static enum status sim_list(void *self, void (*each)(void *context, const char *name),
                            void *context, struct failure *failure)
{
    struct sim_disk *disk = self;
    if (is_dead(disk, failure))
        return STATUS_RETRY;
    char names[SIM_FILES_MAX][DISK_NAME_MAX];
    uint32_t count = 0;
    uint64_t first =
        disk->name_count ? random_below(&chance_of(disk)->random, disk->name_count) : 0;
    for (uint32_t i = 0; i < disk->name_count; i++) {
        const struct sim_name *name = &disk->name[(first + i) % disk->name_count];
        if (name->now >= 0)
            memcpy(names[count++], name->name, sizeof names[0]);
    }
    for (uint32_t i = 0; i < count; i++)
        each(context, names[i]);
    return disk_leave(disk, STATUS_OK);
}

const struct disk_kind sim_disk_kind = {
    .create = sim_create,
    .open = sim_open,
    .write = sim_write,
    .read = sim_read,
    .sync = sim_sync,
    .close = sim_close,
    .rename = sim_rename,
    .remove = sim_remove,
    .sync_names = sim_sync_names,
    .list = sim_list,
};

/* ---- what happens to it ---- */

void sim_disk_init(struct sim_disk *disk, struct process *process)
{
    disk->process = process;
    sim_disk_wipe(disk);
}

void sim_disk_wipe(struct sim_disk *disk)
{
    disk->full_until_ns = 0;
    disk->hurt = false;
    disk->name_count = 0;
    for (int i = 0; i < SIM_FILES_MAX; i++) {
        disk->file[i].used = false;
        disk->file[i].size = disk->file[i].synced = 0;
    }
    for (int i = 0; i < SIM_HANDLES_MAX; i++)
        disk->handle[i].file = -1;
}

/* An unsynced end may be cut anywhere, and sectors within it may be missing. */
static void file_tear(struct sim_file *file, struct chance *chance)
{
    if (file->size == file->synced)
        return;
    chance_count(chance, FAULT_WRITE_TORN);
    file->size = (size_t)chance_between(chance, file->synced, file->size);
    bool holes = chance_one_in(chance, 2);
    size_t first = (file->synced + SIM_SECTOR - 1) / SIM_SECTOR * SIM_SECTOR;
    for (size_t at = first; holes && at < file->size; at += SIM_SECTOR) {
        size_t size = file->size - at < SIM_SECTOR ? file->size - at : SIM_SECTOR;
        if (chance_one_in(chance, 4))
            memset(file->bytes + at, 0, size);
    }
    file->synced = file->size;
}

void sim_disk_crash(struct sim_disk *disk)
{
    struct chance *chance = chance_of(disk);
    for (uint32_t i = 0; i < disk->name_count; i++) {
        struct sim_name *name = &disk->name[i];
        if (name->now != name->kept && chance_one_in(chance, 2)) {
            chance_count(chance, FAULT_NAME_LOST);
            name->now = name->kept;
        }
        name->kept = name->now;
    }
    for (int i = 0; i < SIM_FILES_MAX; i++)
        if (disk->file[i].used)
            file_tear(&disk->file[i], chance);
}

void sim_disk_rot(struct sim_disk *disk)
{
    struct chance *chance = chance_of(disk);
    if (disk->name_count == 0)
        return;
    const struct sim_name *name = &disk->name[random_below(&chance->random, disk->name_count)];
    struct sim_file *file = name->now >= 0 ? &disk->file[name->now] : NULL;
    if (!file || file->size == 0)
        return;
    file->bytes[random_below(&chance->random, file->size)] ^=
        (char)(1 << random_below(&chance->random, 8));
    disk->hurt = true;
}

void sim_disk_free(struct sim_disk *disk)
{
    for (int i = 0; i < SIM_FILES_MAX; i++)
        free(disk->file[i].bytes);
    memset(disk->file, 0, sizeof disk->file);
}
