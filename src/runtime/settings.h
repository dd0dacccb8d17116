/* SPDX-License-Identifier: MIT */
/* A server's own copy of its options: made once, never changed, replaced as a
 * whole on a swap.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_RUNTIME_SETTINGS_H
#define WSP_RUNTIME_SETTINGS_H

#include <wspulse/options.h>

#include "core/hub.h"
#include "proto/forwarded.h"

struct wsp_settings {
    struct wsp_options
        options;  /* every pointer in it is owned by this struct */
    char **texts; /* what those pointers point to; heap */
    size_t text_count;
    uint64_t write_wait_ms;
    uint64_t handshake_ms;
    struct wsp_forwarded_trust trust; /* ranges of `trusted_proxies`; heap */
    bool trusts_unix;                 /* "unix" is one of them */
};

/* Copies checked options. NULL without memory. */
struct wsp_settings *wsp_settings_new(const struct wsp_options *options);

/* NULL is ignored. */
void wsp_settings_free(struct wsp_settings *settings);

/* What the hub needs of them. */
struct wsp_hub_config wsp_settings_hub_config(
    const struct wsp_settings *settings, bool has_on_message,
    unsigned generation);

/* Names an option, starting with number `*index`, whose value differs but is
 * not live on a swap, and moves `*index` behind it; NULL when there is none
 * left. */
const char *wsp_settings_kept(const struct wsp_settings *old,
                              const struct wsp_settings *next, size_t *index);

/* Tells whether the TLS of `next` may take the place of the old one: the same
 * addresses have some. */
bool wsp_settings_takes_tls(const struct wsp_settings *old,
                            const struct wsp_options *next);

/* Makes `next` carry the old values of every option that is not live. */
void wsp_settings_keep(const struct wsp_settings *old,
                       struct wsp_settings *next);

#endif
