/* SPDX-License-Identifier: MIT */
/* The parts of the codecs that a binding needs: versions of the building
 * blocks, ids, and checks of JSON text and MessagePack bytes.
 * Thread: any. */
#ifndef WSPULSE_CODEC_H
#define WSPULSE_CODEC_H

#include <stdbool.h>

#include <wspulse/api.h>
#include <wspulse/span.h>

WSP_BEGIN_C

/* Tells whether `text` is one well-formed JSON value (RFC 8259), nested at most
 * 512 deep. */
WSP_API bool wsp_json_is_valid(struct wsp_span text);

/* Tells whether `bytes` are one well-formed MessagePack value, nested at most
 * 512 deep, with nothing behind it. */
WSP_API bool wsp_msgpack_is_valid(struct wsp_span bytes);

/* Tells whether `text` is well-formed UTF-8 (RFC 3629). */
WSP_API bool wsp_utf8_is_valid(struct wsp_span text);

/* Writes a random UUID (RFC 9562 version 4, 36 characters and a NUL). Returns
 * false when the system has no randomness to give. */
WSP_API bool wsp_uuid(char out[37]);

/* One line that names the libraries in use: "libevent 2.1.12, …". */
WSP_API const char *wsp_components(void);

WSP_END_C

#endif
