/* SPDX-License-Identifier: MIT */
#include "proto/proxy_head.h"

#include <string.h>

/* Version 2: signature, version and command, family, two bytes of length. */
#define V2_FIXED 16
#define V2_COMMAND 12
#define V2_FAMILY 13
#define V2_LENGTH 14
#define V2_LOCAL 0x20
#define V2_PROXY 0x21

#define V1_WORDS 6 /* PROXY TCP4 source destination port port */

static const uint8_t v1_start[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t v2_start[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                   0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

void wsp_proxy_head_init(struct wsp_proxy_head *head)
{
    *head = (struct wsp_proxy_head){.has_client = false};
}

/* ---- version 1: a line ---- */

struct words {
    struct wsp_span at[V1_WORDS];
    size_t count;
};

/* Cuts the line at each space. False when there are too many words. */
static bool split(struct wsp_span line, struct words *words)
{
    words->count = 0;
    for (;;) {
        const char *space = memchr(line.data, ' ', line.len);
        size_t len = space ? (size_t)(space - line.data) : line.len;
        if (words->count == V1_WORDS) {
            return false;
        }
        words->at[words->count++] = (struct wsp_span){line.data, len};
        if (!space) {
            return true;
        }
        line = (struct wsp_span){space + 1, line.len - len - 1};
    }
}

static bool read_port(struct wsp_span text, uint16_t *port)
{
    unsigned number = 0;
    if (text.len == 0 || text.len > 5 ||
        (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(text.data[i] - '0');
    }
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

/* An address of the family that the line names: only IPv6 has colons. */
static bool read_address(struct wsp_span text, bool is_v6, struct wsp_ip *ip)
{
    bool has_colon = text.len > 0 && memchr(text.data, ':', text.len);
    return has_colon == is_v6 && wsp_ip_parse(ip, text);
}

static bool read_line(struct wsp_proxy_head *head)
{
    struct wsp_span line = {(const char *)head->bytes, head->len - 2U};
    struct words words;
    struct wsp_ip to;
    uint16_t to_port;
    /* What follows this word is to be ignored. */
    static const char unknown[] = "PROXY UNKNOWN";
    size_t len = sizeof unknown - 1;
    if (line.len >= len && memcmp(line.data, unknown, len) == 0 &&
        (line.len == len || line.data[len] == ' ')) {
        return true;
    }
    if (!split(line, &words) || words.count != V1_WORDS) {
        return false;
    }
    bool is_v6 = wsp_span_equal(words.at[1], wsp_span_of("TCP6"));
    if (!is_v6 && !wsp_span_equal(words.at[1], wsp_span_of("TCP4"))) {
        return false;
    }
    head->has_client = read_address(words.at[2], is_v6, &head->client.ip) &&
                       read_address(words.at[3], is_v6, &to) &&
                       read_port(words.at[4], &head->client.port) &&
                       read_port(words.at[5], &to_port);
    return head->has_client;
}

/* Takes a byte of the line. */
static enum wsp_proxy_result take_v1(struct wsp_proxy_head *head, uint8_t byte)
{
    size_t at = head->len;
    bool was_cr = at > 0 && head->bytes[at - 1] == '\r';
    if (at == sizeof head->bytes || was_cr != (byte == '\n')) {
        return WSP_PROXY_BAD;
    }
    bool is_text = byte >= 0x20 && byte < 0x7f;
    bool is_in_start = at < sizeof v1_start;
    if (is_in_start ? byte != v1_start[at]
                    : !is_text && byte != '\r' && byte != '\n') {
        return WSP_PROXY_BAD;
    }
    head->bytes[head->len++] = byte;
    if (byte != '\n') {
        return WSP_PROXY_MORE;
    }
    return read_line(head) ? WSP_PROXY_DONE : WSP_PROXY_BAD;
}

/* ---- version 2: binary ---- */

/* Bytes of addresses and ports that a family needs; -1: there is no such one.
 * What is neither TCP over IPv4 nor over IPv6 is stepped over. */
static int address_len(uint8_t family)
{
    switch (family) {
    case 0x11: /* TCP over IPv4 */
        return 12;
    case 0x21: /* TCP over IPv6 */
        return 36;
    case 0x00: /* unspecified */
    case 0x12: /* UDP */
    case 0x22:
    case 0x31: /* unix sockets */
    case 0x32:
        return 0;
    default:
        return -1;
    }
}

static uint32_t announced(const struct wsp_proxy_head *head)
{
    return (uint32_t)head->bytes[V2_LENGTH] << 8 | head->bytes[V2_LENGTH + 1];
}

/* How many bytes are to be stored: addresses only of a client. */
static size_t stored_len(const struct wsp_proxy_head *head)
{
    bool is_client = head->bytes[V2_COMMAND] == V2_PROXY;
    int len = is_client ? address_len(head->bytes[V2_FAMILY]) : 0;
    return V2_FIXED + (size_t)len;
}

/* Judges the byte that is about to be stored at `at`. */
static bool is_fine_v2(const struct wsp_proxy_head *head, size_t at,
                       uint8_t byte)
{
    if (at < sizeof v2_start) {
        return byte == v2_start[at];
    }
    if (at == V2_COMMAND) {
        return byte == V2_LOCAL || byte == V2_PROXY;
    }
    return at != V2_FAMILY || head->bytes[V2_COMMAND] == V2_LOCAL ||
           address_len(byte) >= 0;
}

static void read_addresses(struct wsp_proxy_head *head, size_t len)
{
    const uint8_t *at = head->bytes + V2_FIXED;
    if (len == V2_FIXED) {
        return;
    }
    bool is_v4 = head->bytes[V2_FAMILY] == 0x11;
    size_t size = is_v4 ? 4 : 16;
    head->client.ip = is_v4 ? wsp_ip_of_v4(at) : wsp_ip_of_v6(at);
    head->client.port =
        (uint16_t)((unsigned)at[2 * size] << 8 | at[2 * size + 1]);
    head->has_client = true;
}

/* Takes a byte that is stored. */
static enum wsp_proxy_result take_v2(struct wsp_proxy_head *head, uint8_t byte)
{
    if (!is_fine_v2(head, head->len, byte)) {
        return WSP_PROXY_BAD;
    }
    head->bytes[head->len++] = byte;
    if (head->len < V2_FIXED) {
        return WSP_PROXY_MORE;
    }
    size_t wanted = stored_len(head);
    uint32_t len = announced(head);
    if (len < wanted - V2_FIXED) {
        return WSP_PROXY_BAD;
    }
    if (head->len < wanted) {
        return WSP_PROXY_MORE;
    }
    read_addresses(head, wanted);
    head->skipping = len - (uint32_t)(wanted - V2_FIXED);
    return head->skipping ? WSP_PROXY_MORE : WSP_PROXY_DONE;
}

/* ---- both ---- */

/* Tells the version by its first byte. */
static uint8_t version_of(uint8_t byte)
{
    if (byte == v1_start[0]) {
        return 1;
    }
    return byte == v2_start[0] ? 2 : 0;
}

static enum wsp_proxy_result take(struct wsp_proxy_head *head, uint8_t byte)
{
    if (head->version == 0) {
        head->version = version_of(byte);
    }
    if (head->version == 0) {
        return WSP_PROXY_BAD;
    }
    return head->version == 1 ? take_v1(head, byte) : take_v2(head, byte);
}

/* Steps over bytes of which nothing is kept. */
static size_t skip(struct wsp_proxy_head *head, size_t len)
{
    size_t count = head->skipping < len ? head->skipping : len;
    head->skipping -= (uint32_t)count;
    return count;
}

enum wsp_proxy_result wsp_proxy_head_feed(struct wsp_proxy_head *head,
                                          const uint8_t *data, size_t len,
                                          size_t *taken)
{
    *taken = 0;
    while (head->result == WSP_PROXY_MORE && *taken < len) {
        if (head->skipping) {
            *taken += skip(head, len - *taken);
            head->result = head->skipping ? WSP_PROXY_MORE : WSP_PROXY_DONE;
        } else {
            head->result = take(head, data[(*taken)++]);
        }
    }
    return head->result;
}
