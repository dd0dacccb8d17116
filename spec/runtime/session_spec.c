/* SPDX-License-Identifier: MIT */
/* Sessions over sockets leave nothing behind: descriptors are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crew.h"

#define TRANSPORTS 20

static void taking_over(struct wsp_options *options)
{
    options->resume_window = 30;
    options->takeover = WSP_TAKEOVER_RESUME;
}

static void with_window(struct wsp_options *options)
{
    options->resume_window = 30;
}

/* Waits until as many are open; the server closes in its own time. */
static void await_descriptors(int wanted)
{
    struct timespec pause = {0, 1000000};
    for (int i = 0; i < 10000 && crew_count_descriptors() != wanted; i++) {
        nanosleep(&pause, NULL);
    }
    assert_int_equal(crew_count_descriptors(), wanted);
}

static void s76_l12_l22_superseded_transports_leave_no_descriptor(void **state)
{
    (void)state;
    struct host host;
    static struct peer peers[TRANSPORTS];
    char data[64];
    int before = crew_count_descriptors();
    host_start(&host, taking_over);
    crew_dial(&peers[0], &host, 1);
    int with_one = crew_count_descriptors();
    for (int i = 1; i < TRANSPORTS; i++) {
        crew_dial(&peers[i], &host, 1);
        host_await(&host.restores, i);
    }
    /* The peers' own ends are still open, the server has one. */
    await_descriptors(with_one + TRANSPORTS - 1);
    struct wsp_frame frame = crew_frame("to the newest");
    wsp_server_post_send(host.server, wsp_span_of("1"), &frame, NULL, NULL);
    assert_int_equal(
        peer_read_frame(&peers[TRANSPORTS - 1], data, sizeof data, NULL), 1);
    assert_string_equal(data, "to the newest");
    for (int i = 0; i < TRANSPORTS - 1; i++) {
        assert_int_equal(peer_read_frame(&peers[i], data, sizeof data, NULL),
                         -1);
    }
    assert_int_equal(atomic_load(&host.connects), 1);
    for (int i = 0; i < TRANSPORTS; i++) {
        peer_close(&peers[i]);
    }
    host_stop(&host);
    assert_int_equal(atomic_load(&host.disconnects), 1);
    assert_int_equal(crew_count_descriptors(), before);
}

static void l16_churn_under_broadcasts_keeps_nothing(void **state)
{
    (void)state;
    struct host host;
    struct wsp_frame frame = crew_frame("news");
    int before = crew_count_descriptors();
    host_start(&host, NULL);
    for (int i = 1; i <= 300; i++) {
        struct peer peer;
        crew_dial(&peer, &host, i);
        wsp_server_post_broadcast(host.server, wsp_span_of("a"), &frame, NULL,
                                  NULL);
        peer_close(&peer);
    }
    host_await(&host.disconnects, 300);
    host_stop(&host);
    assert_int_equal(atomic_load(&host.forgets), 300);
    assert_int_equal(crew_count_descriptors(), before);
}

static void s59_hostile_52_drops_and_resumes_keep_nothing(void **state)
{
    (void)state;
    struct host host;
    struct wsp_frame frame = crew_frame("missed");
    char data[64];
    int before = crew_count_descriptors();
    host_start(&host, with_window);
    for (int i = 0; i < 50; i++) {
        struct peer peer;
        crew_dial(&peer, &host, 1);
        if (i > 0) {
            assert_int_equal(peer_read_frame(&peer, data, sizeof data, NULL),
                             1);
            assert_string_equal(data, "missed");
        }
        peer_close(&peer);
        host_await(&host.drops, i + 1);
        wsp_server_post_send(host.server, wsp_span_of("1"), &frame, NULL, NULL);
    }
    assert_int_equal(atomic_load(&host.connects), 1);
    assert_int_equal(atomic_load(&host.restores), 49);
    host_stop(&host);
    assert_int_equal(atomic_load(&host.forgets), 1);
    assert_int_equal(crew_count_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s76_l12_l22_superseded_transports_leave_no_descriptor),
        cmocka_unit_test(l16_churn_under_broadcasts_keeps_nothing),
        cmocka_unit_test(s59_hostile_52_drops_and_resumes_keep_nothing),
    };
    return cmocka_run_group_tests_name("runtime.session", tests, NULL, NULL);
}
