/* SPDX-License-Identifier: MIT */
/* A stream that speaks TLS: one receive a readiness, all of it decrypted and
 * handed up at once; output encrypted a few records at a time and sent
 * together. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

/* So much of what waits going out counts as room again. */
#define PROGRESS_BYTES 4096

/* Room that has to be left in the context's `out` for one more record. */
#define RECORD_ROOM (WSP_TLS_RECORD_BYTES + 512)

bool wsp_stream_secure(struct wsp_stream *stream,
                       struct wsp_tls_context *context)
{
    stream->tls = wsp_tls_new(context);
    return stream->tls != NULL;
}

/* ---- output ---- */

/* Returns 0 or an errno. */
static int send_backlog(struct wsp_stream *stream)
{
    struct wsp_tls *tls = stream->tls;
    size_t left = tls->backlog.len - tls->backlog_offset;
    if (left == 0) {
        return 0;
    }
    ssize_t sent =
        wsp_stream_send(stream, tls->backlog.data + tls->backlog_offset, left);
    if (sent < 0) {
        return (int)-sent;
    }
    tls->backlog_offset += (size_t)sent;
    if (tls->backlog_offset == tls->backlog.len) {
        wsp_buf_fini(&tls->backlog);
        tls->backlog_offset = 0;
    }
    return 0;
}

/* Sends what was encrypted and keeps what the kernel refuses. Returns 0 or an
 * errno. */
static int flush(struct wsp_stream *stream)
{
    struct wsp_tls *tls = stream->tls;
    struct wsp_tls_context *context = tls->context;
    size_t out = 0;
    int error = send_backlog(stream);
    if (!error && tls->backlog.len == 0 && context->out_len > 0) {
        ssize_t sent = wsp_stream_send(stream, context->out, context->out_len);
        error = sent < 0 ? (int)-sent : 0;
        out = sent < 0 ? 0 : (size_t)sent;
    }
    if (error) {
        context->out_len = 0;
        return error;
    }
    if (!wsp_tls_keep_out(tls, out)) {
        return ENOMEM;
    }
    bool has_backlog = tls->backlog.len > 0;
    return wsp_stream_set_backlog(stream, has_backlog) ? 0 : ENOMEM;
}

/* The socket is of no use any more, and neither is what waits for it. */
static void give_up(struct wsp_stream *stream)
{
    struct wsp_tls *tls = stream->tls;
    tls->is_shut = true;
    wsp_buf_fini(&tls->backlog);
    tls->backlog_offset = 0;
    wsp_stream_set_backlog(stream, false);
}

static void send_fin(struct wsp_stream *stream)
{
    if (!stream->has_backlog) {
        shutdown(stream->fd, SHUT_WR);
    } else {
        stream->tls->wants_fin = true;
    }
}

bool wsp_stream_tls_flush(struct wsp_stream *stream)
{
    struct wsp_tls *tls = stream->tls;
    size_t before = tls->backlog.len - tls->backlog_offset;
    int error = flush(stream);
    if (error) {
        give_up(stream);
        if (!stream->has_ended) {
            wsp_stream_end(stream, error);
            return false;
        }
        return true;
    }
    if (stream->has_backlog) {
        size_t left = tls->backlog.len - tls->backlog_offset;
        return before >= left + PROGRESS_BYTES;
    }
    if (tls->wants_fin) {
        tls->wants_fin = false;
        send_fin(stream);
    }
    return true;
}

/* Where in an array of parts a write is. */
struct cursor {
    const struct iovec *parts;
    int count;
    size_t offset; /* within the first one */
};

static void advance(struct cursor *cursor, size_t len)
{
    cursor->offset += len;
    while (cursor->count > 0 && cursor->offset >= cursor->parts->iov_len) {
        cursor->offset -= cursor->parts->iov_len;
        cursor->parts++;
        cursor->count--;
    }
}

/* Gives the bytes of the next record: those of one part where they lie, those
 * of several small ones in `plain`. Returns how many, 0 behind the last. */
static size_t next_record(struct cursor *cursor, uint8_t *plain,
                          const uint8_t **data)
{
    size_t len = 0;
    advance(cursor, 0);
    if (cursor->count == 0) {
        return 0;
    }
    *data = (const uint8_t *)cursor->parts->iov_base + cursor->offset;
    size_t whole = cursor->parts->iov_len - cursor->offset;
    if (cursor->count == 1 || whole >= WSP_TLS_RECORD_BYTES) {
        len = whole < WSP_TLS_RECORD_BYTES ? whole : WSP_TLS_RECORD_BYTES;
        advance(cursor, len);
        return len;
    }
    *data = plain;
    while (cursor->count > 0 && len < WSP_TLS_RECORD_BYTES) {
        size_t part = cursor->parts->iov_len - cursor->offset;
        size_t room = WSP_TLS_RECORD_BYTES - len;
        part = part < room ? part : room;
        memcpy(plain + len,
               (const uint8_t *)cursor->parts->iov_base + cursor->offset, part);
        len += part;
        advance(cursor, part);
    }
    return len;
}

