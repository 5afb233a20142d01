/* The digest of the machine's arithmetic: the same each time here, another elsewhere. */
#include "base/bits.h"
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static void it_is_the_same_each_time(void **unused)
{
    (void)unused;
    uint64_t first = bits_digest();
    for (int i = 0; i < 10; i++)
        assert_true(bits_digest() == first);
}

/* Another way to round stands for another machine. */
static void it_tells_other_arithmetic(void **unused)
{
    (void)unused;
    uint64_t here = bits_digest();
    static const int ways[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(fesetround(ways[i]), 0);
        uint64_t there = bits_digest();
        assert_int_equal(fesetround(FE_TONEAREST), 0);
        assert_true(there != here);
    }
    assert_true(bits_digest() == here);
}

static void it_tells_a_machine_that_flushes_subnormals(void **unused)
{
    (void)unused;
#if defined(__x86_64__)
    uint64_t here = bits_digest();
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8000); /* flush to zero */
    uint64_t there = bits_digest();
    _mm_setcsr(before);
    assert_true(there != here);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_same_each_time),
        cmocka_unit_test(it_tells_other_arithmetic),
        cmocka_unit_test(it_tells_a_machine_that_flushes_subnormals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
