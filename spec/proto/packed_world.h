/* SPDX-License-Identifier: MIT */
/* A client that compresses, and the reader of what it sends. */
#ifndef WSP_SPEC_PROTO_PACKED_WORLD_H
#define WSP_SPEC_PROTO_PACKED_WORLD_H

#include <stdint.h>

#include "proto/inflate.h"
#include "proto/packer.h"
#include "proto/recorder.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define KIB 1024u
#define ENOUGH (1024 * KIB) /* a budget */

#define NOT_VALID "failed 1007 compressed message is not valid\n"
#define NOT_UTF8 "failed 1007 text message is not valid UTF-8\n"
#define TOO_BIG "failed 1009 message too big\n"

struct packed_world {
    struct recorder recorder;
    struct packer packer;
    struct wsp_buf stream; /* what the client sends */
    struct wsp_buf packed; /* a message that it compresses */
    struct wsp_buf expected;
};

static inline struct wsp_span packed_span(const struct wsp_buf *buf)
{
    return (struct wsp_span){buf->data, buf->len};
}

/* For cmocka: a client that keeps no context, with budget enough. Afterwards
 * nothing may be held. */
int packed_set_up(void **state);
int packed_tear_down(void **state);

struct wsp_inflate_pool *packed_inflaters(const struct packed_world *world);

/* Begins anew: another connection, nothing sent. */
void packed_begin(struct packed_world *world);

/* Compresses a message; the client's context goes on. */
struct wsp_span packed_pack(struct packed_world *world,
                            struct wsp_span message);

/* Sends payload in one frame that says it is compressed. */
void packed_send_frame(struct packed_world *world, uint8_t opcode,
                       struct wsp_span payload);

/* Compresses a message for itself and sends it. */
void packed_send(struct packed_world *world, uint8_t opcode,
                 struct wsp_span message);

/* Sends payload in frames of at most `size` bytes, the first one saying that it
 * is compressed. */
void packed_send_fragments(struct packed_world *world, uint8_t opcode,
                           struct wsp_span payload, size_t size);

/* Feeds what was sent, in pieces. */
void packed_feed(struct packed_world *world, size_t piece);

void packed_expect_log(struct packed_world *world, struct wsp_span expected);

/* Feeds in one piece and in pieces, expects the same each time, begins anew. */
void packed_expect(struct packed_world *world, const char *log);

/* The same for one frame that says it is compressed. */
void packed_expect_failure(struct packed_world *world, uint8_t opcode,
                           struct wsp_span payload, const char *log);

#endif
