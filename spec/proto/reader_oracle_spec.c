/* SPDX-License-Identifier: MIT */
/* Holds the reader against wslay's event API on generated streams, most of them
 * damaged. Set WSP_SPEC_SEED to repeat a run. */
#include "proto/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proto/client_frame.h"
#include "proto/duel.h"
#include "proto/opcode.h"

#define STREAM_COUNT 6000
#define STREAM_MAX DUEL_STREAM_MAX
#define MESSAGE_LIMIT 400

/* ---- chance ---- */

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static size_t below(uint64_t *random, size_t count)
{
    return (size_t)(next_random(random) >> 11) % count;
}

static bool one_in(uint64_t *random, size_t count)
{
    return below(random, count) == 0;
}

static uint64_t choose_seed(void)
{
    const char *given = getenv("WSP_SPEC_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("WSP_SPEC_SEED=%llu\n", (unsigned long long)seed);
    return seed * 2 + 1;
}

/* ---- streams ---- */

struct text {
    char data[500];
    size_t len;
};

static void add_character(struct text *text, uint64_t *random)
{
    static const char *const characters[] = {
        "\xC3\xA9",         "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF",
        "\xF4\x8F\xBF\xBF", "\xC2\x80",     "\xE0\xA0\x80",
    };
    const char *character = characters[below(random, 7)];
    memcpy(text->data + text->len, character, strlen(character));
    text->len += strlen(character);
}

static size_t choose_len(uint64_t *random)
{
    switch (below(random, 8)) {
    case 0:
        return 0;
    case 1:
        return 120 + below(random, 12);
    case 2:
        return MESSAGE_LIMIT - 3 + below(random, 6);
    default:
        return below(random, 40);
    }
}

static struct text choose_text(uint64_t *random, size_t len)
{
    struct text text = {.len = 0};
    bool is_ascii = one_in(random, 3);
    while (text.len < len) {
        if (is_ascii || len - text.len < 4 || one_in(random, 2)) {
            text.data[text.len++] = (char)('a' + below(random, 26));
        } else {
            add_character(&text, random);
        }
    }
    if (one_in(random, 40) && text.len > 0) {
        text.data[below(random, text.len)] = (char)below(random, 256);
    }
    return text;
}

static void add_frame(struct wsp_buf *stream, uint64_t *random, uint8_t opcode,
                      struct wsp_span payload)
{
    struct client_frame frame = {.opcode = opcode,
                                 .payload = payload,
                                 .key = (uint32_t)next_random(random)};
    client_frame_add(stream, &frame);
}

static void add_control(struct wsp_buf *stream, uint64_t *random)
{
    struct text text = choose_text(random, below(random, 126));
    uint8_t opcode = one_in(random, 2) ? WSP_OPCODE_PING : WSP_OPCODE_PONG;
    add_frame(stream, random, opcode, (struct wsp_span){text.data, text.len});
}

static void add_close(struct wsp_buf *stream, uint64_t *random)
{
    static const uint16_t codes[] = {1000, 1001, 1005, 1006, 1012, 1014,
                                     1015, 2999, 3000, 4999, 5000, 0};
    struct text text = choose_text(random, below(random, 124));
    if (one_in(random, 4)) {
        add_frame(stream, random, WSP_OPCODE_CLOSE,
                  (struct wsp_span){text.data, below(random, 2)});
        return;
    }
    client_frame_close(stream, codes[below(random, 12)],
                       (struct wsp_span){text.data, text.len});
}

/* Adds a message in one to five frames, cut anywhere, controls between. */
static void add_message(struct wsp_buf *stream, uint64_t *random)
{
    struct text text = choose_text(random, choose_len(random));
    uint8_t opcode = one_in(random, 3) ? WSP_OPCODE_BINARY : WSP_OPCODE_TEXT;
    size_t at = 0;
    for (size_t left = below(random, 5); left > 0; left--) {
        size_t len = below(random, text.len - at + 1);
        struct client_frame frame = {.opcode = opcode,
                                     .payload = {text.data + at, len},
                                     .key = (uint32_t)next_random(random),
                                     .is_fragment = true};
        client_frame_add(stream, &frame);
        opcode = WSP_OPCODE_CONTINUATION;
        at += len;
        if (one_in(random, 3)) {
            add_control(stream, random);
        }
    }
    add_frame(stream, random, opcode,
              (struct wsp_span){text.data + at, text.len - at});
}

/* Damages a byte, cuts the end off, or takes a byte out. */
static void damage(struct wsp_buf *stream, uint64_t *random)
{
    size_t at = below(random, stream->len);
    switch (below(random, 4)) {
    case 0:
        stream->data[at] = (char)(stream->data[at] ^ (1 << below(random, 8)));
        break;
    case 1:
        stream->data[at] = (char)below(random, 256);
        break;
    case 2:
        stream->len = at + 1;
        break;
    default:
        memmove(stream->data + at, stream->data + at + 1, stream->len - at - 1);
        stream->len--;
        break;
    }
}

static void build(struct wsp_buf *stream, uint64_t *random)
{
    stream->len = 0;
    do {
        if (one_in(random, 3)) {
            add_control(stream, random);
        } else {
            add_message(stream, random);
        }
    } while (!one_in(random, 5) && stream->len < STREAM_MAX / 2);
    if (one_in(random, 3)) {
        add_close(stream, random);
    }
    for (size_t left = below(random, 4); left > 0 && stream->len > 1; left--) {
        damage(stream, random);
    }
}

static void compare(struct duel *duel, struct wsp_span stream, size_t piece)
{
    if (!duel_is_agreed(duel, stream, piece)) {
        fail_msg("%.*s", (int)duel->trouble.len, duel->trouble.data);
    }
}

static void test_generated_streams(void **state)
{
    (void)state;
    uint64_t random = choose_seed();
    struct wsp_buf stream = {NULL, 0, 0};
    struct duel duel;
    duel_init(&duel, MESSAGE_LIMIT);
    int failed_count = 0;
    int found_count = 0;
    for (int i = 0; i < STREAM_COUNT; i++) {
        build(&stream, &random);
        size_t piece = one_in(&random, 2) ? SIZE_MAX : 1 + below(&random, 90);
        compare(&duel, (struct wsp_span){stream.data, stream.len}, piece);
        failed_count += duel.result == WSP_READER_FAILED;
        found_count += duel.recorder.found_count;
    }
    /* The streams were worth the comparison. */
    assert_in_range(failed_count, STREAM_COUNT / 10, STREAM_COUNT * 9 / 10);
    assert_true(found_count > STREAM_COUNT);
    duel_fini(&duel);
    wsp_buf_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
