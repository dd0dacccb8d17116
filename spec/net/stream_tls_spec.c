/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"
#include "net/tls.h"
#include "support/loop_wait.h"
#include "tls_stage.h"

#define MEGABYTE (1024 * 1024)

static const char *const one_pair[] = {"a", NULL};
static const struct tls_client_form any_client = {0};

static int set_up(void **state)
{
    static struct certificates all;
    certificates_init(&all);
    const struct certificate_form form = {.file = "a",
                                          .names = "DNS:a.example"};
    certificates_make(&all, &form);
    *state = &all;
    return 0;
}

static int tear_down(void **state)
{
    certificates_fini(*state);
    return 0;
}

static void begin(struct tls_stage *stage, const struct certificates *all,
                  const struct tls_client_form *form)
{
    struct wsp_tls_options options = {0};
    tls_stage_init(stage, tls_stage_context(all, one_pair, &options), form);
}

static void open_stage(struct tls_stage *stage, const struct certificates *all)
{
    begin(stage, all, &any_client);
    assert_true(tls_stage_shake(stage));
}

/* Bytes that differ at every place of a record. */
static unsigned char *pattern(size_t len)
{
    unsigned char *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    }
    return bytes;
}

/* ---- bytes ---- */

static void test_bytes_go_both_ways(void **state)
{
    struct tls_stage stage;
    char got[5];
    open_stage(&stage, *state);
    tls_stage_client_writes(&stage, "hello", 5);
    LOOP_WAIT(stage.loop, stage.got_len == 5);
    assert_memory_equal(stage.got, "hello", 5);
    assert_int_equal(wsp_stream_write(stage.stream, "there", 5), 5);
    tls_stage_client_reads(&stage, got, 5);
    assert_memory_equal(got, "there", 5);
    assert_false(stage.stream->has_backlog);
    tls_stage_fini(&stage);
}

static void test_small_parts_are_one_record(void **state)
{
    struct tls_stage stage;
    char got[16];
    open_stage(&stage, *state);
    struct iovec parts[] = {{"he", 2}, {"", 0}, {"ll", 2}, {"o", 1}};
    assert_int_equal(wsp_stream_writev(stage.stream, parts, 4), 5);
    size_t len = 0;
    LOOP_WAIT(stage.loop,
              (len = tls_client_read(&stage.client, got, sizeof got)) > 0);
    assert_int_equal(len, 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(wsp_stream_write(stage.stream, "", 0), 0);
    tls_stage_fini(&stage);
}

static void test_parts_of_every_size_keep_their_order(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(60000);
    unsigned char *got = malloc(60000);
    assert_non_null(got);
    open_stage(&stage, *state);
    struct iovec parts[] = {{bytes, 10},          {bytes + 10, 20000},
                            {bytes + 20010, 1},   {bytes + 20011, 16383},
                            {bytes + 36394, 6},   {bytes + 36400, 16384},
                            {bytes + 52784, 7216}};
    assert_int_equal(wsp_stream_writev(stage.stream, parts, 7), 60000);
    tls_stage_client_reads(&stage, got, 60000);
    assert_memory_equal(got, bytes, 60000);
    free(bytes);
    free(got);
    tls_stage_fini(&stage);
}

static void test_a_megabyte_arrives_through_small_receives(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(MEGABYTE);
    open_stage(&stage, *state);
    tls_stage_client_writes(&stage, bytes, MEGABYTE);
    LOOP_WAIT(stage.loop, stage.got_len == MEGABYTE);
    assert_memory_equal(stage.got, bytes, MEGABYTE);
    free(bytes);
    tls_stage_fini(&stage);
}

/* As much as one receive may take, in the place that is there for it. */
static void test_the_largest_receive_has_room(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(MEGABYTE);
    int room = MEGABYTE;
    open_stage(&stage, *state);
    setsockopt(stage.client.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    stage.stream->read_shift = 0;
    size_t sent = 0;
    size_t step;
    while (sent < MEGABYTE &&
           (step = tls_client_write(&stage.client, bytes + sent, 8192)) > 0) {
        sent += step;
    }
    assert_true(sent > 64 * 1024);
    tls_stage_client_writes(&stage, bytes + sent, MEGABYTE - sent);
    LOOP_WAIT(stage.loop, stage.got_len == MEGABYTE);
    assert_memory_equal(stage.got, bytes, MEGABYTE);
    free(bytes);
    tls_stage_fini(&stage);
}

/* Everything behind one readiness is handed up: OpenSSL keeps nothing that the
 * descriptor would not announce again. */
static void test_all_of_one_receive_is_delivered_at_once(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(tls_client_write(&stage.client, "record", 6), 6);
    }
    stage.data_calls = 0;
    wsp_loop_poll(stage.loop, 1000);
    assert_int_equal(stage.got_len, 300);
    assert_int_equal(stage.data_calls, 1);
    tls_stage_fini(&stage);
}

static void test_words_behind_the_handshake_are_not_lost(void **state)
{
    struct tls_stage stage;
    begin(&stage, *state, &any_client);
    LOOP_WAIT(stage.loop, tls_client_shake(&stage.client));
    assert_int_equal(tls_client_write(&stage.client, "early", 5), 5);
    LOOP_WAIT(stage.loop, stage.got_len == 5);
    tls_stage_fini(&stage);
}

/* Moves what lies in one socket to another, byte by byte. */
static void test_a_record_may_come_byte_by_byte(void **state)
{
    struct tls_stage stage;
    struct wsp_tls_options options = {0};
    int wire[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, wire), 0);
    tls_stage_init(&stage, tls_stage_context(*state, one_pair, &options),
                   &any_client);
    assert_true(tls_stage_shake(&stage));
    int direct = stage.client.fd;
    SSL_set_wfd(stage.client.ssl, wire[0]);
    assert_int_equal(tls_client_write(&stage.client, "slowly", 6), 6);
    char byte;
    size_t moved = 0;
    while (recv(wire[1], &byte, 1, MSG_DONTWAIT) == 1) {
        assert_int_equal(stage.got_len, 0);
        assert_int_equal(send(direct, &byte, 1, MSG_NOSIGNAL), 1);
        wsp_loop_poll(stage.loop, 1000);
        moved++;
    }
    assert_true(moved > 20);
    assert_int_equal(stage.got_len, 6);
    close(wire[0]);
    close(wire[1]);
    tls_stage_fini(&stage);
}

