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

/* Bytes that were seen are there to be taken: nobody else reads this socket. */
static void take(struct wsp_prelude *prelude, size_t len)
{
    ssize_t got = receive(prelude, len, 0);
    if (got == (ssize_t)len) {
        prelude->ops->on_taken(prelude->ud);
    } else {
        end(prelude, got > 0 ? 0 : got);
    }
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wsp_prelude *prelude = arg;
    struct wsp_loop *loop = prelude->loop;
    wsp_loop_set_current(loop, prelude);
    ssize_t got = receive(prelude, PEEK_BYTES, MSG_PEEK);
    if (got > 0) {
        size_t len = prelude->ops->on_peek(
            prelude->ud, wsp_loop_read_buffer(loop), (size_t)got);
        if (wsp_loop_is_current(loop, prelude)) {
            take(prelude, len);
        }
    } else {
        end(prelude, got);
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
