/* SPDX-License-Identifier: MIT */
/* The rows about concurrency: calls from many threads at once, through the
 * entries that any thread may use. The same under TSan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crew.h"

static void with_window(struct wsp_options *options)
{
    options->resume_window = 30;
    options->send_buffer_size = 4096;
}

static void with_large_queue(struct wsp_options *options)
{
    options->send_buffer_size = 4096;
}

static void with_queue_of_one(struct wsp_options *options)
{
    options->send_buffer_size = 1;
}

/* ---- close of the server ---- */

static void *post_close(void *ud)
{
    struct crew *crew = ud;
    for (int i = 0; i < 5; i++) {
        crew_count(crew, wsp_server_post_close(crew->host->server, crew_on_done,
                                               crew));
    }
    return NULL;
}

static void s32_close_from_many_threads_at_once(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    struct crew crew;
    char data[256];
    host_start(&host, NULL);
    crew_dial(&peer, &host, 1);
    host_await(&host.connects, 1);
    crew_init(&crew, &host);
    crew_start(&crew, post_close);
    assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL), 8);
    crew_join(&crew);
    /* The barrier: nobody returns before the peer has answered. */
    assert_int_equal(atomic_load(&crew.done), 0);
    peer_send(&peer, 8, "\x03\xe9", 2);
    crew_assert_done(&crew);
    assert_int_equal(atomic_load(&crew.ok), CREW_THREADS * 5);
    assert_int_equal(atomic_load(&host.disconnects), 1);
    peer_close(&peer);
    host_stop(&host);
}

#define DIALS_EACH 3 /* 24 of them */

/* Dials and reads until the server ends it; a thread must not assert. */
static void dial(const struct host *host, atomic_int *ended)
{
    char data[512];
    struct peer peer;
    if (!peer_dial(&peer, host->address)) {
        atomic_fetch_add(ended, 1); /* the listener was closed already */
        return;
    }
    static const char head[] =
        "GET /ws?room=a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    static const char farewell[] = "\x88\x82\x00\x00\x00\x00\x03\xe9";
    send(peer.fd, head, sizeof head - 1, MSG_NOSIGNAL);
    ssize_t got;
    while ((got = recv(peer.fd, data, sizeof data, 0)) > 0) {
        if (memmem(data, (size_t)got, "\x88\x16\x03\xe9", 4)) {
            send(peer.fd, farewell, sizeof farewell - 1, MSG_NOSIGNAL);
        }
    }
    bool has_timed_out = got < 0 && errno == EAGAIN;
    atomic_fetch_add(ended, !has_timed_out);
    peer_close(&peer);
}

static void *dial_many(void *ud)
{
    struct crew *crew = ud;
    for (int i = 0; i < DIALS_EACH; i++) {
        dial(crew->host, &crew->ok);
    }
    return NULL;
}

static void s44_dials_that_race_close_are_all_let_go(void **state)
{
    (void)state;
    int before = crew_count_descriptors();
    for (int round = 0; round < 5; round++) {
        struct host host;
        struct crew crew;
        host_start(&host, NULL);
        crew_init(&crew, &host);
        crew_start(&crew, dial_many);
        host_await(&host.connects, round); /* another moment each time */
        host_stop(&host);
        crew_join(&crew);
        assert_int_equal(atomic_load(&crew.ok), CREW_THREADS * DIALS_EACH);
        assert_int_equal(atomic_load(&host.connects),
                         atomic_load(&host.disconnects));
        assert_int_equal(atomic_load(&host.connects),
                         atomic_load(&host.forgets));
    }
    assert_int_equal(crew_count_descriptors(), before);
}

static void *post_kicks_and_broadcasts(void *ud)
{
    struct crew *crew = ud;
    struct wsp_server *server = crew->host->server;
    struct wsp_frame frame = crew_frame("news");
    int number = atomic_fetch_add(&crew->next, 1);
    for (int i = 0; i < 50; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i % 8);
        if (number == 0 && i == 25) {
            crew_count(crew, wsp_server_post_close(server, crew_on_done, crew));
        }
        crew_count(crew,
                   number % 2
                       ? wsp_server_post_kick(server, wsp_span_of(id),
                                              crew_on_done, crew)
                       : wsp_server_post_broadcast(server, wsp_span_of("a"),
                                                   &frame, crew_on_done, crew));
    }
    return NULL;
}

static void short_write_wait(struct wsp_options *options)
{
    options->write_wait = 0.1;
}

static void s46_close_against_kicks_and_broadcasts(void **state)
{
    (void)state;
    struct host host;
    struct peer peers[8];
    struct crew crew;
    host_start(&host, short_write_wait);
    for (int i = 0; i < 8; i++) {
        crew_dial(&peers[i], &host, i);
    }
    host_await(&host.connects, 8);
    crew_init(&crew, &host);
    crew_start(&crew, post_kicks_and_broadcasts);
    crew_join(&crew);
    crew_assert_done(&crew);
    assert_int_equal(atomic_load(&host.disconnects), 8);
    for (int i = 0; i < 8; i++) {
        peer_close(&peers[i]);
    }
    host_stop(&host);
}

