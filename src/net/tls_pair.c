/* SPDX-License-Identifier: MIT */
#include "net/tls_pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_file.h"

/* A file that is being used, and how it is called. */
struct source {
    const struct wsp_tls_place *place;
    const char *member; /* "cert" */
    const char *path;
    struct wsp_diag *diag;
    char *data; /* heap */
    size_t len;
    BIO *bio;       /* over `data` */
    bool has_asked; /* OpenSSL wanted a passphrase */
};

/* ---- texts ---- */

static enum wsp_err refuse(const struct source *source, const char *what)
{
    const char *option = source->place->option;
    char place[96];
    if (source->place->pair == 0) {
        snprintf(place, sizeof place, "%s.%s", option, source->member);
    } else {
        snprintf(place, sizeof place, "%s.certificates[%zu].%s", option,
                 source->place->pair, source->member);
    }
    return wsp_diag_set(source->diag, WSP_ERR_INVALID_OPTION,
                        "wspulse: %s: %s (%s = \"%.200s\")", option, what,
                        place, source->path);
}

/* `what`, with what OpenSSL says of it. */
static enum wsp_err refuse_because(const struct source *source,
                                   const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    char text[128];
    snprintf(text, sizeof text, "%s%s%s", what, reason ? ": " : "",
             reason ? reason : "");
    ERR_clear_error();
    return refuse(source, text);
}

/* ---- files ---- */

static enum wsp_err open_source(struct source *source)
{
    const char *reason;
    source->data = wsp_tls_file_read(source->path, &source->len, &reason);
    if (!source->data) {
        return refuse(source, reason);
    }
    source->bio = BIO_new_mem_buf(source->data, (int)source->len);
    return source->bio ? WSP_OK : refuse(source, "out of memory");
}

static void close_source(struct source *source)
{
    BIO_free(source->bio);
    free(source->data);
    ERR_clear_error();
}

/* There is nobody to type one. */
static int on_passphrase(char *out, int size, int is_writing, void *ud)
{
    (void)out;
    (void)size;
    (void)is_writing;
    *(bool *)ud = true;
    return -1;
}

static X509 *read_certificate(struct source *source)
{
    return PEM_read_bio_X509(source->bio, NULL, on_passphrase,
                             &source->has_asked);
}

/* ---- certificate and chain ---- */

/* Behind the last one the reader finds no beginning of another. */
static bool is_at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM &&
           ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static enum wsp_err add_chain(SSL_CTX *ctx, struct source *source)
{
    X509 *next;
    while ((next = read_certificate(source))) {
        if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
            X509_free(next);
            return refuse_because(source, "the chain is refused");
        }
    }
    return is_at_end() ? WSP_OK : refuse_because(source, "the chain is broken");
}

static enum wsp_err use_certificate(SSL_CTX *ctx, struct source *source)
{
    X509 *certificate = read_certificate(source);
    if (!certificate) {
        return is_at_end()
                   ? refuse(source, "no PEM certificate in the file")
                   : refuse_because(source, "the certificate is broken");
    }
    int is_taken = SSL_CTX_use_certificate(ctx, certificate);
    X509_free(certificate);
    if (is_taken != 1) {
        return refuse_because(source, "the certificate is refused");
    }
    return add_chain(ctx, source);
}

static enum wsp_err load_certificate(SSL_CTX *ctx, const char *path,
                                     const struct wsp_tls_place *place,
                                     struct wsp_diag *diag)
{
    struct source source = {.place = place, .member = "cert", .path = path};
    source.diag = diag;
    enum wsp_err err = open_source(&source);
    if (!err) {
        err = use_certificate(ctx, &source);
    }
    close_source(&source);
    return err;
}

/* ---- key ---- */

/* The reader of keys says the same of a broken one and of none. */
static bool has_key(const struct source *source)
{
    static const char mark[] = "PRIVATE KEY-----";
    return memmem(source->data, source->len, mark, sizeof mark - 1) != NULL;
}

static enum wsp_err use_key(SSL_CTX *ctx, struct source *source)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(source->bio, NULL, on_passphrase,
                                            &source->has_asked);
    if (!key && source->has_asked) {
        return refuse(source, "the key has a passphrase; give one without");
    }
    if (!key) {
        return has_key(source) ? refuse_because(source, "the key is broken")
                               : refuse(source, "no PEM key in the file");
    }
    bool fits = X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) == 1;
    bool is_taken = fits && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(key);
    if (!fits) {
        return refuse(source, "the key does not fit the certificate");
    }
    return is_taken ? WSP_OK : refuse_because(source, "the key is refused");
}

static enum wsp_err load_key(SSL_CTX *ctx, const struct wsp_tls_pair *pair,
                             const struct wsp_tls_place *place,
                             struct wsp_diag *diag)
{
    struct source source = {.place = place,
                            .member = pair->key ? "key" : "cert",
                            .path = wsp_tls_file_of_key(pair)};
    source.diag = diag;
    enum wsp_err err = open_source(&source);
    if (!err) {
        err = use_key(ctx, &source);
    }
    close_source(&source);
    return err;
}

enum wsp_err wsp_tls_pair_load(SSL_CTX *ctx, const struct wsp_tls_pair *pair,
                               const struct wsp_tls_place *place,
                               struct wsp_diag *diag)
{
    ERR_clear_error();
    enum wsp_err err = load_certificate(ctx, pair->cert, place, diag);
    return err ? err : load_key(ctx, pair, place, diag);
}

/* ---- those who certify peers ---- */

/* Trusts one, and has peers told that it is wanted. */
static bool add_ca(SSL_CTX *ctx, X509 *certificate)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    return X509_STORE_add_cert(store, certificate) == 1 &&
           SSL_CTX_add_client_CA(ctx, certificate) == 1;
}

static enum wsp_err add_all(SSL_CTX *ctx, struct source *source)
{
    size_t count = 0;
    X509 *next;
    while ((next = read_certificate(source))) {
        bool is_added = add_ca(ctx, next);
        X509_free(next);
        if (!is_added) {
            return refuse_because(source, "a certificate is refused");
        }
        count++;
    }
    if (!is_at_end()) {
        return refuse_because(source, "a certificate is broken");
    }
    return count ? WSP_OK : refuse(source, "no PEM certificate in the file");
}

enum wsp_err wsp_tls_ca_load(SSL_CTX *ctx, const char *path,
                             const struct wsp_tls_place *place,
                             struct wsp_diag *diag)
{
    struct source source = {.place = place, .member = "ca", .path = path};
    source.diag = diag;
    ERR_clear_error();
    enum wsp_err err = open_source(&source);
    if (!err) {
        err = add_all(ctx, &source);
    }
    close_source(&source);
    return err;
}
