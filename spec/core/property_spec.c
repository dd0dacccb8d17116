/* SPDX-License-Identifier: MIT */
/* Random interleavings of everything that can happen to sessions, held against
 * the invariants of spec §3.2 and §4. The seed is printed; WSP_SEED replays a
 * run, WSP_STEPS shortens or lengthens it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/confirm.h"
#include "fake.h"

#define IDS 6 /* connection ids, so that they collide */
#define ROOMS 2
#define LINKS 4 /* links of an id that are remembered */
#define STEPS 100000

/* Where the application believes a session to be (spec §4). */
enum place { NOWHERE, OPEN, DROPPED, ENDED };

/* What the model knows of one id's current session. */
struct actor {
    wsp_id handle; /* of the session the callbacks spoke of last */
    enum place place;
    uint32_t sent; /* number of the last frame sent to it */
    struct fake_link links[LINKS];
    unsigned link_index; /* the newest link */
    uint32_t seen;       /* highest number a link of it has shown */
};

struct world {
    struct fake fake; /* first: callbacks get it */
    struct actor actors[IDS];
    uint64_t random;
    uint64_t connects;
    uint64_t disconnects;
    bool is_confirming;
    unsigned depth; /* of actions inside callbacks */
};

static uint32_t pick(struct world *world, uint32_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t)(world->random >> 33) % below;
}

static struct actor *actor_of(struct world *world, const struct wsp_session *s)
{
    assert_int_equal(s->id_len, 1);
    return &world->actors[s->text[0] - 'a'];
}

static struct wsp_session *find(struct world *world, uint32_t which)
{
    char id[2] = {(char)('a' + which), '\0'};
    return wsp_hub_find(&world->fake.hub, wsp_span_of(id));
}

/* ---- what callbacks must obey ---- */

static void on_connect(struct world *world, struct wsp_session *session)
{
    struct actor *actor = actor_of(world, session);
    assert_true(actor->place == NOWHERE || actor->place == ENDED);
    actor->place = OPEN;
    actor->handle = session->handle;
    world->connects++;
}

static void on_disconnect(struct world *world, struct wsp_session *session)
{
    struct actor *actor = actor_of(world, session);
    assert_int_equal(actor->handle, session->handle);
    assert_true(actor->place == OPEN || actor->place == DROPPED);
    assert_int_equal(session->state, WSP_SESSION_CLOSED);
    actor->place = ENDED;
    world->disconnects++;
}

static void on_passage(struct world *world, struct wsp_session *session,
                       enum place from, enum place to)
{
    struct actor *actor = actor_of(world, session);
    assert_int_equal(actor->handle, session->handle);
    assert_int_equal(actor->place, from);
    actor->place = to;
}

static void act(struct world *world);

static void on_event(struct fake *fake, const char *event,
                     struct wsp_session *session)
{
    struct world *world = (struct world *)fake;
    fake->log[0] = '\0';
    if (strcmp(event, "connect") == 0) {
        on_connect(world, session);
    } else if (strcmp(event, "disconnect") == 0) {
        on_disconnect(world, session);
    } else if (strcmp(event, "drop") == 0) {
        on_passage(world, session, OPEN, DROPPED);
    } else if (strcmp(event, "restore") == 0) {
        on_passage(world, session, DROPPED, OPEN);
        assert_non_null(session->link);
    } else if (strcmp(event, "message") == 0) {
        on_passage(world, session, OPEN, OPEN);
    }
    if (world->depth == 0 && pick(world, 4) == 0) {
        world->depth++;
        act(world); /* callbacks may do anything an application may */
        world->depth--;
    }
}

/* ---- what may happen ---- */

