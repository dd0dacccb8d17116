/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include <wspulse/error.h>

static void the_seeds_texts(void **state)
{
    (void)state;
    assert_string_equal(wsp_err_text(WSP_ERR_CONNECTION_NOT_FOUND),
                        "wspulse: connection not found");
    assert_string_equal(wsp_err_text(WSP_ERR_DUPLICATE_CONNECTION_ID),
                        "wspulse: kicked: duplicate connection ID");
    assert_string_equal(wsp_err_text(WSP_ERR_SERVER_CLOSED),
                        "wspulse: server is closed");
    assert_string_equal(wsp_err_text(WSP_ERR_CONNECTION_CLOSED),
                        "wspulse: connection is closed");
    assert_string_equal(wsp_err_text(WSP_ERR_SEND_BUFFER_FULL),
                        "wspulse: send buffer full, frame dropped");
}

static void names_and_strangers(void **state)
{
    (void)state;
    assert_string_equal(wsp_err_name(WSP_ERR_PANIC), "PANIC");
    assert_string_equal(wsp_err_name(WSP_OK), "OK");
    assert_string_equal(wsp_err_name((enum wsp_err) - 999), "UNKNOWN");
    assert_string_equal(wsp_err_text(WSP_OK), "ok");
}

static void a_diagnostic_says_where_and_why(void **state)
{
    (void)state;
    struct wsp_diag diag;
    assert_int_equal(wsp_diag_set_errno(&diag, WSP_ERR_LISTEN, EACCES,
                                        "listen %s", "0.0.0.0:80"),
                     WSP_ERR_LISTEN);
    assert_string_equal(diag.message, "listen 0.0.0.0:80: Permission denied");
    assert_int_equal(diag.sys_errno, EACCES);
    assert_int_equal(wsp_diag_set(NULL, WSP_ERR_IO, "x"), WSP_ERR_IO);
}

static void a_long_diagnostic_is_cut(void **state)
{
    (void)state;
    struct wsp_diag diag;
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    wsp_diag_set_errno(&diag, WSP_ERR_IO, EIO, "%s", text);
    assert_int_equal(strlen(diag.message), sizeof diag.message - 1);
}

static void an_error_keeps_message_and_stack(void **state)
{
    (void)state;
    struct wsp_error *error =
        wsp_error_new(WSP_ERR_PANIC, "boom", "stack traceback");
    assert_ptr_equal(wsp_error_ref(error), error);
    wsp_error_unref(error);
    assert_string_equal(wsp_error_message(error), "boom");
    assert_string_equal(wsp_error_stack(error), "stack traceback");
    assert_int_equal(wsp_error_close_code(error), 0);
    wsp_error_unref(error);
    wsp_error_unref(NULL);
}

static void a_close_error_names_code_and_escapes_the_reason(void **state)
{
    (void)state;
    struct wsp_error *error = wsp_error_new_close(4000, "a\nb", 3);
    assert_string_equal(wsp_error_message(error),
                        "websocket: close 4000: a\\x0ab");
    assert_int_equal(wsp_error_close_code(error), 4000);
    assert_null(wsp_error_stack(error));
    wsp_error_unref(error);
    error = wsp_error_new_close(1011, "", 0);
    assert_string_equal(wsp_error_message(error), "websocket: close 1011");
    wsp_error_unref(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seeds_texts),
        cmocka_unit_test(names_and_strangers),
        cmocka_unit_test(a_diagnostic_says_where_and_why),
        cmocka_unit_test(a_long_diagnostic_is_cut),
        cmocka_unit_test(an_error_keeps_message_and_stack),
        cmocka_unit_test(a_close_error_names_code_and_escapes_the_reason),
    };
    return cmocka_run_group_tests_name("base.err", tests, NULL, NULL);
}
