/* The features of a pipeline: settings, memory, reports; see features.h.
 *
 * Memory is divided so.  Bursts take what they need, watched silences a
 * sixteenth.  Kinds of entities with a quota (`memory`) get
 * that.  Of what is left,
 * kinds with `entities_max` get their rows first, and the rest is cut into equal parts, one a kind.
 * A kind without `entities_max` makes rows and as many blocks of its part, the others make blocks
 * of it, as many as all their events could fill.  A kind whose windows
 * ask about values has a quarter of its part for their trees, one with windows over time an eighth
 * for the panes of those with too many events.  All of it is room in the mapping, which costs
 * nothing until it is used. */
#include "base/hash.h"
#include "features/owner.h"
#include "features/pass.h"
#include <stdlib.h>
#include <string.h>

enum {
    INDEX_BYTES = 32, /* a row's share of the index at most: half full, up to twice rounded up */
    ROWS_MIN = 16,    /* eviction needs some to choose from */
    EVENTS_STANDARD = 4096, /* of one entity, beyond `over last`, when nothing is set */
    SCAN_STANDARD = 32,     /* values: walking so many slots is as quick as a tree */
    NODE_STANDARD = 512,
    NODES_PART = 4, /* of what an entity may have of memory, one such part goes to trees */
    PANES_PART = 8, /* likewise to panes */
    SPILL_PART = 64 /* of what an entity keeps, one such part is spilled at once */
};

static const uint64_t rows_limit = 1ULL << 30;

static const struct zone *utc_open(struct features *features)
{
    struct failure failure;
    features->utc = zone_open("UTC", &failure);
    ASSERT(features->utc);
    return features->utc;
}

struct features *features_open(const struct features_setting *setting)
{
    struct features *features = calloc(1, sizeof *features);
    ASSERT(features);
    features->memory = setting->memory;
    features->lateness_ms = setting->lateness_ms;
    features->scan_max = setting->scan_max ? setting->scan_max : SCAN_STANDARD;
    features->node_size = setting->node_size ? setting->node_size : NODE_STANDARD;
    features->nodes_max = setting->nodes_max;
    features->spill_group = setting->spill_group;
    features->zone = setting->zone ? setting->zone : utc_open(features);
    features->setting_count = setting->entity_count;
    features->label_value = VALUE_NONE;
    features->setting = calloc(setting->entity_count + 1, sizeof *features->setting);
    features->setting_used = calloc(setting->entity_count + 1, sizeof *features->setting_used);
    ASSERT(features->setting && features->setting_used);
    for (uint32_t i = 0; i < setting->entity_count; i++)
        features->setting[i] = setting->entity[i];
    return features;
}

void features_close(struct features *features)
{
    if (!features)
        return;
    for (uint32_t i = 0; i < features->entity_count; i++) {
        for (uint32_t j = 0; j < features->entity[i]->window_count; j++)
            free(features->entity[i]->window[j].formula);
        free(features->entity[i]->images);
        free(features->entity[i]->panes_scratch);
        free(features->entity[i]);
        free(features->scratch[i]);
    }
    bursts_close(features);
    if (features->utc)
        zone_close(features->utc);
    free(features->setting);
    free(features->setting_used);
    free(features->gather.slots);
    free(features->gather.words);
    free(features->gather.changes);
    free(features);
}

void features_set_label(struct features *features, uint32_t value)
{
    features->label_value = value;
}

void features_unused(const struct features *features, void (*unused)(void *self, uint32_t entity),
                     void *self)
{
    for (uint32_t i = 0; i < features->setting_count; i++)
        if (!features->setting_used[i])
            unused(self, i);
}

