/* SPDX-License-Identifier: MIT */
/* A WebSocket server with rooms (seed: Server). Several may share a loop.
 * Thread: the loop's, except the wsp_server_post_* functions. */
#ifndef WSPULSE_SERVER_H
#define WSPULSE_SERVER_H

#include <wspulse/connection.h>
#include <wspulse/handlers.h>
#include <wspulse/loop.h>
#include <wspulse/options.h>

WSP_BEGIN_C

/* Makes a server that is not open yet. Options and handlers are copied.
 * Returns WSP_OK, WSP_ERR_INVALID_OPTION (as wsp_options_check, or "wspulse:
 * NewServer: connect must not be nil") or WSP_ERR_OUT_OF_MEMORY. */
WSP_API enum wsp_err wsp_server_new(struct wsp_loop *loop,
                                    const struct wsp_options *options,
                                    const struct wsp_handlers *handlers,
                                    struct wsp_server **server,
                                    struct wsp_diag *diag);

/* Opens every listen address, and the one of the admin endpoints. Returns
 * WSP_OK, WSP_ERR_LISTEN with address and reason in `diag`, or, as of
 * wsp_options_check_files, what is wrong with a certificate; then none is open.
 * While it serves, the files of certificates are read again when they change:
 * when they do not fit the old ones stay, and an error is logged. */
WSP_API enum wsp_err wsp_server_start(struct wsp_server *server,
                                      struct wsp_diag *diag);

/* Begins to close (idempotent): stops accepting, every peer gets 1001, and
 * on_disconnect runs for every connection. `done(ud)` is called once every peer
 * has answered, at the latest write_wait later; NULL is accepted. Of several
 * ones all but the first are called at once when there is no memory to remember
 * them with. Callable from a callback. */
WSP_API void wsp_server_close(struct wsp_server *server, wsp_loop_fn done,
                              void *ud);

/* Has `done(ud)` called at the barrier of a close, whoever asks for that close;
 * at once when it was reached before. Returns WSP_OK or WSP_ERR_OUT_OF_MEMORY,
 * and then done is not called. */
WSP_API enum wsp_err wsp_server_wait(struct wsp_server *server,
                                     wsp_loop_fn done, void *ud);

/* Ends what is still open at once; the done functions of close are called. */
WSP_API void wsp_server_abort(struct wsp_server *server);

/* Tells whether the barrier of close has been reached. */
WSP_API bool wsp_server_is_closed(const struct wsp_server *server);
/* Tells whether wsp_server_start has succeeded. */
WSP_API bool wsp_server_is_started(const struct wsp_server *server);
/* Tells whether the server accepts connections: started, and close was not
 * begun. What GET /readyz answers. */
WSP_API bool wsp_server_is_ready(const struct wsp_server *server);

/* Frees the server, aborting first what is open. Not from a callback. */
WSP_API void wsp_server_free(struct wsp_server *server);

/* The name of option `name`. */
WSP_API const char *wsp_server_name(const struct wsp_server *server);

/* The path of the WebSocket, "/ws". */
WSP_API const char *wsp_server_path(const struct wsp_server *server);

/* The real addresses, "127.0.0.1:41873", "unix:/run/x.sock", or with TLS
 * "wss://127.0.0.1:41873"; NULL behind the last one. */
WSP_API const char *wsp_server_address(const struct wsp_server *server,
                                       size_t index);

/* The real address of the admin endpoints (option admin_listen), or NULL. */
WSP_API const char *wsp_server_admin_address(const struct wsp_server *server);

/* What GET /metrics answers: the metrics in Prometheus' text format 0.0.4 (see
 * docs/metrics.md), NUL-terminated; its length in `len` unless that is NULL.
 * Returns NULL without memory. Owns: the caller, who gives the text to
 * wsp_server_metrics_text_free. Callable from a callback. */
WSP_API char *wsp_server_metrics_text(const struct wsp_server *server,
                                      size_t *len);
