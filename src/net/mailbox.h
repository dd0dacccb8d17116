/* SPDX-License-Identifier: MIT */
/* Messages from any thread to the thread of a loop, in the order of sending.
 * Owner: the loop. Thread: any, unless a function says otherwise. */
#ifndef WSP_NET_MAILBOX_H
#define WSP_NET_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <wspulse/error.h>
#include <wspulse/loop.h>

/* A call that is to be made. Embedded in what must not fail to send; it may be
 * sent again once it has run. */
struct wsp_message {
    wsp_loop_fn fn;
    void *ud;                       /* passed to fn */
    bool is_heap;                   /* private: freed before fn runs */
    STAILQ_ENTRY(wsp_message) link; /* private */
};

STAILQ_HEAD(wsp_message_list, wsp_message);

struct wsp_mailbox {
    pthread_mutex_t lock;            /* over `queued` and writes to `fd` */
    struct wsp_message_list queued;  /* sent, not yet taken */
    struct wsp_message_list running; /* taken by the loop's thread */
    int fd;                          /* eventfd: readable when there is mail */
};

/* Returns WSP_OK, WSP_ERR_IO (no descriptor) or WSP_ERR_OUT_OF_MEMORY with
 * `diag` filled. Thread: the loop's. */
enum wsp_err wsp_mailbox_init(struct wsp_mailbox *mailbox,
                              struct wsp_diag *diag);

/* Forgets messages that have not run. Thread: the loop's, and no other may
 * begin to send. */
void wsp_mailbox_fini(struct wsp_mailbox *mailbox);

/* Sends a call. Returns WSP_OK or WSP_ERR_OUT_OF_MEMORY. */
enum wsp_err wsp_mailbox_post(struct wsp_mailbox *mailbox, wsp_loop_fn fn,
                              void *ud);

/* Sends an embedded message, which stays in place until it has run. */
void wsp_mailbox_push(struct wsp_mailbox *mailbox, struct wsp_message *message);

/* Takes a message back that has not run. Returns false when there is no such
 * one. Thread: the loop's. */
bool wsp_mailbox_cancel(struct wsp_mailbox *mailbox,
                        struct wsp_message *message);

/* Sets `flag` and makes the descriptor readable. */
void wsp_mailbox_raise(struct wsp_mailbox *mailbox, atomic_bool *flag);

/* Runs what has been sent so far; what these messages send runs the next time.
 * Returns false when there was nothing. Thread: the loop's. */
bool wsp_mailbox_run(struct wsp_mailbox *mailbox);

#endif
