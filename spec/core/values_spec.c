/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/values.h"

static enum wsp_err set(struct wsp_values **values, const char *key,
                        const char *value, size_t max)
{
    return wsp_values_set(values, wsp_span_of(key), wsp_span_of(value), max);
}

static void assert_value(struct wsp_values *values, const char *key,
                         const char *expected)
{
    struct wsp_span value = wsp_values_get(values, wsp_span_of(key));
    assert_non_null(value.data);
    assert_true(wsp_span_equal(value, wsp_span_of(expected)));
}

static void sets_replaces_and_removes(void **state)
{
    (void)state;
    struct wsp_values *values = NULL;
    assert_null(wsp_values_get(values, wsp_span_of("a")).data);
    assert_int_equal(set(&values, "a", "1", 100), WSP_OK);
    assert_int_equal(set(&values, "b", "22", 100), WSP_OK);
    assert_int_equal(set(&values, "a", "333", 100), WSP_OK);
    assert_value(values, "a", "333");
    assert_value(values, "b", "22");
    assert_int_equal(set(&values, "a", NULL, 100), WSP_OK);
    assert_null(wsp_values_get(values, wsp_span_of("a")).data);
    assert_value(values, "b", "22");
    assert_int_equal(set(&values, "missing", NULL, 100), WSP_OK);
    wsp_values_free(values);
}

static void an_empty_value_is_not_an_absent_one(void **state)
{
    (void)state;
    struct wsp_values *values = NULL;
    assert_int_equal(set(&values, "a", "", 100), WSP_OK);
    struct wsp_span value = wsp_values_get(values, wsp_span_of("a"));
    assert_non_null(value.data);
    assert_int_equal(value.len, 0);
    wsp_values_free(values);
}

static void the_bound_counts_keys_and_values(void **state)
{
    (void)state;
    struct wsp_values *values = NULL;
    assert_int_equal(set(&values, "key", "1234567", 10), WSP_OK);
    assert_int_equal(set(&values, "x", "", 10), WSP_ERR_CONNECTION_DATA_FULL);
    assert_int_equal(set(&values, "key", "12345678", 10),
                     WSP_ERR_CONNECTION_DATA_FULL);
    assert_value(values, "key", "1234567"); /* nothing has changed */
    assert_int_equal(set(&values, "key", "12345", 10), WSP_OK);
    assert_int_equal(set(&values, "x", "1", 10), WSP_OK);
    wsp_values_free(values);
}

static void a_value_may_be_set_from_another_one(void **state)
{
    (void)state;
    struct wsp_values *values = NULL;
    set(&values, "a", "same", 100);
    struct wsp_span value = wsp_values_get(values, wsp_span_of("a"));
    assert_int_equal(wsp_values_set(&values, wsp_span_of("b"), value, 100),
                     WSP_OK);
    assert_value(values, "b", "same");
    wsp_values_free(values);
}

static void walks_in_order(void **state)
{
    (void)state;
    struct wsp_values *values = NULL;
    struct wsp_span key;
    struct wsp_span value;
    assert_false(wsp_values_at(values, 0, &key, &value));
    set(&values, "a", "1", 100);
    set(&values, "b", "2", 100);
    assert_true(wsp_values_at(values, 1, &key, &value));
    assert_true(wsp_span_equal(key, wsp_span_of("b")));
    assert_true(wsp_span_equal(value, wsp_span_of("2")));
    assert_false(wsp_values_at(values, 2, &key, &value));
    wsp_values_free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_replaces_and_removes),
        cmocka_unit_test(an_empty_value_is_not_an_absent_one),
        cmocka_unit_test(the_bound_counts_keys_and_values),
        cmocka_unit_test(a_value_may_be_set_from_another_one),
        cmocka_unit_test(walks_in_order),
    };
    return cmocka_run_group_tests_name("core.values", tests, NULL, NULL);
}
