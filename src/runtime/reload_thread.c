/* SPDX-License-Identifier: MIT */
#include "runtime/reload_thread.h"

#include <signal.h>
#include <stdlib.h>

#include "net/loop.h"

/* Address space, not memory: code that is loaded may nest as deep here as on a
 * main thread with a generous limit. */
#define STACK_BYTES (64U * 1024 * 1024)

/* ---- on the helper thread ---- */

/* Waits for a job. Returns false when there is none and none will come. */
static bool wait_for_job(struct wsp_reload_thread *helper)
{
    pthread_mutex_lock(&helper->lock);
    while (helper->job == WSP_RELOAD_JOB_NONE && !helper->is_stopping) {
        pthread_cond_wait(&helper->wake, &helper->lock);
    }
    bool has_job = helper->job != WSP_RELOAD_JOB_NONE;
    pthread_mutex_unlock(&helper->lock);
    return has_job;
}

/* While a job is set, its members belong to the helper: no lock is needed. */
static void run_job(struct wsp_reload_thread *helper)
{
    if (helper->job == WSP_RELOAD_JOB_BUILD) {
        helper->subject = helper->ops->build(helper->ud, helper->path,
                                             helper->generation, &helper->diag);
        free(helper->path);
        helper->path = NULL;
    } else {
        helper->ops->dispose(helper->ud, helper->subject);
        helper->subject = NULL;
    }
}

static void *run_helper(void *ud)
{
    struct wsp_reload_thread *helper = ud;
    while (wait_for_job(helper)) {
        run_job(helper);
        pthread_mutex_lock(&helper->lock);
        helper->job = WSP_RELOAD_JOB_NONE;
        pthread_mutex_unlock(&helper->lock);
        wsp_loop_send(helper->loop, &helper->done);
    }
    return NULL;
}

/* ---- on the loop's thread ---- */

/* Signals are for the threads of the program, so the helper has none. */
static int create_thread(struct wsp_reload_thread *helper,
                         const pthread_attr_t *attributes)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&helper->thread, attributes, run_helper, helper);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

/* Where address space is scarce the usual stack must do. */
static int start_thread(struct wsp_reload_thread *helper)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (!error) {
        error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
        error = error ? error : create_thread(helper, &attributes);
        pthread_attr_destroy(&attributes);
    }
    return error ? create_thread(helper, NULL) : 0;
}

enum wsp_err wsp_reload_thread_start(struct wsp_reload_thread *helper,
                                     struct wsp_loop *loop,
                                     const struct wsp_reload_ops *ops, void *ud,
                                     struct wsp_message done)
{
    *helper = (struct wsp_reload_thread){
        .loop = loop,
        .ops = ops,
        .ud = ud,
        .done = done,
        .job = WSP_RELOAD_JOB_NONE,
    };
    if (pthread_mutex_init(&helper->lock, NULL) != 0) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    if (pthread_cond_init(&helper->wake, NULL) != 0) {
        goto undo_lock;
    }
    if (start_thread(helper) != 0) {
        goto undo_wake;
    }
    return WSP_OK;

undo_wake:
    pthread_cond_destroy(&helper->wake);
undo_lock:
    pthread_mutex_destroy(&helper->lock);
    return WSP_ERR_OUT_OF_MEMORY;
}

static void hand_over(struct wsp_reload_thread *helper, enum wsp_reload_job job)
{
    pthread_mutex_lock(&helper->lock);
    helper->job = job;
    pthread_cond_signal(&helper->wake);
    pthread_mutex_unlock(&helper->lock);
}

void wsp_reload_thread_build(struct wsp_reload_thread *helper, char *path,
                             unsigned generation)
{
    helper->path = path;
    helper->generation = generation;
    helper->diag = (struct wsp_diag){.code = WSP_OK};
    hand_over(helper, WSP_RELOAD_JOB_BUILD);
}

void wsp_reload_thread_dispose(struct wsp_reload_thread *helper, void *old)
{
    helper->subject = old;
    hand_over(helper, WSP_RELOAD_JOB_DISPOSE);
}

void *wsp_reload_thread_take(struct wsp_reload_thread *helper,
                             struct wsp_diag *diag)
{
    void *built = helper->subject;
    helper->subject = NULL;
    *diag = helper->diag;
    return built;
}

void wsp_reload_thread_stop(struct wsp_reload_thread *helper)
{
    pthread_mutex_lock(&helper->lock);
    helper->is_stopping = true;
    pthread_cond_signal(&helper->wake);
    pthread_mutex_unlock(&helper->lock);
    pthread_join(helper->thread, NULL);
    wsp_loop_cancel(helper->loop, &helper->done);
    pthread_cond_destroy(&helper->wake);
    pthread_mutex_destroy(&helper->lock);
}
