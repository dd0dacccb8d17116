/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "host.h"
#include "peer.h"

static void echo_ping_and_clean_close(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    char data[256];
    size_t len;
    host_start(&host, NULL);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws?id=ann&room=a");
    peer_send(&peer, 1, "hello", 5);
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, &len), 1);
    assert_string_equal(data, "hello");
    peer_send(&peer, 9, "ping", 4);
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, &len), 10);
    assert_string_equal(data, "ping");
    peer_send(&peer, 8, "\x0f\xa1", 2); /* 4001 */
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, &len), 8);
    assert_memory_equal(data, "\x0f\xa1", 2);
    assert_true(peer_reads_end(&peer));
    peer_close(&peer);
    host_await(&host.disconnects, 1);
    host_stop(&host);
}

static void hostile_13_frames_in_the_packet_of_the_upgrade(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    char data[1024];
    host_start(&host, NULL);
    peer_connect(&peer, host.address);
    peer_write(&peer,
               "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
               "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13"
               "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
               "\x81\x82\x01\x01\x01\x01ih");
    peer_read_head(&peer, data, sizeof data);
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL), 1);
    assert_string_equal(data, "hi");
    peer_close(&peer);
    host_stop(&host);
}

static void answers_before_a_close_in_the_same_packet_go_out(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    char data[1024];
    host_start(&host, NULL);
    peer_connect(&peer, host.address);
    peer_write(&peer,
               "GET /ws?greet=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
               "\x81\x82\x01\x01\x01\x01ih"
               "\x88\x80\x01\x01\x01\x01");
    peer_read_head(&peer, data, sizeof data);
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL), 1);
    assert_string_equal(data, "welcome");
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL), 1);
    assert_string_equal(data, "hi");
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL), 8);
    assert_true(peer_reads_end(&peer));
    peer_close(&peer);
    host_stop(&host);
}

static void s14_s29_a_refusal_says_nothing_of_its_cause(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    char data[1024];
    host_start(&host, NULL);
    peer_connect(&peer, host.address);
    peer_write(&peer, "GET /ws?reject=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_read_head(&peer, data, sizeof data);
    assert_memory_equal(data, "HTTP/1.1 401 Unauthorized\r\n", 27);
    peer_read_rest(&peer, data, sizeof data);
    assert_string_equal(data, "unauthorized\n");
    peer_close(&peer);
    assert_int_equal(atomic_load(&host.connects), 0);
    host_stop(&host);
}

static void s10_close_tells_every_peer(void **state)
{
    (void)state;
    struct host host;
    struct peer peers[3];
    char data[256];
    host_start(&host, NULL);
    for (int i = 0; i < 3; i++) {
        peer_connect(&peers[i], host.address);
        peer_upgrade(&peers[i], "/ws");
    }
    host_await(&host.connects, 3);
    assert_int_equal(wsp_server_post_close(host.server, NULL, NULL), WSP_OK);
    for (int i = 0; i < 3; i++) {
        size_t len;
        assert_int_equal(peer_read_frame(&peers[i], data, sizeof data, &len),
                         8);
        assert_memory_equal(data, "\x03\xe9server shutting down", len);
        peer_send(&peers[i], 8, "\x03\xe9", 2);
        assert_true(peer_reads_end(&peers[i]));
        peer_close(&peers[i]);
    }
    host_stop(&host);
    assert_int_equal(atomic_load(&host.disconnects), 3);
}

static void s31_http_after_close_is_503(void **state)
{
    (void)state;
    struct host host;
    struct peer open;
    struct peer late;
    char data[1024];
    host_start(&host, NULL);
    peer_connect(&open, host.address);
    peer_upgrade(&open, "/ws"); /* holds the barrier: it does not answer */
    host_await(&host.connects, 1);
    wsp_server_post_close(host.server, NULL, NULL);
    assert_int_equal(peer_read_frame(&open, data, sizeof data, NULL), 8);
    peer_connect(&late, host.address);
    peer_write(&late, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_read_head(&late, data, sizeof data);
    assert_memory_equal(data, "HTTP/1.1 503 ", 13);
    peer_read_rest(&late, data, sizeof data);
    assert_string_equal(data, "server closed\n");
    peer_close(&late);
    peer_close(&open);
    host_stop(&host);
}

static void short_write_wait(struct wsp_options *options)
{
    options->write_wait = 0.05;
}

static void a8_a_peer_that_never_answers_holds_close_for_write_wait(
    void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    host_start(&host, short_write_wait);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws");
    host_await(&host.connects, 1);
    host_stop(&host); /* returns: the barrier is bounded */
    assert_int_equal(atomic_load(&host.disconnects), 1);
    peer_close(&peer);
}

static void too_big_is_1009_and_the_stream_ends_in_order(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    char data[256];
    host_start(&host, NULL);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws");
    /* 513 bytes announced, with some of them unread when it fails */
    assert_int_equal(
        send(peer.fd, "\x82\xfe\x02\x01\x01\x02\x03\x04 and the rest", 21, 0),
        21);
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL), 8);
    assert_memory_equal(data, "\x03\xf1", 2);
    assert_true(peer_reads_end(&peer)); /* FIN, not a reset */
    peer_close(&peer);
    host_stop(&host);
}

