/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "book.h"

/* ---- calls out of a hook ---- */

/* What GetConnections, kick and broadcast do. */
static void call_back(struct book *book, const char *word)
{
    struct wsp_hub *hub = &book->fake.hub;
    if (strncmp(word, "opened:a/bob", 12) == 0) {
        struct wsp_room *room = wsp_rooms_find(&hub->rooms, wsp_span_of("a"));
        assert_non_null(room);
        assert_int_equal(room->member_count, 2);
        assert_int_equal(fake_broadcast(&book->fake, "a", "hi"), WSP_OK);
        assert_int_equal(wsp_hub_kick(hub, wsp_span_of("ann")), WSP_OK);
        wsp_hub_settle(hub); /* as a call that asks for the loop would */
    }
}

static void m10_a_hook_may_call_the_server(void **state)
{
    (void)state;
    struct fake_link links[2];
    struct book *book = book_open(4);
    fake_join(&book->fake, &links[0], "a", "ann");
    book_clear(book);
    book->on_hook = call_back;
    fake_join(&book->fake, &links[1], "a", "bob");
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "opened:a/bob broadcast:a:2:2 "
                                   "closed:a/ann:0.000:kick sent:a/bob:2 "
                                   "buffer:a/bob:0/4 ");
    assert_string_equal(book->fake.log, "connect:ann connect:bob "
                                        "disconnect:ann:kick:nil ");
    book_close(book);
}

static void expect_nothing_called(struct fake *fake, const char *event,
                                  struct wsp_session *session)
{
    struct book *book = (struct book *)fake;
    (void)event;
    size_t len = strlen(book->log);
    if (strcmp(event, "message") == 0) {
        wsp_session_close(session, 1000, wsp_span_of(""));
    }
    wsp_hub_settle(&fake->hub);
    wsp_hub_relieve_hooks(&fake->hub);
    assert_int_equal(strlen(book->log), len);
}

static void m10_hooks_run_between_callbacks(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(4);
    book->fake.on_event = expect_nothing_called;
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    fake_say(ann, "bye");
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->fake.log,
                        "connect:ann message:bye disconnect:ann:normal:nil ");
    assert_int_equal(book_count(book, "closed:"), 1);
    book_close(book);
}

static void m11_every_hook_alone(void **state)
{
    (void)state;
    struct book *all = book_open(2);
    book_live(all);
    size_t total = 0;
    for (size_t i = 0; i < BOOK_HOOK_COUNT; i++) {
        struct book *one = book_open(2);
        const char *word = book_only(one, i);
        book_live(one);
        size_t wanted = book_count(all, word);
        assert_true(wanted > 0);
        assert_int_equal(book_count(one, word), wanted);
        assert_int_equal(book_count(one, ""), wanted); /* and no other */
        total += wanted;
        book_close(one);
    }
    assert_int_equal(book_count(all, ""), total);
    book_close(all);
}

static void nothing_is_owed(struct fake *fake, const char *event,
                            struct wsp_session *session)
{
    (void)event;
    (void)session;
    assert_int_equal(fake->hub.metrics.pending.capacity, 0);
}

static void m11_without_hooks_nothing_is_written_down(void **state)
{
    (void)state;
    struct book *told = book_open(2);
    struct book *silent = book_open(2);
    const struct wsp_metrics *a = &told->fake.hub.metrics;
    const struct wsp_metrics *b = &silent->fake.hub.metrics;
    wsp_metrics_set_hooks(&silent->fake.hub.metrics, NULL);
    silent->fake.on_event = nothing_is_owed;
    book_live(told);
    book_live(silent);
    assert_string_equal(silent->log, "");
    assert_int_equal(b->pending.capacity, 0);
    assert_int_equal(b->held.capacity, 0);
    /* the same is counted */
    assert_memory_equal(a, b, offsetof(struct wsp_metrics, hooks));
    book_close(told);
    book_close(silent);
}

