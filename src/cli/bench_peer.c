/* SPDX-License-Identifier: MIT */
#include "cli/bench_peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 8192 /* bytes of an answer to the upgrade */
#define CLOSE 0x8
#define PONG 0xa
#define NORMAL_CLOSURE 1000

void wsp_bench_peer_init(struct wsp_bench_peer *peer)
{
    memset(peer, 0, sizeof *peer);
    peer->fd = -1;
}

void wsp_bench_peer_reset(struct wsp_bench_peer *peer)
{
    uint64_t *stamps = peer->stamps;
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    free(peer->answer);
    wsp_bench_peer_init(peer);
    peer->stamps = stamps;
}

/* ---- out ---- */

/* Writes as much as the socket takes. Returns false when it failed. */
static bool write_some(struct wsp_bench_peer *peer, const uint8_t *data,
                       size_t len, size_t *written)
{
    ssize_t n = send(peer->fd, data, len, MSG_NOSIGNAL);
    *written = n > 0 ? (size_t)n : 0;
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* A control frame may stand between two messages and not inside one. */
static enum wsp_err flush(struct wsp_bench_peer *peer, struct wsp_diag *diag)
{
    size_t written = 0;
    bool is_good = true;
    if (peer->out_left) {
        is_good = write_some(peer, peer->out, peer->out_left, &written);
        peer->out += written;
        peer->out_left -= written;
    }
    size_t control_left = (size_t)(peer->control_len - peer->control_at);
    if (is_good && peer->out_left == 0 && control_left) {
        is_good = write_some(peer, peer->control + peer->control_at,
                             control_left, &written);
        peer->control_at = (uint8_t)(peer->control_at + written);
    }
    if (is_good) {
        return WSP_OK;
    }
    return wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "send");
}

enum wsp_err wsp_bench_peer_send(struct wsp_bench_peer *peer,
                                 const uint8_t *data, size_t len,
                                 struct wsp_diag *diag)
{
    peer->out = data;
    peer->out_left = len;
    return flush(peer, diag);
}

/* Sends a control frame soon; one that has not gone out yet is replaced, unless
 * a part of it has. */
static void send_control(struct wsp_bench_peer *peer, uint8_t opcode,
                         const uint8_t *body, size_t len)
{
    if (peer->control_at == 0 || peer->control_at == peer->control_len) {
        peer->control_at = 0;
        peer->control_len =
            (uint8_t)wsp_bench_control(peer->control, opcode, body, len);
    }
    flush(peer, NULL); /* a failure shows when the socket is read */
}

void wsp_bench_peer_close(struct wsp_bench_peer *peer)
{
    static const uint8_t body[] = {NORMAL_CLOSURE >> 8, NORMAL_CLOSURE & 0xff};
    peer->phase = WSP_BENCH_CLOSING;
    send_control(peer, CLOSE, body, sizeof body);
}

/* ---- connecting ---- */

enum wsp_err wsp_bench_peer_connect(struct wsp_bench_peer *peer,
                                    const struct wsp_bench_target *target,
                                    struct wsp_diag *diag)
{
    int on = 1;
    const struct sockaddr *address = (const void *)&target->address;
    peer->fd = socket(address->sa_family,
                      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer->fd < 0) {
        return wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "socket");
    }
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(peer->fd, address, target->address_len) != 0 &&
        errno != EINPROGRESS) {
        bool is_port = errno == EADDRNOTAVAIL;
        return wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "connect%s",
                                  is_port ? " (no local port is free)" : "");
    }
    peer->phase = WSP_BENCH_CONNECTING;
    return WSP_OK;
}

enum wsp_err wsp_bench_peer_writable(struct wsp_bench_peer *peer,
                                     const struct wsp_bench_target *target,
                                     struct wsp_diag *diag)
{
    if (peer->phase != WSP_BENCH_CONNECTING) {
        return flush(peer, diag);
    }
    int failure = 0;
    socklen_t len = sizeof failure;
    getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &failure, &len);
    if (failure) {
        return wsp_diag_set_errno(diag, WSP_ERR_IO, failure, "connect");
    }
    peer->phase = WSP_BENCH_UPGRADING;
    return wsp_bench_peer_send(peer, (const uint8_t *)target->request,
                               target->request_len, diag);
}

/* ---- the upgrade's answer ---- */

