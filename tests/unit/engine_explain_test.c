/* What `weir explain` says is what happens: bytes, sharing, how far windows are exact; and what of
 * features leaves in decisions. */
#include "engine/encode.h"
#include "engine/explain.h"
#include "tests/unit/engine_trial.h"

static const char pipeline_text[] =
    "{'name': 't', 'memory': '64MiB', 'lateness': '1m',"
    " 'entities': {'card': {'events_max': 8}, 'card,shop': {'entities_max': 1000}},"
    " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
    "  'card': {'type': 'key', 'sensitive': true}, 'shop': 'key', 'amount': 'number',"
    "  'secret': {'type': 'number', 'sensitive': true}}},"
    " 'features': {"
    "  'n': 'count() by card over 1h',"
    "  'mean': 'mean( amount )  by card over 1h   ',"
    "  'ratio': 'amount / mean(amount) by card over 1h + log1p(amount)',"
    "  'sd': 'sd(amount) by card over 1h',"
    "  'ever': 'count() by card',"
    "  'middle': 'median(amount) by card over 1h',"
    "  'kinds': 'distinct(amount) by card over 1h',"
    "  'log': 'log1p(amount)',"
    "  'gap': 'silence(30m) by shop',"
    "  'last_card': 'last(card) by shop',"
    "  'cards': 'distinct(card) by shop over 1h',"
    "  'secrets': 'sum(secret) by shop over 1h + 1',"
    "  'pair': 'count() by (card, shop) over 1h where amount > 5'},"
    " 'rules': {'many': {'when': 'n > 5', 'then': 'review'}},"
    " 'outputs': {'decisions': {'sink': 'file', 'path': 'z', 'features': true}}}";

struct world {
    struct trial *trial;
    struct explanation explanation;
};

static struct world *world_open(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->trial = trial_open(pipeline_text);
    explain_make(&world->explanation, &world->trial->pipeline);
    return world;
}

static void world_close(struct world *world)
{
    explain_close(&world->explanation);
    trial_close(world->trial);
    free(world);
}

static const struct window_plan *find(const struct world *world, const char *formula)
{
    for (uint32_t i = 0; i < world->explanation.window_count; i++)
        if (strcmp(world->explanation.window[i].formula, formula) == 0)
            return &world->explanation.window[i];
    fail_msg("no window %s", formula);
    return NULL;
}

/* The parts of a row are the row, and the rows that there is room for are what lint promises. */
static void test_bytes(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct entity_report report[CONFIG_ENTITIES_MAX];
    uint32_t count = features_report(world->trial->pipeline.features, &world->trial->pipeline.state,
                                     report, CONFIG_ENTITIES_MAX);
    struct explain_question question = {.asked = true};
    assert_int_equal(count, world->explanation.entity_count);
    for (uint32_t i = 0; i < count; i++) {
        const struct entity_plan *plan = &world->explanation.entity[i];
        assert_int_equal(plan->row_bytes, plan->head_bytes + plan->cursor_bytes +
                                              plan->value_bytes + plan->inline_bytes);
        assert_int_equal(plan->row_bytes + plan->index_bytes, report[i].bytes_per_entity);
        assert_true(plan->inline_events * plan->event_bytes <= plan->inline_bytes);
        question.entities[i] = plan->rows_max;
        assert_int_equal(explain_bytes(&world->explanation, i, &question),
                         plan->rows_max * report[i].bytes_per_entity);
        assert_true(explain_fits(&world->explanation, i, &question));
        question.entities[i]++;
        assert_false(explain_fits(&world->explanation, i, &question));
    }
    world_close(world);
}

/* Older events ask for blocks, and for no more of them than are kept. */
static void test_bytes_of_events(void **state)
{
    (void)state;
    struct world *world = world_open();
    const struct entity_plan *plan = &world->explanation.entity[0];
    uint64_t one = entity_plan_bytes(plan, 1, plan->inline_events);
    assert_int_equal(entity_plan_bytes(plan, 1, plan->inline_events + 1), one + plan->block_bytes);
    assert_true(plan->panes_bytes > 0);
    assert_int_equal(entity_plan_bytes(plan, 1000, plan->events_max) + 1000ULL * plan->panes_bytes,
                     entity_plan_bytes(plan, 1000, plan->events_max + 50));
    assert_true(entity_plan_fits(plan, plan->panes_max, plan->events_max + 1));
    assert_false(entity_plan_fits(plan, plan->panes_max + 1, plan->events_max + 1));
    assert_int_equal(entity_plan_bytes(plan, 7, 3), 7 * entity_plan_bytes(plan, 1, 3));
    world_close(world);
}

