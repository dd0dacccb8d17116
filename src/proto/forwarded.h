/* SPDX-License-Identifier: MIT */
/* Who a request is from when it came through proxies: X-Forwarded-For.
 * Thread: any. */
#ifndef WSP_PROTO_FORWARDED_H
#define WSP_PROTO_FORWARDED_H

#include "base/ip.h"
#include "proto/http_head.h"

/* Addresses whose word is taken. */
struct wsp_forwarded_trust {
    const struct wsp_ip_range *ranges;
    size_t count;
};

bool wsp_forwarded_is_trusted(const struct wsp_forwarded_trust *trust,
                              const struct wsp_ip *ip);

/* Finds the client of a request that a trusted proxy handed over. Each proxy
 * appends whom it heard, so the list is read from its end: the first address
 * that is not trusted is the client, and what stands in front of it is what the
 * client chose to say. Something that is no address ends the search as well,
 * and the trusted one behind it counts; so does the first address when all are
 * trusted. Linear in the bytes of the head.
 * Returns false when there is nobody to be found: the proxy itself asks. */
bool wsp_forwarded_find(const struct wsp_http_head *head, const char *bytes,
                        const struct wsp_forwarded_trust *trust,
                        struct wsp_ip_port *client);

#endif
