/* One process's disk (base/disk.h) in memory.  What was not synced when its process dies may be
 * there, not be there, or be there in part, sector by sector; names that were not synced may be the
 * old or the new ones, each for itself. */
#ifndef TESTS_SIMULATION_DISK_H
#define TESTS_SIMULATION_DISK_H

#include "base/disk.h"

enum { SIM_FILES_MAX = 64, SIM_HANDLES_MAX = 16, SIM_SECTOR = 512 };

struct process;

struct sim_file {
    bool used;
    char *bytes;
    size_t size, capacity, synced; /* bytes before `synced` survive a crash */
};

/* Index of a file, -1: no such name.  now: what a running process sees; kept: what is on the disk.
 */
struct sim_name {
    char name[DISK_NAME_MAX];
    int now, kept;
};

struct sim_handle {
    int file;    /* -1: not open */
    bool flawed; /* a sync or a write failed: to be given up */
};

struct sim_disk {
    struct process *process;
    uint64_t full_until_ns;
    bool hurt; /* something that had been synced was damaged: a refusal is in order */
    struct sim_file file[SIM_FILES_MAX];
    uint32_t name_count;
    struct sim_name name[SIM_FILES_MAX];
    struct sim_handle handle[SIM_HANDLES_MAX];
};

extern const struct disk_kind sim_disk_kind;

void sim_disk_init(struct sim_disk *disk, struct process *process);
/* An empty one; memory is kept. */
void sim_disk_wipe(struct sim_disk *disk);
/* What a crash leaves. */
void sim_disk_crash(struct sim_disk *disk);
/* Flips a bit of what lies there. */
void sim_disk_rot(struct sim_disk *disk);
void sim_disk_free(struct sim_disk *disk);

#endif
