/* What a snapshot holds, for people and programs. */
#ifndef ENGINE_SNAPSHOT_DESCRIPTION_H
#define ENGINE_SNAPSHOT_DESCRIPTION_H

#include "engine/journal.h"
#include "engine/snapshot.h"
#include <jansson.h>
#include <stdio.h>

struct snapshot_description {
    char name[DISK_NAME_MAX];
    struct snapshot_facts facts;
    struct state_directory directory;
    uint64_t pages[STATE_REGIONS_MAX]; /* in the file, by region */
    uint32_t lane_count;
    struct journal_lane lane[JOURNAL_LANES_MAX]; /* those in use; none if it has no such table */
};

/* Reads all of it and checks it on the way.  facts are to be closed by the caller. */
enum status snapshot_describe(const struct disk *disk, const char *name,
                              struct snapshot_description *description, struct failure *failure);

/* The facts alone, as members of an object; and one line. */
json_t *snapshot_facts_json(const char *name, const struct snapshot_facts *facts, int64_t now_ms);
void snapshot_facts_line(const char *name, const struct snapshot_facts *facts, FILE *file);

json_t *snapshot_description_json(const struct snapshot_description *description, int64_t now_ms);
void snapshot_description_print(const struct snapshot_description *description, int64_t now_ms,
                                FILE *file);

#endif
