/* SPDX-License-Identifier: MIT */
/* The rules of the options `listen` and `tls` that need no file.
 * Thread: any. */
#ifndef WSP_CORE_OPTIONS_TLS_H
#define WSP_CORE_OPTIONS_TLS_H

#include <wspulse/options.h>

/* As wsp_options_check. */
enum wsp_err wsp_options_check_tls(const struct wsp_options *options,
                                   struct wsp_diag *diag);

/* Writes what the TLS of address number `index` is called in texts: "tls" or
 * "listen[2].tls". */
#define WSP_OPTIONS_TLS_NAME_MAX 40
void wsp_options_tls_name(const struct wsp_options *options, size_t index,
                          char out[WSP_OPTIONS_TLS_NAME_MAX]);

#endif