/* NULL is ignored. */
WSP_API void wsp_server_metrics_text_free(char *text);

/* Sends to one connection by id. As wsp_connection_send, or first
 * WSP_ERR_SERVER_NOT_STARTED, WSP_ERR_CONNECTION_NOT_FOUND. */
WSP_API enum wsp_err wsp_server_send(struct wsp_server *server,
                                     struct wsp_span id,
                                     const struct wsp_frame *frame,
                                     struct wsp_diag *diag);

/* Sends to every member of a room, encoded once; `except` (0: nobody) is left
 * out. A full queue loses its oldest frame. Returns WSP_OK (also for an unknown
 * room), WSP_ERR_SERVER_NOT_STARTED, WSP_ERR_SERVER_CLOSED, WSP_ERR_ENCODE or
 * WSP_ERR_OUT_OF_MEMORY. */
WSP_API enum wsp_err wsp_server_broadcast(struct wsp_server *server,
                                          struct wsp_span room,
                                          const struct wsp_frame *frame,
                                          wsp_id except, struct wsp_diag *diag);

/* Counts a callback of the application that has failed and was reported by
 * whoever called it. The server itself counts those of on_message. */
WSP_API void wsp_server_count_failure(struct wsp_server *server);

/* Ends a connection at once, whatever the resume window. Returns WSP_OK,
 * WSP_ERR_SERVER_NOT_STARTED, WSP_ERR_SERVER_CLOSED or
 * WSP_ERR_CONNECTION_NOT_FOUND. on_disconnect follows from the loop. */
WSP_API enum wsp_err wsp_server_kick(struct wsp_server *server,
                                     struct wsp_span id);

/* Calls `fn` for each member of a room, suspended ones included; stops when it
 * returns false. `fn` must not add or remove members. */
WSP_API void wsp_server_each(struct wsp_server *server, struct wsp_span room,
                             bool (*fn)(void *ud,
                                        struct wsp_connection *connection),
                             void *ud);

/* Replaces handlers, metrics hooks and the options that are live on a swap
 * (every limit, trusted_proxies, check_origin, routes, static, logger,
 * connection_data_bytes, close_reasons, validate_utf8, and tls, whose files are
 * read). For each other option that differs one warning names it and the old
 * value stays. `generation` is what log lines carry from now on.
 * Returns WSP_OK, WSP_ERR_INVALID_OPTION or WSP_ERR_OUT_OF_MEMORY; on an error
 * nothing has changed. Not from a callback of this server. */
WSP_API enum wsp_err wsp_server_swap(struct wsp_server *server,
                                     const struct wsp_options *options,
                                     const struct wsp_handlers *handlers,
                                     unsigned generation,
                                     struct wsp_diag *diag);

/* What became of a posted call; `result` as of the direct call. Thread: the
 * server's loop. */
typedef void (*wsp_posted_fn)(void *ud, enum wsp_err result);

/* The calls above from another thread: each copies what it is given, posts it
 * to the server's loop and returns WSP_OK when it was accepted, or
 * WSP_ERR_OUT_OF_MEMORY. `done` (may be NULL) is called on the loop afterwards.
 * The server must not be freed before the last one has completed.
 * Thread: any. */
WSP_API enum wsp_err wsp_server_post_send(struct wsp_server *server,
                                          struct wsp_span id,
                                          const struct wsp_frame *frame,
                                          wsp_posted_fn done, void *ud);
WSP_API enum wsp_err wsp_server_post_broadcast(struct wsp_server *server,
                                               struct wsp_span room,
                                               const struct wsp_frame *frame,
                                               wsp_posted_fn done, void *ud);
WSP_API enum wsp_err wsp_server_post_kick(struct wsp_server *server,
                                          struct wsp_span id,
                                          wsp_posted_fn done, void *ud);
WSP_API enum wsp_err wsp_server_post_close(struct wsp_server *server,
                                           wsp_posted_fn done, void *ud);

WSP_END_C

#endif
