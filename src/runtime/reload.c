/* SPDX-License-Identifier: MIT */
#include <wspulse/reload.h>

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "net/loop.h"
#include "runtime/reload_thread.h"

enum reload_state {
    RELOAD_IDLE,
    RELOAD_BUILDING, /* the helper builds */
    RELOAD_SWAPPING, /* a generation waits for the end of the turn */
    RELOAD_RETIRING, /* the helper disposes of one */
};

/* The states that may follow each. */
static const unsigned legal_moves[] = {
    [RELOAD_IDLE] = 1u << RELOAD_BUILDING,
    [RELOAD_BUILDING] = 1u << RELOAD_SWAPPING | 1u << RELOAD_IDLE,
    [RELOAD_SWAPPING] = 1u << RELOAD_RETIRING,
    [RELOAD_RETIRING] = 1u << RELOAD_IDLE,
};

/* Someone who is owed an answer. */
struct request {
    STAILQ_ENTRY(request) link;
    wsp_reload_fn done;
    void *ud; /* passed to done */
};

STAILQ_HEAD(request_list, request);

struct wsp_reloader {
    struct wsp_loop *loop;
    struct wsp_reload_ops ops;
    void *ud;                    /* passed to ops */
    enum reload_state state;     /* changed by move() alone */
    unsigned generation;         /* serves */
    bool is_closing;             /* within wsp_reloader_free */
    struct request_list asked;   /* of the reload under way */
    struct request_list waiting; /* of the one after it */
    char *waiting_path;          /* heap; NULL: none is wanted */
    void *built;                 /* while SWAPPING */
    struct wsp_loop_tail swap;   /* on the loop while SWAPPING */
    struct wsp_reload_thread helper;
};

static void move(struct wsp_reloader *reloader, enum reload_state next)
{
    if (!(legal_moves[reloader->state] & 1u << next)) {
        abort();
    }
    reloader->state = next;
}

/* ---- answers ---- */

/* The callbacks may ask for another reload. */
static void answer_all(struct wsp_reloader *reloader, struct request_list *list,
                       enum wsp_err result, const struct wsp_diag *diag)
{
    struct request_list answered = STAILQ_HEAD_INITIALIZER(answered);
    STAILQ_CONCAT(&answered, list);
    struct request *request;
    while ((request = STAILQ_FIRST(&answered))) {
        STAILQ_REMOVE_HEAD(&answered, link);
        request->done(request->ud, result, reloader->generation, diag);
        free(request);
    }
}

static void refuse_all(struct wsp_reloader *reloader, struct request_list *list,
                       struct wsp_diag *diag)
{
    if (diag->code == WSP_OK || diag->message[0] == '\0') {
        wsp_diag_set(diag, WSP_ERR_RELOAD_REFUSED, "%s",
                     wsp_err_text(WSP_ERR_RELOAD_REFUSED));
    }
    answer_all(reloader, list, diag->code, diag);
}

/* ---- one reload ---- */

static void start_next(struct wsp_reloader *reloader)
{
    if (reloader->state != RELOAD_IDLE || !reloader->waiting_path) {
        return;
    }
    move(reloader, RELOAD_BUILDING);
    STAILQ_CONCAT(&reloader->asked, &reloader->waiting);
    char *path = reloader->waiting_path;
    reloader->waiting_path = NULL;
    wsp_reload_thread_build(&reloader->helper, path, reloader->generation + 1);
}

static void describe_hook(const struct wsp_hold *hold,
                          struct wsp_hold_note *note)
{
    (void)hold;
    wsp_hold_note_add(note, "handler", wsp_span_of("on_reload"));
}

/* The hook is the application's, and may take its time. */
static void tell_installed(struct wsp_reloader *reloader, unsigned previous)
{
    static const struct wsp_hold hold = {.describe = describe_hook};
    if (reloader->ops.installed) {
        wsp_hold_enter(wsp_loop_board(reloader->loop), &hold);
        reloader->ops.installed(reloader->ud, previous, reloader->generation);
        wsp_hold_leave(wsp_loop_board(reloader->loop));
    }
}

/* Runs behind the tails that were there: what the servers had to do in this
 * turn is done, and no callback of theirs is on the stack. */
