/* Late events of entities with more events than they may keep: asked of a tree with what has
 * changed since, the kept and the spilled values answer to the bit as they do gathered and sorted,
 * whichever of the windows that share them is asked first. */
#include "base/random.h"
#include "features/multiset.h"
#include "features/past.h"
#include "tests/property/features_fixture.h"

enum { EVENTS = 1500, SEEDS = 4, WINDOWS = 20, NEVER = 100000 };

static const char *const formulas[WINDOWS] = {
    "median(amount) by card over 2h",
    "quantile(amount, 0.9) by card over 2h",
    "quantile(amount, 0.1) by card over 2h before",
    "rank(amount) by card over 2h",
    "distinct(amount) by card over 2h",
    "mode(amount) by card over 2h",
    "heavy(amount, 4) by card over 2h",
    "entropy(amount) by card over 2h",
    "entropy(merchant) by card over 2h",
    "heavy(merchant, 5) by card over 2h",
    "mode(merchant) by card over 2h before",
    "mode(merchant) by card over 2h",
    "distinct(merchant) by card over 2h",
    "median(amount) by card over 2h delay 1m",
    "mode(merchant) by card over 2h delay 1m",
    "median(amount) by card over 1h where amount > 20",
    "median(amount) by card over today",
    "entropy(merchant) by card over today",
    "max(amount) by card over 2h",
    "median(amount) by card over last 20",
};

struct world {
    struct fixture fixture;
    uint32_t value[WINDOWS];
};

static void world_open(struct world *world, uint64_t seed, uint32_t scan_max)
{
    const struct entity_setting entity[] = {
        {.name = "card", .events_max = 30 + 40 * (int64_t)(seed % 3)}};
    struct features_setting setting = {.memory = 1 << 28,
                                       .lateness_ms = 90000,
                                       .entity_count = 1,
                                       .entity = entity,
                                       .scan_max = scan_max};
    fixture_open(&world->fixture, &setting);
    for (uint32_t w = 0; w < WINDOWS; w++)
        world->value[w] = fixture_must_compile(&world->fixture, formulas[w]);
    fixture_start(&world->fixture);
}

struct drawn {
    int64_t time_ms;
    uint64_t merchant;
    double amount;
};

static void world_event(struct world *world, uint64_t number, const struct drawn *drawn)
{
    struct fixture *fixture = &world->fixture;
    batch_clear(fixture->batch);
    uint32_t row = fixture_event(fixture, number, drawn->time_ms, 1, drawn->amount);
    fixture_cell(fixture, fixture->field_value[FIXTURE_MERCHANT], row)->key = drawn->merchant;
}

/* Will the event ask a tree with changes, of a window that spilled values belong to? */
static bool asks_past(const struct world *world, uint32_t w, int64_t time_ms)
{
    static struct slot_view room[NEVER];
    static uint64_t slot[64];
    const struct entity *entity = world->fixture.features->entity[0];
    uint64_t row = keymap_find(&entity->map, &world->fixture.state, 1);
    if (row == STATE_NO_ROW)
        return false;
    struct visit visit = {.entity = entity,
                          .state = (struct state *)(uintptr_t)&world->fixture.state,
                          .row = row,
                          .time_ms = time_ms,
                          .slot = (struct slot *)slot};
    visit.bytes = (uint8_t *)(uintptr_t)state_read(visit.state, entity->row_region, row);
    uint32_t i = 0;
    while (entity->window[i].value != world->value[w])
        i++;
    const struct window *window = &entity->window[i];
    struct values values;
    struct past_slots past;
    return visit_head(&visit)->panes && window->kind->ask &&
           entity->frame[window->frame].panes != INDEX_NONE &&
           visit_head(&visit)->newest_ms > time_ms &&
           multiset_tree(&visit, &entity->multiset[window->multiset], &values) &&
           past_slots_take(&past, &visit, window, (uint32_t)(values.count / 2), room);
}

static void follow(uint64_t seed, uint32_t asked[WINDOWS])
{
    static struct world tree, gathered;
    struct random random;
    random_seed(&random, seed);
    world_open(&tree, seed, 1);
    world_open(&gathered, seed, NEVER);
    int64_t now_ms = 1500000000000;
    for (uint64_t i = 0; i < EVENTS; i++) {
        now_ms += (int64_t)random_below(&random, 8000);
        bool late = random_below(&random, 4) == 0;
        struct drawn drawn = {
            .time_ms = now_ms - (late ? (int64_t)random_below(&random, 90000) : 0),
            .merchant = 1 + random_below(&random, seed % 2 ? 40 : 2000),
            .amount = (double)random_below(&random, seed > 2 ? 60 : 30000) / 4,
        };
        world_event(&tree, i, &drawn);
        world_event(&gathered, i, &drawn);
        for (uint32_t w = 0; w < WINDOWS; w++)
            asked[w] += asks_past(&tree, w, drawn.time_ms);
        fixture_run(&tree.fixture);
        fixture_run(&gathered.fixture);
        for (uint32_t w = 0; w < WINDOWS; w++) {
            union value got = *fixture_cell(&tree.fixture, tree.value[w], 0);
            union value expected = *fixture_cell(&gathered.fixture, gathered.value[w], 0);
            if (got.key != expected.key)
                fail_msg("seed %llu, event %llu, %s: %.17g of a tree, %.17g of sorted values",
                         (unsigned long long)seed, (unsigned long long)i, formulas[w], got.number,
                         expected.number);
        }
    }
    fixture_close(&tree.fixture);
    fixture_close(&gathered.fixture);
}

static void trees_answer_as_sorted_values_do(void **unused)
{
    (void)unused;
    uint32_t asked[WINDOWS] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        follow(seed, asked);
    for (uint32_t w = 0; w < WINDOWS; w++)
        print_message("%5u late events asked a tree: %s\n", asked[w], formulas[w]);
    for (uint32_t w = 0; w < WINDOWS - 2; w++) /* the last two have no values to ask, or no panes */
        assert_true(asked[w] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(trees_answer_as_sorted_values_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
