/* SPDX-License-Identifier: MIT */
/* What is sent is compressed once, whoever gets it and whenever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

#define RECIPIENTS 50

#define LONG_TEXT "news news news news news news news news news news news news"
#define PACKED "[1 packed " LONG_TEXT "]"
#define PLAIN "[1 " LONG_TEXT "]"

/* A world whose links take what is sent compressed. */
struct world {
    struct fake fake;
    struct wsp_compression compression;
    struct fake_link links[RECIPIENTS];
    struct wsp_session *sessions[RECIPIENTS];
};

static void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    fake_init(&world->fake, 64);
    world->fake.hub.config.resume_window_ms = 30000;
    world->compression = (struct wsp_compression){
        .metrics = &world->fake.hub.metrics,
        .min_size = 32,
        .level = 1,
    };
}

static void world_fini(struct world *world)
{
    fake_fini(&world->fake);
    wsp_compression_fini(&world->compression);
}

/* Somebody with a window of 2^bits bytes; 0: who takes nothing compressed. */
static void join(struct world *world, size_t index, uint8_t bits)
{
    char id[16];
    struct fake_link *link = &world->links[index];
    snprintf(id, sizeof id, "%zu", index);
    world->sessions[index] = fake_join(&world->fake, link, "room", id);
    link->window_bits = bits;
    link->compression = bits ? &world->compression : NULL;
}

static uint64_t count_of(const struct world *world)
{
    return world->fake.hub.metrics.messages_compressed;
}

static void broadcast(struct world *world, const char *text)
{
    assert_int_equal(fake_broadcast(&world->fake, "room", text), WSP_OK);
    wsp_hub_turn(&world->fake.hub);
}

static void a_broadcast_is_compressed_once_for_all(void **state)
{
    (void)state;
    static struct world world;
    world_init(&world);
    for (size_t i = 0; i < RECIPIENTS; i++) {
        join(&world, i, 15);
    }
    world.links[7].is_read = true; /* the one whose handler broadcasts */
    broadcast(&world, LONG_TEXT);
    assert_int_equal(count_of(&world), 1);
    for (size_t i = 0; i < RECIPIENTS; i++) {
        assert_string_equal(world.links[i].written, PACKED);
        assert_ptr_equal(world.links[i].last_form, world.links[0].last_form);
    }
    uint64_t saved = world.fake.hub.metrics.compression_saved_bytes;
    assert_in_range(saved, RECIPIENTS * 40, RECIPIENTS * strlen(LONG_TEXT));
    world_fini(&world);
}

static void once_for_each_size_of_window(void **state)
{
    (void)state;
    static struct world world;
    world_init(&world);
    for (size_t i = 0; i < 40; i++) {
        join(&world, i, i % 4 == 3 ? 0 : (uint8_t)(9 + i % 4 * 3));
    }
    broadcast(&world, LONG_TEXT);
    assert_int_equal(count_of(&world), 3);
    for (size_t i = 0; i < 40; i++) {
        assert_string_equal(world.links[i].written,
                            i % 4 == 3 ? PLAIN : PACKED);
        assert_ptr_equal(world.links[i].last_form,
                         world.links[i % 4].last_form);
    }
    world_fini(&world);
}

static void nobody_takes_it_compressed(void **state)
{
    (void)state;
    static struct world world;
    world_init(&world);
    join(&world, 0, 0);
    broadcast(&world, LONG_TEXT);
    assert_int_equal(count_of(&world), 0);
    assert_string_equal(world.links[0].written, PLAIN);
    world_fini(&world);
}

