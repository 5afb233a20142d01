/* The explanation for programs; see explain.h. */
#include "base/calendar.h"
#include "engine/explain.h"
#include "features/silence.h"

static const char *const keeping_names[] = {
    [KEEPING_SUMS] = "sums", [KEEPING_VALUE] = "value", [KEEPING_ORDER] = "order"};

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *cost_object(struct cost cost)
{
    return json_pack("{s:f, s:f}", "few", cost.few_ns, "many", cost.many_ns);
}

static json_t *users_array(const struct explanation *explanation, uint32_t window, bool rules)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < explanation->user_count; i++)
        if (explanation->uses[(size_t)window * explanation->user_count + i] &&
            explanation->user[i].is_rule == rules)
            json_array_append_new(array, json_string(explanation->user[i].name));
    return array;
}

static const char *const past_names[] = {
    [PAST_LOST] = "newest", [PAST_PANES] = "panes", [PAST_SKETCHES] = "sketches"};

static json_t *window_object(const struct explanation *explanation, uint32_t index)
{
    const struct window_plan *window = &explanation->window[index];
    char text[128] = "";
    struct buffer frame;
    buffer_init(&frame, text, sizeof text - 1);
    explain_frame(window, &frame);
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:i, s:s, s:i, s:i, s:i, s:b, s:o}", "formula", window->formula,
                  "window", text, "before", window->before, "frame", (int)window->frame, "kept_as",
                  keeping_names[window->keeping], "bytes", (int)window->row_bytes, "sharers",
                  (int)window->keeping_windows, "frame_sharers", (int)window->frame_windows, "tree",
                  window->ordered, "ns", cost_object(window->cost));
    ASSERT(object);
    json_object_set_new(object, "exact_events",
                        window->exact ? json_null() : number(window->exact_events));
    json_object_set_new(object, "past", json_string(past_names[window->past]));
    if (window->sketch != SKETCH_NONE)
        json_object_set_new(object, "sketch",
                            json_pack("{s:s, s:s}", "name", sketch_plans[window->sketch].name,
                                      "error", sketch_plans[window->sketch].error));
    json_object_set_new(object, "error_ms", number((uint64_t)window->error_ms));
    json_object_set_new(object, "features", users_array(explanation, index, false));
    json_object_set_new(object, "rules", users_array(explanation, index, true));
    return object;
}

static json_t *row_object(const struct entity_plan *plan)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "bytes", (int)plan->row_bytes,
                     "head", (int)plan->head_bytes, "cursors", (int)plan->cursor_bytes, "values",
                     (int)plan->value_bytes, "events", (int)plan->inline_events, "event_bytes",
                     (int)plan->event_bytes, "arguments", (int)plan->cell_count, "index",
                     (int)plan->index_bytes);
}

static json_t *room_object(const struct entity_plan *plan)
{
    json_t *room = json_object();
    json_object_set_new(room, "entities", number(plan->rows_max));
    json_object_set_new(room, "blocks", number(plan->blocks_max));
    json_object_set_new(room, "tree_nodes", number(plan->nodes_max));
    json_object_set_new(room, "panes", number(plan->panes_max));
    return room;
}

static json_t *entity_object(const struct explanation *explanation, uint32_t entity)
{
    const struct entity_plan *plan = &explanation->entity[entity];
    json_t *windows = json_array();
    for (uint32_t i = 0; i < plan->window_count; i++)
        json_array_append_new(windows,
                              window_object(explanation, explanation->window_first[entity] + i));
    json_t *object =
        json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:o, s:o, s:o}", "name", plan->name, "row",
                  row_object(plan), "block_bytes", (int)plan->block_bytes, "block_events",
                  (int)plan->block_events, "tree_node_bytes", (int)plan->node_bytes,
                  "tree_from_events", (int)plan->tree_from, "room", room_object(plan), "ns",
                  cost_object(explain_cost(explanation, entity)), "windows", windows);
    ASSERT(object);
    json_object_set_new(object, "events_max", number(plan->events_max));
    json_object_set_new(object, "panes_bytes", number(plan->panes_bytes));
    json_object_set_new(object, "kept_s", json_real((double)plan->kept_ms / SECOND_MS));
    json_object_set_new(object, "kept_longer", json_boolean(plan->keeps_longer));
    return object;
}