static void join(struct world *world, uint32_t which)
{
    if (world->depth) {
        return; /* transports come from the loop, never from a callback */
    }
    struct actor *actor = &world->actors[which];
    char id[2] = {(char)('a' + which), '\0'};
    char room[2] = {(char)('0' + pick(world, ROOMS)), '\0'};
    struct wsp_session *before = find(world, which);
    wsp_id old = before ? before->handle : 0;
    actor->link_index = (actor->link_index + 1) % LINKS;
    struct fake_link *link = &actor->links[actor->link_index];
    if (link->link.session) {
        return; /* still borrowed */
    }
    fake_link_init(link);
    link->budget = pick(world, 3) ? UINT32_MAX : pick(world, 3);
    struct wsp_session *session =
        wsp_hub_register(&world->fake.hub, &link->link, wsp_span_of(room),
                         wsp_span_of(id), NULL);
    assert_non_null(session);
    if (session->handle != old) {
        actor->sent = 0;
        actor->seen = 0;
    }
    if (pick(world, 8)) {
        wsp_hub_settle(&world->fake.hub);
    }
}

static void send_next(struct world *world, uint32_t which)
{
    struct wsp_session *session = find(world, which);
    char text[16];
    if (!session) {
        return;
    }
    struct actor *actor = &world->actors[which];
    snprintf(text, sizeof text, "%u", actor->sent + 1);
    enum wsp_err err = fake_send(session, text);
    assert_true(err == WSP_OK || err == WSP_ERR_SEND_BUFFER_FULL);
    if (err == WSP_OK) {
        actor->sent++;
    }
}

static void lose(struct world *world, uint32_t which)
{
    struct wsp_session *session = find(world, which);
    if (!session || !session->link || world->depth) {
        return;
    }
    struct wsp_error *error =
        pick(world, 2) ? wsp_error_new(WSP_ERR_IO, NULL, NULL) : NULL;
    wsp_session_lost(session, error);
}

static void say(struct world *world, uint32_t which)
{
    struct wsp_session *session = find(world, which);
    if (!session || !session->link || world->depth) {
        return;
    }
    if (pick(world, 10) == 0) {
        world->fake.handler_error = wsp_error_new(WSP_ERR_PANIC, NULL, NULL);
    }
    fake_say(session, "x");
    wsp_error_unref(world->fake.handler_error);
    world->fake.handler_error = NULL;
}

static void open_link(struct world *world, uint32_t which)
{
    struct wsp_session *session = find(world, which);
    if (session && session->link && !world->depth) {
        ((struct fake_link *)session->link)->budget = pick(world, 8);
        wsp_session_writable(session);
    }
}

static void pong(struct world *world, uint32_t which)
{
    struct wsp_session *session = find(world, which);
    if (session && session->link && !world->depth) {
        struct fake_link *link = (struct fake_link *)session->link;
        wsp_session_pong(session, link->ping, link->ping_len);
    }
}

static void act(struct world *world)
{
    struct wsp_hub *hub = &world->fake.hub;
    uint32_t which = pick(world, IDS);
    struct wsp_session *session = find(world, which);
    char id[2] = {(char)('a' + which), '\0'};
    char room[2] = {(char)('0' + pick(world, ROOMS)), '\0'};
    switch (pick(world, 16)) {
    case 0:
    case 1:
    case 2:
        join(world, which);
        break;
    case 3:
    case 4:
        lose(world, which);
        break;
    case 5:
        wsp_hub_kick(hub, wsp_span_of(id));
        break;
    case 6:
        if (session) {
            wsp_session_close(session, 1000, wsp_span_of(""));
        }
        break;
    case 7:
        assert_int_equal(fake_broadcast(&world->fake, room, "b"), WSP_OK);
        break;
    case 8:
        say(world, which);
        break;
    case 9:
        open_link(world, which);
        break;
    case 10:
        pong(world, which);
        break;
    case 11:
        world->fake.now_ms += pick(world, 400);
        break;
    default:
        send_next(world, which);
        break;
    }
}

/* ---- what must hold between two steps ---- */

/* Numbers a link was given only grow; without confirmation over all links of a
 * session, with it a new link may begin again at an unconfirmed one. */
static void check_link(struct world *world, struct actor *actor,
                       struct fake_link *link)
{
    uint32_t last = world->is_confirming ? 0 : actor->seen;
    for (const char *at = link->written; (at = strchr(at, '[')); at++) {
        uint32_t number = (uint32_t)atoi(at + 3);
        if (number == 0) {
            continue; /* a broadcast */
        }
        assert_true(number > last);
        assert_true(number <= actor->sent);
        last = number;
    }
    if (last > actor->seen) {
        actor->seen = last;
    }
}

