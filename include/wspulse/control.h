/* SPDX-License-Identifier: MIT */
/* The control socket: one line in, one line back, over a unix socket of mode
 * 0600. `wspulse reload` talks to a running server through it.
 *
 * A request is "<command>[ <argument>]\n" of at most 4 KiB that arrives within
 * 5 seconds, an answer is "ok[ <text>]\n" or "error <text>\n" of at most 8 KiB;
 * control characters in texts are escaped. 16 peers at a time are served.
 * Thread: the loop's. wsp_control_call blocks and needs no loop. */
#ifndef WSPULSE_CONTROL_H
#define WSPULSE_CONTROL_H

#include <wspulse/loop.h>

WSP_BEGIN_C

struct wsp_control;       /* the listening side */
struct wsp_control_reply; /* one answer that is owed */

/* Handles a request and owes exactly one wsp_control_answer, now or later.
 * `argument` is "" when there is none; both texts are valid during the call.
 * The control may be closed from here. */
typedef void (*wsp_control_fn)(void *ud, const char *command,
                               const char *argument,
                               struct wsp_control_reply *reply);

/* Opens the socket at `path`. A dead socket file left behind is replaced; a
 * live one is an error. Returns NULL with `diag` filled. */
WSP_API struct wsp_control *wsp_control_open(struct wsp_loop *loop,
                                             const char *path,
                                             wsp_control_fn fn, void *ud,
                                             struct wsp_diag *diag);

/* Answers and forgets the reply; a peer that has gone is no error. */
WSP_API void wsp_control_answer(struct wsp_control_reply *reply, bool is_ok,
                                const char *text);

/* Closes the socket, removes its file, drops the peers. Replies that are still
 * owed may be answered afterwards without effect. */
WSP_API void wsp_control_close(struct wsp_control *control);

/* Sends one request and waits for its answer, at most `timeout_ms`. Returns
 * WSP_OK with the text of an "ok" in `answer`, WSP_ERR_RELOAD_REFUSED with the
 * text of an "error", or WSP_ERR_CONTROL with `diag` filled. A text that is
 * longer than `answer_size` is cut.
 * Thread: any. */
WSP_API enum wsp_err wsp_control_call(const char *path, const char *request,
                                      char *answer, size_t answer_size,
                                      int timeout_ms, struct wsp_diag *diag);

WSP_END_C

#endif
