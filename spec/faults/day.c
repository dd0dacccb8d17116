/* SPDX-License-Identifier: MIT */
#include "day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/virtual_clock.h"

/* First bytes of frames. */
#define TEXT 0x81
#define FRAGMENT 0x01
#define CONTINUATION 0x00
#define LAST 0x80
#define PACKED 0x40 /* RSV1 */
#define CLOSE 0x88
#define PING 0x89

#define BROADCASTS 40
#define LARGE 12000 /* so many of them are more than a socket takes */

/* ---- time ---- */

static void settle(struct day *day)
{
    visitor_settle(day->visitors, DAY_VISITORS, day->loop);
}

static void pass(struct day *day, uint64_t ms)
{
    virtual_clock_pass(ms);
    settle(day);
}

/* Turns the loop until something has happened, or fails the test: ten seconds by
 * the clock that is not ours. */
#define AWAIT(day, condition)                                                  \
    do {                                                                       \
        for (int turn = 0; turn < 1000 && !(condition); turn++) {              \
            virtual_clock_pass(10); /* timers ask this one too */              \
            wsp_loop_poll((day)->loop, 10);                                    \
        }                                                                      \
        assert_true(condition);                                                \
    } while (0)

/* ---- morning ---- */

static void choose_options(struct day *day)
{
    static const char *const protocols[] = {"v1", "v2"};
    static const char *const trusted[] = {"unix"};
    static const struct wsp_route routes[] = {{"POST", "/route"}};
    static const struct wsp_static_dir dirs[] = {{"/spec", "spec"}};
    struct wsp_options *options = &day->options;
    day->listen[0] = (struct wsp_listen){.address = day->address};
    day->listen[1] = (struct wsp_listen){.address = "127.0.0.1:0"};
    day->listen[2] = (struct wsp_listen){.address = day->proxied_address,
                                         .proxy_protocol = true};
    wsp_options_init(options);
    options->listen = day->listen;
    options->listen_count = 3;
    options->trusted_proxies = trusted;
    options->trusted_proxy_count = 1;
    options->max_connections_per_ip = 9;
    options->resume_confirm = (day->kind & DAY_CONFIRMED) != 0;
    options->compression.is_on = (day->kind & DAY_PACKED) != 0;
    options->compression.min_size = 64;
    options->compression.client_no_context_takeover = false;
    options->admin_listen = day->admin_address;
    options->resume_window = 30;
    options->max_message_size = 32768;
    options->send_buffer_size = 16;
    options->subprotocols = protocols;
    options->subprotocol_count = 2;
    options->routes = routes;
    options->route_count = 1;
    options->static_dirs = dirs;
    options->static_count = 1;
}

void day_open(struct day *day, int kind)
{
    memset(day, 0, sizeof *day);
    day->kind = kind;
    day->serving = &day->first;
    day->broadcasts = BROADCASTS;
    strcpy(day->folder, "/tmp/wspulse-faults-XXXXXX");
    assert_non_null(mkdtemp(day->folder));
    snprintf(day->address, sizeof day->address, "unix:%s/s", day->folder);
    snprintf(day->admin_address, sizeof day->admin_address, "unix:%s/a",
             day->folder);
    snprintf(day->proxied_address, sizeof day->proxied_address, "unix:%s/p",
             day->folder);
    snprintf(day->control_path, sizeof day->control_path, "%s/c", day->folder);
    for (int i = 0; i < DAY_VISITORS; i++) {
        day->visitors[i].fd = -1;
    }
    choose_options(day);
    day_app_handlers(day);
}

void day_close(struct day *day)
{
    assert_int_equal(rmdir(day->folder), 0); /* no socket file is left */
}

static bool start(struct day *day)
{
    return wsp_server_new(day->loop, &day->options, &day->handlers,
                          &day->server, &day->diag) == WSP_OK &&
           wsp_server_start(day->server, &day->diag) == WSP_OK;
}

bool day_morning(struct day *day)
{
    day->loop = wsp_loop_new(&day->diag);
    if (!day->loop || !start(day)) {
        return false;
    }
    day->control = wsp_control_open(day->loop, day->control_path,
                                    day_app_on_request, day, &day->diag);
    if (!day->control) {
        return false;
    }
    day->reloader = wsp_reloader_new(day->loop, &day_app_reload_ops, day);
    if (!day->reloader) {
        wsp_diag_set(&day->diag, WSP_ERR_OUT_OF_MEMORY, "no reloader");
    }
    return day->reloader != NULL;
}

/* ---- noon ---- */

