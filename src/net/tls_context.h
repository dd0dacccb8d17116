/* SPDX-License-Identifier: MIT */
/* What the TLS connections of a listen address share: certificates, keys and
 * rules, read from files once. A new one takes the place of it when the files
 * change; connections keep the one they began with.
 * Owner: counted. Thread: the loop's, except wsp_tls_context_new and a last
 * unref of what no connection has used. */
#ifndef WSP_NET_TLS_CONTEXT_H
#define WSP_NET_TLS_CONTEXT_H

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/error.h>
#include <wspulse/tls.h>

#define WSP_TLS_RECORD_BYTES 16384 /* of a record at most (RFC 8446 §5.1) */
/* Ciphertext that is gathered for one send. */
#define WSP_TLS_OUT_BYTES (4 * (WSP_TLS_RECORD_BYTES + 512))

struct wsp_tls_context {
    unsigned ref_count;
    SSL_CTX *
        *pairs; /* heap: one for each certificate; the first is SSL_new's */
    size_t pair_count;
    unsigned char *alpn; /* heap: names with their lengths in front */
    unsigned alpn_len;
    BIO_METHOD *method; /* between OpenSSL and the bytes of a connection */
    int64_t ends_at;    /* when the first certificate expires, Unix seconds */

    /* Scratch of whichever connection is at work; nothing stays in it. */
    size_t out_len;
    uint8_t out[WSP_TLS_OUT_BYTES];      /* ciphertext on its way out */
    uint8_t plain[WSP_TLS_RECORD_BYTES]; /* small parts of one record */
    char failure[128];                   /* why the last one that failed did */
};

/* Reads what `options` name. `option` is what the texts call them: "tls",
 * "listen[2].tls". Returns one reference, or NULL with WSP_ERR_INVALID_OPTION or
 * WSP_ERR_OUT_OF_MEMORY in `diag`. */
struct wsp_tls_context *wsp_tls_context_new(
    const struct wsp_tls_options *options, const char *option,
    struct wsp_diag *diag);

struct wsp_tls_context *wsp_tls_context_ref(struct wsp_tls_context *context);
/* NULL is ignored. */
void wsp_tls_context_unref(struct wsp_tls_context *context);

#endif
