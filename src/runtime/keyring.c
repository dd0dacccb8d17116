/* SPDX-License-Identifier: MIT */
#include "runtime/keyring.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wspulse/loop.h>

#include "core/options_tls.h"
#include "net/tls_context.h"
#include "net/tls_file.h"
#include "runtime/server.h"

/* How often the files are looked at. A change counts when two looks have seen
 * the same: a certificate and its key are seldom written at once. */
#define LOOK_MS 1000

/* ---- keys ---- */

static void free_keys(struct wsp_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        wsp_tls_context_unref(keys->contexts[i]);
    }
    free(keys->contexts);
    *keys = (struct wsp_keys){NULL, 0, 0};
}

/* Tells whether address `index` is the first one with its TLS. */
static bool is_first(const struct wsp_options *options, size_t index)
{
    const struct wsp_tls_options *tls = wsp_options_address_tls(options, index);
    for (size_t i = 0; i < index && tls; i++) {
        if (wsp_options_address_tls(options, i) == tls) {
            return false;
        }
    }
    return tls != NULL;
}

static uint64_t stamp_of(const struct wsp_options *options)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < wsp_options_address_count(options); i++) {
        if (is_first(options, i)) {
            stamp = stamp * 31 +
                    wsp_tls_file_stamp(wsp_options_address_tls(options, i));
        }
    }
    return stamp;
}

/* Gives one reference to the context of address `index`. */
static struct wsp_tls_context *find_or_make(const struct wsp_options *options,
                                            const struct wsp_keys *keys,
                                            size_t index, struct wsp_diag *diag)
{
    const struct wsp_tls_options *tls = wsp_options_address_tls(options, index);
    for (size_t i = 0; i < index; i++) {
        if (wsp_options_address_tls(options, i) == tls) {
            return wsp_tls_context_ref(keys->contexts[i]);
        }
    }
    char name[WSP_OPTIONS_TLS_NAME_MAX];
    wsp_options_tls_name(options, index, name);
    return wsp_tls_context_new(tls, name, diag);
}

/* The stamp is taken before the files are read: what is written meanwhile is a
 * change. */
static enum wsp_err make_keys(const struct wsp_options *options,
                              struct wsp_keys *keys, struct wsp_diag *diag)
{
    size_t count = wsp_options_address_count(options);
    *keys = (struct wsp_keys){calloc(count, sizeof(struct wsp_tls_context *)),
                              0, stamp_of(options)};
    if (!keys->contexts) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                            wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
    }
    for (size_t i = 0; i < count; i++) {
        keys->count = i + 1;
        if (!wsp_options_address_tls(options, i)) {
            continue;
        }
        keys->contexts[i] = find_or_make(options, keys, i, diag);
        if (!keys->contexts[i]) {
            free_keys(keys);
            return diag->code;
        }
    }
    return WSP_OK;
}

enum wsp_err wsp_options_check_files(const struct wsp_options *options,
                                     struct wsp_diag *diag)
{
    struct wsp_keys keys;
    struct wsp_diag own = {0};
    enum wsp_err err = make_keys(options, &keys, diag ? diag : &own);
    if (!err) {
        free_keys(&keys);
    }
    return err;
}

/* ---- telling ---- */

static void log_option(struct wsp_server *server, enum wsp_log_level level,
                       const char *message, const char *key, const char *text)
{
    struct wsp_log_field field = WSP_LOG_STR(key, text);
    wsp_server_log(server, level, message, &field, 1);
}

static void warn_exposed(struct wsp_server *server,
                         const struct wsp_tls_options *tls)
{
    for (size_t i = 0; i < tls->pair_count; i++) {
        if (wsp_tls_key_is_exposed(&tls->pairs[i])) {
            log_option(server, WSP_LOG_WARN,
                       "SECURITY: every user of this machine may read the key "
                       "of a certificate; chmod 600 or 640",
                       "key", wsp_tls_file_of_key(&tls->pairs[i]));
        }
    }
}

static void warn_expired(struct wsp_server *server, const char *name,
                         int64_t ends_at)
{
    time_t seconds = (time_t)ends_at;
    struct tm end;
    char text[32];
    if (ends_at > time(NULL) || !gmtime_r(&seconds, &end)) {
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &end);
    struct wsp_log_field fields[] = {
        WSP_LOG_STR("option", name),
        WSP_LOG_STR("expired", text),
    };
    wsp_server_log(server, WSP_LOG_WARN, "wspulse: a certificate has expired",
                   fields, 2);
}

static void warn_of(struct wsp_server *server, const struct wsp_keys *keys)
{
    const struct wsp_options *options = &server->settings->options;
    for (size_t i = 0; i < keys->count; i++) {
        char name[WSP_OPTIONS_TLS_NAME_MAX];
        if (is_first(options, i)) {
            wsp_options_tls_name(options, i, name);
            warn_exposed(server, wsp_options_address_tls(options, i));
            warn_expired(server, name, keys->contexts[i]->ends_at);
        }
    }
}

/* ---- the watch ---- */

static void install(struct wsp_server *server, struct wsp_keys *keys)
{
    struct wsp_keyring *keyring = &server->keyring;
    bool is_new = keyring->keys.stamp != keys->stamp;
    free_keys(&keyring->keys);
    keyring->keys = *keys;
    keyring->judged = keys->stamp;
    keyring->seen = keys->stamp;
    if (is_new) {
        warn_of(server, keys);
    }
}

