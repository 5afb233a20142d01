/* The nearest name, and none where nothing is near. */
#include "base/suggest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *nearest(const char *wanted)
{
    static const char *const names[] = {"amount", "amounts", "card", "country", "is_weekend", "id"};
    const char *best = NULL;
    size_t distance = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        suggest_offer(wanted, names[i], &best, &distance);
    return best;
}

static void slips_are_found(void **unused)
{
    (void)unused;
    assert_string_equal(nearest("amuont"), "amount");  /* two exchanged */
    assert_string_equal(nearest("amont"), "amount");   /* one left out */
    assert_string_equal(nearest("amountt"), "amount"); /* one too many: the first of the nearest */
    assert_string_equal(nearest("contry"), "country");
    assert_string_equal(nearest("is_wekend"), "is_weekend");
    assert_string_equal(nearest("crad"), "card");
    assert_string_equal(nearest("amount"), "amount");
    assert_string_equal(nearest("di"), "id");
}

static void strangers_are_not(void **unused)
{
    (void)unused;
    assert_null(nearest("merchant"));
    assert_null(nearest("x"));
    assert_null(nearest(""));
    assert_null(nearest("weekend_is_amount"));
}

static void long_names_are_passed_over(void **unused)
{
    (void)unused;
    char name[80], other[80];
    memset(name, 'a', sizeof name);
    memset(other, 'a', sizeof other);
    const char *best = NULL;
    size_t distance = 0;
    name[64] = other[63] = '\0';
    suggest_offer(name, other, &best, &distance);
    assert_null(best);
    name[63] = '\0';
    other[62] = 'b';
    suggest_offer(name, other, &best, &distance);
    assert_ptr_equal(best, other);
    assert_int_equal(distance, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_found),
        cmocka_unit_test(strangers_are_not),
        cmocka_unit_test(long_names_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