uint32_t features_key_count(const struct features *features)
{
    return features->key_count;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static const struct entity_setting *setting_of(const struct features *features,
                                               const struct entity *entity)
{
    for (uint32_t i = 0; i < features->setting_count; i++)
        if (strcmp(features->setting[i].name, entity->name) == 0)
            return &features->setting[i];
    return NULL;
}

static uint64_t row_bytes(const struct entity *entity)
{
    return entity->row_size + INDEX_BYTES + owners_bytes(entity);
}

/* Trees get no more than all windows of all entities could fill, half full. */
static uint64_t nodes_share(const struct features *features, const struct entity *entity,
                            uint64_t part)
{
    uint64_t most = 4 * entity->rows_max * entity->multiset_count *
                    (entity->slots_max / entity->tree.leaf_max + 1);
    uint64_t nodes = features->nodes_max ? features->nodes_max : part / entity->tree.node_size;
    return clamp(nodes, 1, clamp(most, 1, rows_limit));
}

/* What a setting asks for, as far as the bytes reach. */
static uint64_t rows_wanted(const struct entity *entity, const struct entity_setting *setting,
                            uint64_t bytes)
{
    if (!setting || setting->entities_max <= 0)
        return 0;
    uint64_t most = bytes / row_bytes(entity);
    return clamp((uint64_t)setting->entities_max, 1, most ? most : 1);
}

static uint64_t less(uint64_t bytes, uint64_t taken)
{
    return taken < bytes ? bytes - taken : 0;
}

static void rows_share(struct entity *entity, uint64_t entities_max, uint64_t part)
{
    uint64_t block_bytes = entity->has_slots ? entity->block_size : 0;
    if (entities_max) {
        entity->rows_max = clamp(entities_max, ROWS_MIN, rows_limit);
        entity->blocks_max = block_bytes ? part / block_bytes : 0;
    } else {
        entity->rows_max = clamp(part / (row_bytes(entity) + block_bytes), ROWS_MIN, rows_limit);
        entity->blocks_max = entity->rows_max;
    }
    uint64_t blocks_each =
        entity->block_slots ? 2 * (entity->slots_max / entity->block_slots + 2) : 1;
    entity->blocks_max = clamp(entity->blocks_max, ROWS_MIN,
                               clamp(entity->rows_max * blocks_each, ROWS_MIN, rows_limit));
}

static void entity_share(const struct features *features, struct entity *entity,
                         uint64_t entities_max, uint64_t part)
{
    uint64_t trees = entity->multiset_count ? part / NODES_PART : 0;
    uint64_t rows_most = entities_max ? clamp(entities_max, ROWS_MIN, rows_limit) : rows_limit;
    if (entity->panes_size)
        entity->panes_max = clamp(part / PANES_PART / entity->panes_size, 0, rows_most);
    rows_share(entity, entities_max, part - trees - entity->panes_max * entity->panes_size);
    if (entity->multiset_count)
        entity->nodes_max = nodes_share(features, entity, trees);
}

static uint64_t quota_of(const struct features *features, const struct entity *entity)
{
    const struct entity_setting *setting = setting_of(features, entity);
    return setting && setting->memory > 0 ? (uint64_t)setting->memory : 0;
}

/* Those with a quota; returns how many have none. */
static uint32_t quotas_divide(struct features *features, uint64_t *left)
{
    uint32_t others = 0;
    for (uint32_t i = 0; i < features->entity_count; i++) {
        struct entity *entity = features->entity[i];
        uint64_t quota = quota_of(features, entity);
        if (quota == 0) {
            others++;
            continue;
        }
        uint64_t rows = rows_wanted(entity, setting_of(features, entity), quota);
        entity_share(features, entity, rows, less(quota, rows * row_bytes(entity)));
        *left = less(*left, quota);
    }
    return others;
}

static void memory_divide(struct features *features)
{
    uint64_t left = features->memory > 0 ? (uint64_t)features->memory : 0;
    left = less(left, bursts_size(features));
    left = less(left, silences_divide(features, left));
    uint64_t rows[ENTITIES_MAX] = {0};
    uint32_t others = quotas_divide(features, &left);
    for (uint32_t i = 0; i < features->entity_count; i++) {
        struct entity *entity = features->entity[i];
        if (quota_of(features, entity))
            continue;
        rows[i] = rows_wanted(entity, setting_of(features, entity), left);
        left = less(left, rows[i] * row_bytes(entity));
    }
    for (uint32_t i = 0; i < features->entity_count; i++)
        if (quota_of(features, features->entity[i]) == 0)
            entity_share(features, features->entity[i], rows[i], left / (others ? others : 1));
}

static void gather_allocate(struct features *features)
{
    struct gather *gather = &features->gather;
    for (uint32_t i = 0; i < features->entity_count; i++)
        if (features->entity[i]->slots_max + 1 > gather->capacity)
            gather->capacity = features->entity[i]->slots_max + 1;
    gather->slots = calloc(gather->capacity + 1, sizeof *gather->slots);
    gather->words = calloc(gather->capacity + 1, sizeof *gather->words);
    gather->changes = calloc(gather->capacity + 1, sizeof *gather->changes);
    ASSERT(gather->slots && gather->words && gather->changes);
}

/* Groups are a small part of what is kept, and few lines of memory. */
static void spill_plan(const struct features *features, struct entity *entity, int64_t events_max)
{
    uint64_t group = features->spill_group;
    entity->events_max = (uint32_t)clamp((uint64_t)events_max, 1, 1U << 24);
    group = group ? group : entity->events_max / SPILL_PART;
    entity->spill_group = (uint32_t)clamp(group, 1, SPILL_MAX);
    entity->slots_max = entity->events_max + entity->spill_group - 1;
}

static void entity_settle(struct features *features, struct entity *entity)
{
    const struct entity_setting *setting = setting_of(features, entity);
    int64_t events_max = EVENTS_STANDARD + entity->count_max;
    if (setting && setting->events_max > 0)
        events_max = setting->events_max;
    spill_plan(features, entity, events_max);
    entity->lateness_ms = features->lateness_ms;
    entity->scan_max = features->scan_max;
    entity->tree = tree_plan_make(features->node_size);
    for (uint32_t i = 0; i < entity->window_count; i++)
        entity->tree.spreads |= entity->window[i].kind->spreads;
    entity->expire_ms = setting ? setting->expire_ms : 0;
    entity->zone = features->zone;
    entity_seal(entity);
    uint64_t parts[] = {entity->fingerprint, entity->events_max, (uint64_t)entity->lateness_ms,
                        entity->owner_count ? PAIRS_LAYOUT : ENTITY_LAYOUT};
    entity->fingerprint = hash_fingerprint(parts, sizeof parts);
    features->scratch[entity->index] = calloc(1, entity->slot_size);
    entity->panes_scratch = calloc(1, entity->panes_size + 8);
    ASSERT(features->scratch[entity->index] && entity->panes_scratch);
    if (entity->multiset_count == 0)
        return;
    entity->images = calloc(entity->slots_max + 1, sizeof *entity->images);
    ASSERT(entity->images);
}

static void features_settle(struct features *features)
{
    if (features->planned)
        return;
    features->planned = true;
    for (uint32_t i = 0; i < features->entity_count; i++)
        entity_settle(features, features->entity[i]);
    memory_divide(features);
}

void features_declare(struct features *features, struct state_layout *layout)
{
    bursts_declare(features, layout);
    if (features->entity_count == 0)
        return;
    features_settle(features);
    silences_declare(features, layout);
    if (!features->gather.slots)
        gather_allocate(features);
    features->counters_region =
        state_layout_add(layout, "entities", 0, sizeof(struct entity_counters), 8,
                         features->entity_count, STATE_ROWS_ALWAYS);
    for (uint32_t i = 0; i < features->entity_count; i++) {
        features->entity[i]->counters_region = features->counters_region;
        entity_declare(features->entity[i], layout);
    }
}

static void report_room(const struct entity *entity, struct entity_report *report)
{
    uint64_t blocks = entity->has_slots ? entity->blocks_max : 0;
    *report = (struct entity_report){
        .entities_max = entity->rows_max,
        .bytes_per_entity = row_bytes(entity),
        .blocks_max = blocks,
        .block_events = entity->has_slots ? entity->block_slots : 0,
        .bytes_block = entity->has_slots ? entity->block_size : 0,
        .bytes_panes = entity->panes_size,
        .panes_most = entity->panes_max,
        .memory = entity->rows_max * row_bytes(entity) + blocks * entity->block_size +
                  entity->nodes_max * entity->tree.node_size +
                  entity->panes_max * entity->panes_size,
    };
    memcpy(report->name, entity->name, sizeof report->name);
}

uint32_t features_plan(struct features *features, struct entity_report *reports,
                       uint32_t reports_max)
{
    uint32_t count = features->entity_count < reports_max ? features->entity_count : reports_max;
    features_settle(features);
    for (uint32_t i = 0; i < count; i++)
        report_room(features->entity[i], &reports[i]);
    return count;
}

uint32_t features_report(const struct features *features, const struct state *state,
                         struct entity_report *reports, uint32_t reports_max)
{
    uint32_t count = features->entity_count < reports_max ? features->entity_count : reports_max;
    for (uint32_t i = 0; i < count; i++) {
        const struct entity *entity = features->entity[i];
        const struct entity_counters *counters = state_read(state, features->counters_region, i);
        struct entity_report *report = &reports[i];
        report_room(entity, report);
        report->live = state->directory->region[entity->row_region].live;
        if (entity->has_slots)
            report->blocks = state->directory->region[entity->block_region].live;
        if (entity->panes_max)
            report->panes = state->directory->region[entity->panes_region].live;
        report->evicted_for_rows = counters->evicted_for_rows;
        report->evicted_for_blocks = counters->evicted_for_blocks;
        report->expired = counters->expired;
        report->erased = counters->erased;
        report->events_dropped = counters->events_dropped;
        report->events_spilled = counters->events_spilled;
        report->late = counters->late;
    }
    return count;
}
