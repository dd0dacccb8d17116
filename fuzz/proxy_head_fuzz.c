/* SPDX-License-Identifier: MIT */
/* The PROXY header, in pieces and whole, against one that has all bytes before
 * it looks at any.
 * Covers: src/proto/proxy_head.c src/base/ip.c */
#include "proto/proxy_head.h"

#include <arpa/inet.h>
#include <string.h>

#include "bytes.h"
#include "target.h"

/* What came of a header. */
struct outcome {
    enum wsp_proxy_result result;
    size_t taken;
    bool has_client;
    struct wsp_ip_port client;
};

/* ---- the reference ---- */

static struct outcome end_with(enum wsp_proxy_result result)
{
    return (struct outcome){.result = result};
}

static bool read_port(const char *text, uint16_t *port)
{
    char again[8];
    unsigned long number = strtoul(text, NULL, 10);
    *port = (uint16_t)number;
    snprintf(again, sizeof again, "%lu", number > 65535 ? 0 : number);
    return strcmp(again, text) == 0;
}

/* Judges a whole line, without its end. */
static bool read_line(char *line, struct outcome *outcome)
{
    char *words[8] = {NULL};
    unsigned char ips[2][16];
    uint16_t port;
    int count = 0;
    if (strcmp(line, "PROXY UNKNOWN") == 0 ||
        strncmp(line, "PROXY UNKNOWN ", 14) == 0) {
        return true;
    }
    for (char *rest = line; rest && count < 7;) {
        words[count++] = strsep(&rest, " ");
    }
    if (count != 6 || strncmp(words[1], "TCP", 3) != 0) {
        return false;
    }
    bool is_v4 = strcmp(words[1], "TCP4") == 0;
    int family = is_v4 ? AF_INET : AF_INET6;
    if ((!is_v4 && strcmp(words[1], "TCP6") != 0) ||
        inet_pton(family, words[2], ips[0]) != 1 ||
        inet_pton(family, words[3], ips[1]) != 1 ||
        !read_port(words[4], &outcome->client.port) ||
        !read_port(words[5], &port)) {
        return false;
    }
    outcome->client.ip = is_v4 ? wsp_ip_of_v4(ips[0]) : wsp_ip_of_v6(ips[0]);
    outcome->has_client = true;
    return true;
}

static struct outcome read_v1(const char *data, size_t len)
{
    char line[WSP_PROXY_HEAD_V1_MAX + 1];
    struct outcome outcome = end_with(WSP_PROXY_DONE);
    size_t at = 0;
    for (; at < len && at < WSP_PROXY_HEAD_V1_MAX; at++) {
        bool is_behind_cr = at > 0 && data[at - 1] == '\r';
        bool is_text = data[at] >= 0x20 && data[at] < 0x7F;
        if (is_behind_cr != (data[at] == '\n') ||
            (at < 6 && data[at] != "PROXY "[at]) ||
            (!is_text && data[at] != '\r' && data[at] != '\n')) {
            return end_with(WSP_PROXY_BAD);
        }
        line[at] = data[at];
        if (data[at] == '\n') {
            line[at - 1] = '\0';
            outcome.taken = at + 1;
            bool is_fine = read_line(line, &outcome);
            return is_fine ? outcome : end_with(WSP_PROXY_BAD);
        }
    }
    return end_with(len > WSP_PROXY_HEAD_V1_MAX ? WSP_PROXY_BAD
                                                : WSP_PROXY_MORE);
}

static bool is_family(uint8_t family)
{
    return memchr("\x00\x11\x12\x21\x22\x31\x32", family, 7) != NULL;
}

static struct outcome read_v2(const uint8_t *data, size_t len)
{
    static const uint8_t start[] = "\r\n\r\n\0\r\nQUIT\n";
    struct outcome outcome = end_with(WSP_PROXY_DONE);
    size_t common = len < 12 ? len : 12;
    bool is_local = len > 12 && data[12] == 0x20;
    if (memcmp(data, start, common) != 0 ||
        (len > 12 && !is_local && data[12] != 0x21) ||
        (len > 13 && !is_local && !is_family(data[13]))) {
        return end_with(WSP_PROXY_BAD);
    }
    if (len < 16) {
        return end_with(WSP_PROXY_MORE);
    }
    size_t size = (size_t)data[14] << 8 | data[15];
    bool is_v4 = !is_local && data[13] == 0x11;
    bool is_v6 = !is_local && data[13] == 0x21;
    if (size < (is_v4 ? 12U : is_v6 ? 36U : 0U)) {
        return end_with(WSP_PROXY_BAD);
    }
    if (len < 16 + size) {
        return end_with(WSP_PROXY_MORE);
    }
    outcome.taken = 16 + size;
    outcome.has_client = is_v4 || is_v6;
    if (is_v4) {
        outcome.client.ip = wsp_ip_of_v4(data + 16);
        outcome.client.port = (uint16_t)(data[24] << 8 | data[25]);
    } else if (is_v6) {
        outcome.client.ip = wsp_ip_of_v6(data + 16);
        outcome.client.port = (uint16_t)(data[48] << 8 | data[49]);
    }
    return outcome;
}

static struct outcome read_reference(const uint8_t *data, size_t len)
{
    if (len == 0) {
        return end_with(WSP_PROXY_MORE);
    }
    switch (data[0]) {
    case 'P':
        return read_v1((const char *)data, len);
    case '\r':
        return read_v2(data, len);
    default:
        return end_with(WSP_PROXY_BAD);
    }
}

/* ---- what must hold ---- */

static struct outcome feed(const uint8_t *data, size_t len, size_t piece)
{
    struct wsp_proxy_head head;
    struct outcome outcome = end_with(WSP_PROXY_MORE);
    wsp_proxy_head_init(&head);
    while (outcome.result == WSP_PROXY_MORE && outcome.taken < len) {
        size_t left = len - outcome.taken;
        size_t taken = 0;
        outcome.result = wsp_proxy_head_feed(
            &head, data + outcome.taken, left < piece ? left : piece, &taken);
        FUZZ_CHECK(taken <= left && taken > 0);
        outcome.taken += taken;
    }
    outcome.has_client = head.has_client;
    outcome.client = head.client;
    return outcome;
}

static void check(const struct outcome *found, const struct outcome *expected)
{
    FUZZ_CHECK(found->result == expected->result);
    if (found->result == WSP_PROXY_DONE) {
        FUZZ_CHECK(found->taken == expected->taken);
        FUZZ_CHECK(found->has_client == expected->has_client);
    }
    if (found->result == WSP_PROXY_DONE && found->has_client) {
        FUZZ_CHECK(found->client.port == expected->client.port);
        FUZZ_CHECK(memcmp(&found->client.ip, &expected->client.ip,
                          sizeof found->client.ip) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    size_t piece = 1 + bytes_take(&input);
    struct outcome expected = read_reference(input.data, input.len);
    struct outcome whole = feed(input.data, input.len, SIZE_MAX);
    struct outcome pieces = feed(input.data, input.len, piece);
    check(&whole, &expected);
    check(&pieces, &expected);
    return 0;
}
