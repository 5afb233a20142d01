/* Where a node begins: the newest usable snapshot, else the journal's begin; and how it passes from
 * one configuration to the next. */
#include "base/assert.h"
#include "base/log.h"
#include "engine/migrate.h"
#include "engine/node_parts.h"
#include <stdlib.h>
#include <string.h>

/* ---- what it folds with ---- */

static void close_parts(struct node *node)
{
    if (node->engine)
        engine_close(node->engine);
    if (node->inputs && node->world.closing_inputs)
        node->world.closing_inputs(node->world.self);
    if (node->inputs)
        inputs_close(node->inputs);
    free(node->engine);
    free(node->inputs);
    node->engine = NULL;
    node->inputs = NULL;
}

/* A configuration that was read from the journal lies on the heap: its pipeline points into it. */
static void config_drop(const struct node *node, struct config *config)
{
    if (!config || config == node->setting.config)
        return;
    config_close(config);
    free(config);
}

void node_forget(struct node *node)
{
    close_parts(node);
    if (node->pipeline)
        pipeline_close(node->pipeline);
    free(node->pipeline);
    node->pipeline = NULL;
    config_drop(node, node->config);
    node->config = NULL;
    free(node->text);
    node->text = NULL;
}

/* Inputs that stand still until they are placed, and an engine. */
static enum status open_parts(struct node *node, struct failure *failure)
{
    node->inputs = calloc(1, sizeof *node->inputs);
    node->engine = calloc(1, sizeof *node->engine);
    ASSERT(node->inputs && node->engine);
    inputs_follow(node->inputs);
    enum status status =
        node->world.open_inputs(node->world.self, node->inputs, node->config, failure);
    if (status == STATUS_OK)
        status = engine_open(node->engine, node->pipeline, node->inputs, &node->world, PACE_LIVE,
                             failure);
    node->engine->on_batch = node->setting.on_batch;
    node->engine->on_batch_self = node->setting.on_batch_self;
    return status;
}

/* A configuration out of a journalled text: this process's own if it is the same. */
static enum status take_config(struct node *node, const char *text, size_t size,
                               struct failure *failure)
{
    node->text = strndup(text, size);
    ASSERT(node->text);
    node->config = node->setting.config;
    if (strcmp(node->text, node->own_text) == 0)
        return STATUS_OK;
    struct findings findings = {0};
    node->config = calloc(1, sizeof *node->config);
    ASSERT(node->config);
    bool good = config_read_journalled(node->config, node->setting.config, text, size, &findings);
    enum status status = STATUS_OK;
    if (!good)
        status = failure_set(failure, STATUS_STOP,
                             "the configuration in the journal cannot be read by this version of "
                             "weir: %s: %s",
                             findings.count ? findings.list[0].path : "",
                             findings.count ? findings.list[0].message : "");
    findings_close(&findings);
    return status;
}

/* The pipeline of node->config, without a state yet. */
static enum status build(struct node *node, struct failure *failure)
{
    struct findings findings = {0};
    node->pipeline = calloc(1, sizeof *node->pipeline);
    ASSERT(node->pipeline);
    enum status status = STATUS_OK;
    if (!pipeline_build(node->pipeline, node->config, &findings))
        status = failure_set(failure, STATUS_STOP,
                             "the configuration in the journal cannot be built: %s: %s",
                             findings.list[0].path, findings.list[0].message);
    findings_close(&findings);
    return status;
}

static enum status open_fresh(struct node *node, const char *text, size_t size,
                              struct failure *failure)
{
    enum status status = take_config(node, text, size, failure);
    if (status == STATUS_OK)
        status = build(node, failure);
    if (status == STATUS_OK)
        status = pipeline_start(node->pipeline, NULL, failure);
    return status;
}

/* The one being written is of a mapping that goes now, and its hash of no past of what comes. */
static void drop_snapshot(struct node *node)
{
    if (node->snapshots)
        snapshots_drop(node->snapshots);
    node->snapshot_sequence = node->hash_sequence = 0;
}

/* ---- from one configuration to the next ---- */

static void log_migration(const struct migration_report *report)
{
    static const char *const outcome[] = {
        [MIGRATION_KEPT] = "keeps its state",
        [MIGRATION_REFILLED] = "is filled from kept events",
        [MIGRATION_ANEW] = "begins anew",
        [MIGRATION_GONE] = "is gone",
    };
    uint32_t kept = 0;
    for (uint32_t i = 0; i < report->count; i++) {
        const struct migration_line *line = &report->lines[i];
        kept += line->outcome == MIGRATION_KEPT;
        if (line->outcome != MIGRATION_KEPT)
            log_info("migrate", "%s %s%s%s", line->part, outcome[line->outcome],
                     line->why[0] ? ": " : "", line->why);
    }
    log_info("migrate", "the configuration has changed: parts=%u kept=%u", report->count, kept);
}

/* What belongs to the configuration that is left. */
struct former {
    struct config *config;
    struct pipeline *pipeline;
    char *text;
};

static struct former former_take(struct node *node)
{
    struct former former = {node->config, node->pipeline, node->text};
    node->config = NULL;
    node->pipeline = NULL;
    node->text = NULL;
    return former;
}

static void former_close(const struct node *node, struct former *former)
{
    pipeline_close(former->pipeline);
    free(former->pipeline);
    free(former->text);
    config_drop(node, former->config);
}