/* ---- a socket that is full ---- */

/* Writes until nothing more is accepted. Returns the bytes. */
static size_t fill(struct tls_stage *stage, const unsigned char *bytes)
{
    size_t total = 0;
    ssize_t sent;
    while ((sent = wsp_stream_write(stage->stream, bytes + total, 100000)) >
           0) {
        total += (size_t)sent;
    }
    assert_int_equal(sent, 0);
    return total;
}

static void test_what_was_accepted_comes_in_order(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(4 * MEGABYTE);
    unsigned char *got = malloc(4 * MEGABYTE);
    assert_non_null(got);
    open_stage(&stage, *state);
    size_t total = fill(&stage, bytes);
    assert_true(stage.stream->has_backlog);
    assert_true(stage.stream->tls->backlog.len <= WSP_TLS_OUT_BYTES);
    tls_stage_client_reads(&stage, got, total);
    assert_memory_equal(got, bytes, total);
    assert_false(stage.stream->has_backlog);
    assert_null(stage.stream->tls->backlog.data);
    assert_int_equal(stage.writables, 0);
    free(bytes);
    free(got);
    tls_stage_fini(&stage);
}

static void test_room_is_told_once_it_is_wanted(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(4 * MEGABYTE);
    open_stage(&stage, *state);
    fill(&stage, bytes);
    assert_true(wsp_stream_want_write(stage.stream, true));
    wsp_loop_poll(stage.loop, 10);
    assert_int_equal(stage.writables, 0);
    char block[4096];
    LOOP_WAIT(stage.loop, (tls_client_read(&stage.client, block, sizeof block),
                           stage.writables > 0 && !stage.stream->has_backlog));
    assert_true(wsp_stream_want_write(stage.stream, false));
    assert_true(wsp_stream_write(stage.stream, "more", 4) == 4);
    free(bytes);
    tls_stage_fini(&stage);
}

static void test_a_stream_that_does_not_read_still_writes(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(4 * MEGABYTE);
    unsigned char *got = malloc(4 * MEGABYTE);
    assert_non_null(got);
    open_stage(&stage, *state);
    assert_true(wsp_stream_want_read(stage.stream, false));
    size_t total = fill(&stage, bytes);
    tls_stage_client_reads(&stage, got, total);
    assert_memory_equal(got, bytes, total);
    free(bytes);
    free(got);
    tls_stage_fini(&stage);
}

static volatile sig_atomic_t pipe_signals;

static void on_sigpipe(int signo)
{
    (void)signo;
    pipe_signals++;
}

static void test_a_peer_that_is_gone_gives_no_sigpipe(void **state)
{
    struct tls_stage stage;
    struct sigaction action = {.sa_handler = on_sigpipe};
    sigaction(SIGPIPE, &action, NULL);
    open_stage(&stage, *state);
    pipe_signals = 0;
    close(stage.client.fd);
    stage.client.fd = -1;
    assert_int_equal(wsp_stream_write(stage.stream, "x", 1), -EPIPE);
    assert_true(wsp_stream_write(stage.stream, "x", 1) < 0);
    wsp_stream_shutdown(stage.stream);
    assert_int_equal(pipe_signals, 0);
    tls_stage_fini(&stage);
    signal(SIGPIPE, SIG_DFL);
}

