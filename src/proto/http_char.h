/* SPDX-License-Identifier: MIT */
/* Which characters may stand where in an HTTP request head.
 * Thread: any. */
#ifndef WSP_PROTO_HTTP_CHAR_H
#define WSP_PROTO_HTTP_CHAR_H

#include <stdbool.h>
#include <stdint.h>

enum wsp_http_class {
    WSP_HTTP_TOKEN = 1,  /* method, field name (RFC 9110 §5.6.2) */
    WSP_HTTP_TARGET = 2, /* visible ASCII but `#` */
    WSP_HTTP_VALUE = 4,  /* field value, blanks and obs-text too (§5.5) */
    WSP_HTTP_BLANK = 8,  /* space and tab */
    WSP_HTTP_HOST = 16,  /* uri-host and port (RFC 3986 §3.2) */
};

/* The classes of each byte. */
extern const uint8_t wsp_http_classes[256];

static inline bool wsp_http_is(char byte, enum wsp_http_class class)
{
    return (wsp_http_classes[(unsigned char)byte] & class) != 0;
}

#endif
