/* SPDX-License-Identifier: MIT */
/* What `wspulse bench` was told.
 * Owner: the command; texts are borrowed from argv. Thread: main. */
#ifndef WSP_CLI_BENCH_SETTINGS_H
#define WSP_CLI_BENCH_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/flags.h"

enum wsp_bench_mode {
    WSP_BENCH_ECHO,    /* every connection asks, the server answers */
    WSP_BENCH_FANOUT,  /* one connection asks, every other one hears it */
    WSP_BENCH_CONNECT, /* connect, upgrade, close, again */
    WSP_BENCH_IDLE,    /* connect, one message, then nothing */
};

struct wsp_bench_settings {
    const char *url;
    enum wsp_bench_mode mode;
    uint32_t connections; /* in fanout: those that listen */
    uint64_t messages;    /* ends after so many; 0: by time alone */
    double duration_s;    /* ends after so long; 0: by count alone */
    double warmup_s;      /* load that is not measured, before */
    double timeout_s;     /* silence that ends everything */
    double rate;          /* messages a second; 0: as fast as answered */
    uint32_t depth;       /* messages in one write */
    uint32_t size;        /* bytes of a message's payload */
    const char *event;    /* of envelopes */
    const char *room;     /* added to the query; NULL: none */
    struct wsp_flag_list headers; /* more lines of the upgrade request */
    int pid;                      /* of the server; 0: not measured */
    bool is_envelope;             /* messages are {"id","event","payload"} */
    bool is_binary;
    bool is_json; /* the report */
};

/* Reads the command line of `bench`. Returns WSP_FLAGS_OK, WSP_FLAGS_HELP, or
 * WSP_FLAGS_ERROR; wsp_bench_settings_fini is due in each case. */
enum wsp_flags_result wsp_bench_settings_read(
    struct wsp_bench_settings *settings, char **argv,
    char error[WSP_FLAGS_ERROR_MAX]);

void wsp_bench_settings_fini(struct wsp_bench_settings *settings);

/* "echo", "fanout", "connect" or "idle". */
const char *wsp_bench_mode_name(enum wsp_bench_mode mode);

#endif
