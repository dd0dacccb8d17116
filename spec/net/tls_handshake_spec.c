/* SPDX-License-Identifier: MIT */
/* Who may shake hands, and what is learned of them. */
#include "net/tls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/loop.h"
#include "support/loop_wait.h"
#include "tls_stage.h"

static const char *const one_pair[] = {"a", NULL};
static const struct tls_client_form any_client = {0};

static const struct certificate_form forms[] = {
    {.file = "a", .names = "DNS:a.example,DNS:*.a.example"},
    {.file = "b", .names = "DNS:b.example"},
    {.file = "ann", .common_name = "Ann, \xc3\x84nne"},
    {.file = "self", .is_self_signed = true},
    {.file = "old", .seconds = -60},
};

static int set_up(void **state)
{
    static struct certificates all;
    certificates_init(&all);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        certificates_make(&all, &forms[i]);
    }
    *state = &all;
    return 0;
}

static int tear_down(void **state)
{
    certificates_fini(*state);
    return 0;
}

/* ---- versions ---- */

static bool shakes_with(const struct certificates *all,
                        enum wsp_tls_version min, int client_version,
                        char failure[128])
{
    struct tls_stage stage;
    struct wsp_tls_options options = {.min_version = min};
    const struct tls_client_form form = {.max_version = client_version};
    tls_stage_init(&stage, tls_stage_context(all, one_pair, &options), &form);
    bool is_done = tls_stage_shake(&stage);
    LOOP_WAIT(stage.loop, is_done || stage.ends);
    memcpy(failure, stage.failure, 128);
    if (is_done) {
        assert_int_equal(SSL_version(stage.client.ssl), client_version);
    }
    tls_stage_fini(&stage);
    return is_done;
}

static void test_versions_below_the_smallest_are_refused(void **state)
{
    char failure[128];
    assert_true(shakes_with(*state, WSP_TLS_1_2, TLS1_3_VERSION, failure));
    assert_true(shakes_with(*state, WSP_TLS_1_2, TLS1_2_VERSION, failure));
    assert_false(shakes_with(*state, WSP_TLS_1_2, TLS1_1_VERSION, failure));
    assert_string_equal(failure, "unsupported protocol");
    assert_true(shakes_with(*state, WSP_TLS_1_3, TLS1_3_VERSION, failure));
    assert_false(shakes_with(*state, WSP_TLS_1_3, TLS1_2_VERSION, failure));
    assert_string_equal(failure, "unsupported protocol");
}

static void test_keys_of_tls_1_2_go_with_the_connection(void **state)
{
    struct tls_stage stage;
    struct wsp_tls_options options = {0};
    const struct tls_client_form form = {.max_version = TLS1_2_VERSION};
    tls_stage_init(&stage, tls_stage_context(*state, one_pair, &options),
                   &form);
    assert_true(tls_stage_shake(&stage));
    const SSL_CIPHER *cipher = SSL_get_current_cipher(stage.client.ssl);
    assert_int_equal(SSL_CIPHER_get_kx_nid(cipher), NID_kx_ecdhe);
    assert_true(SSL_CIPHER_is_aead(cipher));
    tls_stage_fini(&stage);
}

/* ---- names ---- */

static void expect_certificate(const struct certificates *all, const char *name,
                               int version, const char *expected)
{
    static const char *const pairs[] = {"b", "a", NULL};
    struct tls_stage stage;
    struct wsp_tls_options options = {0};
    char common_name[64] = "";
    const struct tls_client_form form = {.server_name = name,
                                         .max_version = version};
    tls_stage_init(&stage, tls_stage_context(all, pairs, &options), &form);
    assert_true(tls_stage_shake(&stage));
    X509 *shown = SSL_get0_peer_certificate(stage.client.ssl);
    assert_non_null(shown);
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName,
                              common_name, sizeof common_name);
    assert_string_equal(common_name, expected);
    tls_stage_fini(&stage);
}

