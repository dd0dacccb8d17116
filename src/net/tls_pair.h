/* SPDX-License-Identifier: MIT */
/* Gives an SSL_CTX what is in the files: a certificate with its chain and its
 * key, and those who certify peers.
 * Thread: any. */
#ifndef WSP_NET_TLS_PAIR_H
#define WSP_NET_TLS_PAIR_H

#include <openssl/ssl.h>

#include <wspulse/error.h>
#include <wspulse/tls.h>

/* Where in the options something is, for the texts. */
struct wsp_tls_place {
    const char *option; /* "tls" */
    size_t pair;        /* 0: tls.cert, 2: tls.certificates[2].cert */
};

/* Each returns WSP_OK, WSP_ERR_INVALID_OPTION or WSP_ERR_OUT_OF_MEMORY with
 * `diag` filled. */
enum wsp_err wsp_tls_pair_load(SSL_CTX *ctx, const struct wsp_tls_pair *pair,
                               const struct wsp_tls_place *place,
                               struct wsp_diag *diag);
enum wsp_err wsp_tls_ca_load(SSL_CTX *ctx, const char *path,
                             const struct wsp_tls_place *place,
                             struct wsp_diag *diag);

#endif