static void on_turn_end(void *ud)
{
    struct wsp_reloader *reloader = ud;
    wsp_loop_tail_remove(reloader->loop, &reloader->swap);
    struct wsp_diag diag = {.code = WSP_OK};
    void *next = reloader->built;
    reloader->built = NULL;
    void *old = reloader->ops.install(reloader->ud, next, &diag);
    move(reloader, RELOAD_RETIRING);
    if (old) {
        unsigned previous = reloader->generation++;
        tell_installed(reloader, previous);
        answer_all(reloader, &reloader->asked, WSP_OK, &diag);
    } else {
        refuse_all(reloader, &reloader->asked, &diag);
    }
    wsp_reload_thread_dispose(&reloader->helper, old ? old : next);
    /* What the hooks have sent is flushed by a next turn that does not wait. */
    wsp_loop_hurry(reloader->loop);
}

static void on_built(struct wsp_reloader *reloader)
{
    struct wsp_diag diag;
    reloader->built = wsp_reload_thread_take(&reloader->helper, &diag);
    if (reloader->built) {
        move(reloader, RELOAD_SWAPPING);
        wsp_loop_tail_add(reloader->loop, &reloader->swap);
        return;
    }
    move(reloader, RELOAD_IDLE);
    refuse_all(reloader, &reloader->asked, &diag);
    start_next(reloader);
}

static void on_helper_done(void *ud)
{
    struct wsp_reloader *reloader = ud;
    if (reloader->state == RELOAD_BUILDING) {
        on_built(reloader);
        return;
    }
    move(reloader, RELOAD_IDLE);
    start_next(reloader);
}

/* ---- public ---- */

struct wsp_reloader *wsp_reloader_new(struct wsp_loop *loop,
                                      const struct wsp_reload_ops *ops,
                                      void *ud)
{
    struct wsp_reloader *reloader = calloc(1, sizeof *reloader);
    if (!reloader) {
        return NULL;
    }
    reloader->loop = loop;
    reloader->ops = *ops;
    reloader->ud = ud;
    reloader->generation = 1;
    STAILQ_INIT(&reloader->asked);
    STAILQ_INIT(&reloader->waiting);
    reloader->swap.fn = on_turn_end;
    reloader->swap.ud = reloader;
    struct wsp_message done = {.fn = on_helper_done, .ud = reloader};
    if (wsp_reload_thread_start(&reloader->helper, loop, &reloader->ops, ud,
                                done) != WSP_OK) {
        free(reloader);
        return NULL;
    }
    return reloader;
}

/* Adds who is to be answered; nobody is fine. */
static enum wsp_err add_waiting(struct wsp_reloader *reloader,
                                wsp_reload_fn done, void *ud)
{
    if (!done) {
        return WSP_OK;
    }
    struct request *request = malloc(sizeof *request);
    if (!request) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    request->done = done;
    request->ud = ud;
    STAILQ_INSERT_TAIL(&reloader->waiting, request, link);
    return WSP_OK;
}

enum wsp_err wsp_reloader_request(struct wsp_reloader *reloader,
                                  const char *path, wsp_reload_fn done,
                                  void *ud)
{
    if (reloader->is_closing) {
        return WSP_ERR_SERVER_CLOSED;
    }
    char *copy = strdup(path);
    if (!copy) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    enum wsp_err result = add_waiting(reloader, done, ud);
    if (result != WSP_OK) {
        free(copy);
        return result;
    }
    free(reloader->waiting_path);
    reloader->waiting_path = copy;
    start_next(reloader);
    return WSP_OK;
}

unsigned wsp_reloader_generation(const struct wsp_reloader *reloader)
{
    return reloader->generation;
}

/* Disposes of a generation that was built and will not be installed. */
static void dispose_built(struct wsp_reloader *reloader)
{
    struct wsp_diag diag;
    void *built = reloader->built;
    if (reloader->state == RELOAD_BUILDING) {
        built = wsp_reload_thread_take(&reloader->helper, &diag);
    }
    if (built) {
        reloader->ops.dispose(reloader->ud, built);
    }
}

void wsp_reloader_free(struct wsp_reloader *reloader)
{
    if (!reloader) {
        return;
    }
    reloader->is_closing = true;
    wsp_reload_thread_stop(&reloader->helper);
    if (reloader->state == RELOAD_SWAPPING) {
        wsp_loop_tail_remove(reloader->loop, &reloader->swap);
    }
    dispose_built(reloader);
    struct wsp_diag diag = {.code = WSP_OK};
    wsp_diag_set(&diag, WSP_ERR_RELOAD_REFUSED, "%s: the application closes",
                 wsp_err_text(WSP_ERR_RELOAD_REFUSED));
    refuse_all(reloader, &reloader->asked, &diag);
    refuse_all(reloader, &reloader->waiting, &diag);
    free(reloader->waiting_path);
    free(reloader);
}
