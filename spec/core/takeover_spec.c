/* SPDX-License-Identifier: MIT */
/* A new transport for a session that still has one, and what a close sends of a
 * replay that has not gone out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

static void start(struct fake *fake)
{
    fake_init(fake, 8);
    fake->hub.config.resume_window_ms = 30000;
    fake->hub.config.resume_confirm = true;
    fake->hub.config.takeover_resumes = true;
}

static void drop(struct wsp_session *session)
{
    wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
    wsp_hub_turn(session->hub);
}

static void the_bounds_on_suspended_ones_do_not_count(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    struct fake_link other;
    start(&fake);
    fake.hub.config.max_suspended = 1;
    drop(fake_join(&fake, &other, "a", "bob"));
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake_send(session, "1");
    wsp_hub_turn(&fake.hub);
    assert_ptr_equal(fake_join(&fake, &next, "a", "ann"), session);
    wsp_hub_turn(&fake.hub);
    assert_true(link.is_aborted);
    assert_string_equal(next.written, "[1 1]");
    assert_string_equal(fake.log,
                        "connect:bob drop:bob:EOF connect:ann "
                        "drop:ann:TRANSPORT_REPLACED restore:ann:1:0 ");
    assert_int_equal(fake.hub.suspended_count, 1);
    assert_int_equal(fake.hub.suspended_bytes, 0);
    fake_fini(&fake);
}

static void a_close_in_the_middle_of_a_replay_leaves_no_gap(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake_send(session, "1");
    fake_send(session, "2");
    fake_send(session, "3");
    wsp_hub_turn(&fake.hub);
    drop(session);
    fake_send(session, "4");
    fake_join(&fake, &next, "a", "ann");
    next.budget = 1;
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 1]");
    wsp_session_close(session, 1000, wsp_span_of("bye"));
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 1][1 2][1 3][1 4]");
    assert_string_equal(next.close_reason, "bye");
    fake_fini(&fake);
}

static void a_forwarded_frame_keeps_the_id_in_its_bytes(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    const char *texts[] = {"{ \"id\": \"x\" }", "{\"payload\":1,\"id\":\"y\"}"};
    start(&fake);
    fake.hub.config.codec = wsp_codec_find("json");
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    for (size_t i = 0; i < 2; i++) {
        struct wsp_frame frame = {.raw = wsp_span_of(texts[i])};
        char expected[64];
        assert_int_equal(wsp_session_send(session, &frame, NULL), WSP_OK);
        wsp_hub_turn(&fake.hub);
        snprintf(expected, sizeof expected, "[1 %s]", texts[i]);
        assert_non_null(strstr(link.written, expected));
    }
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bounds_on_suspended_ones_do_not_count),
        cmocka_unit_test(a_close_in_the_middle_of_a_replay_leaves_no_gap),
        cmocka_unit_test(a_forwarded_frame_keeps_the_id_in_its_bytes),
    };
    return cmocka_run_group_tests_name("core.takeover", tests, NULL, NULL);
}
