/* SPDX-License-Identifier: MIT */
/* A server with admin endpoints, turned by hand on the spec's own thread, and
 * requests to it. */
#ifndef WSP_SPEC_RUNTIME_STAGE_H
#define WSP_SPEC_RUNTIME_STAGE_H

#include <wspulse/wspulse.h>

#include "peer.h"

#define STAGE_ANSWER_MAX 32768

struct stage {
    struct wsp_loop *loop;
    struct wsp_server *server;
    struct wsp_options options;
    struct wsp_handlers handlers;
    unsigned admissions; /* connect calls */
    unsigned route_calls;
    unsigned security_warnings; /* about the admin address */
    unsigned kept_warnings;     /* about the option admin */
    unsigned opened;            /* hook calls */
    unsigned closed;
    unsigned sent;  /* bytes */
    bool is_closed; /* the barrier was reached */
    char log[512];  /* what the hooks were told */
};

/* Options and handlers of a server that admits everybody as "ann" into room "a"
 * and echoes, codec raw; it has routes GET /metrics and GET /own, and the folder
 * docs under "/". `admin` is its admin address or NULL. */
void stage_init(struct stage *stage, const char *admin);

/* Makes the server on a loop of its own, and starts it. */
void stage_new(struct stage *stage);
void stage_start(struct stage *stage);
void stage_free(struct stage *stage);

/* Begins to close; notes the barrier. */
void stage_close(struct stage *stage);

/* Swaps the stage's options and handlers in, with another admin address. */
void stage_swap(struct stage *stage, const char *admin);

/* The admin address, which there must be. */
const char *stage_admin(const struct stage *stage);

/* Reads what is there without waiting. Returns false once the stream ended. */
bool stage_pull(struct peer *peer);

/* Turns the loop until a whole answer is there, and takes it. */
void stage_take(struct stage *stage, struct peer *peer, bool has_body,
                char out[STAGE_ANSWER_MAX]);

/* Sends the request line "GET /x" over a peer that stays open. */
void stage_ask(struct stage *stage, struct peer *peer, const char *line,
               char out[STAGE_ANSWER_MAX]);

/* Upgrades on `address` and takes the answer. */
void stage_upgrade(struct stage *stage, struct peer *peer, const char *address,
                   char out[STAGE_ANSWER_MAX]);

/* Upgrades and has "hello" echoed. */
void stage_echo(struct stage *stage, struct peer *peer);

#endif