static void check_links(struct world *world)
{
    for (int i = 0; i < IDS; i++) {
        struct actor *actor = &world->actors[i];
        struct fake_link *link = &actor->links[actor->link_index];
        struct wsp_session *session = find(world, (uint32_t)i);
        if (session && session->link == &link->link) {
            check_link(world, actor, link);
            if (!world->is_confirming || strlen(link->written) > 8000) {
                link->written[0] = '\0';
            }
        }
    }
}

static void check_sums(struct world *world)
{
    struct wsp_hub *hub = &world->fake.hub;
    uint32_t suspended = 0;
    size_t bytes = 0;
    uint64_t alive = 0;
    for (uint32_t i = 0; i < IDS; i++) {
        struct wsp_session *session = find(world, i);
        if (!session) {
            continue;
        }
        alive++;
        assert_int_not_equal(session->state, WSP_SESSION_CLOSED);
        assert_int_equal(session->link != NULL,
                         session->state == WSP_SESSION_CONNECTED);
        assert_true(wsp_sendq_count(&session->queue) <=
                    hub->config.send_limits.frames);
        assert_ptr_equal(session->room->members[session->room_index], session);
        if (session->state == WSP_SESSION_SUSPENDED) {
            suspended++;
            bytes += wsp_session_waiting_bytes(session);
        }
    }
    uint64_t closed = 0;
    for (int i = 0; i < WSP_REASON_COUNT; i++) {
        closed += hub->metrics.connections_closed[i];
    }
    assert_int_equal(hub->suspended_count, suspended);
    assert_int_equal(hub->suspended_bytes, bytes);
    assert_int_equal(hub->metrics.connections_opened - closed, alive);
}

static void finish(struct world *world)
{
    world->depth = 1; /* callbacks only watch from here on */
    wsp_hub_close(&world->fake.hub);
    wsp_hub_turn(&world->fake.hub);
    assert_int_equal(world->connects, world->disconnects);
    assert_int_equal(world->connects,
                     world->fake.hub.metrics.connections_opened);
    assert_int_equal(world->fake.forgotten, world->connects);
    assert_int_equal(world->fake.hub.slots.count, 0);
    assert_int_equal(world->fake.hub.suspended_count, 0);
    assert_int_equal(world->fake.hub.wheel.count, 0);
    fake_fini(&world->fake);
}

static void run(struct world *world, uint64_t seed, bool is_confirming)
{
    const char *steps_text = getenv("WSP_STEPS");
    long steps = steps_text ? atol(steps_text) : STEPS;
    memset(world, 0, sizeof *world);
    fake_init(&world->fake, 3);
    struct wsp_hub_config *config = &world->fake.hub.config;
    config->resume_window_ms = 1000;
    config->ping_ms = 500;
    config->pong_ms = 1500;
    config->max_suspended = 4;
    config->max_suspended_bytes = 60;
    config->resume_confirm = is_confirming;
    config->takeover_resumes = is_confirming;
    world->is_confirming = is_confirming;
    world->random = seed | 1;
    world->fake.on_event = on_event;
    for (int i = 0; i < IDS; i++) {
        for (int k = 0; k < LINKS; k++) {
            fake_link_init(&world->actors[i].links[k]);
        }
    }
    for (long i = 0; i < steps; i++) {
        act(world);
        if (pick(world, 3) == 0) {
            wsp_hub_turn(&world->fake.hub);
        }
        check_sums(world);
        check_links(world);
    }
    finish(world);
}

static uint64_t choose_seed(void)
{
    const char *text = getenv("WSP_SEED");
    uint64_t seed =
        text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) * 2654435761U;
    print_message("WSP_SEED=%llu replays this run\n", (unsigned long long)seed);
    return seed;
}

static void any_interleaving_keeps_the_invariants(void **state)
{
    (void)state;
    static struct world world;
    run(&world, choose_seed(), false);
}

static void any_interleaving_with_confirmation(void **state)
{
    (void)state;
    static struct world world;
    run(&world, choose_seed(), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_interleaving_keeps_the_invariants),
        cmocka_unit_test(any_interleaving_with_confirmation),
    };
    return cmocka_run_group_tests_name("core.property", tests, NULL, NULL);
}
