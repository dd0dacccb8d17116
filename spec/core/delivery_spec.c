/* SPDX-License-Identifier: MIT */
/* A handler that asks for the next message itself gets what it would have been
 * called with, and nothing that something else comes in front of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

struct stage {
    struct fake fake; /* first */
    struct fake_link link;
    struct wsp_session *session; /* "ann" */
    const char *at;              /* on the message with this text … */
    void (*act)(struct stage *stage);
};

static void write_down(struct stage *stage, const char *sign)
{
    const struct wsp_frame *frame = &stage->fake.hub.delivery.frame;
    strcat(stage->fake.log, sign);
    strncat(stage->fake.log, frame->payload.data, frame->payload.len);
    strcat(stage->fake.log, " ");
}

static void act_at(struct stage *stage)
{
    const struct wsp_frame *frame = &stage->fake.hub.delivery.frame;
    if (stage->at && wsp_span_equal(frame->payload, wsp_span_of(stage->at))) {
        stage->act(stage);
    }
}

/* Takes all that it can get. */
static void on_event(struct fake *fake, const char *event,
                     struct wsp_session *session)
{
    struct stage *stage = (struct stage *)fake;
    if (strcmp(event, "message") != 0) {
        return;
    }
    act_at(stage);
    while (wsp_session_next(session)) {
        write_down(stage, "next:");
        act_at(stage);
    }
}

static void begin(struct stage *stage, const char *const *arrived)
{
    memset(stage, 0, sizeof *stage);
    fake_init(&stage->fake, 4);
    stage->session = fake_join(&stage->fake, &stage->link, "lobby", "ann");
    stage->fake.log[0] = '\0';
    stage->fake.on_event = on_event;
    stage->link.arrived = arrived;
}

static void act_on(struct stage *stage, const char *text,
                   void (*act)(struct stage *stage))
{
    stage->at = text;
    stage->act = act;
}

/* The link gives the rest in the ordinary way, as long as it may. */
static void say_rest(struct stage *stage)
{
    while (*stage->link.arrived &&
           fake_say(stage->session, *stage->link.arrived++)) {
    }
}

