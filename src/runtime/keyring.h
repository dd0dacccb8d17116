/* SPDX-License-Identifier: MIT */
/* The certificates of a server: one TLS context for each address that has TLS,
 * made again when the options change or the files do. Connections keep the one
 * they began with; a new one that cannot be made leaves the old one in place.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_RUNTIME_KEYRING_H
#define WSP_RUNTIME_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include <wspulse/options.h>

struct wsp_server;
struct wsp_timer;
struct wsp_tls_context;

/* What was read at one time. */
struct wsp_keys {
    struct wsp_tls_context **contexts; /* heap: for each address, NULL: plain */
    size_t count;
    uint64_t stamp; /* of the files, as wsp_tls_file_stamp */
};

/* Zeroed: no address has TLS. */
struct wsp_keyring {
    struct wsp_keys keys;
    uint64_t judged;         /* stamp of the files that were tried last */
    uint64_t seen;           /* stamp of the last look */
    struct wsp_timer *timer; /* of the looks; NULL: nothing to look at */
};

/* Reads the certificates of a server that is being started and begins to watch
 * their files. Returns WSP_OK, WSP_ERR_INVALID_OPTION or WSP_ERR_OUT_OF_MEMORY
 * with `diag` filled; wsp_keyring_close is due in each case. */
enum wsp_err wsp_keyring_open(struct wsp_server *server, struct wsp_diag *diag);

/* Lets go of everything. Idempotent. */
void wsp_keyring_close(struct wsp_server *server);

/* Makes the keys of options that are about to be swapped in; those of the same
 * options and files are used again. Errors as of wsp_keyring_open. */
enum wsp_err wsp_keyring_prepare(struct wsp_server *server,
                                 const struct wsp_options *options,
                                 struct wsp_keys *keys, struct wsp_diag *diag);

/* Puts prepared keys in place. */
void wsp_keyring_take(struct wsp_server *server, struct wsp_keys *keys);

/* What a new connection of address number `index` begins with, or NULL when it
 * is plain. */
struct wsp_tls_context *wsp_keyring_context(const struct wsp_keyring *keyring,
                                            size_t index);

#endif
