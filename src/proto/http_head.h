/* SPDX-License-Identifier: MIT */
/* The head of an HTTP/1.1 request: pure, resumable at every byte, bounded and
 * strict (RFC 9112).
 *
 * Bounds: a line of 8 KiB, 64 headers, 16 KiB in all. Refused: bare LF, NUL and
 * other control characters, line folding, space before the colon, a missing or
 * second Host (for HTTP/1.1), a name that is no token, Content-Length beside
 * Transfer-Encoding or twice with different values.
 * Owner: the exchange. Thread: the owner's. */
#ifndef WSP_PROTO_HTTP_HEAD_H
#define WSP_PROTO_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/span.h>

#define WSP_HTTP_HEADERS_MAX 64
#define WSP_HTTP_LINE_MAX 8192
#define WSP_HTTP_HEAD_MAX 16384

/* Positions in the head's bytes, so that the bytes may be moved. */
struct wsp_http_slice {
    uint16_t offset;
    uint16_t len;
};

struct wsp_http_field {
    struct wsp_http_slice name;
    struct wsp_http_slice value; /* without surrounding spaces */
};

struct wsp_http_head {
    struct wsp_http_slice method;
    struct wsp_http_slice target; /* origin-form or absolute-form, as sent */
    struct wsp_http_slice path;   /* of the target, without the query */
    struct wsp_http_slice query;  /* behind `?`; has_query tells "" from none */
    bool has_query;
    uint8_t minor; /* 0 or 1: HTTP/1.x */
    uint16_t field_count;
    struct wsp_http_field fields[WSP_HTTP_HEADERS_MAX];
    size_t content_length; /* 0 when absent */
    bool has_content_length;
    bool has_transfer_encoding; /* any: bodies of this kind are not read */
    bool is_keep_alive;         /* by version and Connection header */
    /* private: where parsing goes on */
    uint16_t scan_offset;
    uint16_t line_start;
    uint8_t state;
};

void wsp_http_head_init(struct wsp_http_head *head);

/* Looks at the bytes gathered so far; `bytes` holds all of them, from the first
 * byte of the request on. Every byte is looked at once over all calls.
 * Returns the head's length once it is complete, 0 when more is needed, or the
 * negative status to answer with: -400, -431, -505 (another major version). */
int wsp_http_head_parse(struct wsp_http_head *head, struct wsp_span bytes);

/* The bytes of a slice. */
static inline struct wsp_span wsp_http_slice_in(struct wsp_http_slice slice,
                                                const char *bytes)
{
    return (struct wsp_span){bytes + slice.offset, slice.len};
}

/* The first field of that name (no case), or a span with NULL data. */
struct wsp_span wsp_http_head_find(const struct wsp_http_head *head,
                                   const char *bytes, struct wsp_span name);

/* How many fields have that name (no case). */
size_t wsp_http_head_count(const struct wsp_http_head *head, const char *bytes,
                           struct wsp_span name);

/* A walk over the comma-separated values of every field of one name, in their
 * order (RFC 9110 §5.6.1). The head and its bytes are borrowed. */
struct wsp_http_values {
    const struct wsp_http_head *head;
    const char *bytes;
    struct wsp_span name;
    size_t index;         /* of the field behind the current one */
    struct wsp_span rest; /* of the current field */
};

struct wsp_http_values wsp_http_values_of(const struct wsp_http_head *head,
                                          const char *bytes,
                                          struct wsp_span name);

/* Gives the next value that is not empty, without surrounding blanks. False
 * behind the last one. Every byte is looked at once over all calls. */
bool wsp_http_values_next(struct wsp_http_values *values,
                          struct wsp_span *value);

/* Tells whether one of the comma-separated values of the fields of that name is
 * `token` (no case). */
bool wsp_http_head_has_token(const struct wsp_http_head *head,
                             const char *bytes, struct wsp_span name,
                             struct wsp_span token);

#endif
