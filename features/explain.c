/* Plans, read from the entities; see explain.h. */
#include "features/explain.h"
#include "features/form.h"
#include "features/moment.h"
#include "features/multiset.h"
#include "features/pane.h"
#include "features/pass.h"
#include <string.h>

int64_t features_memory(const struct features *features)
{
    return features->memory;
}

const struct sketch_plan sketch_plans[SKETCHES] = {
    [SKETCH_NONE] = {"none", "", ""},
    [SKETCH_DISTINCT] = {"registers", "3.3 %",
                         "the number of different values has a standard error of 3.3 %"},
    [SKETCH_BUCKETS] =
        {"buckets", "buckets",
         "spilled values are known by 256 buckets: values of up to 256 different ones to 20 bits; "
         "more of them to 1/32 while they lie within a factor of 128, to 1/16 within 32,000, to "
         "1/8 within 2 billion; a rank as far as a bucket has values"},
    [SKETCH_COUNTERS] =
        {"counters", "counters",
         "spilled values are counted by 128 counters: up to 128 different ones exactly; of more, a "
         "value's number may lack up to 1/129 of the number of spilled events, and is never too "
         "great"},
    [SKETCH_SAMPLE] =
        {"sample", "counters, sample",
         "spilled values are counted by 128 counters, which lack up to 1/129 of their number; how "
         "the events without a counter are spread is estimated from 128 of the values, so there is "
         "no bound; exact while the counters are"},
};

static const struct entity *settled(struct features *features, uint32_t index,
                                    struct entity_report *report)
{
    struct entity_report reports[ENTITIES_MAX];
    uint32_t count = features_plan(features, reports, ENTITIES_MAX);
    ASSERT(index < count);
    *report = reports[index];
    return features->entity[index];
}

static void events_plan(const struct entity *entity, struct entity_plan *plan)
{
    if (!entity->has_slots)
        return;
    plan->inline_events = entity->inline_slots;
    plan->inline_bytes = entity->row_size - entity->inline_offset;
    plan->event_bytes = entity->slot_size;
    plan->block_bytes = entity->block_size;
    plan->block_events = entity->block_slots;
    plan->kept_ms = entity->edge[entity->edge_count - 1].distance_ms;
    plan->keeps_longer = entity->holds;
}

static void panes_describe(const struct entity *entity, struct entity_plan *plan)
{
    plan->panes_bytes = entity->panes_max ? entity->panes_size : 0;
    plan->panes_max = entity->panes_max;
}

static void trees_plan(const struct entity *entity, struct entity_plan *plan)
{
    if (entity->multiset_count == 0)
        return;
    plan->node_bytes = entity->tree.node_size;
    plan->node_events = entity->tree.leaf_max;
    plan->tree_count = entity->multiset_count;
    plan->tree_from = UINT32_MAX;
    for (uint32_t i = 0; i < entity->multiset_count; i++) {
        uint32_t scan_max = multiset_scan_max(entity, &entity->multiset[i]);
        plan->tree_from = scan_max < plan->tree_from ? scan_max : plan->tree_from;
    }
}

void features_entity_plan(struct features *features, uint32_t index, struct entity_plan *plan)
{
    struct entity_report report;
    const struct entity *entity = settled(features, index, &report);
    uint32_t cursors = entity->edge_count * (uint32_t)sizeof(struct cursor);
    *plan = (struct entity_plan){
        .name = entity->name,
        .index = index,
        .window_count = entity->window_count,
        .row_bytes = entity->row_size,
        .head_bytes = sizeof(struct entity_head),
        .cursor_bytes = cursors,
        .value_bytes = entity->inline_offset - (uint32_t)sizeof(struct entity_head) - cursors,
        .index_bytes = (uint32_t)report.bytes_per_entity - entity->row_size,
        .cell_count = entity->cell_count,
        .rows_max = entity->rows_max,
        .blocks_max = report.blocks_max,
        .nodes_max = entity->multiset_count ? entity->nodes_max : 0,
        .events_max = entity->events_max,
        .slots_max = entity->slots_max,
        .expire_ms = entity->expire_ms,
    };
    for (uint32_t i = 0; i < entity->frame_count; i++)
        plan->frame_count += !entity->frame[i].keeps;
    events_plan(entity, plan);
    trees_plan(entity, plan);
    panes_describe(entity, plan);
}

/* Windows that finish the same sums or ask the same values. */
static uint32_t sharers(const struct entity *entity, const struct window *window)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < entity->window_count; i++) {
        const struct window *other = &entity->window[i];
        count += window->kind->finish ? other->moment == window->moment
                                      : other->multiset == window->multiset;
    }
    return count;
}

static void keeping_plan(const struct entity *entity, const struct window *window,
                         struct window_plan *plan)
{
    uint32_t twice = entity->frame[window->frame].has_base ? 2 : 1;
    plan->ordered = window->multiset != INDEX_NONE;
    plan->row_bytes = plan->ordered ? (uint32_t)sizeof(struct multiset_head) : 0;
    plan->keeping_windows = 1;
    if (window->kind->finish) {
        plan->keeping = KEEPING_SUMS;
        plan->keeping_windows = sharers(entity, window);
        plan->row_bytes = moment_size(entity->moment[window->moment].needs) * twice;
    } else if (window->kind->ask) {
        plan->keeping = KEEPING_ORDER;
        plan->keeping_windows = sharers(entity, window);
    } else {
        plan->keeping = KEEPING_VALUE;
        plan->row_bytes += window->kind->value_size * twice;
    }
}

