/* SPDX-License-Identifier: MIT */
/* IP addresses without ports, and ranges of them ("10.0.0.0/8"). An IPv4
 * address and the same one mapped into IPv6 are equal.
 * Thread: any. */
#ifndef WSP_BASE_IP_H
#define WSP_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/span.h>

/* "[", an IPv6 address, "]:65535" and NUL. */
#define WSP_IP_TEXT_MAX 56

struct wsp_ip {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

/* Where somebody is: an address, and a port when it is known. */
struct wsp_ip_port {
    struct wsp_ip ip;
    uint16_t port; /* 0: not known */
};

struct wsp_ip_range {
    struct wsp_ip ip; /* every bit behind the first `bits` is 0 */
    uint8_t bits;     /* of 128 */
};

/* From four and from sixteen bytes in network order. */
struct wsp_ip wsp_ip_of_v4(const void *bytes);
struct wsp_ip wsp_ip_of_v6(const void *bytes);

/* Reads "192.0.2.1" or "2001:db8::1", nothing around it. */
bool wsp_ip_parse(struct wsp_ip *ip, struct wsp_span text);

/* Reads what proxies write: an address, "192.0.2.1:80", "[2001:db8::1]" or
 * "[2001:db8::1]:80"; a zone such as "%eth0" means nothing here and is left
 * out. */
bool wsp_ip_port_parse(struct wsp_ip_port *out, struct wsp_span text);

/* Writes "192.0.2.1:80", "[2001:db8::1]:80", or without ":80" when the port is
 * not known. */
void wsp_ip_port_format(const struct wsp_ip_port *from,
                        char out[WSP_IP_TEXT_MAX]);

/* Reads "192.0.2.0/24", "2001:db8::/32" or a single address. Refuses one with
 * bits behind its prefix: 10.0.0.1/8 is a mistake. */
bool wsp_ip_range_parse(struct wsp_ip_range *range, struct wsp_span text);

bool wsp_ip_range_holds(const struct wsp_ip_range *range,
                        const struct wsp_ip *ip);

/* What counts as one peer: an IPv4 address, or a /64 of IPv6, which is what a
 * single customer is given at least. Equal for equal peers, and never equal for
 * an IPv4 address and a routed /64. */
uint64_t wsp_ip_peer(const struct wsp_ip *ip);

#endif
