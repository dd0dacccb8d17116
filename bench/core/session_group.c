/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/values.h"
#include "proto/opcode.h"
#include "world.h"

#define DRAINED 256 /* frames: what a queue holds when nothing is said */

static void fail(const char *what)
{
    fprintf(stderr, "core_bench: %s\n", what);
    exit(1);
}

static struct wsp_session *first(struct world *world)
{
    return world->links[0].link.session;
}

/* ---- echo ---- */

/* A message that is answered into the cork. */
static void echo(void *ud)
{
    static char text[] = "{\"event\":\"chat.say\",\"payload\":"
                         "{\"text\":\"nothing much\"}}";
    struct world *world = ud;
    wsp_session_receive(first(world), WSP_OPCODE_TEXT, text, sizeof(text) - 1);
}

/* ---- values ---- */

static void set_value(void *ud)
{
    if (wsp_values_set(&first(ud)->values, wsp_span_of("name"),
                       wsp_span_of("Ada Lovelace"), 4096) != WSP_OK) {
        fail("a value was not set");
    }
}

static void get_value(void *ud)
{
    struct wsp_span value =
        wsp_values_get(first(ud)->values, wsp_span_of("name"));
    if (value.len == 0) {
        fail("a value was not found");
    }
}

/* ---- resume ---- */

/* Loses the transport and fills the queue. */
static void suspend(void *ud)
{
    struct world *world = ud;
    struct wsp_session *session = first(world);
    struct wsp_frame frame = {
        .payload = wsp_span_of("\"while you were away\""),
        .has_payload = true,
    };
    wsp_session_lost(session, NULL);
    for (unsigned i = 0; i < DRAINED; i++) {
        wsp_session_send(session, &frame, NULL);
    }
    wsp_hub_turn(&world->hub);
    world->links[0].frames = 0;
}

static void resume(void *ud)
{
    struct world *world = ud;
    char id[WORLD_ID_MAX];
    char room[WORLD_ID_MAX];
    if (!wsp_hub_register(&world->hub, &world->links[0].link,
                          world_room(room, 0), world_id(id, 0), NULL)) {
        fail("a session was not resumed");
    }
    wsp_hub_settle(&world->hub);
    wsp_hub_turn(&world->hub);
    if (world->links[0].frames != DRAINED) {
        fail("a resume did not drain its queue");
    }
}

void bench_session_group(struct bench_sheet *sheet)
{
    struct world world;
    world_init(&world, 1, 1);
    bench_sheet_measure(sheet, &(struct bench_case){.name = "values set",
                                                    .operate = set_value,
                                                    .ud = &world});
    set_value(&world);
    bench_sheet_measure(sheet, &(struct bench_case){.name = "values get",
                                                    .operate = get_value,
                                                    .ud = &world});
    world.links[0].is_read = true;
    bench_sheet_measure(sheet, &(struct bench_case){.name = "echo json, 62 B",
                                                    .operate = echo,
                                                    .ud = &world});
    world.links[0].is_read = false;
    bench_sheet_measure(sheet, &(struct bench_case){.name = "resume, drain 256",
                                                    .per = DRAINED,
                                                    .part = "frame",
                                                    .prepare = suspend,
                                                    .operate = resume,
                                                    .ud = &world});
    world_fini(&world);
}
