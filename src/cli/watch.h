/* SPDX-License-Identifier: MIT */
/* Watches the files that an application was made of and tells when a new
 * generation is due: every 100 ms it compares inode, size and time of each.
 *
 * A change counts once it has been the same for two looks, so a file that is
 * still being written is left alone. A file that has gone is waited for; when
 * others have changed meanwhile, at most a second. When a module was not found,
 * the folders of the files are watched too.
 * Owner: the command. Thread: the loop's. */
#ifndef WSP_CLI_WATCH_H
#define WSP_CLI_WATCH_H

#include "lua/lua_host.h"

struct wsp_watch;

/* Makes a watch on the files of `host`; call it before the script is loaded, so
 * that nothing is missed from then on. `on_change(ud)` asks for a reload. NULL
 * without memory. */
struct wsp_watch *wsp_watch_new(struct wsp_loop *loop,
                                struct wsp_lua_host *host,
                                wsp_loop_fn on_change, void *ud);

/* Begins to look; on_change is called from the loop only. Returns false without
 * memory. */
bool wsp_watch_start(struct wsp_watch *watch);

/* Tells that a reload is asked for now, whoever asks: the files as they lie on
 * disk are what it reads. */
void wsp_watch_mark(struct wsp_watch *watch);

/* Tells the answer to a reload: NULL when it was accepted, else the reason.
 * Until then on_change is not called again. */
void wsp_watch_settle(struct wsp_watch *watch, const char *refusal);

/* Stops and frees; NULL is ignored. */
void wsp_watch_free(struct wsp_watch *watch);

#endif
