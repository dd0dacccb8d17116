/* SPDX-License-Identifier: MIT */
/* The write deadline over a socket whose buffers are really full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "host.h"
#include "peer.h"

#define WRITE_WAIT_MS 500
#define LARGE_FRAME 4000

static void short_wait(struct wsp_options *options)
{
    options->write_wait = WRITE_WAIT_MS / 1000.0;
    options->send_buffer_size = 4096;
    options->send_buffer_bytes = 8.0 * 1024 * 1024;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void rest_ms(long ms)
{
    struct timespec pause = {0, ms * 1000000};
    nanosleep(&pause, NULL);
}

/* ---- sending to "ann" until her queue is full ---- */

struct flood {
    struct host *host;
    size_t first_len; /* payload of the first frame, of the others: */
    size_t len;
    int accepted; /* once `done` */
    atomic_int done;
};

static void run_flood(void *ud)
{
    static const char zeros[LARGE_FRAME];
    struct flood *flood = ud;
    struct wsp_frame frame = {.payload = {zeros, flood->first_len},
                              .has_payload = true};
    while (wsp_server_send(flood->host->server, wsp_span_of("ann"), &frame,
                           NULL) == WSP_OK) {
        frame.payload.len = flood->len;
        flood->accepted++;
    }
    atomic_store(&flood->done, 1);
}

static void fill(struct flood *flood, struct host *host)
{
    flood->host = host;
    flood->accepted = 0;
    atomic_init(&flood->done, 0);
    assert_int_equal(wsp_loop_post(host->loop, run_flood, flood), WSP_OK);
    host_await(&flood->done, 1);
    assert_true(flood->accepted > 100);
}

/* Reads so many bytes and looks at none of them. */
static void pass_over(struct peer *peer, size_t len)
{
    assert_true(peer->in_len <= len);
    len -= peer->in_len;
    peer->in_len = 0;
    while (len) {
        size_t most = len < sizeof peer->in ? len : sizeof peer->in;
        ssize_t got = recv(peer->fd, peer->in, most, 0);
        assert_true(got > 0);
        len -= (size_t)got;
    }
}

/* Echoes for longer than the deadline. */
static void assert_stays(struct peer *peer)
{
    int64_t end_ms = now_ms() + 2 * WRITE_WAIT_MS;
    char data[64];
    while (now_ms() < end_ms) {
        peer_send(peer, 1, "still there", 11);
        assert_int_equal(peer_read_frame(peer, data, sizeof data, NULL), 1);
        rest_ms(10);
    }
}

/* The kernel stops taking bytes at bounds of its own. Frames of two bytes meet
 * one of them, with or without another byte in front. */
static void a_deadline_ends_when_output_waited_between_two_frames(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 2; shift++) {
        struct host host;
        struct peer peer;
        struct flood flood = {.first_len = shift, .len = 0};
        host_start(&host, short_wait);
        peer_connect(&peer, host.address);
        peer_upgrade(&peer, "/ws?id=ann");
        fill(&flood, &host);
        pass_over(&peer, 2 * (size_t)flood.accepted + shift);
        assert_stays(&peer);
        assert_int_equal(atomic_load(&host.disconnects), 0);
        peer_close(&peer);
        host_stop(&host);
    }
}

static void a_slow_reader_is_kept(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    struct flood flood = {.first_len = LARGE_FRAME, .len = LARGE_FRAME};
    host_start(&host, short_wait);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws?id=ann");
    fill(&flood, &host);
    int64_t start_ms = now_ms();
    for (int i = 0; i < flood.accepted; i++) {
        pass_over(&peer, 4 + LARGE_FRAME);
        if (i % 8 == 0) {
            rest_ms(4);
        }
    }
    /* Else nothing was proved: all of it within one deadline. */
    assert_true(now_ms() - start_ms > 2 * WRITE_WAIT_MS);
    assert_int_equal(atomic_load(&host.disconnects), 0);
    peer_close(&peer);
    host_stop(&host);
}

static void hostile_61_a_peer_that_does_not_read_is_cut(void **state)
{
    (void)state;
    struct host host;
    struct peer peer;
    struct flood flood = {.first_len = LARGE_FRAME, .len = LARGE_FRAME};
    host_start(&host, short_wait);
    peer_connect(&peer, host.address);
    peer_upgrade(&peer, "/ws?id=ann");
    fill(&flood, &host);
    host_await(&host.disconnects, 1);
    assert_int_equal(atomic_load(&host.last_code), WSP_ERR_WRITE_TIMEOUT);
    assert_false(peer_reads_end(&peer)); /* a reset, not an orderly end */
    peer_close(&peer);
    host_stop(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_ends_when_output_waited_between_two_frames),
        cmocka_unit_test(a_slow_reader_is_kept),
        cmocka_unit_test(hostile_61_a_peer_that_does_not_read_is_cut),
    };
    return cmocka_run_group_tests_name("runtime.deadline", tests, NULL, NULL);
}