/* ---- sends and broadcasts ---- */

#define BROADCASTS_EACH 50

static void *post_numbered(void *ud)
{
    struct crew *crew = ud;
    int number = atomic_fetch_add(&crew->next, 1);
    for (int i = 0; i < BROADCASTS_EACH; i++) {
        char text[32];
        snprintf(text, sizeof text, "%d %d", number, i);
        struct wsp_frame frame = crew_frame(text);
        crew_count(crew, wsp_server_post_broadcast(crew->host->server,
                                                   wsp_span_of("a"), &frame,
                                                   crew_on_done, crew));
    }
    return NULL;
}

/* Reads one numbered frame; each thread's numbers only ever grow. */
static void read_numbered(struct peer *peer, int last[CREW_THREADS])
{
    char data[64];
    int thread;
    int number;
    assert_int_equal(peer_read_frame(peer, data, sizeof data, NULL), 1);
    assert_int_equal(sscanf(data, "%d %d", &thread, &number), 2);
    assert_in_range(thread, 0, CREW_THREADS - 1);
    assert_true(number > last[thread]);
    last[thread] = number;
}

static void s45_broadcasts_race_connects_and_disconnects(void **state)
{
    (void)state;
    struct host host;
    struct peer steady;
    struct crew crew;
    int last[CREW_THREADS];
    memset(last, -1, sizeof last);
    host_start(&host, with_large_queue);
    crew_dial(&steady, &host, 100);
    host_await(&host.connects, 1);
    crew_init(&crew, &host);
    crew_start(&crew, post_numbered);
    for (int i = 0; i < 10; i++) {
        struct peer passing;
        crew_dial(&passing, &host, i);
        peer_close(&passing);
    }
    for (int i = 0; i < CREW_THREADS * BROADCASTS_EACH; i++) {
        read_numbered(&steady, last);
    }
    crew_join(&crew);
    crew_assert_done(&crew);
    host_await(&host.disconnects, 10);
    peer_close(&steady);
    host_stop(&host);
    assert_int_equal(atomic_load(&host.forgets), 11); /* L16: none is kept */
}

static void s60_l2_broadcasts_during_drops_and_resumes(void **state)
{
    (void)state;
    struct host host;
    struct peer ann;
    struct crew crew;
    int last[CREW_THREADS];
    memset(last, -1, sizeof last);
    host_start(&host, with_window);
    crew_dial(&ann, &host, 1);
    crew_init(&crew, &host);
    crew_start(&crew, post_numbered);
    for (int i = 1; i <= 5; i++) {
        peer_close(&ann);
        host_await(&host.drops, i);
        crew_dial(&ann, &host, 1);
        host_await(&host.restores, i);
    }
    crew_join(&crew);
    crew_assert_done(&crew);
    struct wsp_frame end = crew_frame("0 100000");
    wsp_server_post_send(host.server, wsp_span_of("1"), &end, NULL, NULL);
    while (last[0] != 100000) {
        read_numbered(&ann, last);
    }
    assert_int_equal(atomic_load(&host.connects), 1);
    peer_close(&ann);
    host_stop(&host);
}

#define SENDS_EACH 13 /* 104 of them */

static void *post_sends(void *ud)
{
    struct crew *crew = ud;
    struct wsp_frame frame = crew_frame("x");
    int number = atomic_fetch_add(&crew->next, 1);
    for (int i = 0; i < SENDS_EACH; i++) {
        if (number == 0 && i == SENDS_EACH / 2) {
            crew_post_closing(crew, 1);
        }
        crew_count(crew,
                   wsp_server_post_send(crew->host->server, wsp_span_of("1"),
                                        &frame, crew_on_done, crew));
    }
    return NULL;
}

static void s47_sends_against_connection_close(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct host host;
        struct peer peer;
        struct crew crew;
        char data[64];
        int opcode;
        int frames = 0;
        host_start(&host, with_queue_of_one);
        crew_dial(&peer, &host, 1);
        host_await(&host.connects, 1);
        crew_init(&crew, &host);
        crew_start(&crew, post_sends);
        while ((opcode = peer_read_frame(&peer, data, sizeof data, NULL)) ==
               1) {
            frames++;
        }
        assert_int_equal(opcode, 8);
        crew_join(&crew);
        crew_assert_done(&crew);
        assert_int_equal(atomic_load(&crew.posted),
                         CREW_THREADS * SENDS_EACH + 1);
        /* What was taken arrives in front of the close frame. */
        assert_int_equal(frames, atomic_load(&crew.ok) - 1);
        peer_close(&peer);
        host_stop(&host);
    }
}

/* ---- suspended sessions ---- */

#define SUSPENDED 200

static void *close_suspended(void *ud)
{
    struct crew *crew = ud;
    int number;
    while ((number = atomic_fetch_add(&crew->next, 1)) < SUSPENDED) {
        crew_post_closing(crew, number);
    }
    return NULL;
}

