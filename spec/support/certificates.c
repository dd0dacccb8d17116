/* SPDX-License-Identifier: MIT */
#include "support/certificates.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY 86400

void certificates_path(const struct certificates *all, const char *file,
                       char out[CERTIFICATES_PATH_MAX])
{
    snprintf(out, CERTIFICATES_PATH_MAX, "%s/%s", all->folder, file);
}

static FILE *open_file(const struct certificates *all, const char *name,
                       const char *ending)
{
    char file[96];
    char path[CERTIFICATES_PATH_MAX];
    snprintf(file, sizeof file, "%s%s", name, ending);
    certificates_path(all, file, path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(chmod(path, 0600), 0);
    return out;
}

void certificates_write(const struct certificates *all, const char *file,
                        const char *text)
{
    FILE *out = open_file(all, file, "");
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void write_certificate(const struct certificates *all, const char *name,
                              X509 *certificate)
{
    FILE *out = open_file(all, name, ".pem");
    assert_int_equal(PEM_write_X509(out, certificate), 1);
    assert_int_equal(fclose(out), 0);
}

static void write_key(const struct certificates *all, const char *name,
                      EVP_PKEY *key)
{
    FILE *out = open_file(all, name, ".key");
    assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL),
                     1);
    assert_int_equal(fclose(out), 0);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *new_certificate(struct certificates *all, EVP_PKEY *key,
                             const char *common_name, long seconds)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++all->serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                               (const unsigned char *)"Example, Inc.", -1, -1,
                               0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *)common_name, -1, -1, 0);
    X509_set_pubkey(certificate, key);
    return certificate;
}

static void sign(X509 *certificate, X509 *issuer, EVP_PKEY *key)
{
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
}

void certificates_init(struct certificates *all)
{
    *all = (struct certificates){.folder = "/tmp/wspulse-tls-XXXXXX"};
    assert_non_null(mkdtemp(all->folder));
    all->ca_key = EVP_EC_gen("P-256");
    assert_non_null(all->ca_key);
    all->ca = new_certificate(all, all->ca_key, "the CA", DAY);
    add_extension(all->ca, NID_basic_constraints, "critical,CA:TRUE");
    sign(all->ca, all->ca, all->ca_key);
    write_certificate(all, "ca", all->ca);
}

void certificates_make(struct certificates *all,
                       const struct certificate_form *form)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate = new_certificate(
        all, key, form->common_name ? form->common_name : form->file,
        form->seconds ? form->seconds : DAY);
    if (form->names) {
        add_extension(certificate, NID_subject_alt_name, form->names);
    }
    if (form->is_self_signed) {
        sign(certificate, certificate, key);
    } else {
        sign(certificate, all->ca, all->ca_key);
    }
    write_certificate(all, form->file, certificate);
    write_key(all, form->file, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void certificates_fini(struct certificates *all)
{
    DIR *folder = opendir(all->folder);
    assert_non_null(folder);
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        char path[CERTIFICATES_PATH_MAX];
        certificates_path(all, entry->d_name, path);
        unlink(path);
    }
    closedir(folder);
    rmdir(all->folder);
    X509_free(all->ca);
    EVP_PKEY_free(all->ca_key);
}
