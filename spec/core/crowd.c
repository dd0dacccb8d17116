/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/confirm.h"

static uint32_t pick(struct crowd *crowd, uint32_t below)
{
    return crowd->pick(crowd->pick_ud, below);
}

static struct actor *actor_of(struct crowd *crowd, const struct wsp_session *s)
{
    assert_int_equal(s->id_len, 1);
    return &crowd->actors[s->text[0] - 'a'];
}

static struct wsp_session *find(struct crowd *crowd, uint32_t which)
{
    char id[2] = {(char)('a' + which), '\0'};
    return wsp_hub_find(&crowd->fake.hub, wsp_span_of(id));
}

/* ---- what callbacks must obey ---- */

static void on_connect(struct crowd *crowd, struct wsp_session *session)
{
    struct actor *actor = actor_of(crowd, session);
    assert_true(actor->place == NOWHERE || actor->place == ENDED);
    actor->place = OPEN;
    actor->handle = session->handle;
    crowd->connects++;
}

static void on_disconnect(struct crowd *crowd, struct wsp_session *session)
{
    struct actor *actor = actor_of(crowd, session);
    assert_int_equal(actor->handle, session->handle);
    assert_true(actor->place == OPEN || actor->place == DROPPED);
    assert_int_equal(session->state, WSP_SESSION_CLOSED);
    actor->place = ENDED;
    crowd->disconnects++;
}

static void on_passage(struct crowd *crowd, struct wsp_session *session,
                       enum place from, enum place to)
{
    struct actor *actor = actor_of(crowd, session);
    assert_int_equal(actor->handle, session->handle);
    assert_int_equal(actor->place, from);
    actor->place = to;
}

static void act(struct crowd *crowd);

static void on_event(struct fake *fake, const char *event,
                     struct wsp_session *session)
{
    struct crowd *crowd = (struct crowd *)fake;
    fake->log[0] = '\0';
    if (strcmp(event, "connect") == 0) {
        on_connect(crowd, session);
    } else if (strcmp(event, "disconnect") == 0) {
        on_disconnect(crowd, session);
    } else if (strcmp(event, "drop") == 0) {
        on_passage(crowd, session, OPEN, DROPPED);
    } else if (strcmp(event, "restore") == 0) {
        on_passage(crowd, session, DROPPED, OPEN);
        assert_non_null(session->link);
    } else if (strcmp(event, "message") == 0) {
        on_passage(crowd, session, OPEN, OPEN);
    }
    if (crowd->depth == 0 && pick(crowd, 4) == 0) {
        crowd->depth++;
        act(crowd); /* callbacks may do anything an application may */
        crowd->depth--;
    }
}

/* ---- what may happen ---- */

static void join(struct crowd *crowd, uint32_t which)
{
    if (crowd->depth) {
        return; /* transports come from the loop, never from a callback */
    }
    struct actor *actor = &crowd->actors[which];
    char id[2] = {(char)('a' + which), '\0'};
    char room[2] = {(char)('0' + pick(crowd, CROWD_ROOMS)), '\0'};
    struct wsp_session *before = find(crowd, which);
    wsp_id old = before ? before->handle : 0;
    actor->link_index = (actor->link_index + 1) % CROWD_LINKS;
    struct fake_link *link = &actor->links[actor->link_index];
    if (link->link.session) {
        return; /* still borrowed */
    }
    fake_link_init(link);
    link->budget = pick(crowd, 3) ? UINT32_MAX : pick(crowd, 3);
    struct wsp_session *session =
        wsp_hub_register(&crowd->fake.hub, &link->link, wsp_span_of(room),
                         wsp_span_of(id), NULL);
    assert_non_null(session);
    if (session->handle != old) {
        actor->sent = 0;
        actor->seen = 0;
    }
    if (pick(crowd, 8)) {
        wsp_hub_settle(&crowd->fake.hub);
    }
}

static void send_next(struct crowd *crowd, uint32_t which)
{
    struct wsp_session *session = find(crowd, which);
    char text[16];
    if (!session) {
        return;
    }
    struct actor *actor = &crowd->actors[which];
    snprintf(text, sizeof text, "%u", actor->sent + 1);
    enum wsp_err err = fake_send(session, text);
    assert_true(err == WSP_OK || err == WSP_ERR_SEND_BUFFER_FULL);
    if (err == WSP_OK) {
        actor->sent++;
    }
}

static void lose(struct crowd *crowd, uint32_t which)
{
    struct wsp_session *session = find(crowd, which);
    if (!session || !session->link || crowd->depth) {
        return;
    }
    struct wsp_error *error =
        pick(crowd, 2) ? wsp_error_new(WSP_ERR_IO, NULL, NULL) : NULL;
    wsp_session_lost(session, error);
}

