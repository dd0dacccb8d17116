/* SPDX-License-Identifier: MIT */
#include "net/tls_context.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tls_file.h"
#include "support/certificates.h"

static int set_up(void **state)
{
    static struct certificates all;
    static const struct certificate_form forms[] = {
        {.file = "a"}, {.file = "b"}, {.file = "old", .seconds = -60}};
    certificates_init(&all);
    for (size_t i = 0; i < 3; i++) {
        certificates_make(&all, &forms[i]);
    }
    certificates_write(&all, "empty.pem", "");
    certificates_write(&all, "words.pem", "no certificate at all\n");
    certificates_write(&all, "broken.pem",
                       "-----BEGIN CERTIFICATE-----\nAAAA\n"
                       "-----END CERTIFICATE-----\n");
    certificates_write(&all, "broken.key",
                       "-----BEGIN PRIVATE KEY-----\nAAAA\n"
                       "-----END PRIVATE KEY-----\n");
    *state = &all;
    return 0;
}

static int tear_down(void **state)
{
    certificates_fini(*state);
    return 0;
}

/* Files of the folder; NULL: none. */
struct names {
    const char *cert;
    const char *key;
    const char *ca;
    const char *second; /* cert of a second pair whose key is b.key */
};

/* Checks the files and holds the text, in which %s is the path of `culprit`. */
static void expect_text(const struct certificates *all, struct names names,
                        const char *format, const char *culprit)
{
    char cert[CERTIFICATES_PATH_MAX];
    char key[CERTIFICATES_PATH_MAX];
    char ca[CERTIFICATES_PATH_MAX];
    char second[CERTIFICATES_PATH_MAX];
    char second_key[CERTIFICATES_PATH_MAX];
    char path[CERTIFICATES_PATH_MAX];
    char expected[512];
    certificates_path(all, names.cert, cert);
    certificates_path(all, names.key ? names.key : "", key);
    certificates_path(all, names.ca ? names.ca : "", ca);
    certificates_path(all, names.second ? names.second : "", second);
    certificates_path(all, "b.key", second_key);
    certificates_path(all, culprit, path);
    snprintf(expected, sizeof expected, format, path);
    const struct wsp_tls_pair pairs[] = {{cert, names.key ? key : NULL},
                                         {second, second_key}};
    const struct wsp_tls_options options = {
        .pairs = pairs,
        .pair_count = names.second ? 2 : 1,
        .ca = names.ca ? ca : NULL,
    };
    struct wsp_diag diag = {0};
    assert_null(wsp_tls_context_new(&options, "tls", &diag));
    assert_int_equal(diag.code, WSP_ERR_INVALID_OPTION);
    assert_string_equal(diag.message, expected);
    assert_null(wsp_tls_context_new(&options, "tls", NULL));
}

static void test_each_file_is_named_with_its_option(void **state)
{
    const struct certificates *all = *state;
    expect_text(all, (struct names){"none.pem", "a.key", NULL, NULL},
                "wspulse: tls: No such file or directory (tls.cert = \"%s\")",
                "none.pem");
    expect_text(all, (struct names){"a.pem", "none.key", NULL, NULL},
                "wspulse: tls: No such file or directory (tls.key = \"%s\")",
                "none.key");
    expect_text(all, (struct names){"a.pem", "a.key", "none.pem", NULL},
                "wspulse: tls: No such file or directory (tls.ca = \"%s\")",
                "none.pem");
    expect_text(all, (struct names){"a.pem", "a.key", NULL, "none.pem"},
                "wspulse: tls: No such file or directory "
                "(tls.certificates[1].cert = \"%s\")",
                "none.pem");
}

