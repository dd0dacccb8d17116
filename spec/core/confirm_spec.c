/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/confirm.h"
#include "fake.h"

/* A world with resume_confirm: a window of `frames` frames. */
static void start(struct fake *fake, uint32_t frames)
{
    fake_init(fake, frames);
    fake->hub.config.resume_window_ms = 30000;
    fake->hub.config.resume_confirm = true;
    fake->hub.config.takeover_resumes = true;
}

static void send_numbered(struct wsp_session *session, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char text[24];
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(fake_send(session, text), WSP_OK);
    }
}

/* Answers the last ping. */
static void answer(struct wsp_session *session, struct fake_link *link)
{
    wsp_session_pong(session, link->ping, link->ping_len);
    wsp_hub_turn(session->hub);
}

static uint64_t ping_number(const struct fake_link *link)
{
    uint64_t number = 0;
    assert_int_equal(link->ping_len, WSP_CONFIRM_PING_LEN);
    for (int i = 0; i < 8; i++) {
        number = number << 8 | link->ping[4 + i];
    }
    return number;
}

static void unconfirmed_frames_are_replayed_first_and_in_order(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 10);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 3);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(link.written, "[1 1][1 2][1 3]");
    link.budget = 0;
    send_numbered(session, 4, 5);
    wsp_hub_turn(&fake.hub);
    wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
    wsp_hub_turn(&fake.hub);
    send_numbered(session, 6, 6);
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 1][1 2][1 3][1 4][1 5][1 6]");
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF restore:ann:6:0 ");
    fake_fini(&fake);
}

static void a_pong_frees_all_up_to_its_number(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 10);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 5); /* half full: a ping goes out */
    wsp_hub_turn(&fake.hub);
    assert_int_equal(link.ping_count, 1);
    assert_int_equal(ping_number(&link), 5);
    send_numbered(session, 6, 6);
    wsp_hub_turn(&fake.hub);
    answer(session, &link);
    assert_int_equal(wsp_sendq_count(&session->confirm->window), 1);
    wsp_session_lost(session, NULL);
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 6]");
    fake_fini(&fake);
}

static void a_ping_goes_at_the_latest_after_a_second(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 100);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 1);
    fake_pass(&fake, 990);
    assert_int_equal(link.ping_count, 0);
    fake_pass(&fake, 30);
    assert_int_equal(link.ping_count, 1);
    assert_int_equal(ping_number(&link), 1);
    fake_pass(&fake, 5000); /* no frame since: no further one */
    assert_int_equal(link.ping_count, 1);
    fake_fini(&fake);
}

static void a_full_window_pauses_the_writer(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 4);
    wsp_hub_turn(&fake.hub);
    assert_int_equal(link.frame_count, 4);
    send_numbered(session, 5, 8); /* the queue behind it fills up */
    wsp_hub_turn(&fake.hub);
    assert_int_equal(link.frame_count, 4);
    assert_int_equal(fake_send(session, "9"), WSP_ERR_SEND_BUFFER_FULL);
    assert_int_equal(ping_number(&link), 4);
    answer(session, &link);
    assert_int_equal(link.frame_count, 8);
    assert_string_equal(link.written,
                        "[1 1][1 2][1 3][1 4][1 5][1 6][1 7][1 8]");
    fake_fini(&fake);
}

static void only_a_pong_of_this_transport_and_a_sent_number_counts(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 4);
    wsp_hub_turn(&fake.hub);
    uint8_t body[WSP_CONFIRM_PING_LEN];
    memcpy(body, link.ping, sizeof body);
    body[0] ^= 1; /* another tag */
    wsp_session_pong(session, body, sizeof body);
    body[0] ^= 1;
    body[11] ^= 1; /* a number that was never sent */
    wsp_session_pong(session, body, sizeof body);
    wsp_session_pong(session, body, 3);
    wsp_session_pong(session, NULL, 0);
    assert_int_equal(wsp_sendq_count(&session->confirm->window), 4);
    answer(session, &link);
    assert_int_equal(wsp_sendq_count(&session->confirm->window), 0);
    answer(session, &link); /* a second time: nothing left to confirm */
    fake_fini(&fake);
}

