/* SPDX-License-Identifier: MIT */
/* Hostile 38: a peer that sends more than its share gets turns like any other,
 * counted turn by turn. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "peer.h"
#include "stage.h"

#define FLOOD 100000       /* frames */
#define FIRST_TURN 16384   /* bytes of the first receive */
#define SHORTEST_TURN 4096 /* and of one that many frames have shortened */
#define FRAME 7            /* bytes of a frame of the flood */

struct world {
    struct stage stage; /* first: the handlers get it */
    unsigned flood;     /* messages "f" that were handled */
    unsigned other;     /* messages of the other peer */
    unsigned most;      /* of "f" in a turn, since it was set to 0 */
    unsigned turns;
};

static void on_admit(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    (void)ud;
    (void)request;
    admission->is_accepted = true;
}

static struct wsp_error *on_message(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame)
{
    struct world *world = ud;
    (void)connection;
    if (frame->payload.len == 1 && frame->payload.data[0] == 'f') {
        world->flood++;
    } else {
        world->other++;
    }
    return NULL;
}

static void start(struct world *world)
{
    memset(world, 0, sizeof *world);
    stage_init(&world->stage, NULL);
    world->stage.handlers.connect = on_admit;
    world->stage.handlers.on_message = on_message;
    stage_start(&world->stage);
}

static void turn(struct world *world)
{
    unsigned before = world->flood;
    wsp_loop_poll(world->stage.loop, 20);
    if (world->flood - before > world->most) {
        world->most = world->flood - before;
    }
    world->turns++;
}

/* Writes what the kernel takes of `count` frames. Returns how many. */
static unsigned pour(struct peer *peer, unsigned count)
{
    static char frames[FLOOD * FRAME];
    for (size_t i = 0; i < FLOOD; i++) {
        memcpy(frames + i * FRAME, "\x81\x81\0\0\0\0f", FRAME);
    }
    ssize_t sent = send(peer->fd, frames, (size_t)count * FRAME,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    size_t whole = sent > 0 ? (size_t)sent / FRAME : 0;
    size_t rest = sent > 0 ? (size_t)sent % FRAME : 0;
    while (rest && rest < FRAME) { /* the rest of a frame that was cut */
        ssize_t more =
            send(peer->fd, frames + rest, FRAME - rest, MSG_NOSIGNAL);
        assert_true(more > 0);
        rest += (size_t)more;
        whole += rest == FRAME;
    }
    return (unsigned)whole;
}

static void upgrade(struct world *world, struct peer *peer)
{
    char answer[STAGE_ANSWER_MAX];
    stage_upgrade(&world->stage, peer,
                  wsp_server_address(world->stage.server, 0), answer);
    assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
}

static void hostile_38_a_burst_of_small_frames_leaves_turns_to_others(
    void **state)
{
    struct world world;
    struct peer flooder;
    struct peer other;
    (void)state;
    start(&world);
    upgrade(&world, &flooder);
    upgrade(&world, &other);
    int on = 1; /* its kernel does not wait for the acknowledgement */
    setsockopt(other.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    unsigned poured = 0;
    while (world.flood < FLOOD) {
        poured += pour(&flooder, FLOOD - poured);
        unsigned asked = world.other;
        unsigned turns = world.turns;
        peer_send(&other, 1, "hello", 5);
        while (world.other == asked && world.turns < turns + 20) {
            turn(&world);
        }
        assert_true(world.other > asked && world.turns - turns <= 10);
    }
    assert_int_equal(world.flood, FLOOD);
    assert_true(world.most <= FIRST_TURN / FRAME + 1);
    peer_close(&flooder);
    peer_close(&other);
    stage_free(&world.stage);
}

static void hostile_38_many_frames_make_turns_shorter(void **state)
{
    struct world world;
    struct peer flooder;
    (void)state;
    start(&world);
    upgrade(&world, &flooder);
    unsigned poured = pour(&flooder, FLOOD);
    assert_true(poured * FRAME > 4 * FIRST_TURN); /* else nothing is proved */
    for (int i = 0; i < 4; i++) {
        turn(&world);
    }
    world.most = 0;
    while (world.flood < poured) {
        turn(&world);
    }
    assert_true(world.most <= SHORTEST_TURN / FRAME + 1);
    peer_close(&flooder);
    stage_free(&world.stage);
}

/* ---- large frames: the turns grow ---- */

static void send_large(struct peer *peer, size_t len)
{
    static char frame[8 + 60000];
    frame[0] = (char)0x82;
    frame[1] = (char)(0x80 | 126);
    frame[2] = (char)(len >> 8);
    frame[3] = (char)(len & 0xff);
    size_t left = 8 + len;
    const char *at = frame;
    while (left) {
        ssize_t sent = send(peer->fd, at, left, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        left -= (size_t)sent;
    }
}

static void large_frames_make_turns_longer(void **state)
{
    enum { COUNT = 6, LEN = 60000 };
    struct world world;
    struct peer peer;
    (void)state;
    start(&world);
    world.stage.options.max_message_size = 65536;
    stage_swap(&world.stage, NULL);
    upgrade(&world, &peer);
    unsigned turns[2] = {0, 0};
    for (int round = 0; round < 2; round++) {
        unsigned before = world.other;
        for (int i = 0; i < COUNT; i++) {
            send_large(&peer, LEN);
        }
        while (world.other < before + COUNT) {
            turn(&world);
            turns[round]++;
        }
    }
    assert_true(turns[0] <= 2 * (COUNT * LEN / FIRST_TURN));
    assert_true(turns[1] < turns[0]);
    peer_close(&peer);
    stage_free(&world.stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            hostile_38_a_burst_of_small_frames_leaves_turns_to_others),
        cmocka_unit_test(hostile_38_many_frames_make_turns_shorter),
        cmocka_unit_test(large_frames_make_turns_longer),
    };
    return cmocka_run_group_tests_name("runtime.turns", tests, NULL, NULL);
}
