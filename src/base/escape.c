/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BROKEN UINT32_MAX /* in place of a code point */

struct range {
    uint32_t first;
    uint32_t last;
};

/* What moves the cursor, starts an escape sequence (C0 and C1 controls), ends a
 * line or changes the direction of what follows. */
static const struct range hidden[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},
    {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
};

static bool is_hidden(uint32_t code)
{
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (code >= hidden[i].first && code <= hidden[i].last) {
            return true;
        }
    }
    return false;
}

/* The bytes a lead byte announces; 0 when it is none (RFC 3629 §3). */
static size_t announced(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead < 0xe0) {
        return 2;
    }
    if (lead >= 0xe0 && lead < 0xf0) {
        return 3;
    }
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

static bool is_allowed(uint32_t code, size_t len)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= lowest[len] && code <= 0x10ffff && !is_surrogate;
}

/* Reads one character; a broken one is one byte long. */
static uint32_t decode(struct wsp_span text, size_t *len)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t count = announced(bytes[0]);
    *len = 1;
    if (count == 1) {
        return bytes[0];
    }
    if (count == 0 || count > text.len) {
        return BROKEN;
    }
    uint32_t code = bytes[0] & (0xffu >> (count + 1));
    for (size_t i = 1; i < count; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return BROKEN;
        }
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (!is_allowed(code, count)) {
        return BROKEN;
    }
    *len = count;
    return code;
}

/* The letter behind the backslash, or 0. */
static char short_form(uint32_t code, enum wsp_escape style)
{
    switch (code) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return style == WSP_ESCAPE_PLAIN ? 0 : (char)code;
    default:
        return 0;
    }
}

static size_t write_long(uint32_t code, unsigned char byte,
                         enum wsp_escape style, char *out)
{
    char text[WSP_ESCAPE_MAX + 1];
    int len;
    if (code == BROKEN && style == WSP_ESCAPE_JSON) {
        len = snprintf(text, sizeof text, "\\ufffd");
    } else if (code == BROKEN) {
        len = snprintf(text, sizeof text, "\\x%02x", (unsigned)byte);
    } else if (code < 0x80 && style != WSP_ESCAPE_JSON) {
        len = snprintf(text, sizeof text, "\\x%02x", (unsigned)code);
    } else {
        len = snprintf(text, sizeof text, "\\u%04x", (unsigned)code & 0xffff);
    }
    memcpy(out, text, (size_t)len);
    return (size_t)len;
}

size_t wsp_escape_next(struct wsp_span text, enum wsp_escape style,
                       char out[WSP_ESCAPE_MAX], size_t *len)
{
    size_t taken;
    uint32_t code = decode(text, &taken);
    char letter = short_form(code, style);
    if (letter) {
        out[0] = '\\';
        out[1] = letter;
        *len = 2;
    } else if (code == BROKEN || is_hidden(code)) {
        *len = write_long(code, (unsigned char)text.data[0], style, out);
    } else {
        memcpy(out, text.data, taken);
        *len = taken;
    }
    return taken;
}

bool wsp_escape_is_plain(struct wsp_span text, enum wsp_escape style)
{
    while (text.len > 0) {
        size_t taken;
        uint32_t code = decode(text, &taken);
        if (code == BROKEN || is_hidden(code) || short_form(code, style)) {
            return false;
        }
        text.data += taken;
        text.len -= taken;
    }
    return true;
}