static void test_sharing(void **state)
{
    (void)state;
    struct world *world = world_open();
    const struct window_plan *mean = find(world, "mean( amount )  by card over 1h");
    const struct window_plan *deviation = find(world, "sd(amount) by card over 1h");
    const struct window_plan *count = find(world, "count() by card over 1h");
    const struct window_plan *median = find(world, "median(amount) by card over 1h");
    assert_int_equal(mean->keeping, KEEPING_SUMS);
    assert_int_equal(mean->keeping_windows, 2);
    assert_int_equal(deviation->keeping_windows, 2);
    assert_int_equal(mean->row_bytes, 5 * sizeof(double)); /* with the squares of sd */
    assert_int_equal(count->keeping_windows, 1);
    assert_int_equal(median->keeping, KEEPING_ORDER);
    assert_int_equal(median->keeping_windows, 2); /* distinct asks the same values */
    assert_true(median->ordered && !mean->ordered);
    assert_int_equal(mean->frame, median->frame);
    assert_int_equal(mean->frame_windows, 5);
    /* log1p(amount) is a feature and a part of another */
    assert_int_equal(world->explanation.shared_count, 1);
    assert_string_equal(world->explanation.shared[0].formula, "log1p(amount)");
    assert_int_equal(world->explanation.shared[0].askers, 2);
    world_close(world);
}

static bool uses(const struct world *world, const struct window_plan *window, const char *name)
{
    const struct explanation *explanation = &world->explanation;
    size_t index = (size_t)(window - explanation->window);
    for (uint32_t i = 0; i < explanation->user_count; i++)
        if (strcmp(explanation->user[i].name, name) == 0)
            return explanation->uses[index * explanation->user_count + i];
    return false;
}

static void test_users(void **state)
{
    (void)state;
    struct world *world = world_open();
    const struct window_plan *mean = find(world, "mean( amount )  by card over 1h");
    assert_true(uses(world, mean, "mean") && uses(world, mean, "ratio"));
    assert_false(uses(world, mean, "sd") || uses(world, mean, "many"));
    assert_true(uses(world, find(world, "count() by card over 1h"), "many"));
    world_close(world);
}

static double feature(const struct world *world, uint32_t index, uint32_t row)
{
    const struct trial *trial = world->trial;
    return batch_column(&trial->batch, trial->pipeline.feature_value[index])[row].number;
}

/* The values rise, so that the middle of all of them shows how many a window has seen. */
static void add_rising(struct world *world, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "{\"id\":\"e\",\"time\":%u,\"card\":\"4929\",\"shop\":\"s\",\"amount\":%u,"
                 "\"secret\":2}",
                 1000 + i, i);
        trial_add(world->trial, RECORD_EVENT, text);
    }
    step(&world->trial->pipeline, &world->trial->batch);
}

/* Sums go on with panes past the events that are kept, and so does the order of few values. */
static void test_exact(void **state)
{
    (void)state;
    struct world *world = world_open();
    const struct window_plan *span = find(world, "count() by card over 1h");
    const struct window_plan *ever = find(world, "count() by card");
    const struct window_plan *middle = find(world, "median(amount) by card over 1h");
    const struct window_plan *kinds = find(world, "distinct(amount) by card over 1h");
    assert_true(ever->exact && !span->exact && !middle->exact && !kinds->exact);
    assert_int_equal(span->past, PAST_PANES);
    assert_int_equal(kinds->past, PAST_SKETCHES);
    assert_int_equal(middle->past, PAST_SKETCHES);
    assert_int_equal(middle->sketch, SKETCH_BUCKETS);
    assert_in_range(span->error_ms, 60000, 70000); /* a sixtieth of an hour and the lateness */
    assert_int_equal(middle->exact_events, 8);
    add_rising(world, 20);
    for (uint32_t i = 1; i <= 20; i++) {
        assert_true(feature(world, 0, i - 1) == i);
        assert_true(feature(world, 4, i - 1) == i);
        assert_true(feature(world, 5, i - 1) == (i + 1) / 2.0); /* so few are exact even then */
    }
    world_close(world);
}

