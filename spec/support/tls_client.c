/* SPDX-License-Identifier: MIT */
#include "support/tls_client.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void apply(struct tls_client *client, const struct tls_client_form *form)
{
    SSL *ssl = client->ssl;
    if (form->max_version) {
        SSL_set_max_proto_version(ssl, form->max_version);
        SSL_set_min_proto_version(ssl, form->max_version);
    }
    if (form->max_version == TLS1_1_VERSION) {
        SSL_set_security_level(ssl, 0);
        SSL_set_cipher_list(ssl, "ALL:@SECLEVEL=0");
    }
    if (form->server_name) {
        SSL_set_tlsext_host_name(ssl, form->server_name);
    }
    if (form->alpn) {
        SSL_set_alpn_protos(ssl, (const unsigned char *)form->alpn,
                            (unsigned)strlen(form->alpn));
    }
    if (form->cert) {
        assert_int_equal(
            SSL_use_certificate_file(ssl, form->cert, SSL_FILETYPE_PEM), 1);
        assert_int_equal(
            SSL_use_PrivateKey_file(ssl, form->key, SSL_FILETYPE_PEM), 1);
    }
    if (form->session) {
        SSL_set_session(ssl, form->session);
    }
}

void tls_client_init(struct tls_client *client, int fd,
                     const struct tls_client_form *form)
{
    *client = (struct tls_client){.fd = fd};
    client->ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(client->ctx);
    client->ssl = SSL_new(client->ctx);
    assert_non_null(client->ssl);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    SSL_set_mode(client->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_fd(client->ssl, fd);
    SSL_set_connect_state(client->ssl);
    apply(client, form);
}

/* Its session stays good, however the connection ended. */
void tls_client_fini(struct tls_client *client)
{
    SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    if (client->fd >= 0) {
        close(client->fd);
    }
}

/* Notes an end. */
static void judge(struct tls_client *client, int result)
{
    switch (SSL_get_error(client->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        break;
    case SSL_ERROR_ZERO_RETURN:
        client->is_closed = true;
        client->has_ended = true;
        break;
    default:
        client->error = ERR_GET_REASON(ERR_peek_error());
        client->has_ended = true;
        break;
    }
    ERR_clear_error();
}

bool tls_client_shake(struct tls_client *client)
{
    ERR_clear_error();
    int result = client->has_ended ? 1 : SSL_do_handshake(client->ssl);
    if (result != 1) {
        judge(client, result);
    }
    return !client->has_ended && SSL_is_init_finished(client->ssl);
}

size_t tls_client_read(struct tls_client *client, void *out, size_t size)
{
    size_t got = 0;
    ERR_clear_error();
    int result = SSL_read_ex(client->ssl, out, size, &got);
    if (result != 1) {
        judge(client, result);
    }
    return result == 1 ? got : 0;
}

size_t tls_client_write(struct tls_client *client, const void *data, size_t len)
{
    size_t written = 0;
    ERR_clear_error();
    int result = SSL_write_ex(client->ssl, data, len, &written);
    if (result != 1) {
        judge(client, result);
    }
    return result == 1 ? written : 0;
}
