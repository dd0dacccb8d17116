/* SPDX-License-Identifier: MIT */
/* The certificate of a peer, as text. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/tls.h"

/* RFC 4514, but characters beyond ASCII as UTF-8 instead of \C3\A9. */
#define NAME_FLAGS (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB)

/* Where a text lies in a buffer that still moves. */
struct part {
    size_t at;
    size_t len;
};

static bool add_name(struct wsp_buf *buf, X509_NAME *name, struct part *part)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool is_added = false;
    part->at = buf->len;
    if (bio && X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0) {
        long len = BIO_get_mem_data(bio, &text);
        is_added = len <= 0 || wsp_buf_add(buf, text, (size_t)len);
    }
    BIO_free(bio);
    part->len = buf->len - part->at;
    return is_added;
}

/* The last common name is the most specific one. A NUL in it could end the name
 * early for whoever compares it: such a name counts as none. */
static bool add_common_name(struct wsp_buf *buf, X509_NAME *name,
                            struct part *part)
{
    int index = -1;
    int last = -1;
    part->at = buf->len;
    part->len = 0;
    while ((index = X509_NAME_get_index_by_NID(name, NID_commonName, index)) >=
           0) {
        last = index;
    }
    if (last < 0) {
        return true;
    }
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(
        &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    bool is_added = true;
    if (len > 0 && !memchr(text, '\0', (size_t)len)) {
        is_added = wsp_buf_add(buf, text, (size_t)len);
    }
    OPENSSL_free(text);
    part->len = buf->len - part->at;
    return is_added;
}

static bool add_fingerprint(struct wsp_buf *buf, const X509 *certificate,
                            struct part *part)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    part->at = buf->len;
    bool is_added = X509_digest(certificate, EVP_sha256(), digest, &len) == 1;
    for (unsigned i = 0; i < len && is_added; i++) {
        is_added = wsp_buf_printf(buf, "%02x", digest[i]);
    }
    part->len = buf->len - part->at;
    return is_added;
}

static struct wsp_span span_at(const char *text, struct part part)
{
    return (struct wsp_span){text + part.at, part.len};
}

/* The texts lie behind the struct. */
static struct wsp_certificate *describe(const X509 *certificate)
{
    struct wsp_buf buf;
    struct part subject;
    struct part issuer;
    struct part common;
    struct part print;
    struct wsp_certificate *made = NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    wsp_buf_init(&buf);
    if (add_name(&buf, name, &subject) &&
        add_name(&buf, X509_get_issuer_name(certificate), &issuer) &&
        add_common_name(&buf, name, &common) &&
        add_fingerprint(&buf, certificate, &print)) {
        made = malloc(sizeof *made + buf.len);
    }
    if (made) {
        char *text = (char *)(made + 1);
        memcpy(text, buf.data, buf.len);
        *made = (struct wsp_certificate){
            .subject = span_at(text, subject),
            .issuer = span_at(text, issuer),
            .common_name = span_at(text, common),
            .fingerprint = span_at(text, print),
        };
    }
    wsp_buf_fini(&buf);
    return made;
}

struct wsp_certificate *wsp_tls_peer_certificate(const struct wsp_tls *tls)
{
    const X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    if (!certificate) {
        return NULL;
    }
    struct wsp_certificate *made = describe(certificate);
    ERR_clear_error();
    if (made) {
        made->is_verified = SSL_get_verify_result(tls->ssl) == X509_V_OK;
    }
    return made;
}
