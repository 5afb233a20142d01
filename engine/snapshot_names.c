/* The names of snapshots: listing, sweeping, keeping the newest; see snapshot_names.h. */
#include "engine/snapshot_names.h"
#include "base/log.h"
#include <stdio.h>
#include <string.h>

enum { SEQUENCE_DIGITS = 20, SWEPT_AT_ONCE = 16, PRUNED_AT_ONCE = 256 };

static const char prefix[] = "snapshot-", temporary[] = ".tmp";

void snapshot_name(char name[DISK_NAME_MAX], uint64_t sequence)
{
    snprintf(name, DISK_NAME_MAX, "%s%0*llu", prefix, SEQUENCE_DIGITS,
             (unsigned long long)sequence);
}

void snapshot_name_temporary(char name[DISK_NAME_MAX], uint64_t sequence)
{
    snprintf(name, DISK_NAME_MAX, "%s%0*llu%s", prefix, SEQUENCE_DIGITS,
             (unsigned long long)sequence, temporary);
}

/* What follows the number, or NULL if there is none. */
static const char *name_rest(const char *name, uint64_t *sequence)
{
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return NULL;
    name += strlen(prefix);
    *sequence = 0;
    for (int i = 0; i < SEQUENCE_DIGITS; i++, name++)
        if (*name < '0' || *name > '9' || __builtin_mul_overflow(*sequence, 10, sequence) ||
            __builtin_add_overflow(*sequence, (uint64_t)(*name - '0'), sequence))
            return NULL;
    return name;
}

bool snapshot_name_parse(const char *name, uint64_t *sequence)
{
    const char *rest = name_rest(name, sequence);
    return rest && *rest == '\0';
}

/* ---- the newest ones ---- */

struct listing {
    char (*names)[DISK_NAME_MAX];
    uint32_t count, most;
};

/* Names of one length in the order of their numbers are in the order of their letters. */
static void list_name(void *context, const char *name)
{
    struct listing *listing = context;
    uint64_t sequence;
    if (!snapshot_name_parse(name, &sequence))
        return;
    uint32_t at = 0;
    while (at < listing->count && strcmp(listing->names[at], name) > 0)
        at++;
    if (at == listing->most)
        return;
    if (listing->count < listing->most)
        listing->count++;
    memmove(listing->names + at + 1, listing->names + at,
            (listing->count - at - 1) * sizeof *listing->names);
    snprintf(listing->names[at], DISK_NAME_MAX, "%s", name);
}

uint32_t snapshot_list(const struct disk *disk, char (*names)[DISK_NAME_MAX], uint32_t most,
                       struct failure *failure)
{
    struct listing listing = {names, 0, most};
    *failure = (struct failure){0};
    if (disk->kind->list(disk->self, list_name, &listing, failure) != STATUS_OK)
        return 0;
    return listing.count;
}

/* ---- what a crash left ---- */

struct sweeping {
    char names[SWEPT_AT_ONCE][DISK_NAME_MAX];
    uint32_t count;
};

static void sweep_name(void *context, const char *name)
{
    struct sweeping *sweeping = context;
    uint64_t sequence;
    const char *rest = name_rest(name, &sequence);
    if (rest && strcmp(rest, temporary) == 0 && sweeping->count < SWEPT_AT_ONCE)
        snprintf(sweeping->names[sweeping->count++], DISK_NAME_MAX, "%s", name);
}

void snapshot_sweep(const struct disk *disk)
{
    struct sweeping sweeping = {.count = 0};
    struct failure failure;
    if (disk->kind->list(disk->self, sweep_name, &sweeping, &failure) != STATUS_OK)
        return;
    /* One that cannot be removed now is swept before the next snapshot is written. */
    for (uint32_t i = 0; i < sweeping.count; i++)
        disk->kind->remove(disk->self, sweeping.names[i], &failure);
}

void snapshot_set_aside(const struct disk *disk)
{
    char names[PRUNED_AT_ONCE][DISK_NAME_MAX], aside[DISK_NAME_MAX];
    struct failure failure = {0};
    uint32_t count = snapshot_list(disk, names, PRUNED_AT_ONCE, &failure);
    enum status status = count ? STATUS_OK : failure.status;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        snprintf(aside, sizeof aside, "aside-%.100s", names[i]);
        status = disk->kind->rename(disk->self, names[i], aside, &failure);
    }
    if (count && status == STATUS_OK)
        status = disk->kind->sync_names(disk->self, &failure);
    if (status != STATUS_OK)
        log_warning("snapshot", "could not set aside what the journal no longer knows: %s",
                    failure.text);
    else if (count)
        log_info("snapshot", "set aside what the journal no longer knows count=%u", count);
}

/* ---- which stay ---- */

static bool is_intact(const struct disk *disk, const char *name)
{
    struct snapshot_facts facts = {0};
    struct failure failure;
    bool intact = snapshot_check(disk, name, false, &facts, &failure) == STATUS_OK;
    snapshot_facts_close(&facts);
    return intact;
}

enum status snapshot_prune(const struct disk *disk, uint64_t sequence, uint32_t keep,
                           struct failure *failure)
{
    char names[PRUNED_AT_ONCE][DISK_NAME_MAX];
    uint32_t count = snapshot_list(disk, names, PRUNED_AT_ONCE, failure), intact = 0;
    enum status status = failure->status;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        uint64_t listed = 0;
        snapshot_name_parse(names[i], &listed);
        if (listed > sequence)
            continue;
        if (intact >= keep)
            status = disk->kind->remove(disk->self, names[i], failure);
        else if (listed == sequence || is_intact(disk, names[i]))
            intact++;
    }
    return status;
}
