/* The functions of models/lanes.h against libm in double: every float of a thin and even sample,
 * and the ends of their ranges. */
#include "models/lanes.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void test_log2(void **unused)
{
    (void)unused;
    double worst = 0;
    for (uint32_t bits = 0x00800000; bits < 0x7f800000; bits += 997) {
        float x = float_of(bits);
        double wanted = log2((double)x), found = (double)lanes_log2(lanes_of(x))[3];
        worst = fmax(worst, fabs(found - wanted) / fmax(1, fabs(wanted)));
    }
    print_message("log2: %.3g\n", worst);
    assert_true(worst < 2e-7);
}

static void test_exp(void **unused)
{
    (void)unused;
    double worst = 0;
    for (double x = -87; x <= 0; x += 0.0001) {
        double wanted = exp((double)(float)x),
               found = (double)lanes_exp_negative(lanes_of((float)x))[5];
        worst = fmax(worst, fabs(found / wanted - 1));
    }
    print_message("exp: %.3g\n", worst);
    assert_true(worst < 3e-7);
    assert_true(lanes_exp_negative(lanes_of(-INFINITY))[0] < 2e-38F);
    assert_true(lanes_exp_negative(lanes_of(0))[0] == 1);
}

static void test_normal(void **unused)
{
    (void)unused;
    double worst = 0;
    for (double z = -14; z <= 14; z += 0.0001) {
        double wanted = 0.5 * erfc(-(double)(float)z / sqrt(2));
        double found = (double)lanes_normal_below(lanes_of((float)z))[1];
        worst = fmax(worst, fabs(found - wanted));
    }
    print_message("normal: %.3g\n", worst);
    assert_true(worst < 3e-7);
    assert_true(lanes_normal_below(lanes_of(INFINITY))[0] == 1);
    assert_true(lanes_normal_below(lanes_of(-INFINITY))[0] < 1e-20F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log2),
        cmocka_unit_test(test_exp),
        cmocka_unit_test(test_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