static enum window_sketch sketch_plan(const struct aggregate_kind *kind)
{
    return kind->sketches  ? SKETCH_DISTINCT
           : kind->orders  ? SKETCH_BUCKETS
           : kind->spreads ? SKETCH_SAMPLE
           : kind->counts  ? SKETCH_COUNTERS
                           : SKETCH_NONE;
}

/* The oldest event that an entity keeps leaves all windows when one too many comes.  That is none
 * of those over the last N, which are fewer; and what is kept for ever has it in its values. */
static enum window_past past_plan(const struct frame *frame, const struct aggregate_kind *kind)
{
    if (frame->panes == INDEX_NONE)
        return PAST_LOST;
    if (sketch_plan(kind) != SKETCH_NONE)
        return PAST_SKETCHES;
    return kind->finish || kind->join || kind->ranges ? PAST_PANES : PAST_LOST;
}

static bool never_short(const struct entity *entity, const struct frame *frame,
                        enum window_past past)
{
    if (past == PAST_PANES && frame_error_ms(frame) == 0)
        return true;
    if (frame->delay_ms > 0)
        return false;
    if (frame->form == &ever_form)
        return true;
    return frame->form == &count_form && frame->condition == INDEX_NONE && entity->lateness_ms == 0;
}

static void condition_plan(const struct entity *entity, const struct frame *frame,
                           struct window_plan *plan)
{
    plan->condition = plan->condition_1 = VALUE_NONE;
    if (frame->condition == INDEX_NONE)
        return;
    const struct condition *condition = &entity->condition[frame->condition];
    plan->condition = condition->value;
    if (condition->role == CONDITION_LABEL_0)
        plan->condition_1 = entity->condition[frame->condition + 1].value;
}

void features_window_plan(struct features *features, uint32_t index, uint32_t at,
                          struct window_plan *plan)
{
    struct entity_report report;
    const struct entity *entity = settled(features, index, &report);
    ASSERT(at < entity->window_count);
    const struct window *window = &entity->window[at];
    const struct frame *frame = &entity->frame[window->frame];
    enum window_past past = past_plan(frame, window->kind);
    *plan = (struct window_plan){
        .formula = window->formula,
        .kind = window->kind,
        .value = window->value,
        .entity = index,
        .argument_count = window->argument_count,
        .form = frame->form->name,
        .span_ms = frame->span_ms,
        .extent = frame->extent,
        .delay_ms = frame->delay_ms,
        .before = window->before,
        .frame = window->frame,
        .frame_windows = frame->window_count,
        .exact = never_short(entity, frame, past),
        .exact_events = entity->events_max,
        .past = past,
        .sketch = past == PAST_SKETCHES ? sketch_plan(window->kind) : SKETCH_NONE,
        .error_ms = frame_error_ms(frame),
        .cost = cost_of_kind(window->kind),
    };
    for (uint32_t i = 0; i < window->argument_count; i++)
        plan->argument[i] = entity->cell[window->cell[i]].value;
    condition_plan(entity, frame, plan);
    keeping_plan(entity, window, plan);
}

uint32_t features_burst_count(const struct features *features)
{
    return features->burst_count;
}

void features_burst_plan(const struct features *features, uint32_t index, struct burst_plan *plan)
{
    ASSERT(index < features->burst_count);
    const struct burst *burst = &features->burst[index];
    *plan = (struct burst_plan){
        .formula = burst->formula,
        .value = burst->value,
        .argument = {burst->end[0], burst->end[1]},
        .tick_ms = burst->setting.tick_ms,
        .bytes = burst_size(burst),
        .rows = burst->setting.rows,
        .buckets = burst->setting.buckets,
    };
}

static uint64_t blocks_needed(const struct entity_plan *plan, uint64_t events)
{
    if (plan->block_events == 0 || events <= plan->inline_events)
        return 0;
    return (events - plan->inline_events + plan->block_events - 1) / plan->block_events;
}

/* Leaves are two thirds full when values come in any order; what stands above them is a few
 * hundredths. */
static uint64_t nodes_needed(const struct entity_plan *plan, uint64_t events)
{
    if (plan->tree_count == 0 || events <= plan->tree_from)
        return 0;
    return plan->tree_count * (events * 3 / (2 * plan->node_events) + 1);
}

static uint64_t events_kept(const struct entity_plan *plan, uint64_t events)
{
    return events < plan->slots_max ? events : plan->slots_max;
}

uint64_t entity_plan_bytes(const struct entity_plan *plan, uint64_t entities, uint64_t events)
{
    uint64_t panes = events > plan->slots_max ? plan->panes_bytes : 0;
    events = events_kept(plan, events);
    return entities *
           (plan->row_bytes + plan->index_bytes + blocks_needed(plan, events) * plan->block_bytes +
            nodes_needed(plan, events) * plan->node_bytes + panes);
}

bool entity_plan_fits(const struct entity_plan *plan, uint64_t entities, uint64_t events)
{
    bool spills = events > plan->slots_max && plan->panes_bytes;
    return entities <= plan->rows_max && (!spills || entities <= plan->panes_max) &&
           entities * blocks_needed(plan, events_kept(plan, events)) <= plan->blocks_max;
}
