/* SPDX-License-Identifier: MIT */
#include "proto/json_text.h"

#include <stdint.h>
#include <string.h>

#include "proto/json_scan.h"
#include "proto/json_word.h"
#include "proto/utf8.h"

#define REPLACEMENT 0xFFFDu

/* One character out of the inside of a string. */
struct character {
    char bytes[4]; /* UTF-8 */
    size_t len;    /* of bytes */
    size_t read;   /* bytes of the inside it took */
};

/* ---- unescape ---- */

static uint32_t hex_value(char digit)
{
    if (digit <= '9') {
        return (uint32_t)(digit - '0');
    }
    return (uint32_t)((digit | 0x20) - 'a') + 10;
}

/* The code unit of the `\uXXXX` at `escape`. */
static uint32_t code_unit(const char *escape)
{
    return hex_value(escape[2]) << 12 | hex_value(escape[3]) << 8 |
           hex_value(escape[4]) << 4 | hex_value(escape[5]);
}

static size_t encode_utf8(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)(0xF00u >> len | code_point); /* 0xC0, 0xE0, 0xF0 */
    return len;
}

/* The character of the `\uXXXX` that `rest` starts with: two of them when they
 * are the halves of a surrogate pair. */
static struct character read_unicode(struct wsp_span rest)
{
    struct character found = {.read = 6};
    uint32_t point = code_unit(rest.data);
    if (point >= 0xD800 && point <= 0xDFFF) {
        uint32_t high = point;
        point = REPLACEMENT;
        if (high < 0xDC00 && rest.len >= 12 && rest.data[6] == '\\' &&
            rest.data[7] == 'u') {
            uint32_t low = code_unit(rest.data + 6);
            if (low >= 0xDC00 && low <= 0xDFFF) {
                point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                found.read = 12;
            }
        }
    }
    found.len = encode_utf8(point, found.bytes);
    return found;
}

static struct character read_escape(struct wsp_span rest)
{
    static const char kinds[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (rest.data[1] == 'u') {
        return read_unicode(rest);
    }
    const char *kind = strchr(kinds, rest.data[1]);
    return (struct character){{values[kind - kinds]}, 1, 2};
}

/* The character that `rest` starts with, which is not empty. */
static struct character read_character(struct wsp_span rest)
{
    if (rest.data[0] == '\\') {
        return read_escape(rest);
    }
    struct character found = {.read = 1};
    size_t len = wsp_utf8_character_len(rest.data, rest.len < 4 ? rest.len : 4);
    if (len == 0) {
        found.len = encode_utf8(REPLACEMENT, found.bytes);
        return found;
    }
    memcpy(found.bytes, rest.data, len);
    found.len = len;
    found.read = len;
    return found;
}

static struct wsp_span behind(struct wsp_span text, size_t offset)
{
    return (struct wsp_span){text.data + offset, text.len - offset};
}

size_t wsp_json_unescape(struct wsp_span inside, char *out)
{
    size_t len = 0;
    for (size_t at = 0; at < inside.len;) {
        struct character found = read_character(behind(inside, at));
        memcpy(out + len, found.bytes, found.len);
        len += found.len;
        at += found.read;
    }
    return len;
}

bool wsp_json_inside_equals(struct wsp_span inside, struct wsp_span text)
{
    size_t matched = 0;
    for (size_t at = 0; at < inside.len; matched++) {
        struct character found = read_character(behind(inside, at));
        if (found.len != 1 || matched == text.len ||
            found.bytes[0] != text.data[matched]) {
            return false;
        }
        at += found.read;
    }
    return matched == text.len;
}

/* ---- escape ---- */

/* Tells whether a text of eight bytes at least is plain ASCII; the last word may
 * overlap the one before it. */
static bool is_plain_ascii(struct wsp_span text)
{
    uint64_t marks = 0;
    for (size_t at = 0; at < text.len - 8; at += 8) {
        uint64_t word = wsp_json_load(text.data + at);
        marks |= wsp_json_mark_word(word) | word;
    }
    uint64_t last = wsp_json_load(text.data + text.len - 8);
    marks |= wsp_json_mark_word(last) | last;
    return (marks & WSP_JSON_EACH(0x80)) == 0;
}

bool wsp_json_is_plain(struct wsp_span text)
{
    if (text.len >= 8 && is_plain_ascii(text)) {
        return true;
    }
    return wsp_json_plain_len(text, 0) == text.len &&
           wsp_utf8_check(text.data, text.len);
}

/* Writes the escape of a quote, a backslash or a control character. */
static size_t write_escape(char character, char *out)
{
    static const char digits[] = "0123456789abcdef";
    static const char values[] = "\"\\\b\f\n\r\t";
    static const char kinds[] = "\"\\bfnrt";
    const char *value = character ? strchr(values, character) : NULL;
    out[0] = '\\';
    if (value) {
        out[1] = kinds[value - values];
        return 2;
    }
    out[1] = 'u';
    out[2] = '0';
    out[3] = '0';
    out[4] = digits[character >> 4];
    out[5] = digits[character & 0xF];
    return 6;
}

/* Copies the character that `rest` starts with. */
static size_t write_character(struct wsp_span rest, char *out, size_t *read)
{
    size_t len = wsp_utf8_character_len(rest.data, rest.len < 4 ? rest.len : 4);
    if (len == 0) {
        *read = 1;
        return encode_utf8(REPLACEMENT, out);
    }
    memcpy(out, rest.data, len);
    *read = len;
    return len;
}

size_t wsp_json_escape(struct wsp_span text, char *out)
{
    size_t len = 0;
    size_t read = 1;
    for (size_t at = 0; at < text.len; at += read) {
        char first = text.data[at];
        bool is_special =
            first == '"' || first == '\\' || (unsigned char)first < 0x20;
        read = 1;
        len += is_special ? write_escape(first, out + len)
                          : write_character(behind(text, at), out + len, &read);
    }
    return len;
}
