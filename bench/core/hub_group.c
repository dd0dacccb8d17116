/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <stdio.h>
#include <stdlib.h>

#include "world.h"

/* A broadcast as the seed's benchmark counts it: everybody gets the message and
 * everybody's queue is emptied. */
static void broadcast_except(struct world *world, wsp_id except)
{
    char room[WORLD_ID_MAX];
    struct wsp_frame frame = {
        .event = wsp_span_of("news"),
        .payload = wsp_span_of("\"something has happened\""),
        .has_payload = true,
    };
    wsp_hub_broadcast(&world->hub, world_room(room, 0), &frame, except, NULL);
    wsp_hub_turn(&world->hub);
}

static void broadcast(void *ud)
{
    broadcast_except(ud, 0);
}

static void broadcast_but_one(void *ud)
{
    struct world *world = ud;
    broadcast_except(world, world->links[0].link.session->handle);
}

static struct wsp_session *find_next(struct world *world)
{
    char id[WORLD_ID_MAX];
    return wsp_hub_find(&world->hub, world_id(id, world_next(world)));
}

static void send_to_one(void *ud)
{
    struct world *world = ud;
    struct wsp_frame frame = {
        .event = wsp_span_of("note"),
        .payload = wsp_span_of("\"for you alone\""),
        .has_payload = true,
    };
    wsp_session_send(find_next(world), &frame, NULL);
    wsp_hub_turn(&world->hub);
}

/* A result that nobody uses would be computed by nobody. */
static void check(bool is_right)
{
    if (!is_right) {
        fputs("core_bench: a lookup found the wrong thing\n", stderr);
        exit(1);
    }
}

static void find_by_id(void *ud)
{
    check(find_next(ud) != NULL);
}

static void find_by_handle(void *ud)
{
    struct world *world = ud;
    const struct wsp_session *session =
        world->links[world_next(world)].link.session;
    check(wsp_hub_lookup(&world->hub, session->handle) == session);
}

static void count_room(void *ud)
{
    struct world *world = ud;
    char name[WORLD_ID_MAX];
    check(wsp_rooms_find(&world->hub.rooms, world_room(name, 0))->member_count >
          0);
}

static void measure_crowd(struct bench_sheet *sheet, uint32_t count,
                          const char *all, const char *but_one)
{
    if (!bench_sheet_wants(sheet, all) && !bench_sheet_wants(sheet, but_one)) {
        return;
    }
    struct world world;
    world_init(&world, count, 1);
    bench_sheet_measure(sheet, &(struct bench_case){.name = all,
                                                    .per = count,
                                                    .part = "recipient",
                                                    .operate = broadcast,
                                                    .ud = &world});
    bench_sheet_measure(sheet,
                        &(struct bench_case){.name = but_one,
                                             .per = count - 1,
                                             .part = "recipient",
                                             .operate = broadcast_but_one,
                                             .ud = &world});
    world_fini(&world);
}

static void measure_one(struct bench_sheet *sheet, struct world *world,
                        const char *name, void (*operate)(void *ud))
{
    bench_sheet_measure(
        sheet,
        &(struct bench_case){.name = name, .operate = operate, .ud = world});
}

static void measure_many_rooms(struct bench_sheet *sheet)
{
    static const char name[] = "room broadcast, 1k of 100k";
    if (!bench_sheet_wants(sheet, name)) {
        return;
    }
    struct world world;
    world_init(&world, 100000, 100);
    bench_sheet_measure(sheet, &(struct bench_case){.name = name,
                                                    .per = 1000,
                                                    .part = "recipient",
                                                    .operate = broadcast,
                                                    .ud = &world});
    world_fini(&world);
}

static void measure_million(struct bench_sheet *sheet)
{
    static const char *const names[] = {
        "send to one of 1M",
        "find by id, 1M",
        "find by handle, 1M",
        "room count, 1M in 1k rooms",
    };
    static void (*const operations[])(void *ud) = {send_to_one, find_by_id,
                                                   find_by_handle, count_room};
    bool is_wanted = false;
    for (size_t i = 0; i < 4; i++) {
        is_wanted = is_wanted || bench_sheet_wants(sheet, names[i]);
    }
    if (!is_wanted) {
        return;
    }
    struct world world;
    world_init(&world, 1000000, 1000);
    for (size_t i = 0; i < 4; i++) {
        measure_one(sheet, &world, names[i], operations[i]);
    }
    world_fini(&world);
}

void bench_hub_group(struct bench_sheet *sheet)
{
    measure_crowd(sheet, 100000, "broadcast, 100k", "broadcast except, 100k");
    measure_crowd(sheet, 1000000, "broadcast, 1M", "broadcast except, 1M");
    measure_many_rooms(sheet);
    measure_million(sheet);
}
