/* SPDX-License-Identifier: MIT */
/* Every error wspulse can report: one table gives value, name and text.
 * Thread: any. */
#ifndef WSPULSE_ERROR_H
#define WSPULSE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include <wspulse/api.h>

WSP_BEGIN_C

/* X(name, value, text). The texts of the seed are kept to the letter
 * (wspulse/server v0.6, section Errors). */
#define WSP_ERR_MAP(X)                                                         \
    X(CONNECTION_NOT_FOUND, -1, "wspulse: connection not found")               \
    X(DUPLICATE_CONNECTION_ID, -2, "wspulse: kicked: duplicate connection ID") \
    X(SERVER_CLOSED, -3, "wspulse: server is closed")                          \
    X(CONNECTION_CLOSED, -4, "wspulse: connection is closed")                  \
    X(SEND_BUFFER_FULL, -5, "wspulse: send buffer full, frame dropped")        \
    X(SERVER_NOT_STARTED, -6, "wspulse: server is not started")                \
    X(PANIC, -7, "wspulse: onMessage panic")                                   \
    X(ENCODE, -8, "wspulse: encode failed")                                    \
    X(DECODE, -9, "wspulse: decode failed")                                    \
    X(INVALID_OPTION, -10, "wspulse: invalid option")                          \
    X(LISTEN, -11, "wspulse: listen failed")                                   \
    X(OUT_OF_MEMORY, -12, "wspulse: out of memory")                            \
    X(IO, -13, "wspulse: transport failed")                                    \
    X(EOF, -14, "wspulse: unexpected EOF")                                     \
    X(PEER_CLOSED, -15, "websocket: close")                                    \
    X(PROTOCOL, -16, "wspulse: protocol error")                                \
    X(MESSAGE_TOO_BIG, -17, "wspulse: message exceeds max_message_size")       \
    X(INVALID_UTF8, -18, "wspulse: text message is not valid UTF-8")           \
    X(PONG_TIMEOUT, -19, "wspulse: pong timeout")                              \
    X(WRITE_TIMEOUT, -20, "wspulse: write timeout")                            \
    X(RELOAD_REFUSED, -21, "wspulse: reload refused")                          \
    X(SCRIPT, -22, "wspulse: script failed")                                   \
    X(CONTROL, -23, "wspulse: control socket failed")                          \
    X(CONNECTION_DATA_FULL, -24, "wspulse: connection data limit exceeded")    \
    X(FRAME_EXPIRED, -25,                                                      \
      "frame used after its handler returned; call frame:keep()")              \
    X(TRANSPORT_REPLACED, -26, "wspulse: transport replaced by a newer one")

enum wsp_err {
    WSP_OK = 0,
#define WSP_ERR_VALUE(name, value, text) WSP_ERR_##name = (value),
    WSP_ERR_MAP(WSP_ERR_VALUE)
#undef WSP_ERR_VALUE
};

/* Gives the name of a code, "CONNECTION_NOT_FOUND" for instance; "OK" for 0
 * and "UNKNOWN" for a number that is no code. */
WSP_API const char *wsp_err_name(enum wsp_err code);

/* Gives the exact text of a code; "ok" for 0. */
WSP_API const char *wsp_err_text(enum wsp_err code);

/* What went wrong while something was being set up. Owner: the caller, who
 * passes it in; NULL is accepted wherever a diagnostic is taken. */
struct wsp_diag {
    enum wsp_err code;
    int sys_errno;     /* 0 when the system had no part in it */
    char message[512]; /* one line, context first: "listen 0.0.0.0:80: …" */
};

/* Fills `diag` (if not NULL) and returns `code`. */
WSP_API enum wsp_err wsp_diag_set(struct wsp_diag *diag, enum wsp_err code,
                                  const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with `: strerror(sys_errno)` behind the text. */
WSP_API enum wsp_err wsp_diag_set_errno(struct wsp_diag *diag,
                                        enum wsp_err code, int sys_errno,
                                        const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Why a transport or a connection ended, with details. Counted; immutable.
 * Thread: any. */
struct wsp_error;

/* Makes an error with one reference. `message` NULL means the code's text;
 * `stack` NULL means none. Both are copied. Returns NULL without memory. */
WSP_API struct wsp_error *wsp_error_new(enum wsp_err code, const char *message,
                                        const char *stack);

/* Makes a WSP_ERR_PEER_CLOSED error: "websocket: close 4000: reason". The
 * reason is escaped. Returns NULL without memory. */
WSP_API struct wsp_error *wsp_error_new_close(uint16_t code, const char *reason,
                                              size_t reason_len);

WSP_API struct wsp_error *wsp_error_ref(struct wsp_error *error);
/* Drops one reference; NULL is ignored. */
WSP_API void wsp_error_unref(struct wsp_error *error);

WSP_API enum wsp_err wsp_error_code(const struct wsp_error *error);
WSP_API const char *wsp_error_message(const struct wsp_error *error);
/* The traceback of a failed handler, or NULL. */
WSP_API const char *wsp_error_stack(const struct wsp_error *error);
/* The peer's close code for WSP_ERR_PEER_CLOSED, else 0. */
WSP_API uint16_t wsp_error_close_code(const struct wsp_error *error);

WSP_END_C

#endif