enum status node_reconfigure(struct node *node, const char *text, size_t size,
                             struct failure *failure)
{
    if (strlen(node->text) == size && memcmp(node->text, text, size) == 0)
        return STATUS_OK;
    struct migration_report report = {0};
    drop_snapshot(node);
    close_parts(node);
    struct former former = former_take(node);
    enum status status = open_fresh(node, text, size, failure);
    if (status == STATUS_OK) {
        migrate(node->pipeline, former.pipeline, &report);
        if (node_sequence(node) > 0)
            log_migration(&report);
        status = open_parts(node, failure);
    }
    migration_report_close(&report);
    former_close(node, &former);
    return status;
}

enum status node_begin_cold(struct node *node, struct failure *failure)
{
    uint64_t sequence = node->settled.sequence, chain = node->settled.chain;
    char *text = strdup(node->text);
    ASSERT(text);
    drop_snapshot(node);
    node->lineage = node->bits;
    node_forget(node);
    enum status status = open_fresh(node, text, strlen(text), failure);
    if (status == STATUS_OK) {
        state_set_journal(&node->pipeline->state, sequence, chain);
        status = open_parts(node, failure);
    }
    free(text);
    return status;
}

/* ---- recovery ---- */

struct progress {
    const struct clock *clock;
    uint64_t shown_ns;
};

static void show_loading(void *self, uint64_t done, uint64_t all)
{
    struct progress *progress = self;
    uint64_t now_ns = clock_monotonic_ns(progress->clock);
    if (now_ns - progress->shown_ns < UINT64_C(2000000000))
        return;
    progress->shown_ns = now_ns;
    log_info("recovery", "reading the snapshot done_mib=%llu of_mib=%llu",
             (unsigned long long)(done >> 20), (unsigned long long)(all >> 20));
}

/* OK: the newest that can be used.  END: there is none. */
static enum status load_newest(struct node *node, struct state *state, struct snapshot_facts *facts)
{
    char names[SNAPSHOT_KEPT_MAX * 2][DISK_NAME_MAX];
    struct failure failure;
    uint32_t count = snapshot_list(&node->world.disk, names, SNAPSHOT_KEPT_MAX * 2, &failure);
    struct progress progress = {node->world.clock, node_now_ns(node)};
    for (uint32_t i = 0; i < count; i++) {
        if (snapshot_load(&node->world.disk, names[i], state, facts, show_loading, &progress,
                          &failure) == STATUS_OK)
            return STATUS_OK;
        log_error("recovery", "a snapshot cannot be used: %s", failure.text);
    }
    return STATUS_END;
}

static enum status check_facts(const struct node *node, const struct snapshot_facts *facts,
                               struct failure *failure)
{
    if (strcmp(facts->pipeline, node->setting.config->name) != 0)
        return failure_set(failure, STATUS_STOP,
                           "the state is of pipeline '%s': give '%s' a state directory of its own",
                           facts->pipeline, node->setting.config->name);
    if (facts->key_id != node->key_id)
        return failure_set(failure, STATUS_STOP,
                           "the state was made with another hash key: give the key_file that it "
                           "was made with, or begin anew by `weir run --cold-start`");
    if (facts->bits != node->bits)
        log_warning("recovery", "the snapshot comes from a machine with other arithmetic: hashes "
                                "are not compared");
    return STATUS_OK;
}

static enum status begin_at_snapshot(struct node *node, struct state *state,
                                     const struct snapshot_facts *facts, struct failure *failure)
{
    enum status status = check_facts(node, facts, failure);
    if (status == STATUS_OK)
        status = take_config(node, facts->configuration, facts->configuration_size, failure);
    if (status == STATUS_OK)
        status = build(node, failure);
    if (status == STATUS_OK)
        status = pipeline_adopt(node->pipeline, state, failure);
    if (status != STATUS_OK)
        return status;
    log_info("recovery", "the state is as of sequence=%llu events=%llu",
             (unsigned long long)facts->sequence,
             (unsigned long long)pipeline_fold(node->pipeline)->events);
    node->settled = (struct settled){facts->sequence, facts->chain, facts->journal_at};
    node->lineage = facts->bits == node->bits ? node->bits : 0;
    return STATUS_OK;
}

static enum status begin_anywhere(struct node *node, struct failure *failure)
{
    struct state state = {0};
    struct snapshot_facts facts = {0};
    bool saved = node->world.disk.kind && !node->skipping;
    if (!saved || load_newest(node, &state, &facts) != STATUS_OK) {
        node->settled = (struct settled){0};
        node->lineage = node->bits;
        return open_fresh(node, node->own_text, strlen(node->own_text), failure);
    }
    enum status status = begin_at_snapshot(node, &state, &facts, failure);
    snapshot_facts_close(&facts);
    state_close(&state);
    return status;
}

enum status node_recover(struct node *node, struct failure *failure)
{
    drop_snapshot(node);
    node_forget(node);
    /* Only a node that follows the journal from its begin can compare all its hashes. */
    node->scanning = node->setting.to_end && !node->scanning;
    node->skipping = node->cold;
    node->placing = node->stepping_down = false;
    node->gap = NULL;
    node->named_count = 0;
    node->snapshot_turns = 0;
    node->role = ROLE_FOLLOWING;
    node->in_entry = node->has_item = node->claimed = node->running = node->anchored = false;
    enum status status = begin_anywhere(node, failure);
    node->to_seek = true;
    return status == STATUS_OK ? open_parts(node, failure) : status;
}

enum status node_recover_unannounced(struct node *node, struct failure *failure)
{
    node->announce_configuration = node->announce_cold = false;
    return node_recover(node, failure);
}
