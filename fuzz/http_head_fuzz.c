/* SPDX-License-Identifier: MIT */
/* The HTTP head: how it is cut into pieces never changes what comes out, slices
 * lie inside, and what is refused elsewhere as smuggling never passes.
 * Covers: src/proto/http_head.c src/proto/http_field.c src/proto/http_rule.c
 *         src/proto/http_char.c */
#include "proto/http_head.h"

#include <string.h>

#include "bytes.h"
#include "target.h"

/* Parses `bytes` as they arrive: `first` of them, then `step` at a time. */
static int parse(struct wsp_http_head *head, struct wsp_span bytes,
                 size_t first, size_t step)
{
    size_t len = first < bytes.len ? first : bytes.len;
    wsp_http_head_init(head);
    int result = wsp_http_head_parse(head, (struct wsp_span){bytes.data, len});
    while (result == 0 && len < bytes.len) {
        len = bytes.len - len < step ? bytes.len : len + step;
        result = wsp_http_head_parse(head, (struct wsp_span){bytes.data, len});
    }
    return result;
}

/* Both heads say the same of the same bytes. */
static void check_equal(const struct wsp_http_head *a,
                        const struct wsp_http_head *b)
{
    FUZZ_CHECK(memcmp(&a->method, &b->method, sizeof a->method) == 0);
    FUZZ_CHECK(memcmp(&a->target, &b->target, sizeof a->target) == 0);
    FUZZ_CHECK(memcmp(&a->path, &b->path, sizeof a->path) == 0);
    FUZZ_CHECK(memcmp(&a->query, &b->query, sizeof a->query) == 0);
    FUZZ_CHECK(a->has_query == b->has_query && a->minor == b->minor);
    FUZZ_CHECK(a->field_count == b->field_count);
    FUZZ_CHECK(memcmp(a->fields, b->fields,
                      a->field_count * sizeof a->fields[0]) == 0);
    FUZZ_CHECK(a->content_length == b->content_length);
    FUZZ_CHECK(a->has_content_length == b->has_content_length);
    FUZZ_CHECK(a->has_transfer_encoding == b->has_transfer_encoding);
    FUZZ_CHECK(a->is_keep_alive == b->is_keep_alive);
}

static void check_slice(struct wsp_http_slice slice, const char *bytes,
                        size_t len)
{
    FUZZ_CHECK((size_t)slice.offset + slice.len <= len);
    struct wsp_span span = wsp_http_slice_in(slice, bytes);
    for (size_t i = 0; i < span.len; i++) {
        FUZZ_CHECK(span.data[i] != '\0' && span.data[i] != '\r' &&
                   span.data[i] != '\n');
    }
}

static void check_fields(const struct wsp_http_head *head, const char *bytes,
                         size_t len)
{
    FUZZ_CHECK(head->field_count <= WSP_HTTP_HEADERS_MAX);
    for (size_t i = 0; i < head->field_count; i++) {
        check_slice(head->fields[i].name, bytes, len);
        check_slice(head->fields[i].value, bytes, len);
        struct wsp_span name = wsp_http_slice_in(head->fields[i].name, bytes);
        struct wsp_span value = wsp_http_slice_in(head->fields[i].value, bytes);
        FUZZ_CHECK(name.len > 0 && !memchr(name.data, ' ', name.len));
        FUZZ_CHECK(wsp_http_head_count(head, bytes, name) > 0);
        FUZZ_CHECK(wsp_http_head_find(head, bytes, name).data != NULL);
        if (value.len > 0) {
            char last = value.data[value.len - 1];
            FUZZ_CHECK(value.data[0] != ' ' && value.data[0] != '\t');
            FUZZ_CHECK(last != ' ' && last != '\t');
        }
    }
}

/* RFC 9112 §3.2, §6.3: no second reader can take it for something else. */
static void check_framing(const struct wsp_http_head *head, const char *bytes)
{
    size_t hosts = wsp_http_head_count(head, bytes, wsp_span_of("Host"));
    FUZZ_CHECK(hosts <= 1 && (hosts == 1 || head->minor == 0));
    FUZZ_CHECK(!(head->has_content_length && head->has_transfer_encoding));
    FUZZ_CHECK(
        head->has_content_length ==
        (wsp_http_head_count(head, bytes, wsp_span_of("content-length")) > 0));
    FUZZ_CHECK(head->has_transfer_encoding ==
               (wsp_http_head_count(head, bytes,
                                    wsp_span_of("transfer-encoding")) > 0));
}

/* Every value of a list lies in one of the fields and is not empty. */
static void check_values(const struct wsp_http_head *head, const char *bytes,
                         size_t len, struct wsp_span name)
{
    struct wsp_http_values values = wsp_http_values_of(head, bytes, name);
    struct wsp_span value;
    while (wsp_http_values_next(&values, &value)) {
        FUZZ_CHECK(value.data >= bytes && value.len > 0);
        FUZZ_CHECK(value.data + value.len <= bytes + len);
        FUZZ_CHECK(!memchr(value.data, ',', value.len));
        FUZZ_CHECK(wsp_http_head_has_token(head, bytes, name, value));
    }
}

static void check_head(const struct wsp_http_head *head, struct wsp_span bytes,
                       size_t len)
{
    FUZZ_CHECK(len <= bytes.len && len <= WSP_HTTP_HEAD_MAX);
    FUZZ_CHECK(memcmp(bytes.data + len - 4, "\r\n\r\n", 4) == 0);
    check_slice(head->method, bytes.data, len);
    check_slice(head->target, bytes.data, len);
    check_slice(head->path, bytes.data, len);
    check_slice(head->query, bytes.data, len);
    FUZZ_CHECK(head->method.len > 0 && head->path.len > 0);
    char first = bytes.data[head->path.offset];
    FUZZ_CHECK(first == '/' || first == '*');
    check_fields(head, bytes.data, len);
    check_framing(head, bytes.data);
    check_values(head, bytes.data, len, wsp_span_of("Connection"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    size_t first = bytes_take_16(&input);
    size_t step = 1 + bytes_take(&input);
    struct wsp_span bytes = bytes_rest(&input);
    struct wsp_http_head whole;
    struct wsp_http_head pieces;
    int result = parse(&whole, bytes, bytes.len, 1);
    FUZZ_CHECK(result >= 0 || result == -400 || result == -431 ||
               result == -505);
    FUZZ_CHECK(parse(&pieces, bytes, first, step) == result);
    if (result > 0) {
        check_equal(&whole, &pieces);
        check_head(&whole, bytes, (size_t)result);
    }
    return 0;
}
