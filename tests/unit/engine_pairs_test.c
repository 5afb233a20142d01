/* Pairs that new(x) remembers are forgotten with their owner: all of them, at once, whatever else
 * has come and gone. */
#include "base/random.h"
#include "features/owner.h"
#include "features/pass.h"
#include "tests/unit/engine_migrate_report.h"

enum { CARDS = 12, DEVICES = 20, RECORDS = 4000, SEEDS = 6 };

static const char pipeline_text[] =
    "{'name': 'pairs', 'memory': '32MiB', 'lateness': %s,"
    " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
    "  'card': 'key', 'device': 'key', 'country': 'text'}},"
    " 'control': {'source': 'file', 'path': 'y'}, 'entities': {'card,device': {%s}},"
    " 'features': {'fresh': 'new(device) by card', 'owner': 'new(card) by device',"
    "  'abroad': 'new(lower(country)) by card'%s}}";

static struct trial *open_trial(const char *lateness, const char *settings, const char *more)
{
    char text[1000];
    snprintf(text, sizeof text, pipeline_text, lateness, settings, more);
    return trial_open(text);
}

static uint32_t event(struct trial *trial, int64_t second, int card, int device)
{
    char text[160];
    snprintf(text, sizeof text,
             "{\"id\":\"e\",\"time\":%lld,\"card\":\"%d\",\"device\":\"%d\",\"country\":\"c%d\"}",
             (long long)second, card, device, device % 3);
    return trial_add(trial, RECORD_EVENT, text);
}

static uint32_t erase(struct trial *trial, const char *field, int which)
{
    char text[80];
    snprintf(text, sizeof text, "{\"erase\": {\"%s\": \"%d\"}}", field, which);
    return trial_add(trial, RECORD_REQUEST, text);
}

static double feature(const struct trial *trial, uint32_t index, uint32_t row)
{
    return batch_column(&trial->batch, trial->pipeline.feature_value[index])[row].number;
}

static void fold(struct trial *trial)
{
    step(&trial->pipeline, &trial->batch);
    for (uint32_t row = 0; row < trial->batch.count; row++)
        assert_false(trial->batch.dead[row]);
}

static void test_erased_with_card(void **state)
{
    (void)state;
    struct trial *trial = open_trial("0", "", "");
    event(trial, 100, 1, 1);
    event(trial, 100, 1, 2);
    event(trial, 100, 2, 1);
    uint32_t known = event(trial, 101, 1, 1);
    uint32_t request = erase(trial, "card", 1), none = erase(trial, "card", 9);
    uint32_t first = event(trial, 102, 1, 1), second = event(trial, 102, 1, 2);
    uint32_t other = event(trial, 102, 2, 1), again = event(trial, 103, 1, 1);
    fold(trial);
    assert_true(feature(trial, 0, known) == 0 && feature(trial, 2, known) == 0);
    assert_true(trial->batch.erased[request] && !trial->batch.erased[none]);
    assert_true(feature(trial, 0, first) == 1 && feature(trial, 0, second) == 1);
    assert_true(feature(trial, 2, first) == 1);
    assert_true(feature(trial, 0, other) == 0 && feature(trial, 2, other) == 0);
    assert_true(feature(trial, 0, again) == 0);
    struct entity_report reports[ENTITIES_MAX];
    uint32_t count =
        features_report(trial->pipeline.features, &trial->pipeline.state, reports, ENTITIES_MAX);
    uint64_t erased = 0;
    for (uint32_t i = 0; i < count; i++)
        erased += reports[i].erased;
    assert_int_equal(erased, 4); /* two of devices, two of countries */
    trial_close(trial);
}

/* ---- chains ---- */

static uint64_t chain_length(const struct entity *entity, const struct state *state,
                             const struct owner_row *owner, uint32_t owner_index, uint32_t sort)
{
    uint64_t length = 0;
    uint32_t before = 0;
    for (uint32_t pair = (uint32_t)owner->first; pair; length++) {
        const uint8_t *row = state_read(state, entity->row_region, pair - 1);
        const struct owner_link *link = &owner_links(entity, row)[sort];
        if (link->owner != owner_index + 1)
            return length;
        assert_int_equal(link->before, before);
        assert_true(((const struct entity_head *)row)->live);
        before = pair;
        pair = link->after;
    }
    return length;
}

/* Each live pair stands in one chain of each sort. */
static void check_chains(const struct trial *trial)
{
    const struct features *features = trial->pipeline.features;
    const struct state *state = &trial->pipeline.state;
    for (uint32_t e = 0; e < features->entity_count; e++) {
        const struct entity *entity = features->entity[e];
        uint64_t chained = 0, used = state->directory->region[entity->owners_region].used;
        for (uint32_t row = 0; row < used; row++) {
            const struct owner_row *owner = state_read(state, entity->owners_region, row);
            if (!owner->key || keymap_find(&entity->owners, state, owner->key) != row)
                continue;
            for (uint32_t sort = 0; sort < entity->owner_count; sort++)
                chained += chain_length(entity, state, owner, row, sort);
        }
        assert_int_equal(chained,
                         entity->owner_count * state->directory->region[entity->row_region].live);
    }
}

