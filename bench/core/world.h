/* SPDX-License-Identifier: MIT */
/* A hub full of sessions on links that take everything and write nothing: the
 * core as it is, without sockets.
 * Owner: the caller. Thread: the only one. */
#ifndef WSP_CORE_WORLD_H
#define WSP_CORE_WORLD_H

#include "core/hub.h"

#define WORLD_ID_MAX 24

/* A link that counts. */
struct world_link {
    struct wsp_link link; /* first */
    bool is_read;         /* it is the one being read: put() takes frames */
    uint64_t frames;
};

struct world {
    struct wsp_hub hub;
    struct world_link *links; /* heap, one for each session */
    uint32_t count;           /* sessions */
    uint64_t now_ms;
    uint32_t next; /* for operations that go from one session to the next */
};

/* Makes `count` sessions "c-0", "c-1", …, in `rooms` rooms "r-0", …, in turn.
 * Ends the program without memory: there is nothing to measure then. */
void world_init(struct world *world, uint32_t count, uint32_t rooms);
void world_fini(struct world *world);

/* Replaces the codec: "json" to begin with. */
void world_set_codec(struct world *world, const char *name);

/* Writes the id of a session into `text`. */
struct wsp_span world_id(char text[WORLD_ID_MAX], uint32_t index);
struct wsp_span world_room(char text[WORLD_ID_MAX], uint32_t index);

/* The number of the next session, in an order that no cache likes. */
uint32_t world_next(struct world *world);

#endif
