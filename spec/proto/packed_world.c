/* SPDX-License-Identifier: MIT */
#include "proto/packed_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/client_frame.h"
#include "proto/opcode.h"

int packed_set_up(void **state)
{
    struct packed_world *world = calloc(1, sizeof *world);
    if (!world) {
        return -1;
    }
    recorder_init(&world->recorder);
    recorder_agree(&world->recorder, 15, false, ENOUGH);
    packer_init(&world->packer, 15, 6);
    *state = world;
    return 0;
}

struct wsp_inflate_pool *packed_inflaters(const struct packed_world *world)
{
    return wsp_reader_pool_inflaters(world->recorder.pool);
}

int packed_tear_down(void **state)
{
    struct packed_world *world = *state;
    wsp_reader_fini(&world->recorder.reader, world->recorder.pool);
    assert_int_equal(packed_inflaters(world)->lent_count, 0);
    assert_int_equal(packed_inflaters(world)->held_bytes, 0);
    recorder_fini(&world->recorder);
    packer_fini(&world->packer);
    wsp_buf_fini(&world->stream);
    wsp_buf_fini(&world->packed);
    wsp_buf_fini(&world->expected);
    free(world);
    return 0;
}

void packed_begin(struct packed_world *world)
{
    recorder_reset(&world->recorder);
    packer_reset(&world->packer);
    world->stream.len = 0;
    world->expected.len = 0;
}

struct wsp_span packed_pack(struct packed_world *world, struct wsp_span message)
{
    world->packed.len = 0;
    packer_add(&world->packer, message, &world->packed);
    return packed_span(&world->packed);
}

void packed_send_frame(struct packed_world *world, uint8_t opcode,
                       struct wsp_span payload)
{
    client_frame_add(
        &world->stream,
        &(struct client_frame){.opcode = opcode, .payload = payload, .rsv = 4});
}

void packed_send(struct packed_world *world, uint8_t opcode,
                 struct wsp_span message)
{
    packer_reset(&world->packer);
    packed_send_frame(world, opcode, packed_pack(world, message));
}

/* Sends payload in frames of at most `size` bytes, the first one saying that it
 * is compressed. */
void packed_send_fragments(struct packed_world *world, uint8_t opcode,
                           struct wsp_span payload, size_t size)
{
    bool is_first = true;
    do {
        size_t len = payload.len < size ? payload.len : size;
        client_frame_add(
            &world->stream,
            &(struct client_frame){.opcode = is_first ? opcode
                                                      : WSP_OPCODE_CONTINUATION,
                                   .payload = {payload.data, len},
                                   .is_fragment = len < payload.len,
                                   .rsv = is_first ? 4 : 0});
        payload.data += len;
        payload.len -= len;
        is_first = false;
    } while (payload.len > 0);
}

void packed_feed(struct packed_world *world, size_t piece)
{
    recorder_feed(&world->recorder, packed_span(&world->stream), piece);
}

void packed_expect_log(struct packed_world *world, struct wsp_span expected)
{
    struct wsp_span log = recorder_log(&world->recorder);
    if (!wsp_span_equal(log, expected)) {
        fail_msg("found %.*s, not %.*s", (int)log.len, log.data,
                 (int)expected.len, expected.data);
    }
}

void packed_expect(struct packed_world *world, const char *log)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 5, 17, 1000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        recorder_reset(&world->recorder);
        packed_feed(world, pieces[i]);
        packed_expect_log(world, wsp_span_of(log));
    }
    packed_begin(world);
}

void packed_expect_failure(struct packed_world *world, uint8_t opcode,
                           struct wsp_span payload, const char *log)
{
    packed_send_frame(world, opcode, payload);
    packed_expect(world, log);
}