static void hostile_62_a_reset_ends_the_connection_only(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    struct linger hard = {1, 0};
    host_start(&host, NULL);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws");
    host_await(&host.connects, 1);
    setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    peer_close(&peer);
    host_await(&host.disconnects, 1);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws");
    peer_close(&peer);
    host_await(&host.disconnects, 2);
    host_stop(&host);
}

/* ---- calls from other threads (decisions, threads) ---- */

#define POSTERS 4
#define POSTS 200

struct poster {
    struct host *host;
    pthread_t thread;
    atomic_int done;
    atomic_int failed;
};

static void on_posted(void *ud, enum wsp_err result)
{
    struct poster *poster = ud;
    if (result) {
        atomic_fetch_add(&poster->failed, 1);
    }
    atomic_fetch_add(&poster->done, 1);
}

static void *post_many(void *ud)
{
    struct poster *poster = ud;
    struct wsp_server *server = poster->host->server;
    struct wsp_frame frame = {.payload = wsp_span_of("posted"),
                              .has_payload = true};
    for (int i = 0; i < POSTS; i++) {
        if (i % 2) {
            wsp_server_post_send(server, wsp_span_of("ann"), &frame, on_posted,
                                 poster);
        } else {
            wsp_server_post_broadcast(server, wsp_span_of("a"), &frame,
                                      on_posted, poster);
        }
    }
    return NULL;
}

static void large_queue(struct wsp_options *options)
{
    options->send_buffer_size = 4096;
}

static void s25_sends_from_many_threads_all_arrive(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    struct poster posters[POSTERS];
    char data[256];
    host_start(&host, large_queue);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws?id=ann&room=a");
    host_await(&host.connects, 1);
    for (int i = 0; i < POSTERS; i++) {
        posters[i].host = &host;
        atomic_init(&posters[i].done, 0);
        atomic_init(&posters[i].failed, 0);
        assert_int_equal(
            pthread_create(&posters[i].thread, NULL, post_many, &posters[i]),
            0);
    }
    for (int i = 0; i < POSTERS * POSTS; i++) {
        assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL), 1);
        assert_string_equal(data, "posted");
    }
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        host_await(&posters[i].done, POSTS);
        assert_int_equal(atomic_load(&posters[i].failed), 0);
    }
    peer_close(&peer);
    host_stop(&host);
}

static void note_result(void *ud, enum wsp_err result)
{
    atomic_store((atomic_int *)ud, (int)result + 1000);
}

static void posted_kick_and_unknown_ids(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    char data[256];
    size_t len;
    atomic_int kick_result = 0;
    atomic_int send_result = 0;
    struct wsp_frame frame = {.payload = wsp_span_of("x")};
    host_start(&host, NULL);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws?id=ann");
    host_await(&host.connects, 1);
    wsp_server_post_kick(host.server, wsp_span_of("ann"), note_result,
                         &kick_result);
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, &len), 8);
    assert_memory_equal(data, "\x03\xe8kicked", len);
    wsp_server_post_send(host.server, wsp_span_of("ann"), &frame, note_result,
                         &send_result);
    host_await(&send_result, 1);
    host_await(&kick_result, 1);
    assert_int_equal(atomic_load(&kick_result), WSP_OK + 1000);
    assert_int_equal(atomic_load(&send_result),
                     WSP_ERR_CONNECTION_NOT_FOUND + 1000);
    peer_close(&peer);
    host_stop(&host);
}

