/* SPDX-License-Identifier: MIT */
/* Compression over sockets, with a look at what the server holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "proto/deflate.h"
#include "proto/inflate.h"
#include "runtime/server.h"
#include "stage.h"
#include "support/loop_wait.h"

#define PEERS 8
#define LARGE (512 * 1024)

/* An application that sends every message to everybody, each with an id of its
 * own. */
struct world {
    struct stage stage;
    char id[16];
    struct wsp_deflater deflater;
    char text[LARGE];
};

static void on_admit(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    struct world *world = ud;
    (void)request;
    snprintf(world->id, sizeof world->id, "%u", ++world->stage.admissions);
    admission->is_accepted = true;
    admission->room = wsp_span_of("a");
    admission->id = wsp_span_of(world->id);
}

static struct wsp_error *on_message(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame)
{
    struct world *world = ud;
    (void)connection;
    wsp_server_broadcast(world->stage.server, wsp_span_of("a"), frame, 0, NULL);
    return NULL;
}

static void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    stage_init(&world->stage, NULL);
    world->stage.handlers.ud = world;
    world->stage.handlers.connect = on_admit;
    world->stage.handlers.on_message = on_message;
    world->stage.options.compression.is_on = true;
    world->stage.options.max_message_size = LARGE;
    memset(world->text, 'a', sizeof world->text);
    stage_start(&world->stage);
}

static void world_fini(struct world *world)
{
    assert_int_equal(
        wsp_reader_pool_inflaters(world->stage.server->readers)->held_bytes, 0);
    wsp_deflater_fini(&world->deflater);
    stage_free(&world->stage);
}

static void join(struct world *world, struct peer *peer)
{
    char answer[STAGE_ANSWER_MAX];
    peer_connect(peer, wsp_server_address(world->stage.server, 0));
    peer_write(peer, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
    stage_take(&world->stage, peer, false, answer);
    assert_non_null(strstr(answer, "permessage-deflate"));
}

/* Sends the first `len` bytes of the text, compressed, under a mask of zero. */
static void say(struct world *world, const struct peer *peer, size_t len)
{
    struct wsp_span packed = wsp_deflater_run(
        &world->deflater, (struct wsp_span){world->text, len}, 15, 9);
    assert_in_range(packed.len, 126, 4096);
    uint8_t head[8] = {0xC1, 0x80 | 126, (uint8_t)(packed.len >> 8),
                       (uint8_t)packed.len};
    assert_int_equal(send(peer->fd, head, sizeof head, 0), sizeof head);
    assert_int_equal(send(peer->fd, packed.data, packed.len, 0), packed.len);
}

static void a_broadcast_is_compressed_once_for_all_sockets(void **state)
{
    (void)state;
    static struct world world;
    static struct peer peers[PEERS];
    world_init(&world);
    for (size_t i = 0; i < PEERS; i++) {
        join(&world, &peers[i]);
    }
    say(&world, &peers[0], LARGE);
    const struct wsp_metrics *metrics = &world.stage.server->hub.metrics;
    for (size_t i = 0; i < PEERS; i++) {
        struct peer *peer = &peers[i];
        LOOP_WAIT(world.stage.loop,
                  (stage_pull(peer),
                   peer->in_len > 4 && (uint8_t)peer->in[1] == 126 &&
                       peer->in_len >= 4 + ((uint8_t)peer->in[2] * 256u +
                                            (uint8_t)peer->in[3])));
        assert_int_equal((uint8_t)peer->in[0], 0xC1);
        assert_int_equal(peer->in_len, peers[0].in_len);
        assert_memory_equal(peer->in, peers[0].in, peer->in_len);
    }
    assert_int_equal(metrics->messages_compressed, 1);
    assert_int_equal(metrics->compression_saved_bytes,
                     PEERS * (LARGE + 10 - peers[0].in_len));
    for (size_t i = 0; i < PEERS; i++) {
        peer_close(&peers[i]);
    }
    world_fini(&world);
}

static const struct wsp_stream *stream_of(const struct world *world)
{
    return &TAILQ_FIRST(&world->stage.server->transports)->stream;
}

/* What comes of few bytes is work as well. */
static void hostile_38_little_that_inflates_to_much_gets_shorter_turns(
    void **state)
{
    (void)state;
    static struct world world;
    static struct peer peer;
    world_init(&world);
    world.stage.handlers.on_message = NULL;
    stage_swap(&world.stage, NULL);
    join(&world, &peer);
    assert_int_equal(stream_of(&world)->read_shift, WSP_STREAM_READ_SHIFT);
    const struct wsp_metrics *metrics = &world.stage.server->hub.metrics;
    for (unsigned i = 0; i < 30; i += 10) {
        for (unsigned k = 0; k < 10; k++) {
            say(&world, &peer, LARGE);
        }
        LOOP_WAIT(world.stage.loop, metrics->messages_received == i + 10);
    }
    assert_int_equal(stream_of(&world)->read_shift, WSP_STREAM_READ_SHIFT_MAX);
    peer_close(&peer);
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broadcast_is_compressed_once_for_all_sockets),
        cmocka_unit_test(
            hostile_38_little_that_inflates_to_much_gets_shorter_turns),
    };
    return cmocka_run_group_tests_name("runtime.compression", tests, NULL,
                                       NULL);
}
