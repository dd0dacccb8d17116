/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

/* The properties that the tables rely on. */
static void equal_texts_hash_equal_under_one_key_only(void **state)
{
    (void)state;
    struct wsp_hash_key one = {{1, 2}};
    struct wsp_hash_key two = {{1, 3}};
    struct wsp_span text = wsp_span_of("a room with a name");
    assert_int_equal(wsp_hash(&one, text), wsp_hash(&one, text));
    assert_int_not_equal(wsp_hash(&one, text), wsp_hash(&two, text));
}

static void every_byte_and_the_length_count(void **state)
{
    (void)state;
    struct wsp_hash_key key = {{7, 9}};
    char text[33] = {0};
    uint64_t seen[33];
    for (size_t len = 0; len <= 32; len++) {
        seen[len] = wsp_hash(&key, (struct wsp_span){text, len});
        for (size_t i = 0; i < len; i++) {
            assert_int_not_equal(seen[i], seen[len]);
            text[i] ^= 1;
            assert_int_not_equal(wsp_hash(&key, (struct wsp_span){text, len}),
                                 seen[len]);
            text[i] ^= 1;
        }
    }
}

static void spreads_over_the_low_bits(void **state)
{
    (void)state;
    struct wsp_hash_key key;
    wsp_hash_key_init(&key);
    unsigned buckets[64] = {0};
    for (int i = 0; i < 6400; i++) {
        char text[24];
        snprintf(text, sizeof text, "conn-%d", i);
        buckets[wsp_hash(&key, wsp_span_of(text)) & 63]++;
    }
    for (int i = 0; i < 64; i++) { /* mean 100, deviation 10 */
        assert_in_range(buckets[i], 30, 170);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_hash_equal_under_one_key_only),
        cmocka_unit_test(every_byte_and_the_length_count),
        cmocka_unit_test(spreads_over_the_low_bits),
    };
    return cmocka_run_group_tests_name("base.hash", tests, NULL, NULL);
}
