/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_wait.h"

static struct wsp_loop *new_loop(void)
{
    struct wsp_diag diag = {.code = WSP_OK};
    struct wsp_loop *loop = wsp_loop_new(&diag);
    assert_non_null(loop);
    return loop;
}

/* A journal of what ran, in order. */
struct journal {
    struct wsp_loop *loop;
    char text[64];
    size_t len;
};

struct mark {
    struct journal *journal;
    char letter;
};

static void write_mark(void *ud)
{
    struct mark *mark = ud;
    mark->journal->text[mark->journal->len++] = mark->letter;
}

static void add_one(void *ud)
{
    int *count = ud;
    (*count)++;
}

/* ---- posting ---- */

static void test_posts_run_in_order(void **state)
{
    (void)state;
    struct journal journal = {.loop = new_loop()};
    struct mark marks[] = {{&journal, 'a'}, {&journal, 'b'}, {&journal, 'c'}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wsp_loop_post(journal.loop, write_mark, &marks[i]),
                         WSP_OK);
    }
    assert_int_equal(journal.len, 0);
    wsp_loop_poll(journal.loop, 0);
    assert_string_equal(journal.text, "abc");
    wsp_loop_free(journal.loop);
}

struct reposter {
    struct wsp_loop *loop;
    int runs;
    int left;
};

static void repost(void *ud)
{
    struct reposter *reposter = ud;
    reposter->runs++;
    if (reposter->left-- > 0) {
        wsp_loop_post(reposter->loop, repost, reposter);
    }
}

static void test_a_post_from_a_post_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct reposter reposter = {.loop = new_loop(), .left = 2};
    wsp_loop_post(reposter.loop, repost, &reposter);
    wsp_loop_poll(reposter.loop, -1);
    assert_int_equal(reposter.runs, 1);
    wsp_loop_poll(reposter.loop, -1);
    assert_int_equal(reposter.runs, 2);
    wsp_loop_poll(reposter.loop, -1);
    assert_int_equal(reposter.runs, 3);
    wsp_loop_free(reposter.loop);
}

static void test_free_runs_what_was_posted(void **state)
{
    (void)state;
    struct reposter reposter = {.loop = new_loop(), .left = 3};
    wsp_loop_post(reposter.loop, repost, &reposter);
    wsp_loop_free(reposter.loop);
    assert_int_equal(reposter.runs, 4);
}

#define POSTERS 4
#define POSTS 2000

struct poster {
    struct wsp_loop *loop;
    int next; /* posts seen from this thread: they come in order */
    bool is_ordered;
    struct numbered {
        struct poster *poster;
        int number;
    } posts[POSTS];
};

static void receive_numbered(void *ud)
{
    struct numbered *numbered = ud;
    struct poster *poster = numbered->poster;
    poster->is_ordered = poster->is_ordered && numbered->number == poster->next;
    poster->next++;
}

static void *post_many(void *ud)
{
    struct poster *poster = ud;
    for (int i = 0; i < POSTS; i++) {
        poster->posts[i] = (struct numbered){poster, i};
        if (wsp_loop_post(poster->loop, receive_numbered, &poster->posts[i])) {
            return NULL;
        }
    }
    return poster;
}

static void test_posts_from_four_threads_all_arrive(void **state)
{
    (void)state;
    static struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    struct wsp_loop *loop = new_loop();
    for (int i = 0; i < POSTERS; i++) {
        posters[i].loop = loop;
        posters[i].is_ordered = true;
        assert_int_equal(
            pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++) {
        LOOP_WAIT(loop, posters[i].next == POSTS);
        assert_true(posters[i].is_ordered);
    }
    for (int i = 0; i < POSTERS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, &posters[i]);
    }
    wsp_loop_free(loop);
}

static void test_a_sent_message_can_be_taken_back(void **state)
{
    (void)state;
    struct wsp_loop *loop = new_loop();
    int kept = 0;
    int cancelled = 0;
    struct wsp_message first = {.fn = add_one, .ud = &kept};
    struct wsp_message second = {.fn = add_one, .ud = &cancelled};
    wsp_loop_send(loop, &first);
    wsp_loop_send(loop, &second);
    assert_true(wsp_loop_cancel(loop, &second));
    assert_false(wsp_loop_cancel(loop, &second));
    wsp_loop_poll(loop, 0);
    assert_int_equal(kept, 1);
    assert_int_equal(cancelled, 0);
    wsp_loop_send(loop, &first);
    wsp_loop_poll(loop, 0);
    assert_int_equal(kept, 2);
    wsp_loop_free(loop);
}

