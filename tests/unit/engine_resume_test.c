/* Saved, killed and started again at twenty random points, every kind of model ends with the very
 * bytes of a run that nothing interrupted.  The snapshot is written while the fold goes on, so a
 * kind that changes bytes without telling is found out. */
#include "tests/unit/engine_resume.h"
#include <math.h>

enum { POINTS = 20 };

/* The first list of features that the kind can do something with. */
static const char *features_for(const struct model_kind *kind)
{
    enum { LISTS = 6, MOST = 6 };
    static const enum value_type n = TYPE_NUMBER, b = TYPE_BOOLEAN, e = TYPE_ENUM, t = TYPE_TEXT;
    const enum value_type types[LISTS][MOST] = {
        {n, n, n, b, e, t}, {n, n, n, b, e}, {n, n, n}, {n}, {t, t}, {t, t, n}};
    static const uint32_t counts[LISTS] = {6, 5, 3, 1, 2, 3};
    static const char *const names[LISTS][MOST] = {{"x1", "x2", "x3", "open", "colour", "card"},
                                                   {"x1", "x2", "x3", "open", "colour"},
                                                   {"x1", "x2", "x3"},
                                                   {"x1"},
                                                   {"card", "shop"},
                                                   {"card", "shop", "x1"}};
    static const char *const lists[LISTS] = {"'x1', 'x2', 'x3', 'open', 'colour', 'card'",
                                             "'x1', 'x2', 'x3', 'open', 'colour'",
                                             "'x1', 'x2', 'x3'",
                                             "'x1'",
                                             "'card', 'shop'",
                                             "'card', 'shop', 'x1'"};
    static _Alignas(16) char options[4096];
    struct failure failure;
    assert_true(kind->option_size <= sizeof options);
    memset(options, 0, sizeof options);
    options_default(kind->options, options);
    for (int i = !kind->check; i < LISTS; i++) {
        const struct model_shape shape = {counts[i], types[i], names[i], 2};
        const struct model_shape keys = {1 + (i > 3), types[4], names[4], 2};
        bool has_key = i == 0 || i > 3;
        if (has_key && kind->check(options, &keys, &failure) != STATUS_OK)
            continue;
        if (!kind->check || kind->check(options, &shape, &failure) == STATUS_OK)
            return lists[i];
    }
    fail_msg("no features suit %s", kind->name);
    return NULL;
}

static void resume_all(const char *name, const char *text)
{
    struct random random;
    struct disk disk;
    struct failure failure;
    struct snapshots *snapshots;
    struct memory_disk *memory = memory_disk_new(&disk);
    uint64_t now_ns = 0;
    const struct clock clock = {trial_wall_ms, trial_monotonic_ns, &now_ns};
    const struct snapshots_setting setting = {disk, &clock, 2, 256 << 20, false, false};
    assert_int_equal(snapshots_open(&snapshots, &setting, &failure), STATUS_OK);
    random_seed(&random, 77);
    struct trial *whole = trial_open(text), *trial = trial_open(text);
    resume_fold(whole, 0, RESUME_RECORDS, &random);
    uint64_t at = 0;
    for (uint64_t point = 1; point <= POINTS; point++) {
        uint64_t until =
            at + random_below(&random, 2 * (RESUME_RECORDS - at) / (POINTS + 2 - point));
        resume_fold(trial, at, until, &random);
        resume_begin(trial, snapshots, point);
        uint64_t later = until + random_below(&random, 30);
        for (uint64_t i = until; i < later && i < RESUME_RECORDS; i++) {
            resume_fold(trial, i, i + 1, &random);
            snapshots_step(snapshots, 2);
        }
        resume_finish(snapshots);
        trial_close(trial);
        trial = resume_load(text, &disk, point);
        assert_int_equal(trial_fold(trial)->events, until);
        at = until;
    }
    resume_fold(trial, at, RESUME_RECORDS, &random);
    state_set_journal(&trial->pipeline.state, 0, 0);
    state_set_journal(&whole->pipeline.state, 0, 0);
    assert_true(state_hash(&trial->pipeline.state) == state_hash(&whole->pipeline.state));
    if (memcmp(trial->pipeline.state.bytes, whole->pipeline.state.bytes,
               whole->pipeline.state.size))
        fail_msg("%s: the bytes of the state are others", name);
    trial_close(whole);
    trial_close(trial);
    snapshots_close(snapshots);
    memory_disk_free(memory);
}

static void test_every_kind(void **unused)
{
    (void)unused;
    for (int i = 0; model_table[i]; i++) {
        const struct model_kind *kind = model_table[i];
        char text[2048];
        snprintf(text, sizeof text,
                 "{'name': 'resume', 'memory': '2GiB', " RESUME_EVENTS
                 ", 'models': {'m': {'kind': '%s', 'features': [%s]}}}",
                 kind->name, features_for(kind));
        print_message("%s\n", kind->name);
        resume_all(kind->name, text);
    }
}

/* Models that see scores, classes that are counted, chance that is drawn. */
static void test_around(void **unused)
{
    (void)unused;
    resume_all("around", "{'name': 'resume', 'memory': '2GiB', " RESUME_EVENTS ", 'models': {"
                         "'a': {'kind': 'logistic_regression', 'features': ['x1'],"
                         "  'imbalance': 'oversampling', 'feature_dropout': 0.1},"
                         "'b': {'kind': 'logistic_regression', 'features': ['x2', 'colour'],"
                         "  'imbalance': 'undersampling'},"
                         "'c': {'kind': 'best_expert', 'features': ['b', 'a']},"
                         "'d': {'kind': 'isotonic', 'features': ['c']}}, 'score': 'd'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