static void hostile_16_the_name_chooses_the_certificate(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        expect_certificate(*state, "a.example", versions[i], "a");
        expect_certificate(*state, "A.Example", versions[i], "a");
        expect_certificate(*state, "deep.a.example", versions[i], "a");
        expect_certificate(*state, "b.example", versions[i], "b");
        expect_certificate(*state, "deep.b.example", versions[i], "b");
        expect_certificate(*state, "nobody.example", versions[i], "b");
        expect_certificate(*state, NULL, versions[i], "b");
    }
}

/* ---- protocols ---- */

static bool speaks(const struct certificates *all, const char *offer,
                   const char *const *ours, size_t count, char chosen[16])
{
    struct tls_stage stage;
    struct wsp_tls_options options = {.alpn = ours, .alpn_count = count};
    const struct tls_client_form form = {.alpn = offer};
    const unsigned char *name = NULL;
    unsigned len = 0;
    tls_stage_init(&stage, tls_stage_context(all, one_pair, &options), &form);
    bool is_done = tls_stage_shake(&stage);
    SSL_get0_alpn_selected(stage.client.ssl, &name, &len);
    assert_true(len < 16);
    if (len) {
        memcpy(chosen, name, len);
    }
    chosen[len] = '\0';
    tls_stage_fini(&stage);
    return is_done;
}

static void test_alpn_is_http_1_1(void **state)
{
    static const char *const own[] = {"x-two", "x-one"};
    char chosen[16];
    assert_true(speaks(*state, NULL, NULL, 0, chosen));
    assert_string_equal(chosen, "");
    assert_true(speaks(*state, "\x02h2\x08http/1.1", NULL, 0, chosen));
    assert_string_equal(chosen, "http/1.1");
    assert_false(speaks(*state, "\x02h2", NULL, 0, chosen));
    assert_true(speaks(*state, "\x05x-one\x05x-two", own, 2, chosen));
    assert_string_equal(chosen, "x-two");
    assert_false(speaks(*state, "\x08http/1.1", own, 2, chosen));
}

/* ---- certificates of peers ---- */

struct visit {
    bool is_done;
    bool has_certificate;
    bool is_verified;
    char subject[128];
    char issuer[128];
    char common_name[64];
    char fingerprint[80];
};