static void test_a_peer_that_goes_while_bytes_wait_is_an_end(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(4 * MEGABYTE);
    open_stage(&stage, *state);
    fill(&stage, bytes);
    close(stage.client.fd);
    stage.client.fd = -1;
    stage.is_freed_on_end = true;
    LOOP_WAIT(stage.loop, stage.ends == 1);
    free(bytes);
    tls_stage_fini(&stage);
}

/* ---- ends ---- */

/* Reads to the end: the bytes, then close_notify, then FIN. */
static void expect_order(struct tls_stage *stage, size_t len)
{
    char block[4096];
    size_t have = 0;
    LOOP_WAIT(stage->loop,
              (have += tls_client_read(&stage->client, block, sizeof block),
               stage->client.has_ended));
    assert_int_equal(have, len);
    assert_true(stage->client.is_closed);
    LOOP_WAIT(stage->loop, recv(stage->client.fd, block, 1, MSG_DONTWAIT) == 0);
}

static void test_shutdown_is_close_notify_then_fin(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    assert_int_equal(wsp_stream_write(stage.stream, "bye", 3), 3);
    wsp_stream_shutdown(stage.stream);
    assert_true(wsp_stream_write(stage.stream, "late", 4) < 0);
    expect_order(&stage, 3);
    assert_int_equal(tls_client_write(&stage.client, "still", 5), 5);
    LOOP_WAIT(stage.loop, stage.got_len == 5);
    tls_stage_fini(&stage);
}

static void test_fin_waits_for_what_waits(void **state)
{
    struct tls_stage stage;
    unsigned char *bytes = pattern(4 * MEGABYTE);
    open_stage(&stage, *state);
    size_t total = fill(&stage, bytes);
    wsp_stream_shutdown(stage.stream);
    expect_order(&stage, total);
    free(bytes);
    tls_stage_fini(&stage);
}

static void test_a_stream_that_goes_says_so(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    wsp_stream_fini(stage.stream);
    wsp_stream_fini(stage.stream);
    expect_order(&stage, 0);
    tls_stage_fini(&stage);
}

static void test_close_notify_is_the_end(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    tls_stage_client_writes(&stage, "last", 4);
    SSL_shutdown(stage.client.ssl);
    LOOP_WAIT(stage.loop, stage.ends == 1);
    assert_int_equal(stage.got_len, 4);
    assert_int_equal(stage.end_error, 0);
    assert_string_equal(stage.failure, "");
    assert_int_equal(wsp_stream_write(stage.stream, "answer", 6), 6);
    wsp_stream_shutdown(stage.stream);
    expect_order(&stage, 6);
    tls_stage_fini(&stage);
}

static void test_fin_alone_is_the_end(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    shutdown(stage.client.fd, SHUT_WR);
    LOOP_WAIT(stage.loop, stage.ends == 1);
    assert_int_equal(stage.end_error, 0);
    tls_stage_fini(&stage);
}

static void test_a_stream_may_go_in_its_callbacks(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    stage.is_freed_on_data = true;
    tls_client_write(&stage.client, "one", 3);
    tls_client_write(&stage.client, "two", 3);
    SSL_shutdown(stage.client.ssl);
    LOOP_WAIT(stage.loop, stage.data_calls == 1);
    wsp_loop_poll(stage.loop, 10);
    assert_int_equal(stage.ends, 0);
    tls_stage_fini(&stage);
    begin(&stage, *state, &any_client);
    stage.is_freed_on_end = true;
    assert_int_equal(send(stage.client.fd, "GET / HTTP/1.1\r\n", 16, 0), 16);
    LOOP_WAIT(stage.loop, stage.ends == 1);
    tls_stage_fini(&stage);
}

/* ---- what is no TLS ---- */

static void expect_refusal(const struct certificates *all, const char *bytes,
                           size_t len, const char *reason)
{
    struct tls_stage stage;
    begin(&stage, all, &any_client);
    assert_int_equal(send(stage.client.fd, bytes, len, 0), len);
    LOOP_WAIT(stage.loop, stage.ends == 1);
    assert_int_equal(stage.end_error, EPROTO);
    assert_string_equal(stage.failure, reason);
    assert_int_equal(stage.got_len, 0);
    assert_int_equal(wsp_stream_write(stage.stream, "x", 1), -EPROTO);
    tls_stage_fini(&stage);
}