static void two_servers_in_a_process_know_nothing_of_each_other(void **state)
{
    (void)state;
    struct host one;
    struct host two;
    struct peer ann;
    struct peer bob;
    char data[64];
    host_start(&one, NULL);
    host_start(&two, NULL);
    peer_connect(&ann, one.address);
    peer_upgrade(&ann, "/ws?id=x&room=a");
    peer_connect(&bob, two.address);
    peer_upgrade(&bob, "/ws?id=x&room=a");
    host_await(&one.connects, 1);
    host_await(&two.connects, 1);
    struct wsp_frame frame = {.payload = wsp_span_of("one"),
                              .has_payload = true};
    wsp_server_post_broadcast(one.server, wsp_span_of("a"), &frame, NULL, NULL);
    peer_send(&bob, 1, "two", 3);
    assert_int_equal(peer_read_frame(&ann, data, sizeof data, NULL), 1);
    assert_string_equal(data, "one");
    assert_int_equal(peer_read_frame(&bob, data, sizeof data, NULL), 1);
    assert_string_equal(data, "two");
    peer_close(&ann);
    peer_close(&bob);
    host_stop(&one);
    host_stop(&two);
}

static void on_never(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    (void)ud;
    (void)request;
    (void)admission;
}

static void a_bind_error_names_address_and_reason(void **state)
{
    (void)state;
    struct host host;
    host_start(&host, NULL);
    const struct wsp_listen listen[] = {{.address = "127.0.0.1:0"},
                                        {.address = host.address}};
    struct wsp_diag diag;
    struct wsp_loop *loop = wsp_loop_new(&diag);
    struct wsp_options options;
    struct wsp_handlers handlers = {0};
    struct wsp_server *server;
    wsp_options_init(&options);
    options.listen = listen;
    options.listen_count = 2;
    assert_int_equal(wsp_server_new(loop, &options, &handlers, &server, &diag),
                     WSP_ERR_INVALID_OPTION);
    assert_string_equal(
        diag.message,
        "wspulse: NewServer: connect must not be nil (connect = nil)");
    handlers.connect = on_never;
    assert_int_equal(wsp_server_new(loop, &options, &handlers, &server, &diag),
                     WSP_OK);
    assert_int_equal(wsp_server_start(server, &diag), WSP_ERR_LISTEN);
    char expected[256];
    snprintf(expected, sizeof expected, "listen %s: Address already in use",
             host.address);
    assert_string_equal(diag.message, expected);
    assert_null(wsp_server_address(server, 0)); /* then none is open */
    wsp_server_free(server);
    wsp_loop_free(loop);
    host_stop(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_ping_and_clean_close),
        cmocka_unit_test(hostile_13_frames_in_the_packet_of_the_upgrade),
        cmocka_unit_test(answers_before_a_close_in_the_same_packet_go_out),
        cmocka_unit_test(s14_s29_a_refusal_says_nothing_of_its_cause),
        cmocka_unit_test(s10_close_tells_every_peer),
        cmocka_unit_test(s31_http_after_close_is_503),
        cmocka_unit_test(
            a8_a_peer_that_never_answers_holds_close_for_write_wait),
        cmocka_unit_test(too_big_is_1009_and_the_stream_ends_in_order),
        cmocka_unit_test(hostile_62_a_reset_ends_the_connection_only),
        cmocka_unit_test(s25_sends_from_many_threads_all_arrive),
        cmocka_unit_test(posted_kick_and_unknown_ids),
        cmocka_unit_test(two_servers_in_a_process_know_nothing_of_each_other),
        cmocka_unit_test(a_bind_error_names_address_and_reason),
    };
    return cmocka_run_group_tests_name("runtime.server", tests, NULL, NULL);
}
