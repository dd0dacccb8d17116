/* SPDX-License-Identifier: MIT */
#include "net/prelude.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"

#define PEEK_BYTES 4096

static ssize_t receive(const struct wsp_prelude *prelude, size_t len, int flags)
{
    uint8_t *buffer = wsp_loop_read_buffer(prelude->loop);
    ssize_t got;
    do {
        got = recv(prelude->fd, buffer, len, MSG_DONTWAIT | flags);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Tells what a receive that gave nothing has come to. */
static void end(struct wsp_prelude *prelude, ssize_t got)
{
    if (got == 0) {
        prelude->ops->on_end(prelude->ud, 0);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        prelude->ops->on_end(prelude->ud, errno);
    }
}

/* Takes what was seen: nobody else reads this socket, so it is there. What the
 * kernel does not give now it gives when the socket is ready again. */
static void take(struct wsp_prelude *prelude)
{
    ssize_t got = receive(prelude, prelude->owed_len, 0);
    if (got > 0) {
        prelude->owed_len -= (size_t)got;
    }
    if (prelude->owed_len == 0) {
        prelude->ops->on_taken(prelude->ud);
    } else if (got <= 0) {
        end(prelude, got);
    }
}

static void peek(struct wsp_prelude *prelude)
{
    struct wsp_loop *loop = prelude->loop;
    ssize_t got = receive(prelude, PEEK_BYTES, MSG_PEEK);
    if (got <= 0) {
        end(prelude, got);
        return;
    }
    size_t len = prelude->ops->on_peek(prelude->ud, wsp_loop_read_buffer(loop),
                                       (size_t)got);
    if (wsp_loop_is_current(loop, prelude)) {
        prelude->owed_len = len;
        take(prelude);
    }
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wsp_prelude *prelude = arg;
    struct wsp_loop *loop = prelude->loop;
    wsp_loop_set_current(loop, prelude);
    if (prelude->owed_len > 0) {
        take(prelude);
    } else {
        peek(prelude);
    }
    wsp_loop_set_current(loop, NULL);
}

bool wsp_prelude_init(struct wsp_prelude *prelude, struct wsp_loop *loop,
                      int fd, const struct wsp_prelude_ops *ops, void *ud)
{
    *prelude =
        (struct wsp_prelude){.ops = ops, .ud = ud, .loop = loop, .fd = fd};
    event_assign(&prelude->event, wsp_loop_base(loop), fd, EV_READ | EV_PERSIST,
                 on_ready, prelude);
    if (event_add(&prelude->event, NULL) == 0) {
        return true;
    }
    prelude->fd = -1;
    return false;
}

int wsp_prelude_release(struct wsp_prelude *prelude)
{
    int fd = prelude->fd;
    if (fd >= 0) {
        event_del(&prelude->event);
        prelude->fd = -1;
        wsp_loop_drop_current(prelude->loop, prelude);
    }
    return fd;
}

void wsp_prelude_fini(struct wsp_prelude *prelude)
{
    int fd = wsp_prelude_release(prelude);
    if (fd >= 0) {
        close(fd);
    }
}