static struct visitor *come(struct day *day, int index, const char *query)
{
    struct visitor *visitor = &day->visitors[index];
    assert_true(visitor_connect(visitor, day->address));
    visitor_upgrade(visitor, query);
    settle(day);
    return visitor;
}

static void leave(struct day *day, int index)
{
    visitor_leave(&day->visitors[index]);
    settle(day);
}

/* Messages of every kind, good and bad ones. */
static void talk(struct day *day)
{
    static const char say[] =
        "{\"event\":\"say\",\"id\":\"\\n\",\"payload\":\"\\u00e9\"}";
    static const char opening[] = "{\"payload\":\"";
    static char large[20000];
    struct visitor *visitor = &day->visitors[0];
    memset(large, 'x', sizeof large);
    memcpy(large, opening, sizeof opening - 1);
    memcpy(large + sizeof large - 2, "\"}", 2);
    visitor_send(visitor, TEXT, say, sizeof say - 1);
    settle(day);
    visitor_send(visitor, FRAGMENT, say, 10);
    visitor_send(visitor, PING, "between", 7);
    visitor_send(visitor, LAST, say + 10, sizeof say - 11);
    settle(day);
    visitor_send(visitor, TEXT, "{", 1);
    visitor_send(visitor, TEXT, large, sizeof large);
    settle(day);
    visitor_write(visitor, "\x82\x82\0\0", 4); /* a frame in pieces */
    settle(day);
    visitor_write(visitor, "\0\0{}", 4);
    settle(day);
}

/* A compressed message: a block that is stored as it is, and the beginning of
 * the empty one behind it (RFC 7692 §7.2.1); in one frame and in three. */
static void talk_packed(struct day *day)
{
    static const char packed[] = "\0\x0f\0\xf0\xff{\"event\":\"pack\"}";
    struct visitor *visitor = &day->visitors[0];
    visitor_send(visitor, TEXT | PACKED, packed, sizeof packed);
    settle(day);
    visitor_send(visitor, FRAGMENT | PACKED, packed, 7);
    settle(day);
    visitor_send(visitor, CONTINUATION, packed + 7, 3);
    visitor_send(visitor, LAST, packed + 10, sizeof packed - 10);
    settle(day);
}

/* To more than the sockets take: one of them is not read. */
static void broadcast(struct day *day)
{
    static char text[LARGE];
    memset(text, '7', sizeof text);
    struct wsp_frame frame = {.event = wsp_span_of("news"),
                              .payload = {text, sizeof text},
                              .has_payload = true};
    for (int i = 0; i < day->broadcasts; i++) {
        enum wsp_err err = wsp_server_broadcast(day->server, wsp_span_of("r"),
                                                &frame, 0, &day->diag);
        assert_true(err == WSP_OK || err == WSP_ERR_OUT_OF_MEMORY);
        wsp_loop_poll(day->loop, 0);
    }
    visitor_send(&day->visitors[1], PING, "late", 4);
    wsp_loop_poll(day->loop, 0);
    settle(day);
}

static void drop_and_resume(struct day *day)
{
    struct wsp_frame frame = {.event = wsp_span_of("missed")};
    leave(day, 0);
    for (int i = 0; i < 3; i++) {
        wsp_server_send(day->server, wsp_span_of("a"), &frame, NULL);
    }
    come(day, 0, "id=a&room=r");
    pass(day, 1500);  /* resume_confirm asks for what it has */
    pass(day, 11000); /* the heartbeat */
}

