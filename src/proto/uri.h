/* SPDX-License-Identifier: MIT */
/* Reads query strings, cookies, origins and percent-encoded paths.
 * Thread: any. */
#ifndef WSP_PROTO_URI_H
#define WSP_PROTO_URI_H

#include <stdbool.h>
#include <stddef.h>

#include <wspulse/span.h>

/* Decodes the first `name=value` of a query into `out` (capacity `size`):
 * percent sequences and `+`. Returns the length, or -1 when it is absent,
 * malformed or longer than `size`. The name is compared decoded. */
long wsp_uri_query_find(struct wsp_span query, struct wsp_span name, char *out,
                        size_t size);

/* The value of a cookie in a Cookie header (RFC 6265 §4.2), without quotes
 * around it; NULL data when absent. */
struct wsp_span wsp_uri_cookie_find(struct wsp_span header,
                                    struct wsp_span name);

/* Decodes a path for the file system: percent sequences, then `.` and `..`
 * segments are resolved. Returns the length of the NUL-terminated result that
 * starts with `/`, or -1 when the path is malformed, holds a NUL byte or a
 * backslash, climbs above its root, has a segment that starts with a dot, or is
 * longer than `size`. */
long wsp_uri_path_decode(struct wsp_span path, char *out, size_t size);

/* Tells whether an Origin header has the same host and port as a Host header;
 * the scheme's default port counts as given. Where neither names a port the
 * schemes may differ, as they do behind a proxy that ends TLS. False for "null"
 * and anything malformed. */
bool wsp_uri_origin_is_same(struct wsp_span origin, struct wsp_span host,
                            bool is_tls);

/* Tells whether two serialized origins are equal: scheme and host without case,
 * default ports filled in (RFC 6454 §5). "null" equals nothing. */
bool wsp_uri_origin_equal(struct wsp_span a, struct wsp_span b);

#endif
