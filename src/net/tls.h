/* SPDX-License-Identifier: MIT */
/* The TLS of one connection, without its socket: ciphertext goes in and
 * plaintext comes out, and the other way round. What is to be sent, answers of
 * the handshake included, is left in the context's `out` until the next call.
 * Owner: the stream. Thread: the loop's. */
#ifndef WSP_NET_TLS_H
#define WSP_NET_TLS_H

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "net/tls_context.h"

/* Ciphertext that may wait for the socket beyond what one send was refused of:
 * a peer that makes us answer and never reads is let go. */
#define WSP_TLS_BACKLOG_MAX (256 * 1024)

struct wsp_tls {
    SSL *ssl;
    struct wsp_tls_context *context; /* one reference */
    const uint8_t *in;               /* ciphertext that was not taken yet */
    size_t in_len;
    struct wsp_buf backlog; /* ciphertext that the socket refused */
    size_t backlog_offset;  /* bytes of it that are out */
    bool is_open;           /* the handshake is done */
    bool is_shut;           /* nothing more is encrypted: closed or failed */
    bool wants_fin;         /* FIN once the backlog is out */
};

/* What wsp_tls_read returns when nothing more will come. */
#define WSP_TLS_CLOSED (-1) /* the peer has closed (close_notify) */
#define WSP_TLS_FAILED (-2) /* context->failure says why */

/* Begins the server's side of a handshake. NULL without memory. */
struct wsp_tls *wsp_tls_new(struct wsp_tls_context *context);
void wsp_tls_free(struct wsp_tls *tls);

/* Hands over ciphertext, which has to lie still until wsp_tls_read has returned
 * 0 or less. */
void wsp_tls_feed(struct wsp_tls *tls, const uint8_t *data, size_t len);

/* Decrypts up to `size` bytes (more than 0) into `out`. Returns how many, 0 when
 * more ciphertext is needed, or WSP_TLS_CLOSED, WSP_TLS_FAILED. */
ssize_t wsp_tls_read(struct wsp_tls *tls, uint8_t *out, size_t size);

/* Encrypts one record's worth, at most WSP_TLS_RECORD_BYTES and not 0. Returns
 * false when the connection cannot be used any more. */
bool wsp_tls_write(struct wsp_tls *tls, const void *data, size_t len);

/* Says that nothing follows (close_notify), unless that was said or there is
 * nobody to say it to. */
void wsp_tls_close(struct wsp_tls *tls);

/* Keeps bytes of `out` from `offset` on behind the backlog, and empties `out`.
 * Returns false without memory. */
bool wsp_tls_keep_out(struct wsp_tls *tls, size_t offset);

/* Makes the certificate that the peer has shown readable, in one run of memory
 * that the caller frees. NULL when it has shown none, or without memory. */
struct wsp_certificate *wsp_tls_peer_certificate(const struct wsp_tls *tls);

/* Between OpenSSL and a connection's bytes; one serves a whole context. NULL
 * without memory. */
BIO_METHOD *wsp_tls_new_method(void);

#endif
