/* SPDX-License-Identifier: MIT */
/* A connected socket: bytes in through one receive a readiness, bytes out
 * without a buffer of its own. It may speak TLS: then what the kernel refuses of
 * bytes that are already encrypted waits here, and the rest stays the caller's.
 * Owner: whoever embeds it. Thread: the loop's. */
#ifndef WSP_NET_STREAM_H
#define WSP_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "net/loop.h"

#define WSP_STREAM_PARTS_MAX 1024 /* the kernel's own limit (UIO_MAXIOV) */

struct wsp_certificate;
struct wsp_stream;
struct wsp_tls;
struct wsp_tls_context;

/* What happens on a stream; its owner finds itself with a container-of. Inside
 * any of them but `loop` the stream may be closed (wsp_stream_fini): nothing is
 * touched afterwards. */
struct wsp_stream_ops {
    /* The loop that the stream is on. */
    struct wsp_loop *(*loop)(const struct wsp_stream *stream);
    /* Bytes arrived; they lie in the loop's shared buffer until the call
     * returns and may be changed. */
    void (*on_data)(struct wsp_stream *stream, uint8_t *data, size_t len);
    /* The peer sent its last byte (error 0), or the socket failed (errno;
     * EPROTO: TLS did, wsp_stream_tls_failure says why). Reading has been
     * stopped. Called once. */
    void (*on_end)(struct wsp_stream *stream, int error);
    /* wsp_stream_want_write asked for this; it stays asked for until turned
     * off. */
    void (*on_writable)(struct wsp_stream *stream);
};

/* Embedded, 1 per socket: keep it small. */
struct wsp_stream {
    const struct wsp_stream_ops *ops;
    struct wsp_tls *tls; /* heap; NULL: plain */
    int fd;              /* -1 once closed */
    bool wants_read : 1;
    bool wants_write : 1;
    bool has_ended : 1;   /* private: on_end was called */
    bool has_backlog : 1; /* encrypted bytes wait: nothing more is accepted */
    uint8_t read_shift;   /* one receive takes WSP_LOOP_READ_BYTES >> this */
    uint8_t watched;      /* private: what the loop watches the socket for */
};

/* Of a new stream: 16 KiB at a time. Whoever knows what the bytes cost may
 * change it, up to the last one: 4 KiB. */
#define WSP_STREAM_READ_SHIFT 4
#define WSP_STREAM_READ_SHIFT_MAX 6

/* How many bytes one receive takes at most. */
static inline size_t wsp_stream_read_size(const struct wsp_stream *stream)
{
    return (size_t)WSP_LOOP_READ_BYTES >> stream->read_shift;
}

/* Takes over `fd` (non-blocking). Nothing is watched yet. */
void wsp_stream_init(struct wsp_stream *stream, int fd,
                     const struct wsp_stream_ops *ops);

/* Has the stream speak TLS, as a server, before anything was read. Returns false
 * without memory. */
bool wsp_stream_secure(struct wsp_stream *stream,
                       struct wsp_tls_context *context);

/* Closes the descriptor and stops every callback; TLS is closed in order when
 * the socket takes that. Idempotent. */
void wsp_stream_fini(struct wsp_stream *stream);

/* Watches for input or for room to write, or stops to. Input is not watched for
 * again after on_end. Returns false when the kernel or memory refuses; then
 * nothing is watched and the stream should be closed. */
bool wsp_stream_want_read(struct wsp_stream *stream, bool is_wanted);
bool wsp_stream_want_write(struct wsp_stream *stream, bool is_wanted);

/* Writes what the kernel takes now, without SIGPIPE. Returns the number of
 * bytes (0 when it takes none), or -errno. Of many parts only the first
 * WSP_STREAM_PARTS_MAX are looked at.
 *
 * Over TLS the number may count bytes that are encrypted and wait: has_backlog
 * is true then. If it is wanted, on_writable comes when they are out, and before
 * that each time that the kernel has taken some more. */
ssize_t wsp_stream_write(struct wsp_stream *stream, const void *data,
                         size_t len);
ssize_t wsp_stream_writev(struct wsp_stream *stream, const struct iovec *parts,
                          int count);

/* Sends FIN behind what was written, over TLS close_notify and then FIN. */
void wsp_stream_shutdown(struct wsp_stream *stream);

/* Makes wsp_stream_fini send RST instead of FIN (SO_LINGER 0). */
void wsp_stream_abort_on_close(struct wsp_stream *stream);

static inline struct wsp_loop *wsp_stream_loop(const struct wsp_stream *stream)
{
    return stream->ops->loop(stream);
}

/* ---- for the loop ---- */

/* The socket of `ready`, a stream, is ready: `events` are those of epoll. */
void wsp_stream_ready(void *ready, uint32_t events);

/* ---- TLS (stream_tls.c) ---- */

/* Within on_end: why TLS failed, as OpenSSL words it; "" when it did not. */
const char *wsp_stream_tls_failure(const struct wsp_stream *stream);

/* The certificate that the peer has shown, in heap memory of the caller's; NULL
 * when it has shown none or the stream is plain, or without memory. */
struct wsp_certificate *wsp_stream_certificate(const struct wsp_stream *stream);

/* What stream.c leaves to TLS: `len` bytes that were received behind the gap of
 * the loop's buffer, output, the end. Flushing tells whether on_writable is
 * due. */
void wsp_stream_tls_take(struct wsp_stream *stream, uint8_t *buffer,
                         size_t len);
bool wsp_stream_tls_flush(struct wsp_stream *stream);
ssize_t wsp_stream_tls_writev(struct wsp_stream *stream,
                              const struct iovec *parts, int count);
void wsp_stream_tls_shutdown(struct wsp_stream *stream);
void wsp_stream_tls_fini(struct wsp_stream *stream);

/* What TLS needs of stream.c. Sending returns the number of bytes, 0 when the
 * kernel takes none, or -errno. */
ssize_t wsp_stream_send(const struct wsp_stream *stream, const void *data,
                        size_t len);
void wsp_stream_end(struct wsp_stream *stream, int error);
bool wsp_stream_set_backlog(struct wsp_stream *stream, bool has_backlog);

#endif
