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

/* ---- values of a list ---- */

struct wsp_http_values wsp_http_values_of(const struct wsp_http_head *head,
                                          const char *bytes,
                                          struct wsp_span name)
{
    return (struct wsp_http_values){head, bytes, name, 0, {bytes, 0}};
}

/* Goes on to the next field of that name. */
static bool next_field(struct wsp_http_values *values)
{
    size_t index =
        find_from(values->head, values->bytes, values->name, values->index);
    if (index == values->head->field_count) {
        return false;
    }
    values->index = index + 1;
    values->rest =
        wsp_http_slice_in(values->head->fields[index].value, values->bytes);
    return true;
}

/* Cuts the text in front of the first comma off. */
static struct wsp_span cut(struct wsp_span *list)
{
    const char *comma = memchr(list->data, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->data) : list->len;
    size_t step = comma ? len + 1 : len;
    struct wsp_span first = {list->data, len};
    *list = (struct wsp_span){list->data + step, list->len - step};
    return first;
}

bool wsp_http_values_next(struct wsp_http_values *values,
                          struct wsp_span *value)
{
    while (values->rest.len > 0 || next_field(values)) {
        *value = trim(cut(&values->rest));
        if (value->len > 0) {
            return true;
        }
    }
    return false;
}

bool wsp_http_head_has_token(const struct wsp_http_head *head,
                             const char *bytes, struct wsp_span name,
                             struct wsp_span token)
{
    struct wsp_http_values values = wsp_http_values_of(head, bytes, name);
    struct wsp_span value;
    while (wsp_http_values_next(&values, &value)) {
        if (is_same(value, token)) {
            return true;
        }
    }
    return false;
}
