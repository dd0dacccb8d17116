/* SPDX-License-Identifier: MIT */
/* Hostile 37: however a stream is cut into reads, the same comes out. */
#include "proto/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/client_frame.h"
#include "proto/opcode.h"
#include "proto/recorder.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})

typedef void (*build_fn)(struct wsp_buf *stream);

static void put(struct wsp_buf *stream, uint8_t opcode, const char *payload)
{
    client_frame_put(stream, opcode, wsp_span_of(payload));
}

static void put_fragment(struct wsp_buf *stream, uint8_t opcode,
                         const char *payload)
{
    client_frame_add(stream, &(struct client_frame){
                                 .opcode = opcode,
                                 .payload = wsp_span_of(payload),
                                 .is_fragment = true,
                             });
}

static void put_long(struct wsp_buf *stream, uint8_t opcode, size_t len)
{
    char *payload = malloc(len);
    assert_non_null(payload);
    for (size_t i = 0; i < len; i++) {
        payload[i] = (char)('a' + i % 26);
    }
    client_frame_put(stream, opcode, (struct wsp_span){payload, len});
    free(payload);
}

/* ---- the corpus ---- */

static void build_small_session(struct wsp_buf *stream)
{
    put(stream, WSP_OPCODE_TEXT, "{\"event\":\"msg\"}");
    put(stream, WSP_OPCODE_PING, "");
    put(stream, WSP_OPCODE_BINARY, "\x01\x02\xFE");
    put(stream, WSP_OPCODE_TEXT, "");
    put(stream, WSP_OPCODE_PONG, "pong");
    client_frame_close(stream, 1000, SPAN("bye"));
    put(stream, WSP_OPCODE_TEXT, "late");
}

static void build_fragmented_session(struct wsp_buf *stream)
{
    put_fragment(stream, WSP_OPCODE_TEXT, "gr\xC3");
    put(stream, WSP_OPCODE_PING, "between");
    put_fragment(stream, WSP_OPCODE_CONTINUATION, "\xBC\xC3\x9F");
    put_fragment(stream, WSP_OPCODE_CONTINUATION, "");
    put(stream, WSP_OPCODE_PONG, "");
    put(stream, WSP_OPCODE_CONTINUATION, "e \xE2\x82\xAC");
    put(stream, WSP_OPCODE_BINARY, "after");
    put_fragment(stream, WSP_OPCODE_BINARY, "");
    put(stream, WSP_OPCODE_CONTINUATION, "");
}

static void build_medium_lengths(struct wsp_buf *stream)
{
    put_long(stream, WSP_OPCODE_TEXT, 125);
    put_long(stream, WSP_OPCODE_PING, 125);
    put_long(stream, WSP_OPCODE_TEXT, 126);
    put_long(stream, WSP_OPCODE_BINARY, 300);
}

static void build_close_in_a_message(struct wsp_buf *stream)
{
    put_fragment(stream, WSP_OPCODE_TEXT, "half");
    put(stream, WSP_OPCODE_CLOSE, "");
}

static void build_bad_text(struct wsp_buf *stream)
{
    put(stream, WSP_OPCODE_TEXT, "fine");
    put(stream, WSP_OPCODE_TEXT, "not \xED\xA0\x80 fine");
    put(stream, WSP_OPCODE_TEXT, "never read");
}

static void build_bad_split_text(struct wsp_buf *stream)
{
    put_fragment(stream, WSP_OPCODE_TEXT, "\xF0\x9F");
    put(stream, WSP_OPCODE_PING, "p");
    put_fragment(stream, WSP_OPCODE_CONTINUATION, "\xFF");
    put(stream, WSP_OPCODE_CONTINUATION, "never read");
}

static void build_bad_reason(struct wsp_buf *stream)
{
    client_frame_close(stream, 4000, SPAN("\xC3("));
}

static void build_bad_order(struct wsp_buf *stream)
{
    put_fragment(stream, WSP_OPCODE_BINARY, "a");
    put(stream, WSP_OPCODE_BINARY, "b");
}

static void build_bad_head(struct wsp_buf *stream)
{
    put(stream, WSP_OPCODE_TEXT, "fine");
    client_frame_add(stream, &(struct client_frame){.opcode = 0xB,
                                                    .is_unmasked = true,
                                                    .rsv = 4,
                                                    .length_size = 8});
}

static void build_too_big(struct wsp_buf *stream)
{
    put_fragment(stream, WSP_OPCODE_TEXT, "0123456789");
    client_frame_add(stream, &(struct client_frame){
                                 .opcode = WSP_OPCODE_CONTINUATION,
                                 .payload = SPAN("x"),
                                 .announced_len = 65527,
                             });
}

