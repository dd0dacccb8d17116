/* SPDX-License-Identifier: MIT */
/* Certificates and keys in a folder of their own, made when a test runs. */
#ifndef WSP_SPEC_SUPPORT_CERTIFICATES_H
#define WSP_SPEC_SUPPORT_CERTIFICATES_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#define CERTIFICATES_PATH_MAX 256

struct certificates {
    char folder[64];
    EVP_PKEY *ca_key;
    X509 *ca; /* in the file ca.pem */
    long serial;
};

/* What a certificate is to say. */
struct certificate_form {
    const char *file;        /* "a": a.pem and a.key */
    const char *common_name; /* NULL: `file` */
    const char *names;       /* "DNS:a.example,DNS:*.a.example"; NULL: none */
    bool is_self_signed;     /* instead of by the CA */
    long seconds;            /* until it expires; 0: a day */
};

/* Makes the folder and a CA, whose certificate is in ca.pem. */
void certificates_init(struct certificates *all);
void certificates_fini(struct certificates *all);

/* Makes, or makes again, FILE.pem and FILE.key (mode 0600). */
void certificates_make(struct certificates *all,
                       const struct certificate_form *form);

/* The path of a file in the folder. */
void certificates_path(const struct certificates *all, const char *file,
                       char out[CERTIFICATES_PATH_MAX]);

/* Writes a text to a file in the folder. */
void certificates_write(const struct certificates *all, const char *file,
                        const char *text);

#endif
