/* SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the bytes under OpenSSL: never a socket, so that every write of ours is
 * one without SIGPIPE, and one receive is one receive ---- */

static int take_in(BIO *bio, char *out, size_t size, size_t *taken)
{
    struct wsp_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *taken = size < tls->in_len ? size : tls->in_len;
    if (*taken == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, tls->in, *taken);
    tls->in += *taken;
    tls->in_len -= *taken;
    return 1;
}

/* A flight that is larger than the room for one send (a long chain of
 * certificates) goes behind the backlog. */
static int put_out(BIO *bio, const char *data, size_t len, size_t *written)
{
    struct wsp_tls *tls = BIO_get_data(bio);
    struct wsp_tls_context *context = tls->context;
    BIO_clear_retry_flags(bio);
    if (len > WSP_TLS_OUT_BYTES - context->out_len &&
        !wsp_tls_keep_out(tls, 0)) {
        return 0;
    }
    if (len > WSP_TLS_OUT_BYTES) {
        *written = len;
        return wsp_buf_add(&tls->backlog, data, len);
    }
    memcpy(context->out + context->out_len, data, len);
    context->out_len += len;
    *written = len;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *wsp_tls_new_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wspulse");
    if (method && BIO_meth_set_read_ex(method, take_in) == 1 &&
        BIO_meth_set_write_ex(method, put_out) == 1 &&
        BIO_meth_set_ctrl(method, control) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

/* ---- life ---- */

static bool open_ssl(struct wsp_tls *tls)
{
    BIO *bio = BIO_new(tls->context->method);
    if (!bio) {
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    tls->ssl = SSL_new(tls->context->pairs[0]);
    if (!tls->ssl) {
        BIO_free(bio);
        return false;
    }
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_accept_state(tls->ssl);
    return true;
}

struct wsp_tls *wsp_tls_new(struct wsp_tls_context *context)
{
    struct wsp_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        return NULL;
    }
    tls->context = wsp_tls_context_ref(context);
    if (!open_ssl(tls)) {
        ERR_clear_error();
        wsp_tls_free(tls);
        return NULL;
    }
    return tls;
}

void wsp_tls_free(struct wsp_tls *tls)
{
    SSL_free(tls->ssl);
    wsp_buf_fini(&tls->backlog);
    wsp_tls_context_unref(tls->context);
    free(tls);
}

/* ---- input ---- */

void wsp_tls_feed(struct wsp_tls *tls, const uint8_t *data, size_t len)
{
    tls->in = data;
    tls->in_len = len;
}

/* Notes why, and that this connection is of no use any more: OpenSSL forbids
 * even to close it in order. */
static int fail(struct wsp_tls *tls)
{
    struct wsp_tls_context *context = tls->context;
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    snprintf(context->failure, sizeof context->failure, "%s",
             reason ? reason : "unknown error");
    ERR_clear_error();
    tls->is_shut = true;
    return WSP_TLS_FAILED;
}

static ssize_t explain(struct wsp_tls *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return WSP_TLS_CLOSED;
    default:
        return fail(tls);
    }
}

ssize_t wsp_tls_read(struct wsp_tls *tls, uint8_t *out, size_t size)
{
    size_t got = 0;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, out, size, &got);
    tls->is_open = tls->is_open || SSL_is_init_finished(tls->ssl);
    return result == 1 ? (ssize_t)got : explain(tls, result);
}

/* ---- output ---- */

/* The bytes always find room, so a write never has to be repeated. */
bool wsp_tls_write(struct wsp_tls *tls, const void *data, size_t len)
{
    size_t written;
    if (!tls->is_open || tls->is_shut) {
        return false;
    }
    ERR_clear_error();
    if (SSL_write_ex(tls->ssl, data, len, &written) == 1) {
        return true;
    }
    fail(tls);
    return false;
}

void wsp_tls_close(struct wsp_tls *tls)
{
    if (!tls->is_open || tls->is_shut) {
        return;
    }
    tls->is_shut = true;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

bool wsp_tls_keep_out(struct wsp_tls *tls, size_t offset)
{
    struct wsp_tls_context *context = tls->context;
    size_t len = context->out_len - offset;
    context->out_len = 0;
    return len == 0 || wsp_buf_add(&tls->backlog, context->out + offset, len);
}
