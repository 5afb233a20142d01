/* What the state of a running pipeline would become under another configuration: told before
 * anything is changed. */
#ifndef ENGINE_MIGRATE_AGAINST_H
#define ENGINE_MIGRATE_AGAINST_H

#include "base/disk.h"
#include "engine/migrate.h"

/* Reports for `to`, which is built and not started, against the newest snapshot of a state
 * directory whose head and tail are good (or of the folder of the pipeline's name in it); its name
 * goes to `snapshot`.  STOP: there is none, or its configuration cannot be built any more. */
enum status migrate_against(struct pipeline *to, const char *directory,
                            char snapshot[DISK_NAME_MAX], struct migration_report *report,
                            struct failure *failure);

#endif