static void test_question(void **state)
{
    (void)state;
    struct world *world = world_open();
    const struct explanation *explanation = &world->explanation;
    struct explain_question question = {0};
    assert_true(explain_read_question(explanation, "1000", &question));
    assert_int_equal(question.entities[0], 1000);
    assert_int_equal(question.entities[2], 1000);
    memset(&question, 0, sizeof question);
    assert_true(explain_read_question(explanation, "card,shop=7,card=5", &question));
    for (uint32_t i = 0; i < explanation->entity_count; i++) {
        const char *name = explanation->entity[i].name;
        uint64_t wanted = strcmp(name, "card") == 0 ? 5 : strcmp(name, "shop") == 0 ? 0 : 7;
        assert_int_equal(question.entities[i], wanted);
    }
    static const char *const wrong[] = {"",        "card",        "card=",     "card=x",
                                        "crd=5",   "card=5;shop", "5,6",       "-1",
                                        "card=-1", "card=1e3",    "1000000001"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(explain_read_question(explanation, wrong[i], &question));
    world_close(world);
}

/* Every kind has a row in the table of costs: what it gives for an unknown one is nobody's. */
static void test_costs(void **state)
{
    (void)state;
    static const struct aggregate_kind nobody = {.name = "nobody"};
    struct cost unknown = cost_of_kind(&nobody);
    for (uint32_t i = 0; aggregate_table[i]; i++) {
        struct cost cost = cost_of_kind(aggregate_table[i]);
        if (cost.few_ns == unknown.few_ns && cost.many_ns == unknown.many_ns)
            fail_msg("features/cost.c knows nothing of %s", aggregate_table[i]->name);
    }
}

/* What is computed from sensitive numbers, or is a sensitive text itself, leaves masked. */
static void test_decision_features(void **state)
{
    (void)state;
    struct world *world = world_open();
    char bytes[4096];
    struct buffer buffer;
    buffer_init(&buffer, bytes, sizeof bytes - 1);
    uint32_t row = trial_add(world->trial, RECORD_EVENT,
                             "{\"id\":\"e\",\"time\":1000,\"card\":\"4929\",\"shop\":\"s\","
                             "\"amount\":10,\"secret\":77.5}");
    step(&world->trial->pipeline, &world->trial->batch);
    encode_decision(&world->trial->pipeline, &world->trial->batch, row, &buffer);
    bytes[buffer.size] = 0;
    json_t *decision = json_loads(bytes, 0, NULL);
    json_t *features = json_object_get(decision, "features");
    assert_non_null(features);
    assert_true(json_number_value(json_object_get(features, "n")) == 1);
    assert_true(json_number_value(json_object_get(features, "cards")) == 1);
    assert_true(json_number_value(json_object_get(features, "mean")) == 10);
    assert_string_equal(json_string_value(json_object_get(features, "secrets")), "****");
    assert_string_equal(json_string_value(json_object_get(features, "last_card")), "****");
    assert_null(json_object_get(features, "sd")); /* of one event: missing */
    assert_null(strstr(bytes, "78.5"));
    json_decref(decision);
    world_close(world);
}

static void test_json(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct explain_question question = {0};
    assert_true(explain_read_question(&world->explanation, "100", &question));
    json_t *object = explain_json(&world->explanation, &question);
    json_t *entities = json_object_get(object, "entities");
    assert_int_equal(json_array_size(entities), 3);
    json_t *windows = json_object_get(json_array_get(entities, 0), "windows");
    assert_int_equal(json_array_size(windows), 6);
    assert_int_equal(json_object_size(json_object_get(object, "features")), 13);
    json_t *silence = json_array_get(json_object_get(object, "silences"), 0);
    assert_string_equal(json_string_value(json_object_get(silence, "entity")), "shop");
    assert_int_equal(json_integer_value(json_object_get(silence, "span_ms")), 1800000);
    assert_true(json_integer_value(json_object_get(silence, "most")) > 1000);
    assert_true(json_is_true(json_object_get(json_object_get(object, "asked"), "fits")));
    json_decref(object);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),   cmocka_unit_test(test_bytes_of_events),
        cmocka_unit_test(test_sharing), cmocka_unit_test(test_users),
        cmocka_unit_test(test_exact),   cmocka_unit_test(test_question),
        cmocka_unit_test(test_costs),   cmocka_unit_test(test_decision_features),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