static void s53_l3_suspended_sessions_closed_from_many_threads(void **state)
{
    (void)state;
    struct host host;
    struct crew crew;
    host_start(&host, with_window);
    for (int i = 0; i < SUSPENDED; i++) {
        struct peer peer;
        crew_dial(&peer, &host, i);
        peer_close(&peer);
    }
    host_await(&host.drops, SUSPENDED);
    crew_init(&crew, &host);
    crew_start(&crew, close_suspended);
    crew_join(&crew);
    crew_assert_done(&crew);
    host_await(&host.disconnects, SUSPENDED);
    assert_int_equal(atomic_load(&host.disconnects), SUSPENDED);
    host_stop(&host);
    assert_int_equal(atomic_load(&host.disconnects), SUSPENDED);
}

#define RACES 50

/* Closes the sockets of half of them, the connections of all. */
static void *race_close(void *ud)
{
    struct crew *crew = ud;
    const int *descriptors = crew->ud;
    int number;
    while ((number = atomic_fetch_add(&crew->next, 1)) < 2 * RACES) {
        if (number % 2) {
            crew_post_closing(crew, number / 2);
        } else {
            shutdown(descriptors[number / 2], SHUT_RDWR);
        }
    }
    return NULL;
}

static void s54_l18_close_against_the_loss_of_the_transport(void **state)
{
    (void)state;
    struct host host;
    struct crew crew;
    int descriptors[RACES];
    host_start(&host, with_window);
    for (int i = 0; i < RACES; i++) {
        struct peer peer;
        crew_dial(&peer, &host, i);
        descriptors[i] = peer.fd;
    }
    host_await(&host.connects, RACES);
    crew_init(&crew, &host);
    crew.ud = descriptors;
    crew_start(&crew, race_close);
    crew_join(&crew);
    crew_assert_done(&crew);
    host_await(&host.disconnects, RACES);
    for (int i = 0; i < RACES; i++) {
        close(descriptors[i]);
    }
    host_stop(&host);
    assert_int_equal(atomic_load(&host.disconnects), RACES);
    assert_int_equal(atomic_load(&host.forgets), RACES);
}

/* ---- a callback that completes later, on a thread of its own ---- */

struct later {
    struct host *host;
    pthread_t thread;
    sem_t may_go_on;
    atomic_int started;
    char id[16];
};

static void *complete(void *ud)
{
    struct later *later = ud;
    struct wsp_frame frame = crew_frame("welcome, at last");
    sem_wait(&later->may_go_on);
    wsp_server_post_send(later->host->server, wsp_span_of(later->id), &frame,
                         NULL, NULL);
    return NULL;
}

/* The first connection is looked up in a slow database. */
static void begin_later(struct host *host, const char *event,
                        struct wsp_connection *connection)
{
    struct later *later = host->hook_ud;
    struct wsp_span id = wsp_connection_id(connection);
    if (strcmp(event, "connect") != 0 || atomic_load(&later->started)) {
        return;
    }
    snprintf(later->id, sizeof later->id, "%.*s", (int)id.len, id.data);
    if (pthread_create(&later->thread, NULL, complete, later) == 0) {
        atomic_store(&later->started, 1);
    }
}

static void s26_a_callback_that_completes_later_blocks_nobody(void **state)
{
    (void)state;
    struct host host;
    struct peer ann;
    struct peer bob;
    struct later later = {.host = &host};
    char data[64];
    sem_init(&later.may_go_on, 0, 0);
    host_init(&host);
    host.hook = begin_later;
    host.hook_ud = &later;
    host_run(&host, NULL);
    crew_dial(&ann, &host, 1);
    host_await(&later.started, 1);
    crew_dial(&bob, &host, 2);
    for (int i = 0; i < 100; i++) {
        peer_send(&bob, 1, "hello", 5);
        assert_int_equal(peer_read_frame(&bob, data, sizeof data, NULL), 1);
        assert_string_equal(data, "hello");
    }
    peer_send(&ann, 1, "me too", 6); /* nor Ann herself */
    assert_int_equal(peer_read_frame(&ann, data, sizeof data, NULL), 1);
    assert_string_equal(data, "me too");
    sem_post(&later.may_go_on);
    assert_int_equal(peer_read_frame(&ann, data, sizeof data, NULL), 1);
    assert_string_equal(data, "welcome, at last");
    pthread_join(later.thread, NULL);
    sem_destroy(&later.may_go_on);
    peer_close(&ann);
    peer_close(&bob);
    host_stop(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s26_a_callback_that_completes_later_blocks_nobody),
        cmocka_unit_test(s32_close_from_many_threads_at_once),
        cmocka_unit_test(s44_dials_that_race_close_are_all_let_go),
        cmocka_unit_test(s45_broadcasts_race_connects_and_disconnects),
        cmocka_unit_test(s46_close_against_kicks_and_broadcasts),
        cmocka_unit_test(s47_sends_against_connection_close),
        cmocka_unit_test(s53_l3_suspended_sessions_closed_from_many_threads),
        cmocka_unit_test(s54_l18_close_against_the_loss_of_the_transport),
        cmocka_unit_test(s60_l2_broadcasts_during_drops_and_resumes),
    };
    return cmocka_run_group_tests_name("runtime.threads", tests, NULL, NULL);
}
