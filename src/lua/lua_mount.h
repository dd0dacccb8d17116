/* SPDX-License-Identifier: MIT */
/* The place where a description is mounted on a running server. The server
 * calls the mount for as long as it lives; a swap switches which description
 * the mount hands the calls to.
 * Owner: the host, or the state of a Lua program. Thread: the loop's. */
#ifndef WSP_LUA_LUA_MOUNT_H
#define WSP_LUA_LUA_MOUNT_H

#include <stdbool.h>
#include <sys/queue.h>

#include <wspulse/wspulse.h>

struct wsp_lua_host;
struct wsp_lua_server;

/* Longest room id and connection id that `connect` may return, in bytes. */
#define WSP_LUA_ID_MAX 1024

/* An id that a frame is given: "<10 hex digits>-<number>". */
#define WSP_LUA_FRAME_ID_MAX 40

/* What the last `connect` returned; the server reads it until the next one. */
struct wsp_lua_admission {
    char room[WSP_LUA_ID_MAX];
    char id[WSP_LUA_ID_MAX];
    char reason[256]; /* why refused; NUL-terminated */
};

/* What a mount takes from its owner. */
struct wsp_lua_mount_config {
    struct wsp_loop *loop;
    struct wsp_lua_generations *generations; /* NULL in a program that never
                                                reloaded */
    struct wsp_logger logger;                /* for descriptions without one */
    const struct wsp_listen *listen; /* wins over the description's; borrowed */
    size_t listen_count;             /* 0: the description's */
};

struct wsp_lua_mount {
    TAILQ_ENTRY(wsp_lua_mount) link; /* of the owner's list */
    struct wsp_lua_mount_config config;
    struct wsp_server *server;
    struct wsp_lua_server *described; /* whose callbacks run */
    struct wsp_lua_server *home; /* which a Lua program started, NULL under a
                                    host; keeps its methods after a swap */
    struct wsp_logger logger;    /* of the server now */
    bool is_logging;             /* the script's logger runs */
    struct wsp_lua_admission admission;

    /* Of the first description; a swap keeps them. */
    const char *codec; /* "json", "msgpack", "raw" or WSP_LUA_CODEC_SCRIPT */
    bool gives_ids;    /* resume_confirm */

    uint64_t frame_count;   /* ids given to frames */
    char frame_nonce[11];   /* in front of them; "" before the first */
    uint64_t hook_failures; /* metrics hooks that raised */
    int64_t hook_line_at;   /* when the last log line said so; seconds */
};

TAILQ_HEAD(wsp_lua_mount_list, wsp_lua_mount);

/* Makes the server that `described` asks for and mounts it. Opens nothing.
 * Returns NULL with `diag` filled. */
struct wsp_lua_mount *wsp_lua_mount_new(
    const struct wsp_lua_mount_config *config, struct wsp_lua_server *described,
    struct wsp_diag *diag);

/* Hands the server's calls to `next` from now on. Returns WSP_OK, or the error
 * of wsp_server_swap, and then nothing has changed. */
enum wsp_err wsp_lua_mount_swap(struct wsp_lua_mount *mount,
                                struct wsp_lua_server *next,
                                unsigned generation, struct wsp_diag *diag);

/* Writes an id for a frame into `out`, a new one each time, and returns it. What
 * the server does for its own codecs (resume_confirm). */
const char *wsp_lua_mount_frame_id(struct wsp_lua_mount *mount,
                                   char out[WSP_LUA_FRAME_ID_MAX]);

/* Aborts and frees the server. Not from a callback. */
void wsp_lua_mount_free(struct wsp_lua_mount *mount);

#endif