static void counters_agree_with_hooks(void **state)
{
    (void)state;
    struct book *book = book_open(2);
    const struct wsp_metrics *metrics = &book->fake.hub.metrics;
    book_live(book);
    const struct {
        const char *word;
        uint64_t count;
    } rows[] = {
        {"opened:", metrics->connections_opened},
        {"closed:", metrics->connections_closed[WSP_REASON_KICK]},
        {"resumed:", metrics->resume_attempts},
        {"created:", metrics->rooms_created},
        {"destroyed:", metrics->rooms_destroyed},
        {"received:", metrics->messages_received},
        {"broadcast:", metrics->messages_broadcast},
        {"sent:", metrics->messages_sent},
        {"buffer:", metrics->messages_sent},
        {"dropped:", metrics->frames_dropped},
        {"timeout:", metrics->pong_timeouts},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(book_count(book, rows[i].word), rows[i].count);
    }
    book_close(book);
}

static void what_is_owed_at_a_swap_goes_to_the_new_hooks(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(2);
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    book_clear(book);
    wsp_session_close(ann, 1000, wsp_span_of(""));
    assert_string_equal(book->log, "");
    book_only(book, 4); /* destroyed */
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "destroyed:a ");
    book_close(book);
}

/* ---- memory ---- */

static void keep_the_log_short(struct book *book, const char *word)
{
    (void)word;
    book_clear(book);
}

static void expect_none_for_the_last(struct book *book, const char *word)
{
    struct wsp_session *last = wsp_hub_find(&book->fake.hub, wsp_span_of("15"));
    const struct fake_link *link = (struct fake_link *)last->link;
    assert_int_equal(link->frame_count, 0);
    book->on_hook = keep_the_log_short;
    book->on_hook(book, word);
}

static void a_turn_full_of_events_does_not_fill_memory(void **state)
{
    (void)state;
    enum { MEMBERS = 16, FRAMES = 256 };
    struct book *book = book_open(FRAMES);
    struct fake_link *links = malloc(MEMBERS * sizeof *links);
    assert_non_null(links);
    for (unsigned i = 0; i < MEMBERS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%u", i);
        fake_join(&book->fake, &links[i], "a", id);
    }
    book->on_hook = keep_the_log_short;
    for (int i = 0; i < FRAMES; i++) {
        fake_broadcast(&book->fake, "a", "x");
    }
    wsp_hub_settle(&book->fake.hub);
    book->call_count = 0;
    book->on_hook = expect_none_for_the_last; /* when the first is called */
    wsp_hub_turn(&book->fake.hub);
    assert_int_equal(book->call_count, 2 * MEMBERS * FRAMES);
    book_close(book);
    free(links);
}

static void messages_of_one_read_do_not_pile_up(void **state)
{
    (void)state;
    enum { MESSAGES = 5000 };
    struct fake_link link;
    struct book *book = book_open(4);
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    struct wsp_metrics *metrics = &book->fake.hub.metrics;
    book->on_hook = keep_the_log_short;
    book->call_count = 0;
    for (int i = 0; i < MESSAGES; i++) {
        book->fake.log[0] = '\0';
        fake_say(ann, "x");
        assert_in_range(metrics->pending.len, 0,
                        WSP_METRICS_PENDING_MANY + 256);
    }
    assert_in_range(book->call_count, 1, MESSAGES - 1);
    wsp_hub_turn(&book->fake.hub);
    assert_int_equal(book->call_count, MESSAGES);
    book_close(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m10_a_hook_may_call_the_server),
        cmocka_unit_test(m10_hooks_run_between_callbacks),
        cmocka_unit_test(m11_every_hook_alone),
        cmocka_unit_test(m11_without_hooks_nothing_is_written_down),
        cmocka_unit_test(counters_agree_with_hooks),
        cmocka_unit_test(what_is_owed_at_a_swap_goes_to_the_new_hooks),
        cmocka_unit_test(a_turn_full_of_events_does_not_fill_memory),
        cmocka_unit_test(messages_of_one_read_do_not_pile_up),
    };
    return cmocka_run_group_tests_name("core.hooks", tests, NULL, NULL);
}