ssize_t wsp_stream_tls_writev(struct wsp_stream *stream,
                              const struct iovec *parts, int count)
{
    struct wsp_tls *tls = stream->tls;
    struct wsp_tls_context *context = tls->context;
    struct cursor cursor = {parts, count, 0};
    const uint8_t *data = NULL;
    size_t total = 0;
    size_t len;
    int error = 0;
    while (!error && !stream->has_backlog &&
           (len = next_record(&cursor, context->plain, &data)) > 0) {
        if (!wsp_tls_write(tls, data, len)) {
            return -EPROTO;
        }
        total += len;
        if (WSP_TLS_OUT_BYTES - context->out_len < RECORD_ROOM) {
            error = flush(stream);
        }
    }
    if (!error && context->out_len > 0) {
        error = flush(stream);
    }
    if (error) {
        give_up(stream);
        return -error;
    }
    return (ssize_t)total;
}

/* ---- the end ---- */

void wsp_stream_tls_shutdown(struct wsp_stream *stream)
{
    wsp_tls_close(stream->tls);
    if (flush(stream) != 0) {
        give_up(stream);
    }
    send_fin(stream);
}

/* Whoever sees the end wants to know that it is one (RFC 8446 §6.1); the socket
 * is asked once. */
void wsp_stream_tls_fini(struct wsp_stream *stream)
{
    struct wsp_tls *tls = stream->tls;
    if (!stream->has_backlog) {
        wsp_tls_close(tls);
    }
    if (!stream->has_backlog && tls->context->out_len > 0) {
        wsp_stream_send(stream, tls->context->out, tls->context->out_len);
        tls->context->out_len = 0;
    }
    stream->tls = NULL;
    stream->has_backlog = false;
    wsp_tls_free(tls);
}

/* ---- input ---- */

/* Decrypts what was fed to the front of `buffer`. Returns what the last read
 * did: 0, WSP_TLS_CLOSED or WSP_TLS_FAILED. */
static ssize_t decrypt(struct wsp_tls *tls, uint8_t *buffer, size_t *len)
{
    ssize_t got = 1;
    *len = 0;
    while (got > 0) {
        size_t room = (size_t)(tls->in - buffer) - *len;
        got = wsp_tls_read(tls, buffer + *len, room);
        *len += got > 0 ? (size_t)got : 0;
    }
    return got;
}

/* Answers of TLS itself go first. A peer that goes on causing them and does not
 * read what waits is let go. Returns 0 or an errno. */
static int answer(struct wsp_stream *stream)
{
    struct wsp_tls *tls = stream->tls;
    if (tls->context->out_len == 0 && tls->backlog.len == 0) {
        return 0;
    }
    int error = flush(stream);
    if (!error && tls->backlog.len > WSP_TLS_BACKLOG_MAX) {
        error = ENOBUFS;
    }
    if (error) {
        give_up(stream);
    }
    return error;
}

void wsp_stream_tls_take(struct wsp_stream *stream, uint8_t *buffer, size_t len)
{
    struct wsp_loop *loop = wsp_stream_loop(stream);
    wsp_tls_feed(stream->tls, buffer + WSP_LOOP_READ_GAP, len);
    ssize_t result = decrypt(stream->tls, buffer, &len);
    int error = answer(stream);
    if (len > 0) {
        stream->ops->on_data(stream, buffer, len);
    }
    if (!wsp_loop_is_current(loop, stream)) {
        return;
    }
    if (error || result == WSP_TLS_FAILED) {
        wsp_stream_end(stream, error ? error : EPROTO);
    } else if (result == WSP_TLS_CLOSED) {
        wsp_stream_end(stream, 0);
    }
}

/* ---- what is known of the peer ---- */

const char *wsp_stream_tls_failure(const struct wsp_stream *stream)
{
    return stream->tls && stream->tls->is_shut ? stream->tls->context->failure
                                               : "";
}

struct wsp_certificate *wsp_stream_certificate(const struct wsp_stream *stream)
{
    return stream->tls ? wsp_tls_peer_certificate(stream->tls) : NULL;
}
