/* SPDX-License-Identifier: MIT */
#include "core/options_tls.h"

#include <stdio.h>
#include <string.h>

#define ALPN_NAME_MAX 255 /* RFC 7301 §3.1 */

/* ---- addresses ---- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *text_of(const struct wsp_options *options, size_t index)
{
    return options->listen_count ? options->listen[index].address
                                 : "127.0.0.1:8080";
}

static const struct wsp_tls_options *own_tls(const struct wsp_options *options,
                                             size_t index)
{
    return options->listen_count ? options->listen[index].tls : NULL;
}

size_t wsp_options_address_count(const struct wsp_options *options)
{
    return options->listen_count ? options->listen_count : 1;
}

const char *wsp_options_address(const struct wsp_options *options, size_t index)
{
    const char *text = text_of(options, index);
    if (starts_with(text, "wss://")) {
        return text + 6;
    }
    return starts_with(text, "ws://") ? text + 5 : text;
}

const struct wsp_tls_options *wsp_options_address_tls(
    const struct wsp_options *options, size_t index)
{
    const char *text = text_of(options, index);
    const struct wsp_tls_options *own = own_tls(options, index);
    if (own) {
        return own;
    }
    bool is_plain = starts_with(text, "ws://") || starts_with(text, "unix:");
    return is_plain ? NULL : options->tls;
}

void wsp_options_tls_name(const struct wsp_options *options, size_t index,
                          char out[WSP_OPTIONS_TLS_NAME_MAX])
{
    if (own_tls(options, index)) {
        snprintf(out, WSP_OPTIONS_TLS_NAME_MAX, "listen[%zu].tls", index + 1);
    } else {
        snprintf(out, WSP_OPTIONS_TLS_NAME_MAX, "tls");
    }
}

/* ---- checks ---- */

static enum wsp_err check_pairs(const struct wsp_tls_options *tls,
                                const char *name, struct wsp_diag *diag)
{
    for (size_t i = 0; i < tls->pair_count; i++) {
        const struct wsp_tls_pair *pair = &tls->pairs[i];
        if (!pair->cert || !pair->cert[0] || (pair->key && !pair->key[0])) {
            return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                                "wspulse: %s: a certificate and its key are "
                                "the names of files (%s, certificate %zu)",
                                name, name, i + 1);
        }
    }
    if (tls->pair_count > 0) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                        "wspulse: %s: needs a certificate (%s.cert = nil)",
                        name, name);
}

static enum wsp_err check_verify(const struct wsp_tls_options *tls,
                                 const char *name, struct wsp_diag *diag)
{
    bool needs_ca = tls->verify == WSP_TLS_VERIFY_OPTIONAL ||
                    tls->verify == WSP_TLS_VERIFY_REQUIRED;
    if (!needs_ca || tls->ca) {
        return WSP_OK;
    }
    return wsp_diag_set(
        diag, WSP_ERR_INVALID_OPTION,
        "wspulse: %s: needs a ca, which certifies peers (%s.verify = \"%s\")",
        name, name,
        tls->verify == WSP_TLS_VERIFY_REQUIRED ? "required" : "optional");
}

static enum wsp_err check_alpn(const struct wsp_tls_options *tls,
                               const char *name, struct wsp_diag *diag)
{
    for (size_t i = 0; i < tls->alpn_count; i++) {
        size_t len = tls->alpn[i] ? strlen(tls->alpn[i]) : 0;
        if (len == 0 || len > ALPN_NAME_MAX) {
            return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                                "wspulse: %s: a protocol has 1 to 255 bytes "
                                "(%s.alpn[%zu] = \"%.64s\")",
                                name, name, i + 1, len ? tls->alpn[i] : "");
        }
    }
    return WSP_OK;
}

static enum wsp_err check_one(const struct wsp_tls_options *tls,
                              const char *name, struct wsp_diag *diag)
{
    enum wsp_err err = check_pairs(tls, name, diag);
    if (!err) {
        err = check_verify(tls, name, diag);
    }
    return err ? err : check_alpn(tls, name, diag);
}

/* What is in front of an address and what it has must not contradict. */
static enum wsp_err check_scheme(const struct wsp_options *options,
                                 size_t index, struct wsp_diag *diag)
{
    const char *text = text_of(options, index);
    const char *problem = NULL;
    if (starts_with(text, "wss://") &&
        !wsp_options_address_tls(options, index)) {
        problem = "wss:// needs the option tls";
    } else if (starts_with(text, "ws://") && own_tls(options, index)) {
        problem = "ws:// is plain and has no tls";
    } else if (strstr(wsp_options_address(options, index), "://")) {
        problem = "in front of an address there is wss:// or ws://";
    }
    if (!problem) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                        "wspulse: listen: %s (listen = \"%.100s\")", problem,
                        text);
}

enum wsp_err wsp_options_check_tls(const struct wsp_options *options,
                                   struct wsp_diag *diag)
{
    enum wsp_err err = WSP_OK;
    if (options->tls) {
        err = check_one(options->tls, "tls", diag);
    }
    for (size_t i = 0; i < wsp_options_address_count(options) && !err; i++) {
        const struct wsp_tls_options *own = own_tls(options, i);
        char name[WSP_OPTIONS_TLS_NAME_MAX];
        wsp_options_tls_name(options, i, name);
        err = own ? check_one(own, name, diag) : WSP_OK;
        if (!err) {
            err = check_scheme(options, i, diag);
        }
    }
    return err;
}
