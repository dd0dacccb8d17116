/* SPDX-License-Identifier: MIT */
#include "proto/uri.h"

#include <string.h>

static struct wsp_span behind(struct wsp_span text, size_t offset)
{
    return (struct wsp_span){text.data + offset, text.len - offset};
}

/* Takes what comes before `separator` off the front of `text`, and the
 * separator with it. */
static struct wsp_span take_part(struct wsp_span *text, char separator)
{
    const char *found =
        text->len ? memchr(text->data, separator, text->len) : NULL;
    size_t len = found ? (size_t)(found - text->data) : text->len;
    struct wsp_span part = {text->data, len};
    *text = behind(*text, found ? len + 1 : len);
    return part;
}

/* ---- percent sequences ---- */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes the character that `text` starts with, which is not empty; `+` stays.
 * Returns how many bytes it takes, or 0 when its percent sequence is none. */
static size_t read_percent(struct wsp_span text, char *character)
{
    *character = text.data[0];
    if (text.data[0] != '%') {
        return 1;
    }
    int high = text.len >= 3 ? hex_value(text.data[1]) : -1;
    int low = text.len >= 3 ? hex_value(text.data[2]) : -1;
    if (high < 0 || low < 0) {
        return 0;
    }
    *character = (char)(high << 4 | low);
    return 3;
}

/* Decodes a name or value of a query. Returns its length or -1. */
static long decode_query(struct wsp_span text, char *out, size_t size)
{
    size_t len = 0;
    while (text.len > 0) {
        char character;
        bool is_plus = text.data[0] == '+';
        size_t read = read_percent(text, &character);
        if (read == 0 || len == size) {
            return -1;
        }
        out[len++] = is_plus ? ' ' : character;
        text = behind(text, read);
    }
    return (long)len;
}

/* Tells whether `text` decodes to `name`. */
static bool is_query_name(struct wsp_span text, struct wsp_span name)
{
    size_t matched = 0;
    for (; text.len > 0; matched++) {
        char character;
        bool is_plus = text.data[0] == '+';
        size_t read = read_percent(text, &character);
        if (read == 0 || matched == name.len ||
            (is_plus ? ' ' : character) != name.data[matched]) {
            return false;
        }
        text = behind(text, read);
    }
    return matched == name.len;
}

long wsp_uri_query_find(struct wsp_span query, struct wsp_span name, char *out,
                        size_t size)
{
    while (query.len > 0) {
        struct wsp_span value = take_part(&query, '&');
        bool is_empty = value.len == 0;
        struct wsp_span key = take_part(&value, '=');
        if (!is_empty && is_query_name(key, name)) {
            return decode_query(value, out, size);
        }
    }
    return -1;
}

/* ---- cookies ---- */

static struct wsp_span trim(struct wsp_span text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = behind(text, 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' ||
                            text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static struct wsp_span unquote(struct wsp_span text)
{
    if (text.len >= 2 && text.data[0] == '"' &&
        text.data[text.len - 1] == '"') {
        return (struct wsp_span){text.data + 1, text.len - 2};
    }
    return text;
}

struct wsp_span wsp_uri_cookie_find(struct wsp_span header,
                                    struct wsp_span name)
{
    while (header.len > 0) {
        struct wsp_span value = take_part(&header, ';');
        bool has_value = value.len && memchr(value.data, '=', value.len);
        struct wsp_span key = trim(take_part(&value, '='));
        if (has_value && wsp_span_equal(key, name)) {
            return unquote(trim(value));
        }
    }
    return (struct wsp_span){NULL, 0};
}

/* ---- paths ---- */

/* Decodes all of a path into `out`, NUL-terminated. Returns its length or -1.
 * Separators that were encoded count as separators from here on. */
static long decode_path(struct wsp_span path, char *out, size_t size)
{
    size_t len = 0;
    while (path.len > 0) {
        char character;
        size_t read = read_percent(path, &character);
        if (read == 0 || character == '\0' || character == '\\' ||
            len + 1 >= size) {
            return -1;
        }
        out[len++] = character;
        path = behind(path, read);
    }
    out[len] = '\0';
    return (long)len;
}

/* Takes the last segment off a path that is "" or "/a/b". False at the root. */
static bool climb(const char *path, size_t *len)
{
    if (*len == 0) {
        return false;
    }
    do {
        (*len)--;
    } while (path[*len] != '/');
    return true;
}

/* Adds a segment to the resolved path out[0..*len), which never overtakes the
 * segment itself further behind. Returns false for a forbidden one. */
static bool add_segment(char *out, size_t *len, struct wsp_span segment)
{
    static const struct wsp_span here = {".", 1};
    static const struct wsp_span up = {"..", 2};
    if (segment.len == 0 || wsp_span_equal(segment, here)) {
        return true;
    }
    if (wsp_span_equal(segment, up)) {
        return climb(out, len);
    }
    if (segment.data[0] == '.') {
        return false;
    }
    out[*len] = '/';
    memmove(out + *len + 1, segment.data, segment.len);
    *len += segment.len + 1;
    return true;
}

static bool is_directory(struct wsp_span segment)
{
    return segment.len == 0 || wsp_span_equal(segment, wsp_span_of(".")) ||
           wsp_span_equal(segment, wsp_span_of(".."));
}

/* Resolves `.`, `..` and empty segments in place. Returns the length or -1. */
static long resolve_segments(char *out, size_t path_len)
{
    struct wsp_span rest = {out + 1, path_len - 1};
    size_t len = 0;
    bool ends_in_directory = true;
    bool is_last = false;
    while (!is_last) {
        is_last = !(rest.len && memchr(rest.data, '/', rest.len));
        struct wsp_span segment = take_part(&rest, '/');
        ends_in_directory = is_directory(segment);
        if (!add_segment(out, &len, segment)) {
            return -1;
        }
    }
    if (ends_in_directory) {
        out[len++] = '/';
    }
    out[len] = '\0';
    return (long)len;
}

long wsp_uri_path_decode(struct wsp_span path, char *out, size_t size)
{
    if (path.len == 0 || path.data[0] != '/') {
        return -1;
    }
    long len = decode_path(path, out, size);
    if (len < 0) {
        return -1;
    }
    return resolve_segments(out, (size_t)len);
}
