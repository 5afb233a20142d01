/* Options that leave a model nothing to do are refused, and those just beyond do their work. */
#include "base/random.h"
#include "models/model.h"
#include "tests/unit/base_options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const enum value_type types[] = {TYPE_NUMBER, TYPE_NUMBER};
static const char *const names[] = {"a", "b"};
static const struct model_shape shape = {2, types, names, 2};

/* Whether the kind takes the options; it works in either case: `told` gets how many of its scores
 * were neither 0 nor 1/2. */
static bool takes(const char *name, const char *json, int *told)
{
    const struct model_kind *kind = model_find(name);
    void *options = options_of_json(kind->options, kind->option_size, json);
    void *self = calloc(1, kind->state_size(options, &shape));
    assert_non_null(self);
    kind->init(self, options, &shape, 1);
    struct random random;
    random_seed(&random, 1);
    *told = 0;
    for (int i = 0; i < 500; i++) {
        double label = (double)random_below(&random, 2);
        union value feature[2] = {{.number = random_uniform(&random) + label},
                                  {.number = random_uniform(&random)}};
        const struct example example = {feature, i, kind->supervised ? label : MISSING, 1, NULL};
        double score = kind->learn(self, &example);
        *told += score > 0 && score < 0.499;
    }
    struct failure failure = {0};
    bool taken = kind->check(options, &shape, &failure) == STATUS_OK;
    assert_true(taken || strlen(failure.text) > 0);
    free(self);
    free(options);
    return taken;
}

static void test_window_of_isolation(void **unused)
{
    (void)unused;
    int told;
    assert_false(takes("online_isolation_forest", "{\"window\": 64, \"leaf\": 32}", &told));
    assert_int_equal(told, 0);
    assert_true(takes("online_isolation_forest", "{\"window\": 80, \"leaf\": 32}", &told));
    assert_true(told > 0);
}

/* Of two numbers and two classes a node takes 128 bytes. */
static void test_memory_of_mondrian(void **unused)
{
    (void)unused;
    int told;
    assert_false(takes("mondrian_forest", "{\"memory\": 4096, \"trees\": 11}", &told));
    assert_true(takes("mondrian_forest", "{\"memory\": 4096, \"trees\": 10}", &told));
    assert_true(told > 0);
    assert_false(takes("mondrian_forest", "{\"memory\": 4096, \"trees\": 1000}", &told));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_of_isolation),
        cmocka_unit_test(test_memory_of_mondrian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
