/* What snapshots are called in the state directory, and which of them stay. */
#ifndef ENGINE_SNAPSHOT_NAMES_H
#define ENGINE_SNAPSHOT_NAMES_H

#include "engine/snapshot.h"

void snapshot_name(char name[DISK_NAME_MAX], uint64_t sequence);
void snapshot_name_temporary(char name[DISK_NAME_MAX], uint64_t sequence);

/* False if it is not the name of a snapshot. */
bool snapshot_name_parse(const char *name, uint64_t *sequence);

/* Removes what is older than the `keep` newest intact ones up to `sequence`, which was just
 * published.  One that fails the check of its head and tail counts for nothing, and goes when it is
 * older than those kept.  Later ones belong to another history of the journal and are left alone.
 */
enum status snapshot_prune(const struct disk *disk, uint64_t sequence, uint32_t keep,
                           struct failure *failure);

#endif