static json_t *features_object(const struct explanation *explanation)
{
    json_t *object = json_object();
    const struct config *config = explanation->pipeline->config;
    for (uint32_t i = 0; i < config->feature_count; i++) {
        json_t *windows = json_array();
        for (uint32_t j = 0; j < explanation->window_count; j++)
            if (explanation->uses[(size_t)j * explanation->user_count + i])
                json_array_append_new(windows, json_string(explanation->window[j].formula));
        json_object_set_new(
            object, config->feature[i].name,
            json_pack("{s:s, s:o}", "formula", config->feature[i].formula, "windows", windows));
    }
    return object;
}

static json_t *shared_array(const struct explanation *explanation)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < explanation->shared_count; i++) {
        const struct explain_shared *shared = &explanation->shared[i];
        json_array_append_new(array, json_pack("{s:s, s:i}", "formula", shared->formula, "askers",
                                               (int)shared->askers));
    }
    return array;
}

static json_t *bursts_array(const struct explanation *explanation)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < explanation->burst_count; i++) {
        const struct burst_plan *burst = &explanation->burst[i];
        json_t *users = json_array();
        for (uint32_t user = 0; user < explanation->user_count; user++)
            if (explain_uses(explanation, user, burst->value))
                json_array_append_new(users, json_string(explanation->user[user].name));
        json_array_append_new(
            array, json_pack("{s:s, s:I, s:I, s:i, s:i, s:o}", "formula", burst->formula, "tick_ms",
                             (json_int_t)burst->tick_ms, "bytes", (json_int_t)burst->bytes, "rows",
                             (int)burst->rows, "buckets", (int)burst->buckets, "users", users));
    }
    return array;
}

static json_t *silences_array(const struct explanation *explanation)
{
    const struct features *features = explanation->pipeline->features;
    json_t *array = json_array();
    for (uint32_t i = 0; i < features_silence_count(features); i++) {
        struct silence_report report;
        features_silence_report(features, NULL, i, &report);
        json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:I}", "entity", report.entity,
                                               "span_ms", (json_int_t)report.span_ms, "most",
                                               (json_int_t)report.rows_max, "bytes",
                                               (json_int_t)report.bytes));
    }
    return array;
}

static json_t *answer_object(const struct explanation *explanation,
                             const struct explain_question *question)
{
    json_t *object = json_object();
    uint64_t total = 0;
    bool fits = true;
    for (uint32_t i = 0; i < explanation->entity_count; i++) {
        uint64_t bytes = explain_bytes(explanation, i, question);
        bool fits_here = explain_fits(explanation, i, question);
        total += bytes;
        fits = fits && fits_here;
        json_object_set_new(object, explanation->entity[i].name,
                            json_pack("{s:I, s:I, s:b}", "entities",
                                      (json_int_t)question->entities[i], "bytes", (json_int_t)bytes,
                                      "fits", fits_here));
    }
    return json_pack("{s:o, s:I, s:b}", "entities", object, "bytes", (json_int_t)total, "fits",
                     fits);
}

json_t *explain_json(const struct explanation *explanation, const struct explain_question *question)
{
    const struct config *config = explanation->pipeline->config;
    json_t *entities = json_array();
    for (uint32_t i = 0; i < explanation->entity_count; i++)
        json_array_append_new(entities, entity_object(explanation, i));
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "name", config->name, "memory",
                  (json_int_t)config->memory, "entity_memory",
                  (json_int_t)explanation->entity_memory, "entities", entities, "features",
                  features_object(explanation), "shared", shared_array(explanation), "bursts",
                  bursts_array(explanation), "silences", silences_array(explanation));
    ASSERT(object);
    if (question->asked)
        json_object_set_new(object, "asked", answer_object(explanation, question));
    return object;
}
