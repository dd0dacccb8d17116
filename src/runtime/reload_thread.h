/* SPDX-License-Identifier: MIT */
/* The thread of a reloader: builds and disposes of generations, one job at a
 * time, and tells the loop when a job is done.
 * Owner: the reloader. Thread: the loop's; the operations run on the helper. */
#ifndef WSP_RUNTIME_RELOAD_THREAD_H
#define WSP_RUNTIME_RELOAD_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include <wspulse/reload.h>

#include "net/mailbox.h"

enum wsp_reload_job {
    WSP_RELOAD_JOB_NONE,
    WSP_RELOAD_JOB_BUILD,
    WSP_RELOAD_JOB_DISPOSE,
};

/* All members are private. */
struct wsp_reload_thread {
    struct wsp_loop *loop;
    const struct wsp_reload_ops *ops; /* borrowed */
    void *ud;                         /* passed to ops */
    struct wsp_message done;          /* on its way to the loop after a job */
    pthread_t thread;
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t wake;
    bool is_stopping;
    enum wsp_reload_job job;
    char *path;           /* heap; of a build */
    unsigned generation;  /* of a build */
    void *subject;        /* what was built, or is disposed of */
    struct wsp_diag diag; /* of a build */
};

/* Starts the thread; `done(done_ud)` is called on the loop after each job.
 * `ops` stay where they are. Returns WSP_OK or WSP_ERR_OUT_OF_MEMORY. */
enum wsp_err wsp_reload_thread_start(struct wsp_reload_thread *helper,
                                     struct wsp_loop *loop,
                                     const struct wsp_reload_ops *ops, void *ud,
                                     struct wsp_message done);

/* Hands over a job. The one before must be done. Owns: `path`. */
void wsp_reload_thread_build(struct wsp_reload_thread *helper, char *path,
                             unsigned generation);
void wsp_reload_thread_dispose(struct wsp_reload_thread *helper, void *old);

/* Takes what was built; NULL when the build failed, and `diag` says why. */
void *wsp_reload_thread_take(struct wsp_reload_thread *helper,
                             struct wsp_diag *diag);

/* Waits for the job under way and for the thread; `done` will not be called any
 * more. What was built may still be taken. */
void wsp_reload_thread_stop(struct wsp_reload_thread *helper);

#endif
