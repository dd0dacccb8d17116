/* SPDX-License-Identifier: MIT */
/* TLS on a listen address: which certificates it shows, whom it asks for one,
 * and what it learns of the peer (docs/tls.md).
 * Owner: the caller; a server copies what it needs. */
#ifndef WSPULSE_TLS_H
#define WSPULSE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/api.h>
#include <wspulse/span.h>

WSP_BEGIN_C

/* A certificate with its key, both PEM files. */
struct wsp_tls_pair {
    const char *cert; /* the certificate, then those between it and the root */
    const char *key;  /* without a passphrase; NULL: in the file `cert` */
};

/* Whether peers are asked for a certificate. */
enum wsp_tls_verify {
    WSP_TLS_VERIFY_DEFAULT,  /* required with a `ca`, else none */
    WSP_TLS_VERIFY_NONE,     /* nobody is asked */
    WSP_TLS_VERIFY_ANY,      /* who has one may show it, whatever it is */
    WSP_TLS_VERIFY_OPTIONAL, /* who shows one shows one of `ca` */
    WSP_TLS_VERIFY_REQUIRED, /* everybody shows one of `ca` */
};

enum wsp_tls_version { WSP_TLS_1_2, WSP_TLS_1_3 };

/* The TLS of a listen address. Zeroed: no certificate, which is refused. */
struct wsp_tls_options {
    /* The one whose names fit what the peer asks for (SNI), else the first. */
    const struct wsp_tls_pair *pairs;
    size_t pair_count;
    const char *ca; /* PEM file of those who certify peers; NULL: nobody */
    enum wsp_tls_verify verify;
    enum wsp_tls_version min_version; /* WSP_TLS_1_2 */
    /* Protocols that it takes, the preferred one first; none: "http/1.1". */
    const char *const *alpn;
    size_t alpn_count;
};

/* Tells whether every user of this machine may read the key of `pair`.
 * Thread: any. */
WSP_API bool wsp_tls_key_is_exposed(const struct wsp_tls_pair *pair);

/* The certificate that a peer showed.
 * Owner: the request; valid as long as it is. */
struct wsp_certificate {
    struct wsp_span subject;     /* RFC 4514: "CN=ann,O=Example" */
    struct wsp_span issuer;      /* likewise */
    struct wsp_span common_name; /* of the subject, the most specific; or "" */
    struct wsp_span fingerprint; /* SHA-256 in 64 hexadecimal digits */
    bool is_verified; /* one of `ca` has certified it, and it is in force */
};

WSP_END_C

#endif
