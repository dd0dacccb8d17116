/* SPDX-License-Identifier: MIT */
#include "proto/http_rule.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "proto/http_char.h"

/* ---- the target ---- */

/* The length of "http://" or "https://" when the target starts with it. */
static size_t scheme_len(struct wsp_span target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if (target.len > len &&
            strncasecmp(target.data, schemes[i], len) == 0) {
            return len;
        }
    }
    return 0;
}

/* The host and port of an absolute-form target that starts at `start`. */
static struct wsp_span authority_from(struct wsp_span target, size_t start)
{
    size_t end = start;
    while (end < target.len && target.data[end] != '/' &&
           target.data[end] != '?') {
        end++;
    }
    return (struct wsp_span){target.data + start, end - start};
}

static void split_query(struct wsp_http_head *head, const char *bytes,
                        size_t start)
{
    size_t end = (size_t)head->target.offset + head->target.len;
    const char *mark = memchr(bytes + start, '?', end - start);
    size_t path_end = mark ? (size_t)(mark - bytes) : end;
    head->path.offset = (uint16_t)start;
    head->path.len = (uint16_t)(path_end - start);
    head->has_query = mark != NULL;
    if (mark) {
        head->query.offset = (uint16_t)(path_end + 1);
        head->query.len = (uint16_t)(end - path_end - 1);
    }
}

static bool split_absolute(struct wsp_http_head *head, const char *bytes)
{
    struct wsp_span target = wsp_http_slice_in(head->target, bytes);
    size_t scheme = scheme_len(target);
    struct wsp_span authority = authority_from(target, scheme);
    if (scheme == 0 || authority.len == 0) {
        return false;
    }
    split_query(head, bytes, head->target.offset + scheme + authority.len);
    if (head->path.len == 0) {
        /* An empty path means "/" (RFC 9110 §4.2.3): borrow one of the two of
         * the scheme. */
        head->path.offset = (uint16_t)(head->target.offset + scheme - 1);
        head->path.len = 1;
    }
    return true;
}

bool wsp_http_target_split(struct wsp_http_head *head, const char *bytes)
{
    struct wsp_span target = wsp_http_slice_in(head->target, bytes);
    if (target.len == 0) {
        return false;
    }
    if (target.data[0] == '/') {
        split_query(head, bytes, head->target.offset);
        return true;
    }
    if (target.len == 1 && target.data[0] == '*') {
        head->path = head->target;
        return wsp_span_equal(wsp_http_slice_in(head->method, bytes),
                              (struct wsp_span){"OPTIONS", 7});
    }
    return split_absolute(head, bytes);
}

/* ---- Host ---- */

static bool is_all(struct wsp_span text, enum wsp_http_class class)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!wsp_http_is(text.data[i], class)) {
            return false;
        }
    }
    return true;
}

/* RFC 9112 §3.2: one Host since HTTP/1.1, never two, and an absolute target
 * names the same one; otherwise the two could be played against each other. */
static bool judge_host(const struct wsp_http_head *head, const char *bytes)
{
    static const struct wsp_span name = {"host", 4};
    size_t count = wsp_http_head_count(head, bytes, name);
    if (count > 1 || (count == 0 && head->minor == 1)) {
        return false;
    }
    struct wsp_span host = wsp_http_head_find(head, bytes, name);
    struct wsp_span target = wsp_http_slice_in(head->target, bytes);
    if (!is_all(host, WSP_HTTP_HOST)) {
        return false;
    }
    if (count == 0 || target.data[0] == '/' || target.data[0] == '*') {
        return true;
    }
    struct wsp_span authority = authority_from(target, scheme_len(target));
    return authority.len == host.len &&
           strncasecmp(authority.data, host.data, host.len) == 0;
}

/* ---- the body ---- */

/* Reads a length; one that no size_t holds becomes SIZE_MAX. */
static bool read_length(struct wsp_span digits, size_t *length)
{
    size_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        size_t digit = (size_t)(digits.data[i] - '0');
        value = value > (SIZE_MAX - digit) / 10 ? SIZE_MAX : value * 10 + digit;
    }
    *length = value;
    return digits.len > 0;
}

/* Takes one Content-Length; a second one must say the same (§6.3). */
static bool take_length(struct wsp_http_head *head, struct wsp_span value)
{
    size_t length;
    if (!read_length(value, &length) ||
        (head->has_content_length && head->content_length != length)) {
        return false;
    }
    head->has_content_length = true;
    head->content_length = length;
    return true;
}

static bool is_named(const struct wsp_http_field *field, const char *bytes,
                     struct wsp_span name)
{
    return field->name.len == name.len &&
           strncasecmp(bytes + field->name.offset, name.data, name.len) == 0;
}

/* RFC 9112 §6.1, §6.3: what one reader takes for a body and the next one for a
 * request is refused. */
static bool judge_body(struct wsp_http_head *head, const char *bytes)
{
    static const struct wsp_span length_name = {"content-length", 14};
    static const struct wsp_span encoding_name = {"transfer-encoding", 17};
    for (size_t i = 0; i < head->field_count; i++) {
        const struct wsp_http_field *field = &head->fields[i];
        if (is_named(field, bytes, encoding_name)) {
            head->has_transfer_encoding = true;
        } else if (is_named(field, bytes, length_name) &&
                   !take_length(head, wsp_http_slice_in(field->value, bytes))) {
            return false;
        }
    }
    return !head->has_transfer_encoding ||
           (!head->has_content_length && head->minor == 1);
}

/* RFC 9112 §9.3 */
static bool is_keep_alive(const struct wsp_http_head *head, const char *bytes)
{
    static const struct wsp_span name = {"connection", 10};
    static const struct wsp_span stay = {"keep-alive", 10};
    static const struct wsp_span leave = {"close", 5};
    if (wsp_http_head_has_token(head, bytes, name, leave)) {
        return false;
    }
    return head->minor == 1 || wsp_http_head_has_token(head, bytes, name, stay);
}

bool wsp_http_head_judge(struct wsp_http_head *head, const char *bytes)
{
    if (!judge_host(head, bytes) || !judge_body(head, bytes)) {
        return false;
    }
    head->is_keep_alive = is_keep_alive(head, bytes);
    return true;
}
