/* SPDX-License-Identifier: MIT */
#include "core/room.h"

#include <stdlib.h>

#include "core/session.h"

void wsp_rooms_init(struct wsp_rooms *rooms)
{
    rooms->table = NULL;
    wsp_hash_key_init(&rooms->key);
}

static void free_room(struct wsp_rooms *rooms, struct wsp_room *room)
{
    HASH_DEL(rooms->table, room);
    free(room->members);
    free(room);
}

void wsp_rooms_fini(struct wsp_rooms *rooms)
{
    struct wsp_room *room;
    struct wsp_room *next;
    HASH_ITER(hh, rooms->table, room, next) {
        free_room(rooms, room);
    }
}

static unsigned hash_name(const struct wsp_rooms *rooms, struct wsp_span name)
{
    return (unsigned)wsp_hash(&rooms->key, name);
}

struct wsp_room *wsp_rooms_find(struct wsp_rooms *rooms, struct wsp_span name)
{
    struct wsp_room *room = NULL;
    const char *key = name.data ? name.data : "";
    unsigned hash = hash_name(rooms, name);
    HASH_FIND_BYHASHVALUE(hh, rooms->table, key, name.len, hash, room);
    return room;
}

static struct wsp_room *add_room(struct wsp_rooms *rooms, struct wsp_span name)
{
    struct wsp_room *room = malloc(sizeof *room + name.len + 1);
    if (!room) {
        return NULL;
    }
    room->members = NULL;
    room->member_count = 0;
    room->member_capacity = 0;
    room->name_len = name.len;
    if (name.len) {
        memcpy(room->name, name.data, name.len);
    }
    room->hh.tbl = NULL;
    unsigned hash = hash_name(rooms, name);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, rooms->table, room->name, name.len, hash,
                                room);
    if (!room->hh.tbl) { /* uthash could not allocate */
        free(room);
        return NULL;
    }
    return room;
}

static bool reserve_member(struct wsp_room *room)
{
    if (room->member_count < room->member_capacity) {
        return true;
    }
    if (room->member_capacity > UINT32_MAX / 2) {
        return false;
    }
    uint32_t capacity = room->member_capacity + room->member_capacity / 2 + 1;
    struct wsp_session **members =
        realloc(room->members, capacity * sizeof *members);
    if (!members) {
        return false;
    }
    room->members = members;
    room->member_capacity = capacity;
    return true;
}

struct wsp_room *wsp_rooms_join(struct wsp_rooms *rooms, struct wsp_span name,
                                struct wsp_session *session)
{
    struct wsp_room *room = wsp_rooms_find(rooms, name);
    if (!room) {
        room = add_room(rooms, name);
    }
    if (!room) {
        return NULL;
    }
    if (!reserve_member(room)) {
        if (room->member_count == 0) {
            free_room(rooms, room);
        }
        return NULL;
    }
    session->room = room;
    session->room_index = room->member_count;
    room->members[room->member_count++] = session;
    return room;
}

bool wsp_rooms_leave(struct wsp_rooms *rooms, struct wsp_session *session)
{
    struct wsp_room *room = session->room;
    struct wsp_session *last = room->members[--room->member_count];
    room->members[session->room_index] = last;
    last->room_index = session->room_index;
    session->room = NULL;
    if (room->member_count == 0) {
        free_room(rooms, room);
        return true;
    }
    return false;
}