static void a_pong_of_the_old_transport_confirms_nothing(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 4);
    wsp_hub_turn(&fake.hub);
    wsp_session_lost(session, NULL);
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    wsp_session_pong(session, link.ping, link.ping_len);
    assert_int_equal(wsp_sendq_count(&session->confirm->window), 4);
    fake_fini(&fake);
}

static void hostile_53_evictions_are_reported_exactly(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 4); /* unconfirmed: never evicted */
    wsp_hub_turn(&fake.hub);
    wsp_session_lost(session, NULL);
    send_numbered(session, 5, 14); /* ring of 4: 6 lost */
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann drop:ann:nil restore:ann:8:6 ");
    assert_int_equal(fake.hub.metrics.frames_lost, 6);
    assert_string_equal(next.written, "[1 1][1 2][1 3][1 4]");
    answer(session, &next);
    assert_string_equal(next.written,
                        "[1 1][1 2][1 3][1 4][1 11][1 12][1 13][1 14]");
    fake_fini(&fake);
}

static void a_frame_without_an_id_gets_one(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link ann;
    struct fake_link bob;
    start(&fake, 4);
    fake.hub.config.codec = wsp_codec_find("json");
    fake_join(&fake, &ann, "a", "ann");
    fake_join(&fake, &bob, "a", "bob");
    struct wsp_frame frame = {.event = wsp_span_of("e")};
    wsp_hub_broadcast(&fake.hub, wsp_span_of("a"), &frame, 0, NULL);
    wsp_hub_turn(&fake.hub);
    char expected[128];
    snprintf(expected, sizeof expected, "[1 {\"id\":\"%s-1\",\"event\":\"e\"}]",
             fake.hub.frame_nonce);
    assert_string_equal(ann.written, expected);
    assert_string_equal(bob.written, expected); /* the same for all */
    frame.id = wsp_span_of("own");
    wsp_hub_broadcast(&fake.hub, wsp_span_of("a"), &frame, 0, NULL);
    wsp_hub_turn(&fake.hub);
    assert_non_null(
        strstr(ann.written, "[1 {\"id\":\"own\",\"event\":\"e\"}]"));
    fake_fini(&fake);
}

static void forward(struct fake *fake, const char *text)
{
    struct wsp_frame in;
    struct wsp_buf scratch = {NULL, 0, 0};
    assert_int_equal(fake->hub.config.codec->decode(wsp_span_of(text), false,
                                                    &scratch, &in, NULL),
                     WSP_OK);
    assert_int_equal(
        wsp_hub_broadcast(&fake->hub, wsp_span_of("a"), &in, 0, NULL), WSP_OK);
    wsp_hub_turn(&fake->hub);
    wsp_buf_fini(&scratch);
}

static void a_forwarded_frame_keeps_its_id_or_gets_one(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link ann;
    start(&fake, 4);
    fake.hub.config.codec = wsp_codec_find("json");
    fake_join(&fake, &ann, "a", "ann");
    forward(&fake, "{ \"id\": \"x\", \"payload\": [ 1.0 ] }");
    assert_string_equal(ann.written,
                        "[1 { \"id\": \"x\", \"payload\": [ 1.0 ] }]");
    ann.written[0] = '\0';
    forward(&fake, "{ \"event\": \"e\", \"payload\": [ 1.0 ] }");
    char expected[128];
    snprintf(expected, sizeof expected,
             "[1 {\"id\":\"%s-1\",\"event\":\"e\",\"payload\":[ 1.0 ]}]",
             fake.hub.frame_nonce);
    assert_string_equal(ann.written, expected);
    fake_fini(&fake);
}

static void a_client_back_before_the_server_noticed_loses_nothing(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 10);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    send_numbered(session, 1, 4);
    wsp_hub_turn(&fake.hub);
    assert_ptr_equal(fake_join(&fake, &next, "a", "ann"), session);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 1][1 2][1 3][1 4]");
    fake_fini(&fake);
}

