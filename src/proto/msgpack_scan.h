/* SPDX-License-Identifier: MIT */
/* Walks MessagePack bytes without building anything: libmpack reads the tokens,
 * this finds where a value ends.
 * Thread: any. */
#ifndef WSP_PROTO_MSGPACK_SCAN_H
#define WSP_PROTO_MSGPACK_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <mpack.h>

#include <wspulse/span.h>

#define WSP_MSGPACK_DEPTH_MAX 512 /* decisions D15 */

/* Reads the token at bytes[offset]: a scalar, or the head of a container or of
 * a text, whose declared size is still to be checked. Returns the offset behind
 * it, or 0 when it is cut short or none. */
size_t wsp_msgpack_read(struct wsp_span bytes, size_t offset,
                        mpack_token_t *token);

/* Finds the end of the value that starts at bytes[offset], `depth` levels down.
 * Returns the offset behind it, or 0 when it is malformed, cut short or nested
 * over WSP_MSGPACK_DEPTH_MAX. No recursion, no allocation, and one step for each
 * token that is really there, whatever sizes are declared. */
size_t wsp_msgpack_skip(struct wsp_span bytes, size_t offset, int depth);

/* Tells whether the bytes are one value and nothing else
 * (wsp_msgpack_is_valid of <wspulse/codec.h>). */
bool wsp_msgpack_check(struct wsp_span bytes);

#endif
