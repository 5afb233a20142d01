/* The options of a kind out of JSON, as a configuration gives them, for tests that open one. */
#ifndef TESTS_UNIT_BASE_OPTIONS_H
#define TESTS_UNIT_BASE_OPTIONS_H

#include "base/option.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* On the heap, where the sanitizers watch their ends; owned by the caller. */
static inline void *options_of_json(const struct option *table, size_t size, const char *json)
{
    void *options = calloc(1, size);
    assert_non_null(options);
    json_t *object = json_loads(json, 0, NULL);
    assert_non_null(object);
    struct findings findings = {0};
    options_read(table, object, "test", NULL, options, &findings);
    assert_int_equal(findings.count, 0);
    findings_close(&findings);
    json_decref(object);
    return options;
}

#endif
