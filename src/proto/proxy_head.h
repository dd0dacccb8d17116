/* SPDX-License-Identifier: MIT */
/* The header a proxy puts in front of a connection to say whose it is: the
 * PROXY protocol, versions 1 and 2.
 *
 * Pure, resumable at every byte, bounded: it stores 107 bytes at most and steps
 * over the additions of version 2 without looking at them. Strict: the first
 * byte that cannot be right ends it.
 * Owner: whoever reads the connection. Thread: the owner's. */
#ifndef WSP_PROTO_PROXY_HEAD_H
#define WSP_PROTO_PROXY_HEAD_H

#include "base/ip.h"

#define WSP_PROXY_HEAD_V1_MAX 107 /* the longest line, with CR and LF */

enum wsp_proxy_result {
    WSP_PROXY_MORE, /* all was taken; feed the next bytes */
    WSP_PROXY_DONE, /* what was not taken belongs to the connection */
    WSP_PROXY_BAD,  /* this is no such header: end the connection */
};

struct wsp_proxy_head {
    struct wsp_ip_port client;
    bool has_client; /* else the proxy speaks for itself (a health check), or
                        for something without an IP address */
    /* private */
    enum wsp_proxy_result result; /* so far */
    uint8_t version;              /* 0: not known yet */
    uint16_t len;                 /* bytes that are stored */
    uint32_t
        skipping; /* bytes of version 2 that are still to be stepped over */
    uint8_t bytes[WSP_PROXY_HEAD_V1_MAX];
};

void wsp_proxy_head_init(struct wsp_proxy_head *head);

/* Takes the next bytes, never one that is behind the header; `*taken` says how
 * many. After an end nothing is taken and the same comes back. */
enum wsp_proxy_result wsp_proxy_head_feed(struct wsp_proxy_head *head,
                                          const uint8_t *data, size_t len,
                                          size_t *taken);

#endif