static void test_what_is_in_a_file_is_looked_at(void **state)
{
    const struct certificates *all = *state;
    expect_text(all, (struct names){"empty.pem", "a.key", NULL, NULL},
                "wspulse: tls: the file is empty (tls.cert = \"%s\")",
                "empty.pem");
    expect_text(all, (struct names){"words.pem", "a.key", NULL, NULL},
                "wspulse: tls: no PEM certificate in the file "
                "(tls.cert = \"%s\")",
                "words.pem");
    expect_text(all, (struct names){"a.pem", "words.pem", NULL, NULL},
                "wspulse: tls: no PEM key in the file (tls.key = \"%s\")",
                "words.pem");
    expect_text(all, (struct names){"a.pem", NULL, NULL, NULL},
                "wspulse: tls: no PEM key in the file (tls.cert = \"%s\")",
                "a.pem");
    expect_text(all, (struct names){"a.pem", "a.key", "words.pem", NULL},
                "wspulse: tls: no PEM certificate in the file "
                "(tls.ca = \"%s\")",
                "words.pem");
    expect_text(all, (struct names){".", "a.key", NULL, NULL},
                "wspulse: tls: not a file (tls.cert = \"%s\")", ".");
}

static void test_a_key_fits_its_certificate(void **state)
{
    expect_text(*state, (struct names){"a.pem", "b.key", NULL, NULL},
                "wspulse: tls: the key does not fit the certificate "
                "(tls.key = \"%s\")",
                "b.key");
    expect_text(*state, (struct names){"a.pem", "a.key", NULL, "a.pem"},
                "wspulse: tls: the key does not fit the certificate "
                "(tls.certificates[1].key = \"%s\")",
                "b.key");
}

/* What OpenSSL says of them is behind the text. */
static void expect_beginning(const struct certificates *all, const char *cert,
                             const char *key, const char *beginning)
{
    char cert_path[CERTIFICATES_PATH_MAX];
    char key_path[CERTIFICATES_PATH_MAX];
    certificates_path(all, cert, cert_path);
    certificates_path(all, key, key_path);
    const struct wsp_tls_pair pair = {cert_path, key_path};
    const struct wsp_tls_options options = {.pairs = &pair, .pair_count = 1};
    struct wsp_diag diag = {0};
    assert_null(wsp_tls_context_new(&options, "listen[2].tls", &diag));
    assert_int_equal(diag.code, WSP_ERR_INVALID_OPTION);
    assert_memory_equal(diag.message, beginning, strlen(beginning));
}

static void test_broken_files_are_refused(void **state)
{
    expect_beginning(*state, "broken.pem", "a.key",
                     "wspulse: listen[2].tls: the certificate is broken: ");
    expect_beginning(*state, "a.pem", "broken.key",
                     "wspulse: listen[2].tls: the key is broken: ");
}

static void append(const struct certificates *all, const char *from,
                   const char *to)
{
    char path[CERTIFICATES_PATH_MAX];
    char block[8192];
    certificates_path(all, from, path);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t len = fread(block, 1, sizeof block, in);
    fclose(in);
    certificates_path(all, to, path);
    FILE *out = fopen(path, "a");
    assert_non_null(out);
    assert_int_equal(fwrite(block, 1, len, out), len);
    fclose(out);
}

static void test_a_chain_and_a_key_may_be_in_one_file(void **state)
{
    char path[CERTIFICATES_PATH_MAX];
    append(*state, "a.pem", "whole.pem");
    append(*state, "ca.pem", "whole.pem");
    append(*state, "a.key", "whole.pem");
    certificates_path(*state, "whole.pem", path);
    const struct wsp_tls_pair pair = {path, NULL};
    const struct wsp_tls_options options = {.pairs = &pair, .pair_count = 1};
    struct wsp_tls_context *context =
        wsp_tls_context_new(&options, "tls", NULL);
    assert_non_null(context);
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(context->pairs[0], &chain);
    assert_int_equal(sk_X509_num(chain), 1);
    int64_t left = context->ends_at - (int64_t)time(NULL);
    assert_true(left > 80000 && left <= 86400);
    wsp_tls_context_unref(context);
}