/* ---- stopping ---- */

static void stop(void *ud)
{
    wsp_loop_stop(ud);
}

static void test_stop_before_run_is_not_lost(void **state)
{
    (void)state;
    struct wsp_loop *loop = new_loop();
    wsp_loop_stop(loop);
    wsp_loop_run(loop);
    wsp_loop_post(loop, stop, loop);
    wsp_loop_run(loop);
    wsp_loop_free(loop);
}

static void *stop_from_thread(void *ud)
{
    wsp_loop_stop(ud);
    return NULL;
}

/* The loop may go as soon as run has returned: the stopper is through with it,
 * although nobody has joined it yet. */
static void test_the_loop_may_be_freed_once_a_stop_was_seen(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct wsp_loop *loop = new_loop();
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, stop_from_thread, loop),
                         0);
        wsp_loop_run(loop);
        wsp_loop_free(loop);
        pthread_join(thread, NULL);
    }
}

static void *run_own_loop(void *ud)
{
    struct reposter *reposter = ud;
    wsp_loop_post(reposter->loop, repost, reposter);
    while (reposter->left >= 0) {
        wsp_loop_poll(reposter->loop, 1000);
    }
    return NULL;
}

static void test_two_loops_run_in_two_threads(void **state)
{
    (void)state;
    struct reposter reposters[2] = {{new_loop(), 0, 500}, {new_loop(), 0, 500}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, run_own_loop, &reposters[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(reposters[i].runs, 501);
        wsp_loop_free(reposters[i].loop);
    }
}

static void run_again(void *ud)
{
    struct reposter *reposter = ud;
    wsp_loop_run(reposter->loop);
    wsp_loop_poll(reposter->loop, -1);
    reposter->runs++;
}

static void test_a_turn_inside_a_turn_returns_at_once(void **state)
{
    (void)state;
    struct reposter reposter = {.loop = new_loop()};
    wsp_loop_post(reposter.loop, run_again, &reposter);
    wsp_loop_poll(reposter.loop, 0);
    assert_int_equal(reposter.runs, 1);
    wsp_loop_free(reposter.loop);
}

/* ---- tails ---- */

static void test_tails_run_after_callbacks_in_order(void **state)
{
    (void)state;
    struct journal journal = {.loop = new_loop()};
    struct mark post = {&journal, 'p'};
    struct mark one = {&journal, '1'};
    struct mark two = {&journal, '2'};
    struct wsp_loop_tail first = {.fn = write_mark, .ud = &one};
    struct wsp_loop_tail second = {.fn = write_mark, .ud = &two};
    wsp_loop_tail_add(journal.loop, &first);
    wsp_loop_tail_add(journal.loop, &second);
    wsp_loop_post(journal.loop, write_mark, &post);
    wsp_loop_poll(journal.loop, 0);
    wsp_loop_poll(journal.loop, 0);
    assert_string_equal(journal.text, "p1212");
    wsp_loop_tail_remove(journal.loop, &first);
    wsp_loop_tail_remove(journal.loop, &second);
    wsp_loop_free(journal.loop);
}

struct remover {
    struct wsp_loop *loop;
    struct wsp_loop_tail tails[4];
    int runs[4];
};

/* The second tail removes the first, itself and the third. */
static void remove_around(void *ud)
{
    struct remover *remover = ud;
    remover->runs[1]++;
    for (int i = 0; i < 3; i++) {
        wsp_loop_tail_remove(remover->loop, &remover->tails[i]);
    }
}

static void test_tails_may_be_removed_from_a_tail(void **state)
{
    (void)state;
    struct remover remover = {.loop = new_loop()};
    for (int i = 0; i < 4; i++) {
        remover.tails[i].fn = i == 1 ? remove_around : add_one;
        remover.tails[i].ud = i == 1 ? (void *)&remover : &remover.runs[i];
        wsp_loop_tail_add(remover.loop, &remover.tails[i]);
    }
    wsp_loop_poll(remover.loop, 0);
    wsp_loop_poll(remover.loop, 0);
    assert_int_equal(remover.runs[0], 1);
    assert_int_equal(remover.runs[1], 1);
    assert_int_equal(remover.runs[2], 0);
    assert_int_equal(remover.runs[3], 2);
    wsp_loop_tail_remove(remover.loop, &remover.tails[3]);
    wsp_loop_free(remover.loop);
}

struct hurrier {
    struct wsp_loop *loop;
    int left;
};

static void hurry(void *ud)
{
    struct hurrier *hurrier = ud;
    if (hurrier->left > 0) {
        hurrier->left--;
        wsp_loop_hurry(hurrier->loop);
    }
}

/* Nothing else would end the waits: without the hurry this never returns. */
static void test_hurry_keeps_the_next_turn_from_waiting(void **state)
{
    (void)state;
    struct hurrier hurrier = {new_loop(), 2};
    struct wsp_loop_tail tail = {.fn = hurry, .ud = &hurrier};
    wsp_loop_tail_add(hurrier.loop, &tail);
    wsp_loop_hurry(hurrier.loop);
    wsp_loop_poll(hurrier.loop, -1);
    assert_int_equal(hurrier.left, 1);
    wsp_loop_poll(hurrier.loop, -1);
    assert_int_equal(hurrier.left, 0);
    wsp_loop_poll(hurrier.loop, -1);
    wsp_loop_tail_remove(hurrier.loop, &tail);
    wsp_loop_free(hurrier.loop);
}

/* ---- the clock ---- */

struct clock {
    struct wsp_loop *loop;
    uint64_t first_ms;
    uint64_t second_ms;
};

/* Burns real time between two readings. */
static void read_twice(void *ud)
{
    struct clock *clock = ud;
    clock->first_ms = wsp_loop_now_ms(clock->loop);
    uint64_t until = loop_wait_clock_ms() + 3;
    while (loop_wait_clock_ms() < until) {
    }
    clock->second_ms = wsp_loop_now_ms(clock->loop);
}

static void test_the_clock_stands_still_in_a_turn(void **state)
{
    (void)state;
    struct clock clock = {.loop = new_loop()};
    wsp_loop_post(clock.loop, read_twice, &clock);
    wsp_loop_poll(clock.loop, 0);
    assert_int_equal(clock.first_ms, clock.second_ms);
    assert_true(wsp_loop_now_ms(clock.loop) > clock.second_ms);
    wsp_loop_post(clock.loop, read_twice, &clock);
    uint64_t before_ms = clock.second_ms;
    wsp_loop_poll(clock.loop, 0);
    assert_true(clock.first_ms > before_ms);
    wsp_loop_free(clock.loop);
}

/* The clock of a turn is read after its wait. */
static void test_the_clock_is_not_older_than_the_wait(void **state)
{
    (void)state;
    struct clock clock = {.loop = new_loop()};
    struct wsp_loop_tail tail = {.fn = read_twice, .ud = &clock};
    wsp_loop_tail_add(clock.loop, &tail);
    uint64_t start_ms = loop_wait_clock_ms();
    wsp_loop_poll(clock.loop, 30);
    assert_true(clock.first_ms >= start_ms + 20);
    wsp_loop_tail_remove(clock.loop, &tail);
    wsp_loop_free(clock.loop);
}

static void test_the_buffers_are_usable(void **state)
{
    (void)state;
    struct wsp_loop *loop = new_loop();
    uint8_t *in = wsp_loop_read_buffer(loop);
    uint8_t *out = wsp_loop_cork_buffer(loop);
    in[WSP_LOOP_READ_BYTES - 1] = 1;
    out[WSP_LOOP_CORK_BYTES - 1] = 2;
    assert_ptr_not_equal(in, out);
    assert_ptr_equal(wsp_loop_read_buffer(loop), in);
    wsp_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_run_in_order),
        cmocka_unit_test(test_a_post_from_a_post_waits_for_the_next_turn),
        cmocka_unit_test(test_free_runs_what_was_posted),
        cmocka_unit_test(test_posts_from_four_threads_all_arrive),
        cmocka_unit_test(test_a_sent_message_can_be_taken_back),
        cmocka_unit_test(test_stop_before_run_is_not_lost),
        cmocka_unit_test(test_the_loop_may_be_freed_once_a_stop_was_seen),
        cmocka_unit_test(test_two_loops_run_in_two_threads),
        cmocka_unit_test(test_a_turn_inside_a_turn_returns_at_once),
        cmocka_unit_test(test_tails_run_after_callbacks_in_order),
        cmocka_unit_test(test_tails_may_be_removed_from_a_tail),
        cmocka_unit_test(test_hurry_keeps_the_next_turn_from_waiting),
        cmocka_unit_test(test_the_clock_stands_still_in_a_turn),
        cmocka_unit_test(test_the_clock_is_not_older_than_the_wait),
        cmocka_unit_test(test_the_buffers_are_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
