/* SPDX-License-Identifier: MIT */
#include "proto/close.h"

#include <string.h>

#include "proto/utf8.h"

struct close_name {
    uint16_t code;
    const char *name;
};

static const struct close_name close_names[] = {
    {WSP_CLOSE_NORMAL, "normal"},
    {WSP_CLOSE_GOING_AWAY, "going away"},
    {WSP_CLOSE_PROTOCOL, "protocol error"},
    {WSP_CLOSE_UNSUPPORTED, "unsupported data"},
    {WSP_CLOSE_NO_STATUS, "no status"},
    {WSP_CLOSE_ABNORMAL, "abnormal"},
    {WSP_CLOSE_INVALID_DATA, "invalid data"},
    {WSP_CLOSE_POLICY, "policy violation"},
    {WSP_CLOSE_TOO_BIG, "message too big"},
    {1010, "extension missing"},
    {WSP_CLOSE_INTERNAL, "internal error"},
    {1012, "service restart"},
    {1013, "try again later"},
    {1014, "bad gateway"},
    {1015, "tls handshake"},
};

/* The longest start of `text` that fits into `max` bytes and does not end
 * within a character. */
static size_t cut_len(struct wsp_span text, size_t max)
{
    if (text.len <= max) {
        return text.len;
    }
    size_t len = max;
    while (len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80) {
        len--;
    }
    return len;
}

bool wsp_close_is_legal(uint16_t code)
{
    if (code < 1000 || code > 4999) {
        return false;
    }
    if (code >= 3000) {
        return true;
    }
    return code <= 1003 || (code >= 1007 && code <= 1014);
}

uint16_t wsp_close_parse(struct wsp_span body, uint16_t *code,
                         struct wsp_span *reason)
{
    *code = WSP_CLOSE_NO_STATUS;
    *reason = (struct wsp_span){"", 0};
    if (body.len == 0) {
        return 0;
    }
    /* RFC 6455 §5.5.1: a body starts with a two-byte code. */
    if (body.len == 1) {
        return WSP_CLOSE_PROTOCOL;
    }
    const uint8_t *bytes = (const uint8_t *)body.data;
    uint16_t sent = (uint16_t)(bytes[0] << 8 | bytes[1]);
    if (!wsp_close_is_legal(sent)) {
        return WSP_CLOSE_PROTOCOL;
    }
    if (!wsp_utf8_check(body.data + 2, body.len - 2)) {
        return WSP_CLOSE_INVALID_DATA;
    }
    *code = sent;
    *reason = (struct wsp_span){body.data + 2, body.len - 2};
    return 0;
}

size_t wsp_close_build(uint8_t out[125], uint16_t code, struct wsp_span reason)
{
    if (code == WSP_CLOSE_NO_STATUS) {
        return 0;
    }
    size_t len = cut_len(reason, WSP_CLOSE_REASON_MAX);
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)(code & 0xFF);
    if (len > 0) {
        memcpy(out + 2, reason.data, len);
    }
    return len + 2;
}

const char *wsp_close_name(uint16_t code)
{
    for (size_t i = 0; i < sizeof(close_names) / sizeof(*close_names); i++) {
        if (close_names[i].code == code) {
            return close_names[i].name;
        }
    }
    if (code >= 3000 && code <= 3999) {
        return "library";
    }
    if (code >= 4000 && code <= 4999) {
        return "application";
    }
    return "unknown";
}