static void messages_that_arrived_together_come_in_order(void **state)
{
    static const char *const arrived[] = {"2", "3", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    assert_true(fake_say(stage.session, "1"));
    assert_string_equal(stage.fake.log, "message:1 next:2 next:3 ");
    assert_int_equal(stage.fake.hub.metrics.messages_received, 3);
    assert_int_equal(stage.fake.hub.metrics.messages_received_bytes, 3);
    assert_true(fake_say(stage.session, "4"));
    assert_string_equal(stage.fake.log, "message:1 next:2 next:3 message:4 ");
    fake_fini(&stage.fake);
}

static void outside_of_on_message_there_is_none(void **state)
{
    static const char *const arrived[] = {"2", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    assert_false(wsp_session_next(stage.session));
    assert_ptr_equal(stage.link.arrived, arrived);
    fake_fini(&stage.fake);
}

static void ask_for_another(struct stage *stage)
{
    struct fake_link link;
    static const char *const arrived[] = {"bob's", NULL};
    struct wsp_session *bob = fake_join(&stage->fake, &link, "lobby", "bob");
    link.arrived = arrived;
    assert_false(wsp_session_next(bob));
    wsp_session_close(bob, 1000, wsp_span_of(""));
}

static void a_session_asks_for_its_own(void **state)
{
    static const char *const arrived[] = {"2", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    act_on(&stage, "1", ask_for_another);
    assert_true(fake_say(stage.session, "1"));
    assert_non_null(strstr(stage.fake.log, "message:1 next:2 "));
    fake_fini(&stage.fake);
}

static void close_it(struct stage *stage)
{
    wsp_session_close(stage->session, 1000, wsp_span_of("enough"));
}

static void s74_nothing_comes_behind_a_close(void **state)
{
    static const char *const arrived[] = {"2", "3", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    act_on(&stage, "2", close_it);
    assert_false(fake_say(stage.session, "1"));
    assert_string_equal(stage.fake.log, "message:1 next:2 ");
    assert_true(stage.link.is_closed);
    fake_fini(&stage.fake);
}

static void lose_it(struct stage *stage)
{
    wsp_session_lost(stage->session, NULL);
}

static void nothing_comes_behind_a_loss(void **state)
{
    static const char *const arrived[] = {"2", "3", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    stage.fake.hub.config.resume_window_ms = 1000;
    act_on(&stage, "2", lose_it);
    assert_false(fake_say(stage.session, "1"));
    wsp_hub_settle(&stage.fake.hub);
    assert_string_equal(stage.fake.log, "message:1 next:2 drop:ann:nil ");
    fake_fini(&stage.fake);
}

static void fail_it(struct stage *stage)
{
    stage->link.arrived += 1; /* "3" is not asked for */
    stage->fake.handler_error = wsp_error_new(WSP_ERR_PANIC, "no", NULL);
}

static void s40_a_failure_is_that_of_the_message_at_hand(void **state)
{
    static const char *const arrived[] = {"2", "3", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    act_on(&stage, "2", fail_it);
    assert_false(fake_say(stage.session, "1"));
    wsp_hub_settle(&stage.fake.hub);
    assert_string_equal(stage.fake.log,
                        "message:1 next:2 disconnect:ann:normal:PANIC ");
    fake_fini(&stage.fake);
}

static void s37_what_cannot_be_decoded_is_skipped_and_told(void **state)
{
    static const char *const arrived[] = {"{\"payload\":2}", "{", "4", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    stage.fake.hub.config.codec = wsp_codec_find("json");
    assert_true(fake_say(stage.session, "{\"payload\":1}"));
    assert_string_equal(stage.fake.log, "message:1 next:2 ");
    assert_string_equal(stage.fake.last_log, "wspulse: decode failed");
    assert_int_equal(stage.fake.hub.metrics.decode_failures, 1);
    assert_string_equal(*stage.link.arrived, "4");
    assert_int_equal(stage.fake.hub.metrics.messages_received, 3);
    fake_fini(&stage.fake);
}

static void owe_it(struct stage *stage)
{
    struct fake_link *link = &stage->link;
    const char *const *arrived = link->arrived;
    wsp_session_lost(stage->session, NULL);
    fake_link_init(link);
    link->arrived = arrived;
    assert_ptr_equal(wsp_hub_register(&stage->fake.hub, &link->link,
                                      wsp_span_of("lobby"), wsp_span_of("ann"),
                                      NULL),
                     stage->session);
}

static void s28_not_before_a_restore_that_is_owed(void **state)
{
    static const char *const arrived[] = {"2", "3", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    stage.fake.hub.config.resume_window_ms = 1000;
    act_on(&stage, "2", owe_it);
    assert_false(fake_say(stage.session, "1"));
    assert_string_equal(stage.fake.log, "message:1 next:2 ");
    say_rest(&stage);
    assert_string_equal(
        stage.fake.log,
        "message:1 next:2 drop:ann:nil restore:ann:0:0 message:3 ");
    fake_fini(&stage.fake);
}

static void on_received(void *ud, struct wsp_span room, size_t bytes)
{
    (void)room;
    (void)bytes;
    strcat(((struct stage *)ud)->fake.log, "hook ");
}

static void hooks_are_called_between_messages(void **state)
{
    static const char *const arrived[] = {"2", NULL};
    (void)state;
    struct stage stage;
    begin(&stage, arrived);
    const struct wsp_metrics_hooks hooks = {.ud = &stage,
                                            .message_received = on_received};
    wsp_metrics_set_hooks(&stage.fake.hub.metrics, &hooks);
    assert_true(fake_say(stage.session, "1"));
    assert_string_equal(*stage.link.arrived, "2");
    say_rest(&stage);
    wsp_hub_turn(&stage.fake.hub);
    assert_string_equal(stage.fake.log, "message:1 message:2 hook hook ");
    fake_fini(&stage.fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_that_arrived_together_come_in_order),
        cmocka_unit_test(outside_of_on_message_there_is_none),
        cmocka_unit_test(a_session_asks_for_its_own),
        cmocka_unit_test(s74_nothing_comes_behind_a_close),
        cmocka_unit_test(nothing_comes_behind_a_loss),
        cmocka_unit_test(s40_a_failure_is_that_of_the_message_at_hand),
        cmocka_unit_test(s37_what_cannot_be_decoded_is_skipped_and_told),
        cmocka_unit_test(s28_not_before_a_restore_that_is_owed),
        cmocka_unit_test(hooks_are_called_between_messages),
    };
    return cmocka_run_group_tests_name("core.delivery", tests, NULL, NULL);
}
