/* SPDX-License-Identifier: MIT */
#include "proto/handshake.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "proto/http_char.h"

/* RFC 6455 §4.2.2 */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN 24    /* base64 of 16 bytes */
#define ACCEPT_LEN 28 /* base64 of a SHA-1 */

static const struct wsp_span key_name = {"sec-websocket-key", 17};
static const struct wsp_span subprotocol_name = {"sec-websocket-protocol", 22};

static bool has_version_13(const struct wsp_http_head *head, const char *bytes)
{
    static const struct wsp_span name = {"sec-websocket-version", 21};
    return wsp_http_head_count(head, bytes, name) == 1 &&
           wsp_span_equal(wsp_http_head_find(head, bytes, name),
                          (struct wsp_span){"13", 2});
}

int wsp_handshake_check(const struct wsp_http_head *head, const char *bytes)
{
    struct wsp_span method = wsp_http_slice_in(head->method, bytes);
    if (!wsp_http_head_has_token(head, bytes, wsp_span_of("connection"),
                                 wsp_span_of("upgrade"))) {
        return 400;
    }
    if (!wsp_http_head_has_token(head, bytes, wsp_span_of("upgrade"),
                                 wsp_span_of("websocket"))) {
        return 400;
    }
    if (!wsp_span_equal(method, (struct wsp_span){"GET", 3})) {
        return 405;
    }
    /* Bytes of a body would be read as frames. */
    if (head->minor != 1 || head->has_transfer_encoding ||
        head->content_length > 0) {
        return 400;
    }
    return has_version_13(head, bytes) ? 0 : 426;
}

static bool is_base64(char character)
{
    return (character >= 'A' && character <= 'Z') ||
           (character >= 'a' && character <= 'z') ||
           (character >= '0' && character <= '9') || character == '+' ||
           character == '/';
}

int wsp_handshake_check_key(const struct wsp_http_head *head, const char *bytes)
{
    struct wsp_span key = wsp_http_head_find(head, bytes, key_name);
    if (wsp_http_head_count(head, bytes, key_name) != 1 || key.len != KEY_LEN) {
        return 400;
    }
    for (size_t i = 0; i < KEY_LEN - 2; i++) {
        if (!is_base64(key.data[i])) {
            return 400;
        }
    }
    return memcmp(key.data + KEY_LEN - 2, "==", 2) == 0 ? 0 : 400;
}

/* ---- the sub-protocol ---- */

bool wsp_subprotocol_is_valid(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (!wsp_http_is(name[i], WSP_HTTP_TOKEN)) {
            return false;
        }
    }
    return len > 0 && len <= WSP_SUBPROTOCOL_MAX;
}

/* The number of `offer` among the first `count` names, or `count`. */
static size_t rank_of(struct wsp_span offer, const char *const *names,
                      size_t count)
{
    size_t rank = 0;
    while (rank < count && (strncmp(names[rank], offer.data, offer.len) != 0 ||
                            names[rank][offer.len] != '\0')) {
        rank++;
    }
    return rank;
}

/* One walk over what is offered, so that a long list costs what it is long. */
struct wsp_http_slice wsp_handshake_subprotocol(
    const struct wsp_http_head *head, const char *bytes,
    const char *const *names, size_t count)
{
    struct wsp_http_values offers =
        wsp_http_values_of(head, bytes, subprotocol_name);
    struct wsp_http_slice chosen = {0, 0};
    struct wsp_span offer;
    size_t best = count;
    while (best > 0 && wsp_http_values_next(&offers, &offer)) {
        size_t rank = rank_of(offer, names, best);
        if (rank < best) {
            best = rank;
            chosen.offset = (uint16_t)(offer.data - bytes);
            chosen.len = (uint16_t)offer.len;
        }
    }
    return chosen;
}

/* ---- the answer ---- */

/* Computes Sec-WebSocket-Accept, NUL-terminated. False when libcrypto fails. */
static bool accept_key(struct wsp_span key, char out[ACCEPT_LEN + 1])
{
    unsigned char text[KEY_LEN + sizeof(ACCEPT_GUID) - 1];
    unsigned char digest[SHA_DIGEST_LENGTH];
    memcpy(text, key.data, KEY_LEN);
    memcpy(text + KEY_LEN, ACCEPT_GUID, sizeof(ACCEPT_GUID) - 1);
    if (EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha1(), NULL) != 1) {
        return false;
    }
    return EVP_EncodeBlock((unsigned char *)out, digest, sizeof(digest)) ==
           ACCEPT_LEN;
}

size_t wsp_handshake_accept(const struct wsp_http_head *head, const char *bytes,
                            struct wsp_span subprotocol,
                            const struct wsp_extension *agreed,
                            char out[WSP_HANDSHAKE_ACCEPT_MAX])
{
    char accept[ACCEPT_LEN + 1];
    char extension[WSP_EXTENSION_MAX];
    struct wsp_span key = wsp_http_head_find(head, bytes, key_name);
    if (!accept_key(key, accept)) {
        return 0;
    }
    bool is_named = subprotocol.len > 0;
    bool is_packed = wsp_extension_write(agreed, extension) > 0;
    int len = snprintf(out, WSP_HANDSHAKE_ACCEPT_MAX,
                       "HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n"
                       "%s%.*s%s"
                       "%s%s%s"
                       "\r\n",
                       accept, is_named ? "Sec-WebSocket-Protocol: " : "",
                       (int)subprotocol.len, is_named ? subprotocol.data : "",
                       is_named ? "\r\n" : "",
                       is_packed ? "Sec-WebSocket-Extensions: " : "", extension,
                       is_packed ? "\r\n" : "");
    return (size_t)len;
}