static void copy_text(char *out, size_t size, struct wsp_span text)
{
    assert_true(text.len < size);
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

static void note_certificate(struct visit *visit, struct tls_stage *stage)
{
    struct wsp_certificate *shown = wsp_stream_certificate(stage->stream);
    visit->has_certificate = shown != NULL;
    if (shown) {
        visit->is_verified = shown->is_verified;
        copy_text(visit->subject, sizeof visit->subject, shown->subject);
        copy_text(visit->issuer, sizeof visit->issuer, shown->issuer);
        copy_text(visit->common_name, sizeof visit->common_name,
                  shown->common_name);
        copy_text(visit->fingerprint, sizeof visit->fingerprint,
                  shown->fingerprint);
    }
    free(shown);
}

/* One connection of a client that has the certificate `file` (NULL: none). */
static struct visit visit_with(const struct certificates *all,
                               enum wsp_tls_verify verify, bool has_ca,
                               const char *file)
{
    struct tls_stage stage;
    struct visit visit = {.is_done = false};
    char ca[CERTIFICATES_PATH_MAX];
    char cert[CERTIFICATES_PATH_MAX];
    char key[CERTIFICATES_PATH_MAX];
    char name[32];
    certificates_path(all, "ca.pem", ca);
    struct wsp_tls_options options = {.verify = verify,
                                      .ca = has_ca ? ca : NULL};
    struct tls_client_form form = {0};
    if (file) {
        snprintf(name, sizeof name, "%s.pem", file);
        certificates_path(all, name, cert);
        snprintf(name, sizeof name, "%s.key", file);
        certificates_path(all, name, key);
        form.cert = cert;
        form.key = key;
    }
    tls_stage_init(&stage, tls_stage_context(all, one_pair, &options), &form);
    visit.is_done = tls_stage_shake(&stage);
    if (visit.is_done) {
        note_certificate(&visit, &stage);
    }
    tls_stage_fini(&stage);
    return visit;
}

static void test_nobody_is_asked_without_a_ca(void **state)
{
    struct visit visit =
        visit_with(*state, WSP_TLS_VERIFY_DEFAULT, false, "ann");
    assert_true(visit.is_done);
    assert_false(visit.has_certificate);
}

static void test_a_ca_alone_asks_everybody(void **state)
{
    assert_false(
        visit_with(*state, WSP_TLS_VERIFY_DEFAULT, true, NULL).is_done);
    struct visit visit =
        visit_with(*state, WSP_TLS_VERIFY_DEFAULT, true, "ann");
    assert_true(visit.is_done);
    assert_true(visit.is_verified);
}

static void test_required_takes_what_the_ca_has_certified(void **state)
{
    enum wsp_tls_verify required = WSP_TLS_VERIFY_REQUIRED;
    assert_true(visit_with(*state, required, true, "ann").is_verified);
    assert_false(visit_with(*state, required, true, NULL).is_done);
    assert_false(visit_with(*state, required, true, "self").is_done);
    assert_false(visit_with(*state, required, true, "old").is_done);
}

static void test_optional_takes_none_or_a_good_one(void **state)
{
    enum wsp_tls_verify optional = WSP_TLS_VERIFY_OPTIONAL;
    struct visit none = visit_with(*state, optional, true, NULL);
    assert_true(none.is_done);
    assert_false(none.has_certificate);
    assert_true(visit_with(*state, optional, true, "ann").is_verified);
    assert_false(visit_with(*state, optional, true, "self").is_done);
    assert_false(visit_with(*state, optional, true, "old").is_done);
}

static void test_any_takes_all_and_tells_them_apart(void **state)
{
    enum wsp_tls_verify any = WSP_TLS_VERIFY_ANY;
    static const char *const bad[] = {"self", "old"};
    assert_true(visit_with(*state, any, true, NULL).is_done);
    assert_true(visit_with(*state, any, true, "ann").is_verified);
    for (size_t i = 0; i < 2; i++) {
        struct visit visit = visit_with(*state, any, true, bad[i]);
        assert_true(visit.has_certificate);
        assert_false(visit.is_verified);
    }
    struct visit unknown = visit_with(*state, any, false, "ann");
    assert_true(unknown.has_certificate);
    assert_false(unknown.is_verified);
}

static void test_a_certificate_is_told_as_text(void **state)
{
    struct visit visit =
        visit_with(*state, WSP_TLS_VERIFY_REQUIRED, true, "ann");
    assert_string_equal(visit.subject,
                        "CN=Ann\\, \xc3\x84nne,O=Example\\, Inc.");
    assert_string_equal(visit.issuer, "CN=the CA,O=Example\\, Inc.");
    assert_string_equal(visit.common_name, "Ann, \xc3\x84nne");
    assert_int_equal(strspn(visit.fingerprint, "0123456789abcdef"), 64);
    assert_int_equal(strlen(visit.fingerprint), 64);
}

/* ---- sessions ---- */

struct returning {
    SSL_SESSION *session;
};

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct returning *returning = SSL_get_app_data(ssl);
    SSL_SESSION_free(returning->session);
    returning->session = session;
    return 1;
}

