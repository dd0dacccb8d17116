/* SPDX-License-Identifier: MIT */
/* The options of a server under the seed's names, with its defaults and its
 * exact error texts.
 * Owner: the caller; a server copies what it needs. */
#ifndef WSPULSE_OPTIONS_H
#define WSPULSE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <wspulse/api.h>
#include <wspulse/error.h>
#include <wspulse/log.h>
#include <wspulse/span.h>
#include <wspulse/tls.h>

WSP_BEGIN_C

enum wsp_origin_policy {
    WSP_ORIGIN_ANY,
    WSP_ORIGIN_SAME,     /* Origin's host and port equal the Host header */
    WSP_ORIGIN_LIST,     /* one of `origins`, compared as RFC 6454 §4 asks */
    WSP_ORIGIN_FUNCTION, /* handlers.check_origin decides */
};

/* What a new transport does to a session whose old one still looks alive
 * (decisions A3). */
enum wsp_takeover {
    WSP_TAKEOVER_DEFAULT,   /* resume with resume_confirm, else duplicate */
    WSP_TAKEOVER_DUPLICATE, /* ends it */
    WSP_TAKEOVER_RESUME,    /* resumes it; needs resume_window > 0 */
};

/* A place to listen at. Zeroed members mean nothing special. */
struct wsp_listen {
    /* "127.0.0.1:8080", "unix:/run/app.sock". "wss://" in front asks for TLS,
     * "ws://" for none; otherwise a TCP address has TLS when wsp_options.tls is
     * there, and a unix socket has none. */
    const char *address;
    const struct wsp_tls_options *tls; /* in place of that one; NULL: none */
    /* Every connection begins with the header of the PROXY protocol, version 1
     * or 2, and comes from one of `trusted_proxies`; any other is closed. */
    bool proxy_protocol;
};

/* A plain HTTP route: "GET /hello" is method "GET", path "/hello". */
struct wsp_route {
    const char *method;
    const char *path;
};

/* A folder whose files are served under a URL prefix. */
struct wsp_static_dir {
    const char *prefix; /* "/" or "/assets" */
    const char *dir; /* a folder; relative ones start at the working folder */
};

/* permessage-deflate (RFC 7692). What is sent never depends on what was sent
 * before, so a broadcast is compressed once for all. */
struct wsp_compression_options {
    bool is_on;      /* false: every offer is declined */
    double level;    /* of zlib: 1 (fast) to 9; 1 */
    double min_size; /* payloads below it go out as they are; 1024 */
    /* Clients start every message without a context, so that they cost no memory
     * between messages; true. */
    bool client_no_context_takeover;
    double server_max_window_bits; /* 9 to 15; 15 */
    /* What zlib may hold for connections in all: contexts that clients keep, and
     * messages that come in pieces; 67108864. */
    double max_memory;
};

/* Durations are seconds, counts and sizes are whole numbers held as doubles so
 * that a value out of range can be named in an error. */
struct wsp_options {
    const char *name; /* tells servers of one script apart; "main" */
    const struct wsp_listen *listen; /* "127.0.0.1:8080" when empty */
    size_t listen_count;
    const struct wsp_tls_options *tls; /* of the addresses; NULL: none */
    const char *path;                  /* of the WebSocket; "/ws" */
    /* Where GET /metrics, /healthz and /readyz are answered, and nothing else:
     * "127.0.0.1:9100". NULL: nowhere. It asks nobody who they are. */
    const char *admin_listen;

    double resume_window;         /* 0 */
    enum wsp_takeover takeover;   /* WSP_TAKEOVER_DEFAULT */
    bool resume_confirm;          /* false */
    double max_suspended;         /* 10000 */
    double max_suspended_bytes;   /* 268435456 */
    double heartbeat_ping;        /* 10 */
    double heartbeat_pong;        /* 30 */
    double write_wait;            /* 10 */
    double max_message_size;      /* 512 */
    double send_buffer_size;      /* 256 frames */
    double send_buffer_bytes;     /* 1048576 */
    double upgrader_read_size;    /* 1024; without effect: buffers are shared */
    double upgrader_write_size;   /* 1024; without effect */
    double connection_data_bytes; /* 4096 */
    const char *codec;            /* "json", "msgpack" or "raw"; "json" */
    bool close_reasons;           /* true */
    bool validate_utf8;           /* true */
    struct wsp_compression_options compression;

    /* What strangers may do; 0 is no limit, except where a text says else. */
    double handshake_timeout;      /* 10: seconds from accept to the whole
                                      request; greater than 0 */
    double max_connections;        /* 0: WebSockets of this server */
    double max_connections_per_ip; /* 0: sockets of an IPv4 address or a /64 */
    double accept_per_second;      /* 0 */
    double accept_burst;           /* 0: what comes in a second */
    double max_fragments;          /* 16384: frames of one inbound message */
    double max_control_rate;       /* 100: pings and pongs a second that one
                                      peer sends unasked */

    /* Proxies whose word on who a client is is taken: addresses, ranges such as
     * "10.0.0.0/8", and "unix" for the peers of unix sockets. */
    const char *const *trusted_proxies;
    size_t trusted_proxy_count;

    enum wsp_origin_policy origin_policy; /* WSP_ORIGIN_ANY */
    const char *const *origins;
    size_t origin_count;

    /* Sub-protocols it speaks, the preferred one first: at most 32 different
     * tokens of at most 128 bytes each. */
    const char *const *subprotocols;
    size_t subprotocol_count;

    const struct wsp_route *routes;
    size_t route_count;
    const struct wsp_static_dir *static_dirs;
    size_t static_count;

    struct wsp_logger logger; /* silent */
};

/* Fills in the defaults. */
WSP_API void wsp_options_init(struct wsp_options *options);

/* Checks every member. Returns WSP_OK, or WSP_ERR_INVALID_OPTION with the
 * seed's text, the Lua option and its value in `diag`:
 * "wspulse: WithWriteWait: duration must be positive (write_wait = 0)". */
WSP_API enum wsp_err wsp_options_check(const struct wsp_options *options,
                                       struct wsp_diag *diag);

/* Reads the certificates and keys that checked options name, and checks that
 * they fit each other. Returns WSP_OK, WSP_ERR_OUT_OF_MEMORY, or
 * WSP_ERR_INVALID_OPTION with the reason, the file's option and its path:
 * "wspulse: tls: the key does not fit the certificate (tls.key = \"a.key\")".
 * Thread: any. */
WSP_API enum wsp_err wsp_options_check_files(const struct wsp_options *options,
                                             struct wsp_diag *diag);

/* How many addresses there are: at least one. */
WSP_API size_t wsp_options_address_count(const struct wsp_options *options);

/* Address number `index` without "ws://" and "wss://". */
WSP_API const char *wsp_options_address(const struct wsp_options *options,
                                        size_t index);

/* The TLS of address number `index`; NULL when it is plain. */
WSP_API const struct wsp_tls_options *wsp_options_address_tls(
    const struct wsp_options *options, size_t index);

WSP_END_C

#endif
