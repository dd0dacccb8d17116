/* SPDX-License-Identifier: MIT */
/* When a queue counts as full, and when the application may go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/confirm.h"
#include "fake.h"

#define FRAME_BYTES 250 /* a payload; its blob has a few more */

/* A queue of 1000 bytes, which three frames fill. */
static void start(struct fake *fake)
{
    fake_init(fake, 256);
    fake->hub.config.send_limits.bytes = 1000;
}

static enum wsp_err send_large(struct wsp_session *session)
{
    char text[FRAME_BYTES + 1];
    memset(text, 'x', FRAME_BYTES);
    text[FRAME_BYTES] = '\0';
    return fake_send(session, text);
}

/* Sends until a frame is refused; gives how many were taken. */
static int fill(struct wsp_session *session)
{
    int count = 0;
    while (send_large(session) == WSP_OK) {
        count++;
        assert_true(count < 100);
    }
    return count;
}

static void a_queue_full_of_bytes_drains_to_the_half(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 0;
    assert_int_equal(fill(session), 3);
    link.budget = 1;
    wsp_session_writable(session); /* two of three left: over the half */
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann ");
    link.budget = 1;
    wsp_session_writable(session);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann drain:ann ");
    fake_fini(&fake);
}

/* Sends twice whenever it hears that it may. */
static void send_twice(struct fake *fake, const char *event,
                       struct wsp_session *session)
{
    if (strcmp(event, "drain") == 0) {
        assert_true(strlen(fake->log) < 200);
        send_large(session);
        send_large(session);
    }
}

static void nothing_drains_while_the_window_is_full(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    fake.hub.config.resume_window_ms = 30000;
    fake.hub.config.resume_confirm = true;
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake.on_event = send_twice;
    assert_int_equal(fill(session), 6); /* three in the window, three behind */
    assert_int_equal(link.frame_count, 3);
    assert_int_equal(send_large(session), WSP_ERR_SEND_BUFFER_FULL);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann ");
    wsp_session_pong(session, link.ping, link.ping_len);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann drain:ann ");
    fake_fini(&fake);
}

static void l23_one_eviction_for_one_frame(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 2);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 0;
    fake_send(session, "1");
    fake_send(session, "2");
    for (int i = 3; i <= 9; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        fake_broadcast(&fake, "a", text);
        assert_int_equal(fake.hub.metrics.frames_dropped, i - 2);
        assert_int_equal(wsp_sendq_count(&session->queue), 2);
    }
    /* Room again: nothing is evicted for it. */
    link.budget = UINT32_MAX;
    wsp_session_writable(session);
    fake_broadcast(&fake, "a", "10");
    wsp_hub_turn(&fake.hub);
    assert_int_equal(fake.hub.metrics.frames_dropped, 7);
    assert_string_equal(link.written, "[1 8][1 9][1 10]");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_full_of_bytes_drains_to_the_half),
        cmocka_unit_test(nothing_drains_while_the_window_is_full),
        cmocka_unit_test(l23_one_eviction_for_one_frame),
    };
    return cmocka_run_group_tests_name("core.backpressure", tests, NULL, NULL);
}
