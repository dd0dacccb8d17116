/* SPDX-License-Identifier: MIT */
#include "proto/forwarded.h"

bool wsp_forwarded_is_trusted(const struct wsp_forwarded_trust *trust,
                              const struct wsp_ip *ip)
{
    for (size_t i = 0; i < trust->count; i++) {
        if (wsp_ip_range_holds(&trust->ranges[i], ip)) {
            return true;
        }
    }
    return false;
}

/* The list is walked once, from its front: whoever is not trusted, and whatever
 * is no address, takes back what was found before. */
bool wsp_forwarded_find(const struct wsp_http_head *head, const char *bytes,
                        const struct wsp_forwarded_trust *trust,
                        struct wsp_ip_port *client)
{
    struct wsp_http_values values =
        wsp_http_values_of(head, bytes, wsp_span_of("X-Forwarded-For"));
    struct wsp_span value;
    bool is_found = false;
    while (wsp_http_values_next(&values, &value)) {
        struct wsp_ip_port hop;
        if (!wsp_ip_port_parse(&hop, value)) {
            is_found = false;
        } else if (!is_found || !wsp_forwarded_is_trusted(trust, &hop.ip)) {
            *client = hop;
            is_found = true;
        }
    }
    return is_found;
}
