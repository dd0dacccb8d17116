/* SPDX-License-Identifier: MIT */
#include "net/mailbox.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
    struct wsp_mailbox mailbox;
    struct wsp_message messages[3];
    char ran[16];
    size_t ran_len;
};

struct step {
    struct fixture *fixture;
    char letter;
};

static void note(void *ud)
{
    struct step *step = ud;
    step->fixture->ran[step->fixture->ran_len++] = step->letter;
}

static void init(struct fixture *fixture)
{
    *fixture = (struct fixture){.ran_len = 0};
    struct wsp_diag diag;
    assert_int_equal(wsp_mailbox_init(&fixture->mailbox, &diag), WSP_OK);
}

static bool is_readable(const struct fixture *fixture)
{
    struct pollfd item = {.fd = fixture->mailbox.fd, .events = POLLIN};
    return poll(&item, 1, 0) == 1;
}

static void test_an_empty_mailbox_is_silent(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    assert_false(is_readable(&fixture));
    assert_false(wsp_mailbox_run(&fixture.mailbox));
    wsp_mailbox_fini(&fixture.mailbox);
}

static void test_mail_makes_the_descriptor_readable_until_run(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    struct step a = {&fixture, 'a'};
    struct step b = {&fixture, 'b'};
    assert_int_equal(wsp_mailbox_post(&fixture.mailbox, note, &a), WSP_OK);
    assert_int_equal(wsp_mailbox_post(&fixture.mailbox, note, &b), WSP_OK);
    assert_true(is_readable(&fixture));
    assert_true(wsp_mailbox_run(&fixture.mailbox));
    assert_false(is_readable(&fixture));
    assert_string_equal(fixture.ran, "ab");
    wsp_mailbox_fini(&fixture.mailbox);
}

static void test_embedded_and_posted_messages_keep_their_order(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    struct step a = {&fixture, 'a'};
    struct step b = {&fixture, 'b'};
    struct step c = {&fixture, 'c'};
    fixture.messages[0] = (struct wsp_message){.fn = note, .ud = &a};
    fixture.messages[1] = (struct wsp_message){.fn = note, .ud = &c};
    wsp_mailbox_push(&fixture.mailbox, &fixture.messages[0]);
    assert_int_equal(wsp_mailbox_post(&fixture.mailbox, note, &b), WSP_OK);
    wsp_mailbox_push(&fixture.mailbox, &fixture.messages[1]);
    wsp_mailbox_run(&fixture.mailbox);
    assert_string_equal(fixture.ran, "abc");
    wsp_mailbox_fini(&fixture.mailbox);
}

static void cancel_next(void *ud)
{
    struct fixture *fixture = ud;
    fixture->ran[fixture->ran_len++] = 'x';
    assert_true(wsp_mailbox_cancel(&fixture->mailbox, &fixture->messages[1]));
}

static void test_a_running_message_cancels_a_later_one(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    struct step b = {&fixture, 'b'};
    struct step c = {&fixture, 'c'};
    fixture.messages[0] =
        (struct wsp_message){.fn = cancel_next, .ud = &fixture};
    fixture.messages[1] = (struct wsp_message){.fn = note, .ud = &b};
    fixture.messages[2] = (struct wsp_message){.fn = note, .ud = &c};
    for (size_t i = 0; i < 3; i++) {
        wsp_mailbox_push(&fixture.mailbox, &fixture.messages[i]);
    }
    wsp_mailbox_run(&fixture.mailbox);
    assert_string_equal(fixture.ran, "xc");
    wsp_mailbox_fini(&fixture.mailbox);
}

static void test_what_has_run_cannot_be_cancelled(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    struct step a = {&fixture, 'a'};
    fixture.messages[0] = (struct wsp_message){.fn = note, .ud = &a};
    wsp_mailbox_push(&fixture.mailbox, &fixture.messages[0]);
    wsp_mailbox_run(&fixture.mailbox);
    assert_false(wsp_mailbox_cancel(&fixture.mailbox, &fixture.messages[0]));
    wsp_mailbox_fini(&fixture.mailbox);
}

static void test_fini_forgets_what_has_not_run(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    struct step a = {&fixture, 'a'};
    assert_int_equal(wsp_mailbox_post(&fixture.mailbox, note, &a), WSP_OK);
    fixture.messages[0] = (struct wsp_message){.fn = note, .ud = &a};
    wsp_mailbox_push(&fixture.mailbox, &fixture.messages[0]);
    wsp_mailbox_fini(&fixture.mailbox);
    assert_int_equal(fixture.ran_len, 0);
}

static void test_raise_sets_the_flag_and_wakes(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    atomic_bool flag = false;
    wsp_mailbox_raise(&fixture.mailbox, &flag);
    assert_true(atomic_load(&flag));
    assert_true(is_readable(&fixture));
    assert_false(wsp_mailbox_run(&fixture.mailbox));
    wsp_mailbox_fini(&fixture.mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_mailbox_is_silent),
        cmocka_unit_test(test_mail_makes_the_descriptor_readable_until_run),
        cmocka_unit_test(test_embedded_and_posted_messages_keep_their_order),
        cmocka_unit_test(test_a_running_message_cancels_a_later_one),
        cmocka_unit_test(test_what_has_run_cannot_be_cancelled),
        cmocka_unit_test(test_fini_forgets_what_has_not_run),
        cmocka_unit_test(test_raise_sets_the_flag_and_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
