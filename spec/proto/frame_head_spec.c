/* SPDX-License-Identifier: MIT */
#include "proto/frame_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/opcode.h"
#include "proto/page_end.h"

/* ---- build ---- */

static void expect_head(size_t len, const uint8_t *bytes, size_t size)
{
    uint8_t out[WSP_FRAME_HEAD_MAX];
    assert_int_equal(wsp_frame_head_len(len), size);
    assert_int_equal(wsp_frame_head_build(out, WSP_OPCODE_BINARY, len), size);
    assert_memory_equal(out, bytes, size);
}

static void test_heads_are_minimal(void **state)
{
    (void)state;
    expect_head(0, (const uint8_t[]){0x82, 0}, 2);
    expect_head(125, (const uint8_t[]){0x82, 125}, 2);
    expect_head(126, (const uint8_t[]){0x82, 126, 0, 126}, 4);
    expect_head(65535, (const uint8_t[]){0x82, 126, 0xFF, 0xFF}, 4);
    expect_head(65536, (const uint8_t[]){0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0},
                10);
    expect_head((size_t)0x0102030405060708,
                (const uint8_t[]){0x82, 127, 1, 2, 3, 4, 5, 6, 7, 8}, 10);
}

/* ---- parse ---- */

static void test_a_head_is_known_part_by_part(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x49, 0xFE, 0x12, 0x34, 1, 2, 3, 4, 99};
    static const enum wsp_frame_head_part parts[] = {
        WSP_FRAME_HEAD_NONE,   WSP_FRAME_HEAD_NONE,   WSP_FRAME_HEAD_FLAGS,
        WSP_FRAME_HEAD_FLAGS,  WSP_FRAME_HEAD_LENGTH, WSP_FRAME_HEAD_LENGTH,
        WSP_FRAME_HEAD_LENGTH, WSP_FRAME_HEAD_LENGTH, WSP_FRAME_HEAD_WHOLE,
        WSP_FRAME_HEAD_WHOLE,
    };
    struct page_end memory;
    struct wsp_frame_head head;
    page_end_init(&memory, sizeof(bytes));
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        char *data =
            page_end_put(&memory, (struct wsp_span){(const char *)bytes, len});
        assert_int_equal(
            wsp_frame_head_parse(&head, (const uint8_t *)data, len),
            parts[len]);
    }
    page_end_fini(&memory);
    assert_false(head.is_final);
    assert_true(head.is_masked);
    assert_int_equal(head.rsv, 4);
    assert_int_equal(head.opcode, WSP_OPCODE_PING);
    assert_int_equal(head.short_len, 126);
    assert_int_equal(head.len, 0x1234);
    assert_int_equal(head.size, 8);
    assert_memory_equal(head.key, bytes + 4, 4);
}

static void test_a_head_without_mask_has_no_key(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x81, 127, 1, 2, 3, 4, 5, 6, 7, 8};
    struct wsp_frame_head head;
    assert_int_equal(wsp_frame_head_parse(&head, bytes, 9),
                     WSP_FRAME_HEAD_FLAGS);
    assert_int_equal(wsp_frame_head_parse(&head, bytes, 10),
                     WSP_FRAME_HEAD_WHOLE);
    assert_true(head.is_final);
    assert_false(head.is_masked);
    assert_int_equal(head.size, 10);
    assert_true(head.len == UINT64_C(0x0102030405060708));
}

/* ---- the mask ---- */

#define BYTES 256

static void fill(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 151 + 7);
    }
}

/* Unmasks `len` bytes at data[align] and looks at what stands around them. */
static void expect_unmasked(uint8_t *memory, size_t align, size_t len,
                            size_t offset)
{
    static const uint8_t key[4] = {0x9E, 0x37, 0x79, 0xB9};
    uint8_t before[BYTES];
    fill(memory, BYTES);
    memcpy(before, memory, BYTES);
    wsp_frame_unmask(memory + align, len, key, offset);
    for (size_t i = 0; i < BYTES; i++) {
        bool is_inside = i >= align && i < align + len;
        uint8_t mask = is_inside ? key[(offset + i - align) % 4] : 0;
        assert_int_equal(memory[i], before[i] ^ mask);
    }
}

static void test_hostile_41_all_256_alignments_of_unmask(void **state)
{
    (void)state;
    _Alignas(16) uint8_t memory[BYTES];
    for (size_t align = 0; align < 16; align++) {
        for (size_t offset = 0; offset < 16; offset++) {
            for (size_t len = 0; len <= 100; len++) {
                expect_unmasked(memory, align, len, offset);
            }
        }
    }
}

static void test_hostile_41_a_key_of_zero_changes_nothing(void **state)
{
    (void)state;
    static const uint8_t key[4] = {0};
    uint8_t data[BYTES];
    uint8_t before[BYTES];
    fill(data, BYTES);
    memcpy(before, data, BYTES);
    wsp_frame_unmask(data, BYTES, key, 3);
    assert_memory_equal(data, before, BYTES);
}

static void test_unmask_stays_within_its_bytes(void **state)
{
    (void)state;
    static const uint8_t key[4] = {1, 2, 3, 4};
    char plain[200] = {0};
    struct page_end memory;
    page_end_init(&memory, sizeof(plain));
    for (size_t len = 0; len < sizeof(plain); len++) {
        char *data = page_end_put(&memory, (struct wsp_span){plain, len});
        wsp_frame_unmask((uint8_t *)data, len, key, 0);
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(data[i], key[i % 4]);
        }
    }
    page_end_fini(&memory);
}

static void test_unmask_tells_ascii(void **state)
{
    (void)state;
    static const uint8_t key[4] = {0x80, 0xFF, 0x7F, 0x01};
    uint8_t data[80];
    for (size_t len = 0; len <= sizeof(data); len++) {
        for (size_t bad = 0; bad <= len; bad++) {
            memset(data, 'a', sizeof(data));
            data[bad < len ? bad : 0] |= bad < len ? 0x80 : 0;
            wsp_frame_unmask(data, len, key, 1);
            assert_int_equal(wsp_frame_unmask(data, len, key, 1), bad == len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_are_minimal),
        cmocka_unit_test(test_a_head_is_known_part_by_part),
        cmocka_unit_test(test_a_head_without_mask_has_no_key),
        cmocka_unit_test(test_hostile_41_all_256_alignments_of_unmask),
        cmocka_unit_test(test_hostile_41_a_key_of_zero_changes_nothing),
        cmocka_unit_test(test_unmask_stays_within_its_bytes),
        cmocka_unit_test(test_unmask_tells_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
