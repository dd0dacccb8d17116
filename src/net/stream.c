/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"

/* ---- readiness ---- */

void wsp_stream_end(struct wsp_stream *stream, int error)
{
    stream->has_ended = true;
    wsp_stream_want_read(stream, false);
    stream->ops->on_end(stream, error);
}

static size_t serve_again(void *ud);

/* One receive a readiness: what is left makes the descriptor ready again, after
 * the others had their turn. Returns how many bytes that were, an end being one,
 * or 0 when there was nothing. */
static size_t receive(struct wsp_stream *stream)
{
    struct wsp_loop *loop = wsp_stream_loop(stream);
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
            stream->ops->on_data(stream, buffer, (size_t)got);
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
    struct wsp_loop *loop = wsp_stream_loop(stream);
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
void wsp_stream_ready(void *ready, uint32_t events)
{
    struct wsp_stream *stream = ready;
    struct wsp_loop *loop = wsp_stream_loop(stream);
    wsp_loop_set_current(loop, stream);
    bool has_room = events & (EPOLLOUT | EPOLLERR | EPOLLHUP);
    if (has_room && stream->has_backlog) {
        has_room = wsp_stream_tls_flush(stream);
    }
    if (has_room && stream->wants_write) {
        stream->ops->on_writable(stream);
    }
    if (wsp_loop_is_current(loop, stream) &&
        (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && stream->wants_read) {
        receive(stream);
    }
    wsp_loop_set_current(loop, NULL);
}

/* Watches for what is wanted. */
static bool watch(struct wsp_stream *stream, bool wants_read, bool wants_write)
{
    uint32_t events = wants_read ? EPOLLIN : 0U;
    events |= wants_write || stream->has_backlog ? EPOLLOUT : 0U;
    stream->wants_read = wants_read;
    stream->wants_write = wants_write;
    if (wsp_loop_watch_socket(wsp_stream_loop(stream), stream->fd,
                              stream->watched, events, stream)) {
        stream->watched = (uint8_t)events;
        return true;
    }
    stream->wants_read = false;
    stream->wants_write = false;
    return false;
}

_Static_assert((EPOLLIN | EPOLLOUT) <= UINT8_MAX, "both fit into `watched`");

/* ---- life ---- */

void wsp_stream_init(struct wsp_stream *stream, int fd,
                     const struct wsp_stream_ops *ops)
{
    *stream = (struct wsp_stream){
        .ops = ops,
        .fd = fd,
        .read_shift = WSP_STREAM_READ_SHIFT,
    };
}

void wsp_stream_fini(struct wsp_stream *stream)
{
    if (stream->fd < 0) {
        return;
    }
    struct wsp_loop *loop = wsp_stream_loop(stream);
    if (stream->tls) {
        wsp_stream_tls_fini(stream);
    }
    /* A process that a script has just started may hold a copy of the
     * descriptor, and then closing ours would not end the watch. */
    wsp_loop_watch_socket(loop, stream->fd, stream->watched, 0, stream);
    close(stream->fd);
    stream->fd = -1;
    stream->wants_read = false;
    stream->wants_write = false;
    stream->watched = 0;
    wsp_loop_drop_current(loop, stream);
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

/* Gives what a write returns for the result of a system call. */
static ssize_t written(ssize_t sent)
{
    if (sent >= 0) {
        return sent;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

ssize_t wsp_stream_send(const struct wsp_stream *stream, const void *data,
                        size_t len)
{
    ssize_t sent;
    do {
        sent = send(stream->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return written(sent);
}

ssize_t wsp_stream_write(struct wsp_stream *stream, const void *data,
                         size_t len)
{
    if (stream->tls) {
        /* An iovec has no const; it is only read. */
        struct iovec part = {(void *)(uintptr_t)data, len};
        return wsp_stream_tls_writev(stream, &part, 1);
    }
    return wsp_stream_send(stream, data, len);
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
    return written(sent);
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
