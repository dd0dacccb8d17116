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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_payload_are_one_run_of_bytes),
        cmocka_unit_test(references_are_raised_and_dropped_in_bulk),
    };
    return cmocka_run_group_tests_name("base.blob", tests, NULL, NULL);
}
