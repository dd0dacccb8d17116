/* SPDX-License-Identifier: MIT */
/* Queries, cookies, paths and origins: what is found lies inside, what is
 * decoded is as small as it must be, and no path climbs out.
 * Covers: src/proto/uri.c src/proto/origin.c */
#include "proto/uri.h"

#include <string.h>

#include "bytes.h"
#include "target.h"

#define DECODED_MAX 256

/* Adds `text` percent-encoded, every byte of it. Returns the end. */
static char *escape(char *out, struct wsp_span text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        *out++ = '%';
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 0xF];
    }
    return out;
}

/* A parameter that is found has one length, however large the buffer. */
static void check_query(struct wsp_span query, struct wsp_span name)
{
    char out[DECODED_MAX];
    char exact[DECODED_MAX];
    long len = wsp_uri_query_find(query, name, out, sizeof out);
    FUZZ_CHECK(len >= -1 && len <= (long)sizeof out);
    if (len >= 0) {
        FUZZ_CHECK(wsp_uri_query_find(query, name, exact, (size_t)len) == len);
        FUZZ_CHECK(memcmp(out, exact, (size_t)len) == 0);
    }
    if (len > 0) {
        FUZZ_CHECK(wsp_uri_query_find(query, name, exact, (size_t)len - 1) ==
                   -1);
    }
}

/* What was escaped is found, whatever it is. */
static void check_escaped(struct wsp_span name, struct wsp_span value)
{
    char query[6 * DECODED_MAX + 8] = "a=b&";
    char out[DECODED_MAX];
    char *end = escape(query + 4, name);
    *end++ = '=';
    end = escape(end, value);
    struct wsp_span text = {query + 4, (size_t)(end - query) - 4};
    FUZZ_CHECK(wsp_uri_query_find(text, name, out, sizeof out) ==
               (long)value.len);
    FUZZ_CHECK(value.len == 0 || memcmp(out, value.data, value.len) == 0);
}

static void check_cookie(struct wsp_span header, struct wsp_span name)
{
    struct wsp_span value = wsp_uri_cookie_find(header, name);
    if (value.data) {
        FUZZ_CHECK(value.data >= header.data);
        FUZZ_CHECK(value.data + value.len <= header.data + header.len);
        FUZZ_CHECK(!value.len || !memchr(value.data, ';', value.len));
    }
}

/* A path that passed stays below its root and passes again as what it is. */
static void check_path(struct wsp_span path)
{
    char out[DECODED_MAX];
    char escaped[3 * DECODED_MAX + 1] = "/";
    char again[DECODED_MAX];
    long len = wsp_uri_path_decode(path, out, sizeof out);
    if (len < 0) {
        return;
    }
    FUZZ_CHECK(len > 0 && len < (long)sizeof out && out[0] == '/');
    FUZZ_CHECK(strlen(out) == (size_t)len);
    FUZZ_CHECK(!strstr(out, "/.") && !strstr(out, "//"));
    FUZZ_CHECK(!strchr(out, '\\'));
    char *end =
        escape(escaped + 1, (struct wsp_span){out + 1, (size_t)len - 1});
    struct wsp_span text = {escaped, (size_t)(end - escaped)};
    FUZZ_CHECK(wsp_uri_path_decode(text, again, sizeof again) == len);
    FUZZ_CHECK(strcmp(again, out) == 0);
}

static void check_origins(struct wsp_span a, struct wsp_span b)
{
    bool is_equal = wsp_uri_origin_equal(a, b);
    FUZZ_CHECK(wsp_uri_origin_equal(b, a) == is_equal);
    if (is_equal) {
        FUZZ_CHECK(wsp_uri_origin_equal(a, a));
    }
    bool is_same = wsp_uri_origin_is_same(a, b, false);
    bool is_same_tls = wsp_uri_origin_is_same(a, b, true);
    if (is_same || is_same_tls) {
        FUZZ_CHECK(a.len >= b.len || !memchr(a.data, '@', a.len));
        FUZZ_CHECK(a.len > 3 && memchr(a.data, ':', a.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct wsp_span first = bytes_span(&input, bytes_take(&input));
    struct wsp_span second = bytes_rest(&input);
    check_query(second, first);
    check_cookie(second, first);
    if (first.len > 0 && second.len < DECODED_MAX) {
        check_escaped(first, second);
    }
    check_path(second);
    check_origins(first, second);
    return 0;
}
