/* SPDX-License-Identifier: MIT */
/* Replaces an application while its connections stay open: a new generation is
 * built beside the old one on a helper thread, checked, and switched to between
 * two turns of the loop.
 *
 *     IDLE -> BUILDING -> SWAPPING -> RETIRING -> IDLE
 *                 \-> refused -> IDLE (the old generation goes on)
 *
 * A request that comes in while one is under way waits; several waiting ones
 * become one (of the path asked for last), and each of them gets its answer. At
 * most two generations exist at a time: the next build waits until the old one
 * is disposed of.
 * Thread: the loop's, except where an operation says otherwise. */
#ifndef WSPULSE_RELOAD_H
#define WSPULSE_RELOAD_H

#include <wspulse/loop.h>

WSP_BEGIN_C

struct wsp_reloader;

/* What the owner of generations provides. */
struct wsp_reload_ops {
    /* Builds a generation from `path`. Returns it, or NULL with `diag` filled
     * ("app.lua:3: …"). Thread: the helper. */
    void *(*build)(void *ud, const char *path, unsigned generation,
                   struct wsp_diag *diag);
    /* Switches to `next` and returns the old generation, or returns NULL with
     * `diag` filled; then the old one goes on and `next` is disposed of.
     * Thread: the loop's, no callback of a server on the stack. */
    void *(*install)(void *ud, void *next, struct wsp_diag *diag);
    /* Tells that the swap to `generation` is done: the on_reload hook runs
     * here. May be NULL. Thread: the loop's. */
    void (*installed)(void *ud, unsigned previous, unsigned generation);
    /* Frees a generation that no callback uses any more. Thread: the helper;
     * for one that wsp_reloader_free finds unused, the loop's. */
    void (*dispose)(void *ud, void *old);
};

/* The answer to a request. WSP_OK: `generation` serves now. Otherwise
 * `generation` is the old one that goes on, `diag->message` says why, and
 * `result` is `diag->code`: what an operation set, or WSP_ERR_RELOAD_REFUSED. */
typedef void (*wsp_reload_fn)(void *ud, enum wsp_err result,
                              unsigned generation, const struct wsp_diag *diag);

/* Makes a reloader. The generation that serves is number 1. NULL without memory
 * or thread. */
WSP_API struct wsp_reloader *wsp_reloader_new(struct wsp_loop *loop,
                                              const struct wsp_reload_ops *ops,
                                              void *ud);

/* Asks for a reload of `path`; `done` (may be NULL) gets the answer on the
 * loop, never before this returns. Returns WSP_OK, WSP_ERR_OUT_OF_MEMORY, or
 * WSP_ERR_SERVER_CLOSED from within wsp_reloader_free. */
WSP_API enum wsp_err wsp_reloader_request(struct wsp_reloader *reloader,
                                          const char *path, wsp_reload_fn done,
                                          void *ud);

/* The number of the generation that serves. */
WSP_API unsigned wsp_reloader_generation(const struct wsp_reloader *reloader);

/* Waits for the helper, refuses what still waits, and frees. Not from one of
 * its callbacks. NULL is ignored. */
WSP_API void wsp_reloader_free(struct wsp_reloader *reloader);

WSP_END_C

#endif
