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
#include "proto/opcode.h"
#include "proto/oracle.h"
#include "proto/recorder.h"

#define STREAM_COUNT 6000
#define STREAM_MAX 3500   /* under wslay's 4 KiB of read-ahead */
#define MESSAGE_LIMIT 400 /* not under 125: wslay counts control frames in */

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

/* ---- both sides ---- */

struct ours {
    struct recorder recorder;
    enum wsp_reader_result result; /* of the feed that ended it */
};

/* Feeds a stream in pieces until it ends. */
static void run_ours(struct ours *ours, struct wsp_span stream, size_t piece)
{
    recorder_reset(&ours->recorder);
    ours->result = WSP_READER_MORE;
    for (size_t at = 0; at < stream.len && ours->result == WSP_READER_MORE;) {
        size_t len = stream.len - at < piece ? stream.len - at : piece;
        recorder_feed(&ours->recorder, (struct wsp_span){stream.data + at, len},
                      len);
        ours->result = ours->recorder.result;
        at += len;
    }
}

static struct wsp_span log_from(const struct wsp_buf *log, size_t from)
{
    const char *data = log->data ? log->data : "";
    return (struct wsp_span){data + from, log->len - from};
}

/* The line of the close frame, or of the failure. */
static struct wsp_span our_end(const struct ours *ours)
{
    return log_from(&ours->recorder.log, ours->recorder.found_len);
}

static struct wsp_span their_end(const struct oracle *theirs)
{
    return log_from(&theirs->log, theirs->found_len);
}

/* ---- where wslay is known to differ ---- */

/* Tells whether wslay fails the stream once more bytes follow. */
static bool oracle_fails_later(struct wsp_span stream)
{
    char *longer = calloc(1, stream.len + 256);
    assert_non_null(longer);
    memcpy(longer, stream.data, stream.len);
    struct oracle oracle;
    oracle_run(&oracle, (struct wsp_span){longer, stream.len + 256},
               MESSAGE_LIMIT);
    bool is_failed = oracle.end == ORACLE_FAILED;
    oracle_fini(&oracle);
    free(longer);
    return is_failed;
}

static bool ours_fails_later(struct ours *ours, struct wsp_span stream)
{
    char *longer = calloc(1, stream.len + 256);
    assert_non_null(longer);
    memcpy(longer, stream.data, stream.len);
    run_ours(ours, (struct wsp_span){longer, stream.len + 256}, SIZE_MAX);
    free(longer);
    return ours->result == WSP_READER_FAILED;
}

/* Both fail the stream; tells whether for what the codes say. */
static bool is_same_failure(const struct wsp_reader_failure *ours,
                            const struct oracle *theirs)
{
    if (ours->close_code == theirs->close_code) {
        return true;
    }
    /* Its frame API gives every broken head an empty close frame. */
    if (ours->close_code == 1002 && theirs->close_code == 1005) {
        return true;
    }
    /* It looks at the reason of a close frame before the code. */
    return strcmp(ours->text, "bad close code") == 0 &&
           theirs->close_code == 1007;
}

/* It takes a close frame of one byte for one without a body. */
static bool is_one_byte_close(const struct ours *ours,
                              const struct oracle *theirs)
{
    return ours->result == WSP_READER_FAILED &&
           strcmp(ours->recorder.failure.text, "bad close code") == 0 &&
           wsp_span_equal(their_end(theirs), wsp_span_of("close 1005 0 \n"));
}

/* It refuses the codes 1012 to 1014, which are registered by now. */
static bool is_late_code(const struct ours *ours, const struct oracle *theirs)
{
    struct wsp_span line = our_end(ours);
    return theirs->close_code == 1002 && line.len > 10 &&
           memcmp(line.data, "close 101", 9) == 0 && line.data[9] >= '2' &&
           line.data[9] <= '4';
}

static bool is_agreed(struct ours *ours, const struct oracle *theirs,
                      struct wsp_span stream)
{
    enum wsp_reader_result result = ours->result;
    if (result == WSP_READER_FAILED && theirs->end == ORACLE_FAILED) {
        return is_same_failure(&ours->recorder.failure, theirs);
    }
    if (result == WSP_READER_CLOSED && theirs->end == ORACLE_CLOSED) {
        return wsp_span_equal(our_end(ours), their_end(theirs));
    }
    if (result == WSP_READER_CLOSED && theirs->end == ORACLE_FAILED) {
        return is_late_code(ours, theirs);
    }
    if (theirs->end == ORACLE_CLOSED) {
        return is_one_byte_close(ours, theirs);
    }
    if (result == WSP_READER_FAILED) {
        /* It judges a head when the first byte of the payload is there. */
        return oracle_fails_later(stream);
    }
    if (theirs->end == ORACLE_FAILED) {
        /* It judges the reason of a close frame while it arrives. */
        return theirs->close_code == 1007 && ours_fails_later(ours, stream);
    }
    return true;
}

static void compare(struct ours *ours, struct wsp_span stream, size_t piece)
{
    struct oracle theirs;
    oracle_run(&theirs, stream, MESSAGE_LIMIT);
    run_ours(ours, stream, piece);
    struct wsp_span our_log = {ours->recorder.log.data,
                               ours->recorder.found_len};
    struct wsp_span their_log = {theirs.log.data, theirs.found_len};
    if (!wsp_span_equal(our_log, their_log)) {
        fail_msg("found:\n%.*s\nwslay found:\n%.*s", (int)our_log.len,
                 our_log.data, (int)their_log.len, their_log.data);
    }
    if (!is_agreed(ours, &theirs, stream)) {
        fail_msg("ours: %d %.*s, wslay: %d %u %.*s", ours->result,
                 (int)our_end(ours).len, our_end(ours).data, theirs.end,
                 theirs.close_code, (int)their_end(&theirs).len,
                 their_end(&theirs).data);
    }
    oracle_fini(&theirs);
}

static void test_generated_streams(void **state)
{
    (void)state;
    uint64_t random = choose_seed();
    struct wsp_buf stream = {NULL, 0, 0};
    struct ours ours;
    recorder_init(&ours.recorder);
    ours.recorder.limits.max_message = MESSAGE_LIMIT;
    int failed_count = 0;
    int found_count = 0;
    for (int i = 0; i < STREAM_COUNT; i++) {
        build(&stream, &random);
        size_t piece = one_in(&random, 2) ? SIZE_MAX : 1 + below(&random, 90);
        compare(&ours, (struct wsp_span){stream.data, stream.len}, piece);
        failed_count += ours.result == WSP_READER_FAILED;
        found_count += ours.recorder.found_count;
    }
    /* The streams were worth the comparison. */
    assert_in_range(failed_count, STREAM_COUNT / 10, STREAM_COUNT * 9 / 10);
    assert_true(found_count > STREAM_COUNT);
    recorder_fini(&ours.recorder);
    wsp_buf_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