/* ---- a cut after every byte of the stream ---- */

#define RUN 100

/* The frames of a link's text up to byte `cut`: what the client has. */
static void collect(const char *written, size_t cut, int seen[RUN + 1],
                    int *duplicates, int *last)
{
    const char *at = written;
    while ((at = strchr(at, '['))) {
        const char *end = strchr(at, ']');
        if (!end || (size_t)(end - written) >= cut) {
            return;
        }
        int number = atoi(at + 3);
        assert_in_range(number, 1, RUN);
        if (seen[number]++) {
            (*duplicates)++;
        } else {
            assert_int_equal(number, *last + 1); /* in order */
            *last = number;
        }
        at = end;
    }
}

/* 100 frames in batches; the client has exactly `cut` bytes when both sides are
 * reset, answers pings it has received, and comes back. Returns duplicates. */
static int run_with_cut(size_t cut, bool are_pongs_lost)
{
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    int seen[RUN + 1] = {0};
    int duplicates = 0;
    int last = 0;
    start(&fake, 64);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    int sent = 0;
    while (sent < RUN && strlen(link.written) < cut) {
        send_numbered(session, sent + 1, sent + 5);
        sent += 5;
        size_t pings = link.ping_count;
        wsp_hub_turn(&fake.hub);
        bool has_ping = link.ping_count > pings && strlen(link.written) <= cut;
        if (has_ping && !are_pongs_lost) {
            answer(session, &link);
        }
    }
    collect(link.written, cut, seen, &duplicates, &last);
    wsp_session_lost(session, wsp_error_new(WSP_ERR_IO, NULL, NULL));
    wsp_hub_turn(&fake.hub);
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    while (sent < RUN || wsp_sendq_count(&session->queue)) {
        if (sent < RUN) {
            send_numbered(session, sent + 1, sent + 5);
            sent += 5;
        }
        wsp_hub_turn(&fake.hub);
        if (next.ping_count) {
            answer(session, &next);
        }
    }
    collect(next.written, SIZE_MAX, seen, &duplicates, &last);
    assert_int_equal(last, RUN);
    fake_fini(&fake);
    return duplicates;
}

static void hostile_51_a_cut_at_every_byte_loses_nothing(void **state)
{
    (void)state;
    size_t total =
        strlen("[1 1]") * 9 + strlen("[1 10]") * 90 + strlen("[1 100]");
    int duplicates = 0;
    for (size_t cut = 0; cut <= total; cut++) {
        duplicates += run_with_cut(cut, false);
    }
    assert_true(duplicates > 0); /* else nothing was proved */
}

static void the_same_with_the_pongs_lost(void **state)
{
    (void)state;
    int duplicates = 0;
    for (size_t cut = 0; cut <= 300; cut++) { /* within the window of 64 */
        duplicates += run_with_cut(cut, true);
    }
    assert_true(duplicates > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unconfirmed_frames_are_replayed_first_and_in_order),
        cmocka_unit_test(a_pong_frees_all_up_to_its_number),
        cmocka_unit_test(a_ping_goes_at_the_latest_after_a_second),
        cmocka_unit_test(a_full_window_pauses_the_writer),
        cmocka_unit_test(
            only_a_pong_of_this_transport_and_a_sent_number_counts),
        cmocka_unit_test(a_pong_of_the_old_transport_confirms_nothing),
        cmocka_unit_test(hostile_53_evictions_are_reported_exactly),
        cmocka_unit_test(a_frame_without_an_id_gets_one),
        cmocka_unit_test(a_forwarded_frame_keeps_its_id_or_gets_one),
        cmocka_unit_test(a_client_back_before_the_server_noticed_loses_nothing),
        cmocka_unit_test(hostile_51_a_cut_at_every_byte_loses_nothing),
        cmocka_unit_test(the_same_with_the_pongs_lost),
    };
    return cmocka_run_group_tests_name("core.confirm", tests, NULL, NULL);
}
