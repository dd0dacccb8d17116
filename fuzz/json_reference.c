/* SPDX-License-Identifier: MIT */
#include "json_reference.h"

#include <string.h>

#include "target.h"

/* The next byte, or -1 at the end. */
static int peek(const struct json_reference *json)
{
    return json->at < json->text.len ? (unsigned char)json->text.data[json->at]
                                     : -1;
}

static bool take(struct json_reference *json, int character)
{
    if (peek(json) != character) {
        return false;
    }
    json->at++;
    return true;
}

void json_reference_space(struct json_reference *json)
{
    while (take(json, ' ') || take(json, '\t') || take(json, '\n') ||
           take(json, '\r')) {
    }
}

bool json_reference_take(struct json_reference *json, char character)
{
    json_reference_space(json);
    bool is_there = take(json, character);
    json_reference_space(json);
    return is_there;
}

static void add(struct wsp_buf *out, const void *data, size_t len)
{
    if (out) {
        FUZZ_CHECK(wsp_buf_add(out, data, len));
    }
}

/* ---- strings (§7) ---- */

static bool take_unit(struct json_reference *json, unsigned *unit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int next = peek(json);
        const char *digit = next > 0 ? strchr(digits, next) : NULL;
        if (!digit) {
            return false;
        }
        *unit = *unit * 16 + (unsigned)(digit - digits) % 16;
        json->at++;
    }
    return true;
}

static void add_point(struct wsp_buf *out, unsigned point)
{
    unsigned char bytes[4];
    if (point < 0x80) {
        bytes[0] = (unsigned char)point;
        add(out, bytes, 1);
    } else if (point < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | point >> 6);
        bytes[1] = (unsigned char)(0x80 | (point & 0x3F));
        add(out, bytes, 2);
    } else if (point < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | point >> 12);
        bytes[1] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (point & 0x3F));
        add(out, bytes, 3);
    } else {
        bytes[0] = (unsigned char)(0xF0 | point >> 18);
        bytes[1] = (unsigned char)(0x80 | (point >> 12 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        bytes[3] = (unsigned char)(0x80 | (point & 0x3F));
        add(out, bytes, 4);
    }
}

/* What stands behind "\u": a half of a pair without the other one is U+FFFD. */
static bool take_unicode(struct json_reference *json, struct wsp_buf *out)
{
    unsigned first;
    unsigned second;
    if (!take_unit(json, &first)) {
        return false;
    }
    struct json_reference ahead = *json;
    bool is_pair = first >= 0xD800 && first < 0xDC00 && take(&ahead, '\\') &&
                   take(&ahead, 'u') && take_unit(&ahead, &second) &&
                   second >= 0xDC00 && second < 0xE000;
    if (is_pair) {
        json->at = ahead.at;
        add_point(out, 0x10000 + (first - 0xD800) * 0x400 + (second - 0xDC00));
    } else {
        bool is_half = first >= 0xD800 && first < 0xE000;
        add_point(out, is_half ? 0xFFFD : first);
    }
    return true;
}

static bool take_escape(struct json_reference *json, struct wsp_buf *out)
{
    static const char kinds[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (take(json, 'u')) {
        return take_unicode(json, out);
    }
    int next = peek(json);
    const char *kind = next > 0 ? strchr(kinds, next) : NULL;
    if (!kind) {
        return false;
    }
    json->at++;
    add(out, values + (kind - kinds), 1);
    return true;
}

bool json_reference_string(struct json_reference *json, struct wsp_buf *out)
{
    if (!take(json, '"')) {
        return false;
    }
    while (!take(json, '"')) {
        if (take(json, '\\')) {
            if (!take_escape(json, out)) {
                return false;
            }
        } else if (peek(json) < 0x20) {
            return false;
        } else {
            add(out, json->text.data + json->at, 1);
            json->at++;
        }
    }
    return true;
}

/* ---- numbers (§6) and names (§3) ---- */

static bool take_digits(struct json_reference *json)
{
    size_t start = json->at;
    while (peek(json) >= '0' && peek(json) <= '9') {
        json->at++;
    }
    return json->at > start;
}

static bool take_number(struct json_reference *json)
{
    take(json, '-');
    if (!take(json, '0') && !take_digits(json)) {
        return false;
    }
    if (take(json, '.') && !take_digits(json)) {
        return false;
    }
    if (take(json, 'e') || take(json, 'E')) {
        bool has_sign = take(json, '+') || take(json, '-');
        (void)has_sign;
        return take_digits(json);
    }
    return true;
}

static bool take_name(struct json_reference *json, const char *name)
{
    size_t len = strlen(name);
    if (json->text.len - json->at < len ||
        memcmp(json->text.data + json->at, name, len) != 0) {
        return false;
    }
    json->at += len;
    return true;
}

/* ---- arrays and objects (§4, §5) ---- */

/* Reads a key and its colon. */
static bool take_key(struct json_reference *json)
{
    return json_reference_string(json, NULL) && json_reference_take(json, ':');
}

static bool take_container(struct json_reference *json, bool is_object)
{
    char end = is_object ? '}' : ']';
    if (++json->depth > json->depth_max) {
        return false;
    }
    json_reference_space(json);
    if (!take(json, end)) {
        do {
            json_reference_space(json);
            if ((is_object && !take_key(json)) || !json_reference_value(json)) {
                return false;
            }
            json_reference_space(json);
        } while (take(json, ','));
        if (!take(json, end)) {
            return false;
        }
    }
    json->depth--;
    return true;
}

bool json_reference_value(struct json_reference *json)
{
    switch (peek(json)) {
    case '"':
        return json_reference_string(json, NULL);
    case '[':
        json->at++;
        return take_container(json, false);
    case '{':
        json->at++;
        return take_container(json, true);
    case 't':
        return take_name(json, "true");
    case 'f':
        return take_name(json, "false");
    case 'n':
        return take_name(json, "null");
    default:
        return take_number(json);
    }
}

bool json_reference_check(struct wsp_span text, int depth_max)
{
    struct json_reference json = {text, 0, 0, depth_max};
    json_reference_space(&json);
    if (!json_reference_value(&json)) {
        return false;
    }
    json_reference_space(&json);
    return json.at == text.len;
}