static void hostile_16_plain_bytes_end_it(void **state)
{
    expect_refusal(*state, "GET / HTTP/1.1\r\n\r\n", 18, "http request");
    expect_refusal(*state, "\x81\x85\0\0\0\0hello", 11, "wrong version number");
    expect_refusal(*state, "\x16\x03\x01\0\x05zzzzz", 10, "unexpected message");
}

static void hostile_16_half_a_handshake_waits(void **state)
{
    struct tls_stage stage;
    begin(&stage, *state, &any_client);
    assert_int_equal(send(stage.client.fd, "\x16\x03\x01\x02", 4, 0), 4);
    for (int i = 0; i < 5; i++) {
        wsp_loop_poll(stage.loop, 1);
    }
    assert_int_equal(stage.ends, 0);
    assert_int_equal(wsp_stream_write(stage.stream, "x", 1), -EPROTO);
    shutdown(stage.client.fd, SHUT_WR);
    LOOP_WAIT(stage.loop, stage.ends == 1);
    assert_int_equal(stage.end_error, 0);
    tls_stage_fini(&stage);
}

static void test_a_changed_record_is_refused(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    static const char record[] = "\x17\x03\x03\0\x20"
                                 "0123456789012345678901234567890";
    assert_int_equal(send(stage.client.fd, record, 37, 0), 37);
    LOOP_WAIT(stage.loop, stage.ends == 1);
    assert_int_equal(stage.end_error, EPROTO);
    assert_string_equal(stage.failure, "decryption failed or bad record mac");
    tls_stage_fini(&stage);
}

/* ---- what costs the server ---- */

static void hostile_16_renegotiation_is_declined(void **state)
{
    struct tls_stage stage;
    const struct tls_client_form form = {.max_version = TLS1_2_VERSION};
    begin(&stage, *state, &form);
    assert_true(tls_stage_shake(&stage));
    assert_int_equal(SSL_renegotiate(stage.client.ssl), 1);
    LOOP_WAIT(stage.loop,
              (tls_client_shake(&stage.client), stage.client.has_ended));
    assert_int_equal(stage.client.error, SSL_R_NO_RENEGOTIATION);
    assert_int_equal(stage.ends, 0);
    assert_int_equal(wsp_stream_write(stage.stream, "on", 2), 2);
    tls_stage_fini(&stage);
}

static void test_new_keys_without_end_cost_no_memory(void **state)
{
    struct tls_stage stage;
    open_stage(&stage, *state);
    for (int i = 0; i < 20000 && stage.ends == 0; i++) {
        SSL_key_update(stage.client.ssl, SSL_KEY_UPDATE_REQUESTED);
        tls_client_shake(&stage.client);
        wsp_loop_poll(stage.loop, 0);
        assert_true(stage.ends ||
                    stage.stream->tls->backlog.len <= WSP_TLS_BACKLOG_MAX);
    }
    tls_stage_fini(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_go_both_ways),
        cmocka_unit_test(test_small_parts_are_one_record),
        cmocka_unit_test(test_parts_of_every_size_keep_their_order),
        cmocka_unit_test(test_a_megabyte_arrives_through_small_receives),
        cmocka_unit_test(test_the_largest_receive_has_room),
        cmocka_unit_test(test_all_of_one_receive_is_delivered_at_once),
        cmocka_unit_test(test_words_behind_the_handshake_are_not_lost),
        cmocka_unit_test(test_a_record_may_come_byte_by_byte),
        cmocka_unit_test(test_what_was_accepted_comes_in_order),
        cmocka_unit_test(test_room_is_told_once_it_is_wanted),
        cmocka_unit_test(test_a_stream_that_does_not_read_still_writes),
        cmocka_unit_test(test_a_peer_that_is_gone_gives_no_sigpipe),
        cmocka_unit_test(test_a_peer_that_goes_while_bytes_wait_is_an_end),
        cmocka_unit_test(test_shutdown_is_close_notify_then_fin),
        cmocka_unit_test(test_fin_waits_for_what_waits),
        cmocka_unit_test(test_a_stream_that_goes_says_so),
        cmocka_unit_test(test_close_notify_is_the_end),
        cmocka_unit_test(test_fin_alone_is_the_end),
        cmocka_unit_test(test_a_stream_may_go_in_its_callbacks),
        cmocka_unit_test(hostile_16_plain_bytes_end_it),
        cmocka_unit_test(hostile_16_half_a_handshake_waits),
        cmocka_unit_test(test_a_changed_record_is_refused),
        cmocka_unit_test(hostile_16_renegotiation_is_declined),
        cmocka_unit_test(test_new_keys_without_end_cost_no_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
