/* SPDX-License-Identifier: MIT */
/* The other side of a TLS connection: OpenSSL's client on a descriptor, which
 * never waits. */
#ifndef WSP_SPEC_SUPPORT_TLS_CLIENT_H
#define WSP_SPEC_SUPPORT_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* How it comes. Zeroed: any version, no name, no certificate. */
struct tls_client_form {
    int max_version;         /* TLS1_2_VERSION; 0: the newest */
    const char *server_name; /* SNI */
    const char *alpn;        /* in wire format: "\x02h2\x08http/1.1" */
    const char *cert;        /* PEM files of its own */
    const char *key;
    SSL_SESSION *session; /* to resume */
};

struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    bool is_closed; /* close_notify was seen */
    bool has_ended; /* the end of the stream was, or an error */
    int error;      /* of OpenSSL: the reason; 0: none */
};

/* Takes over the descriptor. */
void tls_client_init(struct tls_client *client, int fd,
                     const struct tls_client_form *form);
void tls_client_fini(struct tls_client *client);

/* Goes on with the handshake. Returns true when it is done. */
bool tls_client_shake(struct tls_client *client);

/* Each returns how many bytes; 0 when it would wait or there is an end. */
size_t tls_client_read(struct tls_client *client, void *out, size_t size);
size_t tls_client_write(struct tls_client *client, const void *data,
                        size_t len);

#endif