/* ---- at random ---- */

struct world {
    bool seen[CARDS][DEVICES];
    double fresh[BATCH_RECORDS_MAX]; /* what each row must say; -1: it is no event */
};

static void forget(struct world *world, bool card, int which)
{
    for (int i = 0; i < (card ? DEVICES : CARDS); i++)
        *(card ? &world->seen[which][i] : &world->seen[i][which]) = false;
}

static void record(struct trial *trial, struct world *world, struct random *random, int64_t second)
{
    int card = (int)random_below(random, CARDS), device = (int)random_below(random, DEVICES);
    bool by_card = random_below(random, 2);
    if (random_below(random, 20) == 0) {
        uint32_t row = erase(trial, by_card ? "card" : "device", by_card ? card : device);
        forget(world, by_card, by_card ? card : device);
        world->fresh[row] = -1;
        return;
    }
    uint32_t row = event(trial, second, card, device);
    world->fresh[row] = !world->seen[card][device];
    world->seen[card][device] = true;
}

static void check_random(uint64_t seed, const char *settings, bool exact, const char *lateness)
{
    struct random random;
    random_seed(&random, seed);
    struct world world = {0};
    struct trial *trial = open_trial(lateness, settings, "");
    uint32_t cut = 0;
    for (int i = 0; i < RECORDS; i++) {
        record(trial, &world, &random, 1000 + i);
        if (trial->batch.count <= cut)
            continue;
        fold(trial);
        for (uint32_t row = 0; exact && row < trial->batch.count; row++)
            if (world.fresh[row] >= 0 && (feature(trial, 0, row) != world.fresh[row] ||
                                          feature(trial, 1, row) != world.fresh[row]))
                fail_msg("seed %llu, record %d", (unsigned long long)seed, i);
        check_chains(trial);
        batch_clear(&trial->batch);
        cut = (uint32_t)random_below(&random, 60);
    }
    trial_close(trial);
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        check_random(seed, "", true, "0");
        check_random(seed, "", true, "'1h'");
        check_random(seed, "'entities_max': 40", false, "'1h'");
        check_random(seed, "'expire_after': '30s'", false, "0");
    }
}

/* Owners go over with their pairs, whether rows are copied or moved one by one. */
static void check_move(const char *settings, const char *more)
{
    struct trial *old = open_trial("0", "", "");
    for (int i = 0; i < 200; i++) {
        event(old, 100 + i, i % CARDS, i % DEVICES);
        fold(old);
        batch_clear(&old->batch);
    }
    struct migration_report report;
    struct trial *new = move_to(open_trial("0", settings, more), old, &report);
    check_chains(new);
    uint32_t known = event(new, 400, 3, 3), request = erase(new, "card", 3);
    uint32_t fresh = event(new, 401, 3, 3);
    fold(new);
    assert_true(feature(new, 0, known) == 0 && feature(new, 0, fresh) == 1);
    assert_true(new->batch.erased[request]);
    migration_report_close(&report);
    trial_close(new);
}

static void test_moved(void **state)
{
    (void)state;
    check_move("", "");
    check_move("'entities_max': 1000", "");
    check_move("", ", 'n': 'count() by (card, device) over 1h'");
}

/* Pairs that were counted before anybody asked whose they are: their owners are noted with their
 * next event, which is one of a plain entity in order. */
static void test_noted_later(void **state)
{
    (void)state;
    static const char text[] =
        "{'name': 'pairs', 'memory': '32MiB', 'events': {'source': 'file', 'path': 'x',"
        " 'fields': {'id': 'id', 'time': 'time', 'card': 'key', 'device': 'key'}},"
        " 'control': {'source': 'file', 'path': 'y'},"
        " 'features': {%s'n': 'count() by (card, device) over 1h'}}";
    char before[600], after[600];
    snprintf(before, sizeof before, text, "");
    snprintf(after, sizeof after, text, "'fresh': 'new(device) by card over 1h', ");
    struct trial *old = trial_open(before);
    event(old, 100, 3, 4);
    event(old, 100, 3, 5);
    fold(old);
    struct migration_report report;
    struct trial *new = move_to(trial_open(after), old, &report);
    assert_true(new->pipeline.features->entity[0]->plain.quick);
    uint32_t known = event(new, 200, 3, 4), also = event(new, 200, 3, 5);
    fold(new);
    assert_true(feature(new, 0, known) == 0 && feature(new, 0, also) == 0);
    check_chains(new);
    batch_clear(&new->batch);
    uint32_t request = erase(new, "card", 3), fresh = event(new, 201, 3, 4);
    fold(new);
    assert_true(new->batch.erased[request] && feature(new, 0, fresh) == 1);
    migration_report_close(&report);
    trial_close(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_erased_with_card),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_noted_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