static void short_messages_and_noise_go_out_as_they_are(void **state)
{
    (void)state;
    static struct world world;
    world_init(&world);
    join(&world, 0, 15);
    join(&world, 1, 15);
    broadcast(&world, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"); /* 31 bytes */
    broadcast(&world, "0123456789abcdefghijklmnopqrstuvwxyz");
    assert_int_equal(count_of(&world), 0);
    broadcast(&world, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_int_equal(count_of(&world), 1);
    assert_string_equal(world.links[1].written,
                        "[1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]"
                        "[1 0123456789abcdefghijklmnopqrstuvwxyz]"
                        "[1 packed aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]");
    world_fini(&world);
}

/* The queue of whoever is slow holds the plain frame; the form is there when
 * his turn comes. */
static void who_is_slow_gets_the_same_form(void **state)
{
    (void)state;
    static struct world world;
    world_init(&world);
    join(&world, 0, 15);
    join(&world, 1, 15);
    world.links[1].budget = 0;
    broadcast(&world, LONG_TEXT);
    assert_string_equal(world.links[1].written, "");
    const struct wsp_session *slow = world.sessions[1];
    const struct wsp_blob *waiting = wsp_sendq_at(&slow->queue, 0);
    assert_int_equal(waiting->window_bits, 0);
    assert_int_equal(slow->queue.bytes, 2 + strlen(LONG_TEXT));
    world.links[1].budget = UINT32_MAX;
    wsp_session_writable(world.sessions[1]);
    assert_string_equal(world.links[1].written, PACKED);
    assert_int_equal(count_of(&world), 1);
    world_fini(&world);
}

/* Who comes back with another window, or with none, can be sent it all. */
static void a_resume_goes_over_to_what_the_new_transport_takes(void **state)
{
    (void)state;
    static const uint8_t bits[] = {15, 9, 0};
    static const char *const written[] = {PACKED, PACKED, PLAIN};
    static const unsigned counts[] = {1, 2, 1};
    for (size_t i = 0; i < 3; i++) {
        static struct world world;
        struct fake_link next;
        world_init(&world);
        join(&world, 0, 15);
        join(&world, 1, 15);
        wsp_session_lost(world.sessions[0], NULL);
        broadcast(&world, LONG_TEXT);
        assert_string_equal(world.links[1].written, PACKED);
        assert_ptr_equal(fake_join(&world.fake, &next, "room", "0"),
                         world.sessions[0]);
        next.window_bits = bits[i];
        next.compression = bits[i] ? &world.compression : NULL;
        wsp_hub_turn(&world.fake.hub);
        assert_string_equal(next.written, written[i]);
        assert_int_equal(count_of(&world), counts[i]);
        world_fini(&world);
    }
}

/* Frames to be confirmed are kept plain, and written again in the form there
 * is. */
static void a_replay_uses_the_form_that_there_is(void **state)
{
    (void)state;
    static struct world world;
    struct fake_link next;
    world_init(&world);
    world.fake.hub.config.resume_confirm = true;
    world.fake.hub.config.takeover_resumes = true;
    join(&world, 0, 15);
    assert_int_equal(fake_send(world.sessions[0], LONG_TEXT), WSP_OK);
    wsp_hub_turn(&world.fake.hub);
    assert_string_equal(world.links[0].written, PACKED);
    wsp_session_lost(world.sessions[0], NULL);
    assert_ptr_equal(fake_join(&world.fake, &next, "room", "0"),
                     world.sessions[0]);
    next.window_bits = 15;
    next.compression = &world.compression;
    wsp_hub_turn(&world.fake.hub);
    assert_string_equal(next.written, PACKED);
    assert_ptr_equal(next.last_form, world.links[0].last_form);
    assert_int_equal(count_of(&world), 1);
    world_fini(&world);
}

static void a_close_writes_what_waits(void **state)
{
    (void)state;
    static struct world world;
    world_init(&world);
    join(&world, 0, 15);
    world.links[0].budget = 0;
    assert_int_equal(fake_send(world.sessions[0], LONG_TEXT), WSP_OK);
    wsp_hub_turn(&world.fake.hub);
    assert_string_equal(world.links[0].written, "");
    wsp_session_close(world.sessions[0], 1000, wsp_span_of(""));
    assert_string_equal(world.links[0].written, PACKED);
    assert_true(world.links[0].is_closed);
    assert_int_equal(count_of(&world), 1);
    world_fini(&world);
}

static void a_message_for_one(void **state)
{
    (void)state;
    static struct world world;
    struct wsp_packed packed;
    world_init(&world);
    assert_true(wsp_compression_pack(&world.compression, wsp_span_of(LONG_TEXT),
                                     1, 15, &packed));
    assert_int_equal(packed.head_len, 2);
    assert_int_equal(packed.head[0], 0xC1); /* FIN, RSV1, text */
    assert_int_equal(packed.head[1], packed.payload.len);
    assert_false(wsp_compression_pack(&world.compression, wsp_span_of("short"),
                                      1, 15, &packed));
    assert_int_equal(count_of(&world), 1);
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broadcast_is_compressed_once_for_all),
        cmocka_unit_test(once_for_each_size_of_window),
        cmocka_unit_test(nobody_takes_it_compressed),
        cmocka_unit_test(short_messages_and_noise_go_out_as_they_are),
        cmocka_unit_test(who_is_slow_gets_the_same_form),
        cmocka_unit_test(a_resume_goes_over_to_what_the_new_transport_takes),
        cmocka_unit_test(a_replay_uses_the_form_that_there_is),
        cmocka_unit_test(a_close_writes_what_waits),
        cmocka_unit_test(a_message_for_one),
    };
    return cmocka_run_group_tests_name("core.compression", tests, NULL, NULL);
}
