/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void grows_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct wsp_buf buf;
    wsp_buf_init(&buf);
    for (int i = 0; i < 1000; i++) {
        assert_true(wsp_buf_printf(&buf, "%03d,", i));
    }
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.data, "000,001,", 8);
    assert_memory_equal(buf.data + 3996, "999,", 4);
    wsp_buf_fini(&buf);
    assert_null(buf.data);
}

static void nothing_costs_nothing(void **state)
{
    (void)state;
    struct wsp_buf buf;
    wsp_buf_init(&buf);
    assert_true(wsp_buf_add(&buf, NULL, 0));
    assert_null(buf.data);
    assert_false(wsp_buf_reserve(&buf, SIZE_MAX - 1));
    wsp_buf_fini(&buf);
}

static void reset_gives_back_what_is_over(void **state)
{
    (void)state;
    struct wsp_buf buf;
    wsp_buf_init(&buf);
    assert_true(wsp_buf_add(&buf, "abc", 3));
    wsp_buf_reset(&buf, 1024);
    assert_int_equal(buf.len, 0);
    assert_non_null(buf.data);
    wsp_buf_reset(&buf, 1);
    assert_null(buf.data);
    wsp_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_what_it_has),
        cmocka_unit_test(nothing_costs_nothing),
        cmocka_unit_test(reset_gives_back_what_is_over),
    };
    return cmocka_run_group_tests_name("base.buf", tests, NULL, NULL);
}
