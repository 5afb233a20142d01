/* A snapshot's configuration against another one; see migrate_against.h. */
#include "engine/migrate_against.h"
#include "engine/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 256, PLACE_MAX = 4096 };

/* The newest one that is good, in this very directory. */
static enum status newest_in(const char *directory, char snapshot[DISK_NAME_MAX],
                             struct snapshot_facts *facts, struct failure *failure)
{
    struct disk disk = {0};
    char names[LISTED_MAX][DISK_NAME_MAX];
    enum status status = disk_open(&disk, directory, false, failure);
    if (status != STATUS_OK)
        return status;
    *failure = (struct failure){0};
    uint32_t count = snapshot_list(&disk, names, LISTED_MAX, failure);
    status = failure->status;
    if (status == STATUS_OK && count == 0)
        status = failure_set(failure, STATUS_STOP, "there is no snapshot in %s", directory);
    for (uint32_t i = 0; i < count; i++) {
        status = snapshot_check(&disk, names[i], false, facts, failure);
        memcpy(snapshot, names[i], DISK_NAME_MAX);
        if (status == STATUS_OK)
            break;
    }
    disk_close(&disk);
    return status;
}

/* People name the directory that the configuration names, or the pipeline's folder in it. */
static enum status newest(const struct config *config, const char *directory,
                          char snapshot[DISK_NAME_MAX], struct snapshot_facts *facts,
                          struct failure *failure)
{
    char folder[PLACE_MAX];
    struct failure ignored;
    if (newest_in(directory, snapshot, facts, failure) == STATUS_OK)
        return STATUS_OK;
    int size = snprintf(folder, sizeof folder, "%s/%s", directory, config->name);
    if (size > 0 && (size_t)size < sizeof folder &&
        newest_in(folder, snapshot, facts, &ignored) == STATUS_OK)
        return STATUS_OK;
    return STATUS_STOP;
}

static enum status compare(struct pipeline *to, const struct snapshot_facts *facts,
                           struct migration_report *report, struct failure *failure)
{
    struct config *config = calloc(1, sizeof *config);
    struct pipeline *from = calloc(1, sizeof *from);
    struct findings findings = {0};
    ASSERT(config && from);
    enum status status = STATUS_OK;
    if (!config_read_journalled(config, to->config, facts->configuration, facts->configuration_size,
                                &findings) ||
        !pipeline_build(from, config, &findings))
        status = failure_set(failure, STATUS_STOP,
                             "this version of weir does not take the snapshot's configuration: "
                             "%s: %s",
                             findings.list[0].path, findings.list[0].message);
    else
        migrate(to, from, report);
    pipeline_close(from);
    config_close(config);
    findings_close(&findings);
    free(from);
    free(config);
    return status;
}

enum status migrate_against(struct pipeline *to, const char *directory,
                            char snapshot[DISK_NAME_MAX], struct migration_report *report,
                            struct failure *failure)
{
    struct snapshot_facts facts = {0};
    enum status status = newest(to->config, directory, snapshot, &facts, failure);
    if (status != STATUS_OK)
        return status;
    if (strcmp(facts.pipeline, to->config->name) != 0)
        status = failure_set(failure, STATUS_STOP,
                             "the state is of pipeline '%s', not '%s': it would not be used",
                             facts.pipeline, to->config->name);
    else
        status = compare(to, &facts, report, failure);
    snapshot_facts_close(&facts);
    return status;
}
