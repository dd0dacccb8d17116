/* SPDX-License-Identifier: MIT */
/* A room: the sessions a broadcast reaches. It exists while it has members.
 * Owner: the hub. Thread: worker. */
#ifndef WSP_CORE_ROOM_H
#define WSP_CORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/span.h>

#include "base/hash.h"

/* Lookups cost a hash under a secret key; a bucket that cannot grow is no
 * reason to end the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct wsp_session;

struct wsp_room {
    struct wsp_session **members; /* heap; unordered, dense */
    uint32_t member_count;
    uint32_t member_capacity;
    UT_hash_handle hh; /* in the table of rooms, by name */
    size_t name_len;
    char name[]; /* not NUL-terminated */
};

/* The rooms of a hub, by name. */
struct wsp_rooms {
    struct wsp_room *table;
    struct wsp_hash_key key;
};

void wsp_rooms_init(struct wsp_rooms *rooms);
/* Frees rooms that are left; their members are not touched. */
void wsp_rooms_fini(struct wsp_rooms *rooms);

struct wsp_room *wsp_rooms_find(struct wsp_rooms *rooms, struct wsp_span name);

/* Makes `session` a member of the room of that name, which is made when it does
 * not exist. Returns the room, or NULL without memory. */
struct wsp_room *wsp_rooms_join(struct wsp_rooms *rooms, struct wsp_span name,
                                struct wsp_session *session);

/* Takes a session out of its room. Returns true when the room was its last
 * member's and is gone. */
bool wsp_rooms_leave(struct wsp_rooms *rooms, struct wsp_session *session);

static inline struct wsp_span wsp_room_name(const struct wsp_room *room)
{
    return (struct wsp_span){room->name, room->name_len};
}

#endif
