/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

bool peer_dial(struct peer *peer, const char *address)
{
    const char *colon = strrchr(address, ':');
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct timeval deadline = {10, 0};
    to.sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 0));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->in_len = 0;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
    if (connect(peer->fd, (struct sockaddr *)&to, sizeof to) == 0) {
        return true;
    }
    close(peer->fd);
    return false;
}

void peer_connect(struct peer *peer, const char *address)
{
    assert_true(peer_dial(peer, address));
}

static void write_all(struct peer *peer, const void *data, size_t len)
{
    const char *at = data;
    while (len) {
        ssize_t sent = send(peer->fd, at, len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        len -= (size_t)sent;
    }
}

void peer_write(struct peer *peer, const char *text)
{
    write_all(peer, text, strlen(text));
}

/* Reads more; 0 at the end of the stream, negative after an error. */
static ssize_t fill(struct peer *peer)
{
    ssize_t got = recv(peer->fd, peer->in + peer->in_len,
                       sizeof peer->in - peer->in_len, 0);
    if (got > 0) {
        peer->in_len += (size_t)got;
    }
    return got;
}

static void consume(struct peer *peer, size_t len)
{
    memmove(peer->in, peer->in + len, peer->in_len - len);
    peer->in_len -= len;
}

void peer_read_head(struct peer *peer, char *out, size_t size)
{
    for (;;) {
        char *end = memmem(peer->in, peer->in_len, "\r\n\r\n", 4);
        if (end) {
            size_t len = (size_t)(end - peer->in) + 4;
            assert_true(len < size);
            memcpy(out, peer->in, len);
            out[len] = '\0';
            consume(peer, len);
            return;
        }
        assert_true(fill(peer) > 0);
    }
}

void peer_upgrade(struct peer *peer, const char *target)
{
    char text[512];
    char head[1024];
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             target);
    peer_write(peer, text);
    peer_read_head(peer, head, sizeof head);
    assert_memory_equal(head, "HTTP/1.1 101 ", 13);
    assert_non_null(strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

void peer_send(struct peer *peer, uint8_t opcode, const char *data, size_t len)
{
    uint8_t frame[6 + 125] = {
        (uint8_t)(0x80 | opcode), (uint8_t)(0x80 | len), 1, 2, 3, 4};
    assert_true(len <= 125);
    for (size_t i = 0; i < len; i++) {
        frame[6 + i] = (uint8_t)data[i] ^ frame[2 + i % 4];
    }
    write_all(peer, frame, 6 + len);
}

/* Waits until `len` bytes are there; false at the end of the stream. */
static int need(struct peer *peer, size_t len)
{
    while (peer->in_len < len) {
        if (fill(peer) <= 0) {
            return 0;
        }
    }
    return 1;
}

int peer_read_frame(struct peer *peer, char *out, size_t size, size_t *len)
{
    if (!need(peer, 2)) {
        return -1;
    }
    size_t head = 2;
    size_t body = (uint8_t)peer->in[1];
    assert_true(body != 127); /* no spec here reads such frames */
    if (body == 126) {
        head = 4;
        assert_true(need(peer, head));
        body = (size_t)(uint8_t)peer->in[2] << 8 | (uint8_t)peer->in[3];
    }
    assert_true(need(peer, head + body));
    assert_true(body < size);
    int opcode = peer->in[0] & 0x0f;
    memcpy(out, peer->in + head, body);
    out[body] = '\0';
    if (len) {
        *len = body;
    }
    consume(peer, head + body);
    return opcode;
}

void peer_read_rest(struct peer *peer, char *out, size_t size)
{
    while (fill(peer) > 0) {
    }
    assert_true(peer->in_len < size);
    memcpy(out, peer->in, peer->in_len);
    out[peer->in_len] = '\0';
}

int peer_reads_end(struct peer *peer)
{
    ssize_t got;
    do {
        peer->in_len = 0;
        got = fill(peer);
    } while (got > 0);
    return got == 0;
}

void peer_close(struct peer *peer)
{
    close(peer->fd);
}
