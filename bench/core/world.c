/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define STRIDE 7919U /* a prime: every session gets its turn */

/* ---- link ---- */

static struct world_link *link_of(struct wsp_link *link)
{
    return (struct world_link *)link;
}

static bool put(struct wsp_link *base, uint8_t opcode, struct wsp_span message)
{
    struct world_link *link = link_of(base);
    (void)opcode;
    (void)message;
    link->frames += link->is_read;
    return link->is_read;
}

static bool put_blob(struct wsp_link *base, struct wsp_blob *blob)
{
    return put(base, blob->opcode, wsp_blob_payload(blob));
}

static uint32_t write_blobs(struct wsp_link *base,
                            struct wsp_blob *const *blobs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        wsp_blob_unref(blobs[i], 1);
    }
    link_of(base)->frames += count;
    return count;
}

static void ping(struct wsp_link *link, const uint8_t *data, size_t len)
{
    (void)link;
    (void)data;
    (void)len;
}

static void close_link(struct wsp_link *link, struct wsp_blob *const *blobs,
                       uint32_t count, uint16_t code, struct wsp_span reason)
{
    (void)code;
    (void)reason;
    write_blobs(link, blobs, count);
}

static void abort_link(struct wsp_link *link)
{
    (void)link;
}

static bool next(struct wsp_link *link, struct wsp_link_message *message)
{
    (void)link;
    (void)message;
    return false;
}

static const struct wsp_link_ops link_ops = {
    put, put_blob, write_blobs, ping, close_link, abort_link, next,
};

/* ---- callbacks ---- */

static void on_session(void *ud, struct wsp_session *session)
{
    (void)ud;
    (void)session;
}

static struct wsp_error *on_message(void *ud, struct wsp_session *session,
                                    const struct wsp_frame *frame)
{
    (void)ud;
    wsp_session_send(session, frame, NULL);
    return NULL;
}

static void on_drop(void *ud, struct wsp_session *session,
                    struct wsp_error *error)
{
    (void)ud;
    (void)session;
    (void)error;
}

static void on_restore(void *ud, struct wsp_session *session,
                       const struct wsp_restore_info *info)
{
    (void)ud;
    (void)session;
    (void)info;
}

static void on_disconnect(void *ud, struct wsp_session *session,
                          struct wsp_error *error, enum wsp_reason reason)
{
    (void)ud;
    (void)session;
    (void)error;
    (void)reason;
}

static const struct wsp_hub_events events = {
    on_session, on_message,    on_drop,    on_restore,
    on_session, on_disconnect, on_session,
};

/* ---- life ---- */

static uint64_t now_ms(void *ud)
{
    return ((struct world *)ud)->now_ms;
}

struct wsp_span world_id(char text[WORLD_ID_MAX], uint32_t index)
{
    int len = snprintf(text, WORLD_ID_MAX, "c-%u", index);
    return (struct wsp_span){text, (size_t)len};
}

struct wsp_span world_room(char text[WORLD_ID_MAX], uint32_t index)
{
    int len = snprintf(text, WORLD_ID_MAX, "r-%u", index);
    return (struct wsp_span){text, (size_t)len};
}

static void give_up(void)
{
    fputs("core_bench: out of memory\n", stderr);
    exit(1);
}

static void join(struct world *world, uint32_t index, uint32_t rooms)
{
    char id[WORLD_ID_MAX];
    char room[WORLD_ID_MAX];
    world->links[index].link.ops = &link_ops;
    if (!wsp_hub_register(&world->hub, &world->links[index].link,
                          world_room(room, index % rooms), world_id(id, index),
                          NULL)) {
        give_up();
    }
    wsp_hub_settle(&world->hub);
}

void world_init(struct world *world, uint32_t count, uint32_t rooms)
{
    struct wsp_hub_config config = {
        .codec = wsp_codec_find("json"),
        .send_limits = {256, 1 << 20},
        .resume_window_ms = 30000,
        .max_suspended = 10000,
        .max_suspended_bytes = 1 << 28,
        .ping_ms = 10000,
        .pong_ms = 30000,
        .connection_data_bytes = 4096,
        .has_on_message = true,
        .close_reasons = true,
        .generation = 1,
    };
    struct wsp_clock clock = {now_ms, world};
    memset(world, 0, sizeof *world);
    world->now_ms = 1000;
    world->count = count;
    world->links = calloc(count, sizeof *world->links);
    if (!world->links) {
        give_up();
    }
    wsp_hub_init(&world->hub, &config, &events, world, &clock);
    for (uint32_t i = 0; i < count; i++) {
        join(world, i, rooms);
    }
    wsp_hub_turn(&world->hub);
}

void world_fini(struct world *world)
{
    wsp_hub_close(&world->hub);
    wsp_hub_turn(&world->hub);
    wsp_hub_fini(&world->hub);
    free(world->links);
}

void world_set_codec(struct world *world, const char *name)
{
    world->hub.config.codec = wsp_codec_find(name);
}

uint32_t world_next(struct world *world)
{
    world->next = (world->next + STRIDE) % world->count;
    return world->next;
}
