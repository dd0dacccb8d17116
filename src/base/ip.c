/* SPDX-License-Identifier: MIT */
#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V4_OFFSET 12 /* where a mapped address has its four bytes */
#define V4_BITS 96   /* in front of them */

static const uint8_t mapped[V4_OFFSET] = {0, 0, 0, 0, 0,    0,
                                          0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct wsp_ip *ip)
{
    return memcmp(ip->bytes, mapped, V4_OFFSET) == 0;
}

struct wsp_ip wsp_ip_of_v4(const void *bytes)
{
    struct wsp_ip ip;
    memcpy(ip.bytes, mapped, V4_OFFSET);
    memcpy(ip.bytes + V4_OFFSET, bytes, 4);
    return ip;
}

struct wsp_ip wsp_ip_of_v6(const void *bytes)
{
    struct wsp_ip ip;
    memcpy(ip.bytes, bytes, sizeof ip.bytes);
    return ip;
}

/* ---- reading ---- */

bool wsp_ip_parse(struct wsp_ip *ip, struct wsp_span text)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (text.len == 0 || text.len >= sizeof copy ||
        memchr(text.data, '\0', text.len)) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1) {
        *ip = wsp_ip_of_v4(bytes);
        return true;
    }
    if (inet_pton(AF_INET6, copy, bytes) == 1) {
        *ip = wsp_ip_of_v6(bytes);
        return true;
    }
    return false;
}

/* Reads a number of at most `max` without a sign or zeros in front. */
static bool read_number(struct wsp_span text, unsigned max, unsigned *number)
{
    *number = 0;
    if (text.len == 0 || (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *number = *number * 10 + (unsigned)(text.data[i] - '0');
        if (*number > max) {
            return false;
        }
    }
    return true;
}

/* The index of the last `wanted` in `text`, or its length. */
static size_t find_last(struct wsp_span text, char wanted)
{
    size_t i = text.len;
    while (i > 0 && text.data[i - 1] != wanted) {
        i--;
    }
    return i > 0 ? i - 1 : text.len;
}

static struct wsp_span without_zone(struct wsp_span host)
{
    const char *zone = host.len ? memchr(host.data, '%', host.len) : NULL;
    return zone ? (struct wsp_span){host.data, (size_t)(zone - host.data)}
                : host;
}

/* Cuts the host out of "[host]" or "[host]:port"; `port` is what is left. */
static bool split_bracketed(struct wsp_span text, struct wsp_span *host,
                            struct wsp_span *port)
{
    const char *end = memchr(text.data, ']', text.len);
    if (!end) {
        return false;
    }
    size_t len = (size_t)(end - text.data) - 1;
    *host = (struct wsp_span){text.data + 1, len};
    *port = (struct wsp_span){end + 1, text.len - len - 2};
    return memchr(host->data, ':', len) != NULL;
}

/* Cuts "192.0.2.1:80" in two; an IPv6 address has no port without brackets. */
static void split_plain(struct wsp_span text, struct wsp_span *host,
                        struct wsp_span *port)
{
    size_t colon = find_last(text, ':');
    const char *first = memchr(text.data, ':', text.len);
    if (!first || first != text.data + colon) {
        colon = text.len;
    }
    *host = (struct wsp_span){text.data, colon};
    *port = (struct wsp_span){text.data + colon, text.len - colon};
}

bool wsp_ip_port_parse(struct wsp_ip_port *out, struct wsp_span text)
{
    struct wsp_span host;
    struct wsp_span port;
    unsigned number = 0;
    if (text.len == 0) {
        return false;
    }
    if (text.data[0] != '[') {
        split_plain(text, &host, &port);
    } else if (!split_bracketed(text, &host, &port)) {
        return false;
    }
    if (port.len > 0) {
        struct wsp_span digits = {port.data + 1, port.len - 1};
        if (port.data[0] != ':' || !read_number(digits, UINT16_MAX, &number)) {
            return false;
        }
    }
    out->port = (uint16_t)number;
    return wsp_ip_parse(&out->ip, without_zone(host));
}

/* ---- writing ---- */

void wsp_ip_port_format(const struct wsp_ip_port *from,
                        char out[WSP_IP_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN];
    char port[8] = "";
    if (from->port) {
        snprintf(port, sizeof port, ":%u", (unsigned)from->port);
    }
    if (is_v4(&from->ip)) {
        inet_ntop(AF_INET, from->ip.bytes + V4_OFFSET, host, sizeof host);
        snprintf(out, WSP_IP_TEXT_MAX, "%s%s", host, port);
    } else {
        inet_ntop(AF_INET6, from->ip.bytes, host, sizeof host);
        snprintf(out, WSP_IP_TEXT_MAX, "[%s]%s", host, port);
    }
}

/* ---- ranges ---- */

/* The bits of byte `index` that the first `bits` of an address reach. */
static uint8_t mask_of(unsigned bits, unsigned index)
{
    if (bits >= (index + 1) * 8) {
        return 0xff;
    }
    if (bits <= index * 8) {
        return 0;
    }
    return (uint8_t)(0xff00U >> (bits - index * 8));
}

bool wsp_ip_range_parse(struct wsp_ip_range *range, struct wsp_span text)
{
    size_t slash = find_last(text, '/');
    struct wsp_span host = {text.data, slash};
    if (!wsp_ip_parse(&range->ip, host)) {
        return false;
    }
    /* A mapped address is written with the bits of IPv6. */
    bool is_dotted = !memchr(host.data, ':', host.len);
    unsigned before = is_dotted ? V4_BITS : 0;
    unsigned bits = 128 - before;
    if (slash < text.len) {
        struct wsp_span digits = {text.data + slash + 1, text.len - slash - 1};
        if (!read_number(digits, 128 - before, &bits)) {
            return false;
        }
    }
    range->bits = (uint8_t)(before + bits);
    for (unsigned i = 0; i < sizeof range->ip.bytes; i++) {
        if (range->ip.bytes[i] & ~mask_of(range->bits, i)) {
            return false;
        }
    }
    return true;
}

bool wsp_ip_range_holds(const struct wsp_ip_range *range,
                        const struct wsp_ip *ip)
{
    for (unsigned i = 0; i < sizeof ip->bytes; i++) {
        if ((ip->bytes[i] & mask_of(range->bits, i)) != range->ip.bytes[i]) {
            return false;
        }
    }
    return true;
}

uint64_t wsp_ip_peer(const struct wsp_ip *ip)
{
    uint64_t key;
    memcpy(&key, is_v4(ip) ? ip->bytes + 8 : ip->bytes, sizeof key);
    return key;
}