static void test_a_chain_that_breaks_off_is_refused(void **state)
{
    append(*state, "a.pem", "cut.pem");
    append(*state, "broken.pem", "cut.pem");
    expect_beginning(*state, "cut.pem", "a.key",
                     "wspulse: listen[2].tls: the chain is broken: ");
}

/* Nobody is there to type a passphrase, and nobody is asked for one. */
static void test_a_key_with_a_passphrase_is_refused(void **state)
{
    char path[CERTIFICATES_PATH_MAX];
    certificates_path(*state, "locked.key", path);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(),
                                          (const unsigned char *)"pass", 4,
                                          NULL, NULL),
                     1);
    fclose(out);
    EVP_PKEY_free(key);
    expect_beginning(*state, "a.pem", "locked.key",
                     "wspulse: listen[2].tls: the key has a passphrase; give "
                     "one without (listen[2].tls.key = ");
}

static void test_a_pipe_does_not_hold_up(void **state)
{
    char path[CERTIFICATES_PATH_MAX];
    certificates_path(*state, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_beginning(*state, "pipe", "a.key",
                     "wspulse: listen[2].tls: not a file (");
}

static void test_an_exposed_key_is_found(void **state)
{
    char cert[CERTIFICATES_PATH_MAX];
    char key[CERTIFICATES_PATH_MAX];
    certificates_path(*state, "a.pem", cert);
    certificates_path(*state, "a.key", key);
    const struct wsp_tls_pair pair = {cert, key};
    const struct wsp_tls_pair whole = {key, NULL};
    assert_false(wsp_tls_key_is_exposed(&pair));
    chmod(key, 0640);
    assert_false(wsp_tls_key_is_exposed(&pair));
    chmod(key, 0644);
    assert_true(wsp_tls_key_is_exposed(&pair));
    assert_true(wsp_tls_key_is_exposed(&whole));
    chmod(key, 0600);
}

/* ---- stamps ---- */

static void test_a_stamp_moves_with_each_file(void **state)
{
    struct certificates *all = *state;
    char cert[CERTIFICATES_PATH_MAX];
    char key[CERTIFICATES_PATH_MAX];
    char ca[CERTIFICATES_PATH_MAX];
    char link_path[CERTIFICATES_PATH_MAX];
    certificates_path(all, "link.pem", link_path);
    certificates_path(all, "b.pem", cert);
    certificates_path(all, "b.key", key);
    certificates_path(all, "ca.pem", ca);
    assert_int_equal(symlink(cert, link_path), 0);
    const struct wsp_tls_pair pair = {link_path, key};
    const struct wsp_tls_options options = {
        .pairs = &pair, .pair_count = 1, .ca = ca};
    uint64_t first = wsp_tls_file_stamp(&options);
    assert_int_equal(wsp_tls_file_stamp(&options), first);
    append(all, "empty.pem", "ca.pem");
    struct timespec times[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, ca, times, 0), 0);
    uint64_t second = wsp_tls_file_stamp(&options);
    assert_true(second != first);
    certificates_path(all, "a.pem", cert);
    unlink(link_path);
    uint64_t gone = wsp_tls_file_stamp(&options);
    assert_true(gone != second);
    assert_int_equal(symlink(cert, link_path), 0);
    uint64_t third = wsp_tls_file_stamp(&options);
    assert_true(third != second && third != gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_file_is_named_with_its_option),
        cmocka_unit_test(test_what_is_in_a_file_is_looked_at),
        cmocka_unit_test(test_a_key_fits_its_certificate),
        cmocka_unit_test(test_broken_files_are_refused),
        cmocka_unit_test(test_a_chain_and_a_key_may_be_in_one_file),
        cmocka_unit_test(test_a_chain_that_breaks_off_is_refused),
        cmocka_unit_test(test_a_key_with_a_passphrase_is_refused),
        cmocka_unit_test(test_a_pipe_does_not_hold_up),
        cmocka_unit_test(test_an_exposed_key_is_found),
        cmocka_unit_test(test_a_stamp_moves_with_each_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
