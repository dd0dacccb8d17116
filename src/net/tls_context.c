/* SPDX-License-Identifier: MIT */
#include "net/tls_context.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/tls.h"
#include "net/tls_pair.h"

/* What TLS 1.2 may use: keys that go with the connection, and ciphers that
 * authenticate (RFC 9325 §4.2). TLS 1.3 has nothing else. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* ---- what a peer asks for ---- */

/* Shows the certificate whose names fit the one that the peer asks for, else
 * the first: a name nobody has is the peer's to judge (RFC 6066 §3). */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    const struct wsp_tls_context *context = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) {
        return SSL_TLSEXT_ERR_OK;
    }
    for (size_t i = 0; i < context->pair_count; i++) {
        X509 *certificate = SSL_CTX_get0_certificate(context->pairs[i]);
        if (X509_check_host(certificate, name, 0, 0, NULL) == 1) {
            SSL_set_SSL_CTX(ssl, context->pairs[i]);
            break;
        }
    }
    return SSL_TLSEXT_ERR_OK;
}

/* A peer that offers none of ours must be told so (RFC 7301 §3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl;
    const struct wsp_tls_context *context = arg;
    unsigned char *chosen = NULL;
    int result = SSL_select_next_proto(&chosen, out_len, context->alpn,
                                       context->alpn_len, in, in_len);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                            : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A certificate is taken whatever it is; what is wrong with it stays in the
 * verify result. */
static int on_any_certificate(int is_good, X509_STORE_CTX *store)
{
    (void)is_good;
    (void)store;
    return 1;
}

/* ---- rules ---- */

static enum wsp_tls_verify verify_of(const struct wsp_tls_options *options)
{
    if (options->verify != WSP_TLS_VERIFY_DEFAULT) {
        return options->verify;
    }
    return options->ca ? WSP_TLS_VERIFY_REQUIRED : WSP_TLS_VERIFY_NONE;
}

static void set_verify(SSL_CTX *ctx, enum wsp_tls_verify verify)
{
    switch (verify) {
    case WSP_TLS_VERIFY_ANY:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_any_certificate);
        break;
    case WSP_TLS_VERIFY_OPTIONAL:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        break;
    case WSP_TLS_VERIFY_REQUIRED:
        SSL_CTX_set_verify(
            ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        break;
    case WSP_TLS_VERIFY_DEFAULT:
    case WSP_TLS_VERIFY_NONE:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        break;
    }
}

/* Sessions live in the tickets that peers hold, under a key that goes with this
 * context: nothing grows here, and whoever was certified under other rules has
 * to show the certificate again. */
static bool set_sessions(SSL_CTX *ctx)
{
    static const unsigned char id[] = "wspulse";
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1) == 1;
}

/* Buffers of an idle connection are given back. */
static bool set_rules(SSL_CTX *ctx, const struct wsp_tls_options *options)
{
    int version =
        options->min_version == WSP_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    set_verify(ctx, verify_of(options));
    return SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 && set_sessions(ctx);
}

static void set_callbacks(SSL_CTX *ctx, struct wsp_tls_context *context)
{
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, context);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, context);
}

/* ---- making one ---- */

static enum wsp_err out_of_memory(struct wsp_diag *diag)
{
    ERR_clear_error();
    return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                        wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
}

static bool copy_alpn(struct wsp_tls_context *context,
                      const struct wsp_tls_options *options)
{
    static const char *const usual[] = {"http/1.1"};
    const char *const *names = options->alpn_count ? options->alpn : usual;
    size_t count = options->alpn_count ? options->alpn_count : 1;
    context->alpn = malloc(count * (1 + UCHAR_MAX));
    if (!context->alpn) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        len = len < UCHAR_MAX ? len : UCHAR_MAX;
        context->alpn[context->alpn_len++] = (unsigned char)len;
        memcpy(context->alpn + context->alpn_len, names[i], len);
        context->alpn_len += (unsigned)len;
    }
    return true;
}

/* Notes when the first of the certificates expires. */
static void note_end(struct wsp_tls_context *context, SSL_CTX *ctx)
{
    struct tm end;
    const X509 *certificate = SSL_CTX_get0_certificate(ctx);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
        return;
    }
    int64_t ends_at = timegm(&end);
    if (context->ends_at == 0 || ends_at < context->ends_at) {
        context->ends_at = ends_at;
    }
}

static enum wsp_err add_pair(struct wsp_tls_context *context,
                             const struct wsp_tls_options *options,
                             const struct wsp_tls_place *place,
                             struct wsp_diag *diag)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx) {
        return out_of_memory(diag);
    }
    context->pairs[context->pair_count++] = ctx;
    if (!set_rules(ctx, options)) {
        return out_of_memory(diag);
    }
    set_callbacks(ctx, context);
    const struct wsp_tls_place whole = {place->option, 0};
    enum wsp_err err =
        wsp_tls_pair_load(ctx, &options->pairs[place->pair], place, diag);
    if (!err && options->ca) {
        err = wsp_tls_ca_load(ctx, options->ca, &whole, diag);
    }
    if (!err) {
        note_end(context, ctx);
    }
    return err;
}

static enum wsp_err fill(struct wsp_tls_context *context,
                         const struct wsp_tls_options *options,
                         const char *option, struct wsp_diag *diag)
{
    context->method = wsp_tls_new_method();
    context->pairs = calloc(options->pair_count, sizeof *context->pairs);
    if (!context->method || !context->pairs || !copy_alpn(context, options)) {
        return out_of_memory(diag);
    }
    for (size_t i = 0; i < options->pair_count; i++) {
        const struct wsp_tls_place place = {option, i};
        enum wsp_err err = add_pair(context, options, &place, diag);
        if (err) {
            return err;
        }
    }
    return WSP_OK;
}

struct wsp_tls_context *wsp_tls_context_new(
    const struct wsp_tls_options *options, const char *option,
    struct wsp_diag *diag)
{
    struct wsp_tls_context *context = calloc(1, sizeof *context);
    if (!context) {
        out_of_memory(diag);
        return NULL;
    }
    context->ref_count = 1;
    if (fill(context, options, option, diag) != WSP_OK) {
        wsp_tls_context_unref(context);
        return NULL;
    }
    return context;
}

struct wsp_tls_context *wsp_tls_context_ref(struct wsp_tls_context *context)
{
    context->ref_count++;
    return context;
}

void wsp_tls_context_unref(struct wsp_tls_context *context)
{
    if (!context || --context->ref_count > 0) {
        return;
    }
    for (size_t i = 0; i < context->pair_count; i++) {
        SSL_CTX_free(context->pairs[i]);
    }
    free(context->pairs);
    BIO_meth_free(context->method);
    free(context->alpn);
    free(context);
}
