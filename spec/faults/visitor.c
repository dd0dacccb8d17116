/* SPDX-License-Identifier: MIT */
#include "visitor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel.h"

#define TURNS_MAX 10000000

bool visitor_connect(struct visitor *visitor, const char *address)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    visitor_leave(visitor);
    *visitor = (struct visitor){.fd = -1};
    snprintf(name.sun_path, sizeof name.sun_path, "%s",
             address + strlen("unix:"));
    kernel_hold();
    visitor->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there =
        connect(visitor->fd, (struct sockaddr *)&name, sizeof name) == 0;
    kernel_release();
    if (!is_there) {
        visitor_leave(visitor);
    }
    return is_there;
}

void visitor_leave(struct visitor *visitor)
{
    if (visitor->fd >= 0) {
        close(visitor->fd);
    }
    visitor->fd = -1;
}

void visitor_write(struct visitor *visitor, const void *data, size_t len)
{
    if (visitor->fd >= 0) {
        kernel_hold();
        ssize_t sent =
            send(visitor->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
        kernel_release();
    }
}

void visitor_say(struct visitor *visitor, const char *text)
{
    visitor_write(visitor, text, strlen(text));
}

void visitor_upgrade(struct visitor *visitor, const char *query)
{
    char text[512];
    snprintf(text, sizeof text,
             "GET /ws?%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Protocol: v2\r\n"
             "Sec-WebSocket-Extensions: permessage-deflate\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             query);
    visitor_say(visitor, text);
}

void visitor_send(struct visitor *visitor, uint8_t first, const char *data,
                  size_t len)
{
    static char frame[65536 + 8];
    size_t head = len < 126 ? 2 : 4;
    frame[0] = (char)first;
    frame[1] = (char)(0x80 | (len < 126 ? len : 126));
    if (len >= 126) {
        frame[2] = (char)(len >> 8);
        frame[3] = (char)len;
    }
    memset(frame + head, 0, 4); /* the mask */
    memcpy(frame + head + 4, data, len);
    visitor_write(visitor, frame, head + 4 + len);
}

/* Keeps the last bytes. */
static void keep(struct visitor *visitor, const char *data, size_t len)
{
    size_t size = sizeof visitor->tail;
    visitor->got += len;
    if (len > size) {
        data += len - size;
        len = size;
    }
    size_t kept = visitor->tail_len;
    if (kept + len > size) {
        size_t lost = kept + len - size;
        memmove(visitor->tail, visitor->tail + lost, kept - lost);
        kept -= lost;
    }
    memcpy(visitor->tail + kept, data, len);
    visitor->tail_len = kept + len;
}

void visitor_read(struct visitor *visitor)
{
    static char data[65536];
    ssize_t got = 1;
    kernel_hold();
    while (got > 0 && visitor->fd >= 0 && !visitor->has_ended) {
        got = recv(visitor->fd, data, sizeof data, MSG_DONTWAIT);
        if (got > 0) {
            keep(visitor, data, (size_t)got);
        } else {
            visitor->has_ended = got == 0 || errno != EAGAIN;
        }
    }
    kernel_release();
}

bool visitor_has(const struct visitor *visitor, const char *text)
{
    return memmem(visitor->tail, visitor->tail_len, text, strlen(text)) != NULL;
}

void visitor_settle(struct visitor *visitors, int count, struct wsp_loop *loop)
{
    int quiet = 0;
    for (long turn = 0; turn < TURNS_MAX && quiet < 2; turn++) {
        long before = kernel_made();
        wsp_loop_poll(loop, 0);
        for (int i = 0; i < count; i++) {
            visitor_read(&visitors[i]);
        }
        quiet = kernel_made() == before ? quiet + 1 : 0;
    }
    assert_int_equal(quiet, 2);
}

void visitor_forget(struct visitor *visitor)
{
    visitor->tail_len = 0;
    visitor->got = 0;
}
