/* SPDX-License-Identifier: MIT */
/* A server and its only peer in one thread, one after the other: what a message
 * costs the server does not depend on who comes first.
 *
 *   lockstep SCRIPT COUNT DEPTH [EVENT]
 *
 * It sends COUNT messages, DEPTH of them in one write, and awaits the answers:
 * 128 bytes of text, or with an event JSON envelopes of 145 bytes. The server
 * runs in lockstep_serve() and nowhere else, so that callgrind's option
 * --toggle-collect counts it alone. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/bench_block.h"
#include "cli/script.h"

#define RAW_BYTES 128
#define ENVELOPE_BYTES 145
#define ANSWERS_BYTES 65536

void lockstep_serve(struct wsp_loop *loop);

/* One turn of the server. */
__attribute__((noinline, used)) void lockstep_serve(struct wsp_loop *loop)
{
    wsp_loop_poll(loop, -1);
}

static void fail(const char *what)
{
    fprintf(stderr, "lockstep: %s\n", what);
    exit(1);
}

/* ---- the peer ---- */

static void send_all(int fd, const void *data, size_t len)
{
    if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len) {
        fail("the socket took less than it was given");
    }
}

static int open_peer(const char *address)
{
    const char *colon = strrchr(address, ':');
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons((uint16_t)strtoul(colon ? colon + 1 : "", NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const void *)&to, sizeof to) != 0) {
        fail("cannot connect");
    }
    return fd;
}

static void upgrade(struct wsp_loop *loop, int fd)
{
    static const char request[] =
        "GET /ws HTTP/1.1\r\n"
        "Host: localhost\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n";
    char answer[1024];
    ssize_t got = -1;
    send_all(fd, request, sizeof(request) - 1);
    while (got < 0) {
        lockstep_serve(loop);
        got = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    }
    if (got < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0) {
        fail("the upgrade was refused");
    }
}

/* Counts the frames that are complete; all are shorter than 64 KiB. */
static unsigned count_frames(const uint8_t *data, size_t len)
{
    unsigned count = 0;
    for (size_t at = 0; at + 4 <= len; count++) {
        size_t payload = data[at + 1];
        if (payload == 126) {
            payload = ((size_t)data[at + 2] << 8 | data[at + 3]) + 2;
        }
        at += 2 + payload;
        if (at > len) {
            break;
        }
    }
    return count;
}

static void exchange(struct wsp_loop *loop, int fd,
                     const struct wsp_bench_block *block, unsigned depth)
{
    static uint8_t answers[ANSWERS_BYTES];
    send_all(fd, block->data, block->frame_len * depth);
    for (size_t len = 0; count_frames(answers, len) < depth;) {
        lockstep_serve(loop);
        ssize_t got =
            recv(fd, answers + len, sizeof answers - len, MSG_DONTWAIT);
        if (got == 0) {
            fail("the server hung up");
        }
        len += got > 0 ? (size_t)got : 0;
    }
}

/* ---- the server ---- */

static struct wsp_script open_script(const char *path)
{
    static const char *const listen[] = {"127.0.0.1:0"};
    const struct wsp_script_config config = {
        .logger.level = WSP_LOG_OFF,
        .listen = listen,
        .listen_count = 1,
    };
    struct wsp_script script;
    struct wsp_diag diag;
    if (wsp_script_init(&script, &config, &diag) != WSP_OK ||
        wsp_lua_host_load(script.host, path, &diag) != WSP_OK ||
        wsp_lua_host_start(script.host, &diag) != WSP_OK) {
        fail(diag.message);
    }
    return script;
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
    unsigned depth = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (count == 0 || depth == 0 || count % depth != 0) {
        fputs("usage: lockstep SCRIPT COUNT DEPTH [EVENT]\n", stderr);
        return 2;
    }
    struct wsp_bench_settings settings = {
        .size = argc > 4 ? ENVELOPE_BYTES : RAW_BYTES,
        .depth = depth,
        .is_envelope = argc > 4,
        .event = argv[argc > 4 ? 4 : 0],
    };
    struct wsp_bench_block block;
    if (!wsp_bench_block_init(&block, &settings)) {
        fail("out of memory");
    }
    struct wsp_script script = open_script(argv[1]);
    int fd =
        open_peer(wsp_server_address(wsp_lua_host_server(script.host, 0), 0));
    upgrade(script.loop, fd);
    for (unsigned long sent = 0; sent < count; sent += depth) {
        exchange(script.loop, fd, &block, depth);
    }
    close(fd);
    wsp_bench_block_fini(&block);
    wsp_script_fini(&script);
    return 0;
}
