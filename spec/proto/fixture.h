/* SPDX-License-Identifier: MIT */
/* A client's stream being built, and the reader that gets it. */
#ifndef WSP_SPEC_PROTO_FIXTURE_H
#define WSP_SPEC_PROTO_FIXTURE_H

#include "proto/client_frame.h"
#include "proto/recorder.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})

struct fixture {
    struct wsp_buf stream;
    struct recorder recorder;
};

/* Setup and teardown of a test; its state is the fixture. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* Begins a new stream and a new reader under the same limits. */
void fixture_begin(struct fixture *fixture);

/* Adds a final frame, or one that is not. */
void fixture_put(struct fixture *fixture, uint8_t opcode, const char *payload);
void fixture_put_fragment(struct fixture *fixture, uint8_t opcode,
                          struct wsp_span payload);

/* Feeds what has been added, in one piece or byte by byte. */
void fixture_feed(struct fixture *fixture);
void fixture_feed_bytewise(struct fixture *fixture);

/* Fails the test when the reader has found something else. */
void fixture_expect(struct fixture *fixture, const char *log);

/* Feeds one frame as a whole stream, whole and then byte by byte. */
void fixture_expect_frame(struct fixture *fixture,
                          const struct client_frame *frame, const char *log);

#endif
