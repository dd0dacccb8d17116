/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"

/* ---- readiness ---- */

void wsp_stream_end(struct wsp_stream *stream, int error)
{
    stream->has_ended = true;
    wsp_stream_want_read(stream, false);
    stream->ops->on_end(stream->ud, error);
}

static size_t serve_again(void *ud);

/* One receive a readiness: what is left makes the descriptor ready again, after
 * the others had their turn. Returns how many bytes that were, an end being one,
 * or 0 when there was nothing. */
static size_t receive(struct wsp_stream *stream)
{
    struct wsp_loop *loop = stream->loop;
    uint8_t *buffer = wsp_loop_read_buffer(loop);
    size_t gap = stream->tls ? WSP_LOOP_READ_GAP : 0;
    ssize_t got;
    do {
        got = recv(stream->fd, buffer + gap, wsp_stream_read_size(stream),
                   MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        wsp_loop_note_served(loop, serve_again, stream, (size_t)got);
        if (gap) {
            wsp_stream_tls_take(stream, buffer, (size_t)got);
        } else {
            stream->ops->on_data(stream->ud, buffer, (size_t)got);
        }
        return (size_t)got;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return 0;
    }
    wsp_stream_end(stream, got == 0 ? 0 : errno);
    return 1;
}

/* Receives once more from a stream that is still open. */
static size_t serve_again(void *ud)
{
    struct wsp_stream *stream = ud;
    struct wsp_loop *loop = stream->loop;
    if (!stream->wants_read) {
        return 0;
    }
    wsp_loop_set_current(loop, stream);
    size_t got = receive(stream);
    wsp_loop_set_current(loop, NULL);
    return got;
}

/* Room to write comes first: what a peer is owed leaves before more of its
 * requests are read. */
static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct wsp_stream *stream = arg;
    struct wsp_loop *loop = stream->loop;
    wsp_loop_set_current(loop, stream);
    bool has_room = what & EV_WRITE;
    if (has_room && stream->has_backlog) {
        has_room = wsp_stream_tls_flush(stream);
    }
    if (has_room && stream->wants_write) {
        stream->ops->on_writable(stream->ud);
    }
    if (wsp_loop_is_current(loop, stream) && (what & EV_READ) &&
        stream->wants_read) {
        receive(stream);
    }
    wsp_loop_set_current(loop, NULL);
}

/* Watches for what is wanted. libevent cannot change the kinds of an event in
 * place: it is taken out and put in again. */
static bool watch(struct wsp_stream *stream, bool wants_read, bool wants_write)
{
    stream->wants_read = wants_read;
    stream->wants_write = wants_write;
    event_del(&stream->event);
    bool awaits_room = wants_write || stream->has_backlog;
    if (!wants_read && !awaits_room) {
        return true;
    }
    short kinds = EV_PERSIST;
    kinds = (short)(kinds | (wants_read ? EV_READ : 0));
    kinds = (short)(kinds | (awaits_room ? EV_WRITE : 0));
    event_assign(&stream->event, wsp_loop_base(stream->loop), stream->fd, kinds,
                 on_ready, stream);
    if (event_add(&stream->event, NULL) == 0) {
        return true;
    }
    stream->wants_read = false;
    stream->wants_write = false;
    return false;
}

/* ---- life ---- */

void wsp_stream_init(struct wsp_stream *stream, struct wsp_loop *loop, int fd,
                     const struct wsp_stream_ops *ops, void *ud)
{
    *stream = (struct wsp_stream){
        .ops = ops,
        .ud = ud,
        .loop = loop,
        .fd = fd,
        .read_shift = WSP_STREAM_READ_SHIFT,
    };
    event_assign(&stream->event, wsp_loop_base(loop), fd, EV_PERSIST, on_ready,
                 stream);
}

void wsp_stream_fini(struct wsp_stream *stream)
{
    if (stream->fd < 0) {
        return;
    }
    event_del(&stream->event);
    if (stream->tls) {
        wsp_stream_tls_fini(stream);
    }
    close(stream->fd);
    stream->fd = -1;
    stream->wants_read = false;
    stream->wants_write = false;
    wsp_loop_drop_current(stream->loop, stream);
}

void wsp_stream_set_ops(struct wsp_stream *stream,
                        const struct wsp_stream_ops *ops, void *ud)
{
    stream->ops = ops;
    stream->ud = ud;
}

bool wsp_stream_want_read(struct wsp_stream *stream, bool is_wanted)
{
    bool wants_read = is_wanted && !stream->has_ended;
    if (stream->fd < 0 || stream->wants_read == wants_read) {
        return true;
    }
    return watch(stream, wants_read, stream->wants_write);
}

bool wsp_stream_want_write(struct wsp_stream *stream, bool is_wanted)
{
    if (stream->fd < 0 || stream->wants_write == is_wanted) {
        return true;
    }
    return watch(stream, stream->wants_read, is_wanted);
}

bool wsp_stream_set_backlog(struct wsp_stream *stream, bool has_backlog)
{
    if (stream->has_backlog == has_backlog) {
        return true;
    }
    stream->has_backlog = has_backlog;
    return watch(stream, stream->wants_read, stream->wants_write);
}

/* ---- output ---- */

ssize_t wsp_stream_write(struct wsp_stream *stream, const void *data,
                         size_t len)
{
    if (stream->tls) {
        /* An iovec has no const; it is only read. */
        struct iovec part = {(void *)(uintptr_t)data, len};
        return wsp_stream_tls_writev(stream, &part, 1);
    }
    ssize_t sent;
    do {
        sent = send(stream->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return sent;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

ssize_t wsp_stream_writev(struct wsp_stream *stream, const struct iovec *parts,
                          int count)
{
    if (stream->tls) {
        return wsp_stream_tls_writev(stream, parts, count);
    }
    if (count > WSP_STREAM_PARTS_MAX) {
        count = WSP_STREAM_PARTS_MAX;
    }
    /* sendmsg only reads them; its struct has no const. */
    struct msghdr message = {.msg_iov = (struct iovec *)parts,
                             .msg_iovlen = (size_t)count};
    ssize_t sent;
    do {
        sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return sent;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

void wsp_stream_shutdown(struct wsp_stream *stream)
{
    if (stream->tls) {
        wsp_stream_tls_shutdown(stream);
        return;
    }
    shutdown(stream->fd, SHUT_WR);
}

void wsp_stream_abort_on_close(struct wsp_stream *stream)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}