static void ask_plainly(struct day *day)
{
    struct visitor *visitor = &day->visitors[2];
    assert_true(visitor_connect(visitor, day->address));
    visitor_say(visitor, "GET /spec/faults/day.h HTTP/1.1\r\nHost: x\r\n\r\n");
    settle(day);
    visitor_say(visitor, "POST /route HTTP/1.1\r\nHost: x\r\nContent-Le");
    settle(day);
    visitor_say(visitor, "ngth: 4\r\nExpect: 100-continue\r\n\r\n");
    settle(day);
    visitor_say(visitor, "bodyGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    settle(day);
    assert_true(visitor_connect(visitor, day->admin_address));
    visitor_say(visitor, "GET /metrics HTTP/1.0\r\n\r\n");
    settle(day);
    assert_true(visitor_connect(visitor, day->proxied_address));
    visitor_say(visitor, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n");
    visitor_upgrade(visitor, "id=p&room=s");
    settle(day);
    leave(day, 2);
}

static void ask_control(struct day *day)
{
    char address[80];
    snprintf(address, sizeof address, "unix:%s", day->control_path);
    assert_true(visitor_connect(&day->visitors[2], address));
    visitor_say(&day->visitors[2], "status now\n");
    settle(day);
    leave(day, 2);
}

static void on_reloaded(void *ud, enum wsp_err result, unsigned generation,
                        const struct wsp_diag *diag)
{
    (void)generation;
    assert_true(result == WSP_OK || diag->message[0] != '\0');
    ((struct day *)ud)->answered++;
}

static void reload(struct day *day)
{
    enum wsp_err err =
        wsp_reloader_request(day->reloader, "app.lua", on_reloaded, day);
    assert_true(err == WSP_OK || err == WSP_ERR_OUT_OF_MEMORY);
    day->asked += err == WSP_OK;
    AWAIT(day, day->answered == day->asked);
    settle(day);
}

static void on_posted(void *ud, enum wsp_err result)
{
    (void)result;
    ((struct day *)ud)->completed++;
}

static void post(struct day *day)
{
    struct wsp_frame frame = {.event = wsp_span_of("posted"),
                              .payload = wsp_span_of("[1]"),
                              .has_payload = true};
    struct wsp_span id = wsp_span_of("a");
    struct wsp_span room = wsp_span_of("r");
    day->posted +=
        wsp_server_post_send(day->server, id, &frame, on_posted, day) == WSP_OK;
    day->posted += wsp_server_post_broadcast(day->server, room, &frame,
                                             on_posted, day) == WSP_OK;
    day->posted +=
        wsp_server_post_kick(day->server, id, on_posted, day) == WSP_OK;
    settle(day);
    assert_int_equal(day->completed, day->posted);
}

/* Ways to go: displaced, for a handler that failed, for bad bytes, in order. */
static void part(struct day *day)
{
    come(day, 3, "id=b&room=r");
    visitor_send(&day->visitors[3], TEXT, "{\"event\":\"fail\"}", 16);
    settle(day);
    come(day, 2, "id=d&room=s");
    visitor_send(&day->visitors[2], 0xF3, "", 0);
    settle(day);
    leave(day, 2);
    come(day, 2, "id=e&room=s");
    visitor_send(&day->visitors[2], CLOSE, "\x0f\xa0why", 5);
    settle(day);
    leave(day, 2);
    come(day, 2, "room=s");
}

void day_noon(struct day *day)
{
    come(day, 0, "id=a&room=r");
    come(day, 1, "id=b&room=r");
    talk(day);
    if (day->kind & DAY_PACKED) {
        talk_packed(day);
    }
    broadcast(day);
    drop_and_resume(day);
    ask_plainly(day);
    ask_control(day);
    reload(day);
    post(day);
    part(day);
}

static bool is_served(struct day *day)
{
    struct visitor *visitor = &day->visitors[0];
    visitor_read(visitor);
    assert_false(visitor->has_ended);
    return visitor_has(visitor, "\"event\":\"hear\"}");
}

void day_check_service(struct day *day)
{
    struct visitor *visitor = come(day, 0, "id=new&room=r");
    visitor_send(visitor, TEXT, "{\"event\":\"hear\"}", 16);
    AWAIT(day, is_served(day));
}

/* ---- evening ---- */

static void on_barrier(void *ud)
{
    struct day *day = ud;
    assert_true(wsp_server_is_closed(day->server));
    day->barrier++;
}

/* Closes in order: nobody answers our close frames, so the write wait ends it.
 * Returns with the barrier reached. */
static void shut(struct day *day)
{
    wsp_server_close(day->server, on_barrier, day);
    settle(day);
    if (!wsp_server_is_closed(day->server)) {
        pass(day, 11000);
    }
    assert_true(wsp_server_is_closed(day->server));
    assert_int_equal(day->barrier, 1);
}

static void check_farewells(const struct day *day)
{
    for (size_t i = 0; i < day->member_count; i++) {
        assert_int_equal(day->members[i].place, DAY_GONE);
    }
    assert_int_equal(day->forgotten, day->member_count);
}

void day_evening(struct day *day)
{
    if (day->server && wsp_server_is_started(day->server)) {
        shut(day);
    }
    wsp_reloader_free(day->reloader);
    wsp_control_close(day->control);
    if (day->server) {
        wsp_server_free(day->server);
    }
    if (day->loop) {
        wsp_loop_free(day->loop);
    }
    if (day->serving != &day->first) {
        free(day->serving);
    }
    check_farewells(day);
    assert_int_equal(day->answered, day->asked);
    for (int i = 0; i < DAY_VISITORS; i++) {
        visitor_leave(&day->visitors[i]);
    }
}
