/* SPDX-License-Identifier: MIT */
/* The PEM files of a TLS context: read whole, and looked at for changes.
 * Thread: any. */
#ifndef WSP_NET_TLS_FILE_H
#define WSP_NET_TLS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/tls.h>

#define WSP_TLS_FILE_MAX (1024 * 1024) /* bytes; a bundle of roots has 220 KB */

/* Reads a file. Returns heap memory with its length in `len`, or NULL with the
 * reason in `reason`, which is a constant or strerror's. */
char *wsp_tls_file_read(const char *path, size_t *len, const char **reason);

/* The file that a pair's key is in. */
const char *wsp_tls_file_of_key(const struct wsp_tls_pair *pair);

/* A number that moves when one of the files of `options` becomes another one,
 * is written, or goes. */
uint64_t wsp_tls_file_stamp(const struct wsp_tls_options *options);

#endif
