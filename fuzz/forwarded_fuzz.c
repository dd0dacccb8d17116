/* SPDX-License-Identifier: MIT */
/* X-Forwarded-For read from its front against the same read from its end, and
 * addresses that come back when they are written.
 * Covers: src/proto/forwarded.c src/base/ip.c */
#include "proto/forwarded.h"

#include <string.h>

#include "base/buf.h"
#include "bytes.h"
#include "target.h"

#define HOPS_MAX 256

/* What is written reads as the same. */
static void check_text(struct wsp_span text)
{
    char out[WSP_IP_TEXT_MAX];
    struct wsp_ip_port from;
    struct wsp_ip_port again;
    if (!wsp_ip_port_parse(&from, text)) {
        return;
    }
    wsp_ip_port_format(&from, out);
    FUZZ_CHECK(strlen(out) < sizeof out);
    FUZZ_CHECK(wsp_ip_port_parse(&again, wsp_span_of(out)));
    FUZZ_CHECK(memcmp(&from.ip, &again.ip, sizeof from.ip) == 0);
    FUZZ_CHECK(from.port == again.port);
}

/* A range holds the address that names it. */
static bool read_range(struct wsp_ip_range *range, struct wsp_span text)
{
    if (!wsp_ip_range_parse(range, text)) {
        return false;
    }
    FUZZ_CHECK(range->bits <= 128);
    FUZZ_CHECK(wsp_ip_range_holds(range, &range->ip));
    return true;
}

/* The right-most hop that is not trusted; the walk ends at what is no address,
 * and then the hop behind it counts. */
static bool find_reference(const struct wsp_span *hops, size_t count,
                           const struct wsp_forwarded_trust *trust,
                           struct wsp_ip_port *client)
{
    bool is_found = false;
    while (count > 0) {
        struct wsp_ip_port hop;
        if (!wsp_ip_port_parse(&hop, hops[--count])) {
            return is_found;
        }
        *client = hop;
        is_found = true;
        if (!wsp_forwarded_is_trusted(trust, &hop.ip)) {
            return true;
        }
    }
    return is_found;
}

static void check_head(const struct wsp_http_head *head, const char *bytes,
                       const struct wsp_forwarded_trust *trust)
{
    struct wsp_span hops[HOPS_MAX];
    size_t count = 0;
    struct wsp_http_values values =
        wsp_http_values_of(head, bytes, wsp_span_of("x-forwarded-for"));
    while (count < HOPS_MAX && wsp_http_values_next(&values, &hops[count])) {
        check_text(hops[count]);
        count++;
    }
    if (count == HOPS_MAX) {
        return;
    }
    struct wsp_ip_port client = {.port = 0};
    struct wsp_ip_port expected = {.port = 0};
    bool is_expected = find_reference(hops, count, trust, &expected);
    FUZZ_CHECK(wsp_forwarded_find(head, bytes, trust, &client) == is_expected);
    if (is_expected) {
        FUZZ_CHECK(client.port == expected.port);
        FUZZ_CHECK(memcmp(&client.ip, &expected.ip, sizeof client.ip) == 0);
    }
}

/* The first line of the input is a range, the others are headers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char line[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    static const char name[] = "X-Forwarded-For: ";
    struct bytes input = {data, size};
    struct wsp_ip_range ranges[2];
    struct wsp_forwarded_trust trust = {ranges, 1};
    struct wsp_buf text = {0};
    struct wsp_http_head head;
    FUZZ_CHECK(wsp_ip_range_parse(&ranges[0], wsp_span_of("10.0.0.0/8")));
    FUZZ_CHECK(wsp_buf_add(&text, line, sizeof line - 1));
    for (bool is_first = true; input.len > 0; is_first = false) {
        const uint8_t *end = memchr(input.data, '\n', input.len);
        struct wsp_span value =
            bytes_span(&input, end ? (size_t)(end - input.data) : input.len);
        bytes_take(&input);
        if (is_first) {
            trust.count += read_range(&ranges[1], value);
            continue;
        }
        FUZZ_CHECK(wsp_buf_add(&text, name, sizeof name - 1));
        FUZZ_CHECK(wsp_buf_add(&text, value.data, value.len));
        FUZZ_CHECK(wsp_buf_add(&text, "\r\n", 2));
    }
    FUZZ_CHECK(wsp_buf_add(&text, "\r\n", 2));
    wsp_http_head_init(&head);
    if (wsp_http_head_parse(&head, (struct wsp_span){text.data, text.len}) >
        0) {
        check_head(&head, text.data, &trust);
    }
    wsp_buf_fini(&text);
    return 0;
}