static void read_again(struct wsp_server *server, uint64_t stamp)
{
    struct wsp_keys keys;
    struct wsp_diag diag = {0};
    server->keyring.judged = stamp;
    if (make_keys(&server->settings->options, &keys, &diag) == WSP_OK) {
        install(server, &keys);
        wsp_server_log(server, WSP_LOG_INFO, "wspulse: certificates reloaded",
                       NULL, 0);
        return;
    }
    log_option(server, WSP_LOG_ERROR,
               "wspulse: certificates refused, the old ones stay", "reason",
               diag.message);
}

static void on_look(void *ud)
{
    struct wsp_server *server = ud;
    struct wsp_keyring *keyring = &server->keyring;
    uint64_t stamp = stamp_of(&server->settings->options);
    bool is_settled = stamp == keyring->seen;
    keyring->seen = stamp;
    if (is_settled && stamp != keyring->judged) {
        read_again(server, stamp);
    }
    if (!server->is_closing) {
        wsp_timer_start(keyring->timer, LOOK_MS);
    }
}

static bool has_context(const struct wsp_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->contexts[i]) {
            return true;
        }
    }
    return false;
}

static enum wsp_err watch(struct wsp_server *server, struct wsp_diag *diag)
{
    struct wsp_keyring *keyring = &server->keyring;
    if (!has_context(&keyring->keys)) {
        return WSP_OK;
    }
    keyring->timer = wsp_timer_new(server->loop, on_look, server);
    if (keyring->timer && wsp_timer_start(keyring->timer, LOOK_MS)) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                        wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
}

/* ---- life ---- */

enum wsp_err wsp_keyring_open(struct wsp_server *server, struct wsp_diag *diag)
{
    struct wsp_keys keys;
    struct wsp_diag own = {0};
    diag = diag ? diag : &own;
    enum wsp_err err = make_keys(&server->settings->options, &keys, diag);
    if (err) {
        return err;
    }
    install(server, &keys);
    return watch(server, diag);
}

void wsp_keyring_close(struct wsp_server *server)
{
    wsp_timer_free(server->keyring.timer);
    server->keyring.timer = NULL;
    free_keys(&server->keyring.keys);
}

struct wsp_tls_context *wsp_keyring_context(const struct wsp_keyring *keyring,
                                            size_t index)
{
    return index < keyring->keys.count ? keyring->keys.contexts[index] : NULL;
}

/* ---- swaps ---- */

/* Either may be NULL. */
static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_pairs(const struct wsp_tls_options *a,
                       const struct wsp_tls_options *b)
{
    if (a->pair_count != b->pair_count) {
        return false;
    }
    for (size_t i = 0; i < a->pair_count; i++) {
        if (!same_text(a->pairs[i].cert, b->pairs[i].cert) ||
            !same_text(a->pairs[i].key, b->pairs[i].key)) {
            return false;
        }
    }
    return true;
}

static bool same_alpn(const struct wsp_tls_options *a,
                      const struct wsp_tls_options *b)
{
    if (a->alpn_count != b->alpn_count) {
        return false;
    }
    for (size_t i = 0; i < a->alpn_count; i++) {
        if (!same_text(a->alpn[i], b->alpn[i])) {
            return false;
        }
    }
    return true;
}

/* Either may be NULL. */
static bool same_tls(const struct wsp_tls_options *a,
                     const struct wsp_tls_options *b)
{
    if (!a || !b) {
        return a == b;
    }
    return a->verify == b->verify && a->min_version == b->min_version &&
           same_text(a->ca, b->ca) && same_pairs(a, b) && same_alpn(a, b);
}

static bool same_options(const struct wsp_options *a,
                         const struct wsp_options *b)
{
    size_t count = wsp_options_address_count(a);
    if (count != wsp_options_address_count(b)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!same_tls(wsp_options_address_tls(a, i),
                      wsp_options_address_tls(b, i))) {
            return false;
        }
    }
    return true;
}

/* Tickets of the contexts in use stay good. */
static enum wsp_err share_keys(const struct wsp_keys *old,
                               struct wsp_keys *keys, struct wsp_diag *diag)
{
    *keys = *old;
    keys->contexts = calloc(old->count, sizeof(struct wsp_tls_context *));
    if (!keys->contexts) {
        *keys = (struct wsp_keys){NULL, 0, 0};
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                            wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
    }
    for (size_t i = 0; i < old->count; i++) {
        if (old->contexts[i]) {
            keys->contexts[i] = wsp_tls_context_ref(old->contexts[i]);
        }
    }
    return WSP_OK;
}

enum wsp_err wsp_keyring_prepare(struct wsp_server *server,
                                 const struct wsp_options *options,
                                 struct wsp_keys *keys, struct wsp_diag *diag)
{
    const struct wsp_keys *old = &server->keyring.keys;
    struct wsp_diag own = {0};
    diag = diag ? diag : &own;
    *keys = (struct wsp_keys){NULL, 0, 0};
    if (!has_context(old)) {
        return WSP_OK;
    }
    if (same_options(&server->settings->options, options) &&
        stamp_of(options) == old->stamp) {
        return share_keys(old, keys, diag);
    }
    return make_keys(options, keys, diag);
}

void wsp_keyring_take(struct wsp_server *server, struct wsp_keys *keys)
{
    if (keys->contexts) {
        install(server, keys);
    }
}
