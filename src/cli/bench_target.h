/* SPDX-License-Identifier: MIT */
/* Where a benchmark goes: the address behind a ws:// URL, resolved once, and
 * the upgrade request that every connection sends there.
 * Owner: the command. Thread: main. */
#ifndef WSP_CLI_BENCH_TARGET_H
#define WSP_CLI_BENCH_TARGET_H

#include <sys/socket.h>

#include <wspulse/error.h>

#include "cli/bench_settings.h"

/* The key of every request is the example of RFC 6455 §1.3, so its answer is
 * known as well. Nothing is protected by it. */
#define WSP_BENCH_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct wsp_bench_target {
    struct sockaddr_storage address;
    socklen_t address_len;
    char *request; /* heap */
    size_t request_len;
};

/* Reads the URL, resolves its host and writes the request. Returns WSP_OK, or
 * an error with the reason in `diag`; wsp_bench_target_fini is due in each
 * case. */
enum wsp_err wsp_bench_target_init(struct wsp_bench_target *target,
                                   const struct wsp_bench_settings *settings,
                                   struct wsp_diag *diag);

void wsp_bench_target_fini(struct wsp_bench_target *target);

#endif
