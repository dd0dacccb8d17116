/* SPDX-License-Identifier: MIT */
#include "proto/uri.h"

#include <strings.h>

#include "proto/http_char.h"

#define PORT_NONE 0
#define PORT_BAD (-1)

/* Host and port, as in a Host header or behind the `//` of an origin. */
struct authority {
    struct wsp_span host; /* an IPv6 address keeps its brackets */
    int port;             /* PORT_NONE when absent */
};

struct origin {
    struct wsp_span scheme;
    struct authority authority;
};

static bool is_same(struct wsp_span a, struct wsp_span b)
{
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static int default_port(struct wsp_span scheme)
{
    if (is_same(scheme, (struct wsp_span){"https", 5}) ||
        is_same(scheme, (struct wsp_span){"wss", 3})) {
        return 443;
    }
    if (is_same(scheme, (struct wsp_span){"http", 4}) ||
        is_same(scheme, (struct wsp_span){"ws", 2})) {
        return 80;
    }
    return PORT_NONE;
}

static int read_port(struct wsp_span digits)
{
    int port = 0;
    if (digits.len == 0 || digits.len > 5) {
        return PORT_BAD;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return PORT_BAD;
        }
        port = port * 10 + (digits.data[i] - '0');
    }
    return port == 0 || port > 65535 ? PORT_BAD : port;
}

/* The length of the host at the start of `text`; 0 when there is none. */
static size_t host_len(struct wsp_span text)
{
    if (text.len > 0 && text.data[0] == '[') {
        const char *end = memchr(text.data, ']', text.len);
        return end ? (size_t)(end - text.data) + 1 : 0;
    }
    size_t len = 0;
    while (len < text.len && text.data[len] != ':') {
        len++;
    }
    return len;
}

static bool read_authority(struct wsp_span text, struct authority *authority)
{
    size_t len = host_len(text);
    for (size_t i = 0; i < text.len; i++) {
        if (!wsp_http_is(text.data[i], WSP_HTTP_HOST)) {
            return false;
        }
    }
    authority->host = (struct wsp_span){text.data, len};
    authority->port = PORT_NONE;
    if (len < text.len) {
        struct wsp_span rest = {text.data + len + 1, text.len - len - 1};
        authority->port = text.data[len] == ':' ? read_port(rest) : PORT_BAD;
    }
    return len > 0 && authority->port != PORT_BAD;
}

static bool read_origin(struct wsp_span text, struct origin *origin)
{
    const char *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
    size_t len = colon ? (size_t)(colon - text.data) : 0;
    if (len == 0 || text.len - len < 3 || memcmp(colon, "://", 3) != 0) {
        return false;
    }
    origin->scheme = (struct wsp_span){text.data, len};
    struct wsp_span rest = {colon + 3, text.len - len - 3};
    return read_authority(rest, &origin->authority);
}

static int effective_port(const struct authority *authority, int fallback)
{
    return authority->port == PORT_NONE ? fallback : authority->port;
}

bool wsp_uri_origin_is_same(struct wsp_span origin, struct wsp_span host,
                            bool is_tls)
{
    struct origin theirs;
    struct authority ours;
    if (!read_origin(origin, &theirs) || !read_authority(host, &ours) ||
        !is_same(theirs.authority.host, ours.host)) {
        return false;
    }
    if (theirs.authority.port == ours.port) {
        return true;
    }
    return effective_port(&theirs.authority, default_port(theirs.scheme)) ==
           effective_port(&ours, is_tls ? 443 : 80);
}

bool wsp_uri_origin_equal(struct wsp_span a, struct wsp_span b)
{
    struct origin left;
    struct origin right;
    if (!read_origin(a, &left) || !read_origin(b, &right)) {
        return false;
    }
    return is_same(left.scheme, right.scheme) &&
           is_same(left.authority.host, right.authority.host) &&
           effective_port(&left.authority, default_port(left.scheme)) ==
               effective_port(&right.authority, default_port(right.scheme));
}