/* Has the client keep its sessions here and nowhere else. */
static void keep_session(struct tls_stage *stage, struct returning *returning)
{
    SSL_set_app_data(stage->client.ssl, returning);
    SSL_CTX_set_session_cache_mode(
        stage->client.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(stage->client.ctx, on_session);
}

/* Connects to a context twice. Returns whether the second time resumed. */
static bool comes_back(struct wsp_tls_context *context,
                       struct tls_client_form *form, struct visit *visit)
{
    struct tls_stage stage;
    struct returning returning = {NULL};
    wsp_tls_context_ref(context);
    tls_stage_init(&stage, context, form);
    keep_session(&stage, &returning);
    assert_true(tls_stage_shake(&stage));
    assert_non_null(returning.session);
    tls_stage_fini(&stage);
    assert_non_null(returning.session);
    form->session = returning.session;
    wsp_tls_context_ref(context);
    tls_stage_init(&stage, context, form);
    assert_true(tls_stage_shake(&stage));
    bool is_resumed = SSL_session_reused(stage.client.ssl);
    note_certificate(visit, &stage);
    tls_stage_fini(&stage);
    SSL_SESSION_free(returning.session);
    return is_resumed;
}

static void test_tickets_bring_a_peer_back(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        struct visit visit;
        struct wsp_tls_options options = {0};
        struct tls_client_form form = {.max_version = versions[i]};
        struct wsp_tls_context *context =
            tls_stage_context(*state, one_pair, &options);
        assert_true(comes_back(context, &form, &visit));
        assert_int_equal(SSL_CTX_sess_number(context->pairs[0]), 0);
        wsp_tls_context_unref(context);
    }
}

static void test_a_ticket_carries_what_was_verified(void **state)
{
    static const char *const files[] = {"ann", "self"};
    for (size_t i = 0; i < 4; i++) {
        char ca[CERTIFICATES_PATH_MAX];
        char cert[CERTIFICATES_PATH_MAX];
        char key[CERTIFICATES_PATH_MAX];
        char name[32];
        const char *file = files[i % 2];
        struct visit visit = {.is_done = false};
        certificates_path(*state, "ca.pem", ca);
        snprintf(name, sizeof name, "%s.pem", file);
        certificates_path(*state, name, cert);
        snprintf(name, sizeof name, "%s.key", file);
        certificates_path(*state, name, key);
        struct wsp_tls_options options = {.verify = WSP_TLS_VERIFY_ANY,
                                          .ca = ca};
        struct tls_client_form form = {.cert = cert,
                                       .key = key,
                                       .max_version = i < 2 ? TLS1_2_VERSION
                                                            : TLS1_3_VERSION};
        struct wsp_tls_context *context =
            tls_stage_context(*state, one_pair, &options);
        assert_true(comes_back(context, &form, &visit));
        assert_true(visit.has_certificate);
        assert_int_equal(visit.is_verified, i % 2 == 0);
        wsp_tls_context_unref(context);
    }
}

static void test_a_new_context_knows_no_old_tickets(void **state)
{
    struct tls_stage stage;
    struct returning returning = {NULL};
    struct wsp_tls_options options = {0};
    tls_stage_init(&stage, tls_stage_context(*state, one_pair, &options),
                   &any_client);
    keep_session(&stage, &returning);
    assert_true(tls_stage_shake(&stage));
    tls_stage_fini(&stage);
    assert_non_null(returning.session);
    assert_true(SSL_SESSION_is_resumable(returning.session));
    const struct tls_client_form form = {.session = returning.session};
    tls_stage_init(&stage, tls_stage_context(*state, one_pair, &options),
                   &form);
    assert_true(tls_stage_shake(&stage));
    assert_false(SSL_session_reused(stage.client.ssl));
    tls_stage_fini(&stage);
    SSL_SESSION_free(returning.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_below_the_smallest_are_refused),
        cmocka_unit_test(test_keys_of_tls_1_2_go_with_the_connection),
        cmocka_unit_test(hostile_16_the_name_chooses_the_certificate),
        cmocka_unit_test(test_alpn_is_http_1_1),
        cmocka_unit_test(test_nobody_is_asked_without_a_ca),
        cmocka_unit_test(test_a_ca_alone_asks_everybody),
        cmocka_unit_test(test_required_takes_what_the_ca_has_certified),
        cmocka_unit_test(test_optional_takes_none_or_a_good_one),
        cmocka_unit_test(test_any_takes_all_and_tells_them_apart),
        cmocka_unit_test(test_a_certificate_is_told_as_text),
        cmocka_unit_test(test_tickets_bring_a_peer_back),
        cmocka_unit_test(test_a_ticket_carries_what_was_verified),
        cmocka_unit_test(test_a_new_context_knows_no_old_tickets),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