static void say(struct crowd *crowd, uint32_t which)
{
    struct wsp_session *session = find(crowd, which);
    if (!session || !session->link || crowd->depth) {
        return;
    }
    if (pick(crowd, 10) == 0) {
        crowd->fake.handler_error = wsp_error_new(WSP_ERR_PANIC, NULL, NULL);
    }
    fake_say(session, "x");
    wsp_error_unref(crowd->fake.handler_error);
    crowd->fake.handler_error = NULL;
}

static void open_link(struct crowd *crowd, uint32_t which)
{
    struct wsp_session *session = find(crowd, which);
    if (session && session->link && !crowd->depth) {
        ((struct fake_link *)session->link)->budget = pick(crowd, 8);
        wsp_session_writable(session);
    }
}

static void pong(struct crowd *crowd, uint32_t which)
{
    struct wsp_session *session = find(crowd, which);
    if (session && session->link && !crowd->depth) {
        struct fake_link *link = (struct fake_link *)session->link;
        wsp_session_pong(session, link->ping, link->ping_len);
    }
}

static void act(struct crowd *crowd)
{
    struct wsp_hub *hub = &crowd->fake.hub;
    uint32_t which = pick(crowd, CROWD_IDS);
    struct wsp_session *session = find(crowd, which);
    char id[2] = {(char)('a' + which), '\0'};
    char room[2] = {(char)('0' + pick(crowd, CROWD_ROOMS)), '\0'};
    switch (pick(crowd, 16)) {
    case 0:
    case 1:
    case 2:
        join(crowd, which);
        break;
    case 3:
    case 4:
        lose(crowd, which);
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
        assert_int_equal(fake_broadcast(&crowd->fake, room, "b"), WSP_OK);
        break;
    case 8:
        say(crowd, which);
        break;
    case 9:
        open_link(crowd, which);
        break;
    case 10:
        pong(crowd, which);
        break;
    case 11:
        crowd->fake.now_ms += pick(crowd, 400);
        break;
    default:
        send_next(crowd, which);
        break;
    }
}

/* ---- what must hold between two steps ---- */

/* Numbers a link was given only grow; without confirmation over all links of a
 * session, with it a new link may begin again at an unconfirmed one. */
static void check_link(struct crowd *crowd, struct actor *actor,
                       struct fake_link *link)
{
    uint32_t last = crowd->is_confirming ? 0 : actor->seen;
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

static void check_links(struct crowd *crowd)
{
    for (int i = 0; i < CROWD_IDS; i++) {
        struct actor *actor = &crowd->actors[i];
        struct fake_link *link = &actor->links[actor->link_index];
        struct wsp_session *session = find(crowd, (uint32_t)i);
        if (session && session->link == &link->link) {
            check_link(crowd, actor, link);
            if (!crowd->is_confirming || strlen(link->written) > 8000) {
                link->written[0] = '\0';
            }
        }
    }
}

static void check_sums(struct crowd *crowd)
{
    struct wsp_hub *hub = &crowd->fake.hub;
    uint32_t suspended = 0;
    size_t bytes = 0;
    uint64_t alive = 0;
    for (uint32_t i = 0; i < CROWD_IDS; i++) {
        struct wsp_session *session = find(crowd, i);
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

void crowd_init(struct crowd *crowd, uint32_t (*fn)(void *ud, uint32_t below),
                void *ud, bool is_confirming)
{
    memset(crowd, 0, sizeof *crowd);
    crowd->pick = fn;
    crowd->pick_ud = ud;
    fake_init(&crowd->fake, 3);
    struct wsp_hub_config *config = &crowd->fake.hub.config;
    config->resume_window_ms = 1000;
    config->ping_ms = 500;
    config->pong_ms = 1500;
    config->max_suspended = 4;
    config->max_suspended_bytes = 60;
    config->resume_confirm = is_confirming;
    config->takeover_resumes = is_confirming;
    crowd->is_confirming = is_confirming;
    crowd->fake.on_event = on_event;
    for (int i = 0; i < CROWD_IDS; i++) {
        for (int k = 0; k < CROWD_LINKS; k++) {
            fake_link_init(&crowd->actors[i].links[k]);
        }
    }
}

void crowd_step(struct crowd *crowd)
{
    act(crowd);
    if (pick(crowd, 3) == 0) {
        wsp_hub_turn(&crowd->fake.hub);
    }
    check_sums(crowd);
    check_links(crowd);
}

void crowd_finish(struct crowd *crowd)
{
    crowd->depth = 1; /* callbacks only watch from here on */
    wsp_hub_close(&crowd->fake.hub);
    wsp_hub_turn(&crowd->fake.hub);
    assert_int_equal(crowd->connects, crowd->disconnects);
    assert_int_equal(crowd->connects,
                     crowd->fake.hub.metrics.connections_opened);
    assert_int_equal(crowd->fake.forgotten, crowd->connects);
    assert_int_equal(crowd->fake.hub.slots.count, 0);
    assert_int_equal(crowd->fake.hub.suspended_count, 0);
    assert_int_equal(crowd->fake.hub.wheel.count, 0);
    fake_fini(&crowd->fake);
}