static void build_too_many(struct wsp_buf *stream)
{
    put_fragment(stream, WSP_OPCODE_TEXT, "1");
    for (int i = 0; i < 7; i++) {
        put_fragment(stream, WSP_OPCODE_CONTINUATION, "2");
    }
    put(stream, WSP_OPCODE_CONTINUATION, "9");
}

static const build_fn corpus[] = {
    build_small_session,  build_fragmented_session,
    build_medium_lengths, build_close_in_a_message,
    build_bad_text,       build_bad_split_text,
    build_bad_reason,     build_bad_order,
    build_bad_head,       build_too_big,
    build_too_many,
};

/* ---- the cuts ---- */

/* A session of the corpus, what it gives in one piece, and a reader for it. */
struct session {
    struct wsp_buf stream;
    struct wsp_buf whole;
    struct recorder recorder;
};

static struct wsp_span stream_from(const struct session *session, size_t from,
                                   size_t to)
{
    return (struct wsp_span){session->stream.data + from, to - from};
}

static void session_init(struct session *session, build_fn build)
{
    *session = (struct session){.stream.len = 0};
    build(&session->stream);
    recorder_init(&session->recorder);
    session->recorder.limits.max_fragments = 8;
    recorder_feed(&session->recorder,
                  stream_from(session, 0, session->stream.len),
                  session->stream.len);
    struct wsp_span log = recorder_log(&session->recorder);
    assert_true(log.len > 0);
    assert_true(wsp_buf_add(&session->whole, log.data, log.len));
    recorder_reset(&session->recorder);
}

static void session_fini(struct session *session)
{
    recorder_fini(&session->recorder);
    wsp_buf_fini(&session->stream);
    wsp_buf_fini(&session->whole);
}

/* Compares with what one piece gave, and begins anew. */
static void expect_same(struct session *session)
{
    struct wsp_span log = recorder_log(&session->recorder);
    assert_int_equal(log.len, session->whole.len);
    assert_memory_equal(log.data, session->whole.data, log.len);
    recorder_reset(&session->recorder);
}

static void test_hostile_37_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(corpus) / sizeof(*corpus); i++) {
        struct session session;
        session_init(&session, corpus[i]);
        for (size_t piece = 1; piece < 64; piece++) {
            recorder_feed(&session.recorder,
                          stream_from(&session, 0, session.stream.len), piece);
            expect_same(&session);
        }
        session_fini(&session);
    }
}

static void test_hostile_37_every_cut_in_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(corpus) / sizeof(*corpus); i++) {
        struct session session;
        session_init(&session, corpus[i]);
        size_t len = session.stream.len;
        for (size_t cut = 1; cut < len; cut++) {
            recorder_feed(&session.recorder, stream_from(&session, 0, cut),
                          len);
            recorder_feed(&session.recorder, stream_from(&session, cut, len),
                          len);
            expect_same(&session);
        }
        session_fini(&session);
    }
}

static void cut_in_three(struct session *session, size_t first, size_t second)
{
    size_t len = session->stream.len;
    recorder_feed(&session->recorder, stream_from(session, 0, first), len);
    recorder_feed(&session->recorder, stream_from(session, first, second), len);
    recorder_feed(&session->recorder, stream_from(session, second, len), len);
    expect_same(session);
}

static void test_hostile_37_every_cut_in_three(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(corpus) / sizeof(*corpus); i++) {
        struct session session;
        session_init(&session, corpus[i]);
        size_t end = session.stream.len < 120 ? session.stream.len : 120;
        for (size_t first = 1; first < end; first++) {
            for (size_t second = first + 1; second < end; second++) {
                cut_in_three(&session, first, second);
            }
        }
        session_fini(&session);
    }
}

static void test_a_long_frame_in_large_pieces(void **state)
{
    (void)state;
    struct session session = {.stream.len = 0};
    put_long(&session.stream, WSP_OPCODE_TEXT, 65536);
    put_long(&session.stream, WSP_OPCODE_BINARY, 65535);
    put(&session.stream, WSP_OPCODE_TEXT, "end");
    recorder_init(&session.recorder);
    struct wsp_span all = stream_from(&session, 0, session.stream.len);
    recorder_feed(&session.recorder, all, all.len);
    struct wsp_span log = recorder_log(&session.recorder);
    assert_true(wsp_buf_add(&session.whole, log.data, log.len));
    recorder_reset(&session.recorder);
    static const size_t pieces[] = {1000, 4095, 4096, 4097, 8192, 65535, 65551};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        recorder_feed(&session.recorder, all, pieces[i]);
        expect_same(&session);
    }
    session_fini(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_37_pieces_of_any_size),
        cmocka_unit_test(test_hostile_37_every_cut_in_two),
        cmocka_unit_test(test_hostile_37_every_cut_in_three),
        cmocka_unit_test(test_a_long_frame_in_large_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