/* Judges a complete head: "HTTP/1.1 101 …" with the right Accept. */
static enum wsp_err check_answer(const char *head, struct wsp_diag *diag)
{
    int status_len = (int)strcspn(head, "\r\n");
    if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
        return wsp_diag_set(diag, WSP_ERR_PROTOCOL,
                            "the upgrade was answered \"%.*s\"",
                            status_len < 80 ? status_len : 80, head);
    }
    if (!strstr(head, WSP_BENCH_ACCEPT)) {
        return wsp_diag_set(diag, WSP_ERR_PROTOCOL,
                            "the answer to the upgrade has a wrong "
                            "Sec-WebSocket-Accept");
    }
    return WSP_OK;
}

static bool append_answer(struct wsp_bench_peer *peer, const uint8_t *data,
                          size_t len)
{
    char *grown = realloc(peer->answer, peer->answer_len + len + 1);
    if (!grown) {
        return false;
    }
    memcpy(grown + peer->answer_len, data, len);
    peer->answer = grown;
    peer->answer_len += len;
    grown[peer->answer_len] = '\0';
    return true;
}

/* Takes bytes of the answer; what stands behind its head are frames. */
static enum wsp_err take_answer(struct wsp_bench_peer *peer,
                                const uint8_t *data, size_t len,
                                struct wsp_bench_reading *reading,
                                struct wsp_diag *diag)
{
    if (!append_answer(peer, data, len)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    char *end = strstr(peer->answer, "\r\n\r\n");
    if (!end) {
        return peer->answer_len < ANSWER_MAX
                   ? WSP_OK
                   : wsp_diag_set(diag, WSP_ERR_PROTOCOL,
                                  "the answer to the upgrade has no end");
    }
    *end = '\0';
    enum wsp_err result = check_answer(peer->answer, diag);
    if (result == WSP_OK) {
        const char *rest = end + 4;
        size_t rest_len = (size_t)(peer->answer + peer->answer_len - rest);
        peer->phase = WSP_BENCH_OPEN;
        const char *fault = wsp_bench_reader_feed(
            &peer->reader, (const uint8_t *)rest, rest_len, reading);
        result =
            fault ? wsp_diag_set(diag, WSP_ERR_PROTOCOL, "%s", fault) : WSP_OK;
    }
    free(peer->answer);
    peer->answer = NULL;
    peer->answer_len = 0;
    return result;
}

/* ---- in ---- */

static enum wsp_err take_frames(struct wsp_bench_peer *peer,
                                const uint8_t *data, size_t len,
                                struct wsp_bench_reading *reading,
                                struct wsp_diag *diag)
{
    const char *fault =
        wsp_bench_reader_feed(&peer->reader, data, len, reading);
    if (fault) {
        return wsp_diag_set(diag, WSP_ERR_PROTOCOL, "%s", fault);
    }
    return WSP_OK;
}

/* The server said goodbye first. */
static enum wsp_err describe_close(const struct wsp_bench_reading *reading,
                                   struct wsp_diag *diag)
{
    bool is_size = reading->close_code == 1009;
    return wsp_diag_set(diag, WSP_ERR_PEER_CLOSED,
                        "the server closed a connection: %u %.123s%s",
                        (unsigned)reading->close_code, reading->close_reason,
                        is_size ? " (its max_message_size is below --size)"
                                : "");
}

enum wsp_err wsp_bench_peer_readable(struct wsp_bench_peer *peer,
                                     uint8_t *buffer, size_t size,
                                     struct wsp_bench_reading *reading,
                                     struct wsp_diag *diag)
{
    reading->messages = 0;
    reading->bytes = 0;
    ssize_t n = recv(peer->fd, buffer, size, 0);
    if (n == 0) {
        return wsp_diag_set(diag, WSP_ERR_EOF,
                            "the server closed a connection");
    }
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR
                   ? WSP_OK
                   : wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "recv");
    }
    bool is_answer = peer->phase == WSP_BENCH_UPGRADING;
    enum wsp_err result =
        is_answer ? take_answer(peer, buffer, (size_t)n, reading, diag)
                  : take_frames(peer, buffer, (size_t)n, reading, diag);
    if (result != WSP_OK || peer->phase == WSP_BENCH_UPGRADING) {
        return result;
    }
    if (reading->is_pinged) {
        send_control(peer, PONG, reading->ping, reading->ping_len);
    }
    if (reading->is_closed && peer->phase == WSP_BENCH_OPEN) {
        return describe_close(reading, diag);
    }
    return WSP_OK;
}
