/* SPDX-License-Identifier: MIT */
#include "proto/http_head.h"

#include <strings.h>

#include "proto/http_char.h"

static bool is_same(struct wsp_span a, struct wsp_span b)
{
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static struct wsp_span trim(struct wsp_span text)
{
    while (text.len > 0 && wsp_http_is(text.data[0], WSP_HTTP_BLANK)) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 &&
           wsp_http_is(text.data[text.len - 1], WSP_HTTP_BLANK)) {
        text.len--;
    }
    return text;
}

/* Tells whether one of the comma-separated values of a list is `token`. */
static bool list_has(struct wsp_span list, struct wsp_span token)
{
    while (list.len > 0) {
        const char *comma = memchr(list.data, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.data) : list.len;
        if (is_same(trim((struct wsp_span){list.data, len}), token)) {
            return true;
        }
        size_t step = comma ? len + 1 : len;
        list = (struct wsp_span){list.data + step, list.len - step};
    }
    return false;
}

/* The index of the first field of that name from `from` on, or field_count. */
static size_t find_from(const struct wsp_http_head *head, const char *bytes,
                        struct wsp_span name, size_t from)
{
    size_t index = from;
    while (index < head->field_count &&
           !is_same(wsp_http_slice_in(head->fields[index].name, bytes), name)) {
        index++;
    }
    return index;
}

struct wsp_span wsp_http_head_find(const struct wsp_http_head *head,
                                   const char *bytes, struct wsp_span name)
{
    size_t index = find_from(head, bytes, name, 0);
    if (index == head->field_count) {
        return (struct wsp_span){NULL, 0};
    }
    return wsp_http_slice_in(head->fields[index].value, bytes);
}

size_t wsp_http_head_count(const struct wsp_http_head *head, const char *bytes,
                           struct wsp_span name)
{
    size_t count = 0;
    size_t index = find_from(head, bytes, name, 0);
    while (index < head->field_count) {
        count++;
        index = find_from(head, bytes, name, index + 1);
    }
    return count;
}

bool wsp_http_head_has_token(const struct wsp_http_head *head,
                             const char *bytes, struct wsp_span name,
                             struct wsp_span token)
{
    size_t index = find_from(head, bytes, name, 0);
    while (index < head->field_count) {
        if (list_has(wsp_http_slice_in(head->fields[index].value, bytes),
                     token)) {
            return true;
        }
        index = find_from(head, bytes, name, index + 1);
    }
    return false;
}
