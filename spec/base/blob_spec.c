/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blob.h"

static void head_and_payload_are_one_run_of_bytes(void **state)
{
    (void)state;
    struct wsp_blob *blob = wsp_blob_new(wsp_span_of("payload"), 1);
    assert_non_null(blob);
    const uint8_t head[] = {0x81, 7};
    wsp_blob_set_head(blob, head, sizeof head);
    assert_int_equal(blob->len, 9);
    assert_int_equal(wsp_blob_payload_len(blob), 7);
    assert_memory_equal(wsp_blob_data(blob), "\x81\x07payload", 9);
    wsp_blob_unref(blob, 1);
}

static void references_are_raised_and_dropped_in_bulk(void **state)
{
    (void)state;
    struct wsp_blob *blob = wsp_blob_new(wsp_span_of(""), 2);
    wsp_blob_ref(blob, 10);
    wsp_blob_unref(blob, 4);
    wsp_blob_unref(blob, 6);
    assert_int_equal(atomic_load(&blob->ref_count), 1);
    wsp_blob_unref(blob, 1);
}

/* A form that says what it is. */
static struct wsp_blob *form_of(const char *text)
{
    struct wsp_blob *form = wsp_blob_new(wsp_span_of(text), 1);
    assert_non_null(form);
    return form;
}

static void forms_hang_by_window(void **state)
{
    (void)state;
    struct wsp_blob *blob = wsp_blob_new(wsp_span_of("plain"), 1);
    assert_null(wsp_blob_form(blob, 15));
    for (uint8_t bits = 8; bits <= 15; bits++) {
        struct wsp_blob *form = form_of("packed");
        wsp_blob_add_form(blob, form, bits);
        assert_ptr_equal(wsp_blob_form(blob, bits), form);
        assert_int_equal(form->window_bits, bits);
    }
    for (uint8_t bits = 8; bits <= 15; bits++) {
        assert_int_equal(wsp_blob_form(blob, bits)->window_bits, bits);
    }
    wsp_blob_unref(blob, 1);
}

static void a_form_may_outlive_its_blob(void **state)
{
    (void)state;
    struct wsp_blob *blob = wsp_blob_new(wsp_span_of("plain"), 1);
    struct wsp_blob *kept = form_of("kept");
    wsp_blob_add_form(blob, kept, 15);
    wsp_blob_add_form(blob, form_of("dropped"), 9);
    wsp_blob_ref(kept, 1);
    wsp_blob_unref(blob, 1);
    assert_int_equal(atomic_load(&kept->ref_count), 1);
    assert_memory_equal(wsp_blob_payload(kept).data, "kept", 4);
    wsp_blob_unref(kept, 1);
}

static void a_blob_may_be_its_own_shortest_form(void **state)
{
    (void)state;
    struct wsp_blob *blob = wsp_blob_new(wsp_span_of("plain"), 1);
    for (uint8_t bits = 8; bits <= 15; bits++) {
        assert_false(wsp_blob_stays_plain(blob, bits));
    }
    wsp_blob_stay_plain(blob, 8);
    wsp_blob_stay_plain(blob, 15);
    for (uint8_t bits = 8; bits <= 15; bits++) {
        assert_int_equal(wsp_blob_stays_plain(blob, bits),
                         bits == 8 || bits == 15);
    }
    wsp_blob_unref(blob, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_payload_are_one_run_of_bytes),
        cmocka_unit_test(references_are_raised_and_dropped_in_bulk),
        cmocka_unit_test(forms_hang_by_window),
        cmocka_unit_test(a_form_may_outlive_its_blob),
        cmocka_unit_test(a_blob_may_be_its_own_shortest_form),
    };
    return cmocka_run_group_tests_name("base.blob", tests, NULL, NULL);
}
