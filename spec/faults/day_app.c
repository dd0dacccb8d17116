/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "day.h"

static enum day_place *place_of(struct day *day,
                                const struct wsp_connection *connection)
{
    wsp_id handle = wsp_connection_handle(connection);
    for (size_t i = 0; i < day->member_count; i++) {
        if (day->members[i].handle == handle) {
            return &day->members[i].place;
        }
    }
    fail_msg("nobody has heard of this connection");
    return NULL;
}

static struct wsp_span read_query(const struct wsp_request *request,
                                  const char *name, char out[8])
{
    long len = wsp_request_query(request, wsp_span_of(name), out, 8);
    return (struct wsp_span){out, len > 0 ? (size_t)len : 0};
}

static void on_admit(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    struct day *day = ud;
    admission->is_accepted = true;
    admission->id = read_query(request, "id", day->id);
    admission->room = read_query(request, "room", day->room);
}

static void on_connect(void *ud, struct wsp_connection *connection)
{
    struct day *day = ud;
    struct wsp_frame frame = {.event = wsp_span_of("welcome")};
    day->diary.connects++;
    assert_true(day->member_count < DAY_MEMBERS);
    day->members[day->member_count++] =
        (struct day_member){wsp_connection_handle(connection), DAY_IN};
    wsp_connection_set(connection, wsp_span_of("name"), wsp_span_of("value"));
    wsp_connection_send(connection, &frame, NULL);
}

static struct wsp_error *on_message(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame)
{
    struct day *day = ud;
    assert_int_equal(*place_of(day, connection), DAY_IN);
    wsp_connection_send(connection, frame, NULL);
    bool is_failing = wsp_span_equal(frame->event, wsp_span_of("fail"));
    day->diary.messages++;
    day->diary.failures += is_failing;
    return is_failing ? wsp_error_new(WSP_ERR_PANIC, "on purpose", "stack")
                      : NULL;
}

static void on_disconnect(void *ud, struct wsp_connection *connection,
                          struct wsp_error *error, enum wsp_reason reason)
{
    struct day *day = ud;
    enum day_place *place = place_of(day, connection);
    (void)error;
    (void)reason;
    day->diary.disconnects++;
    assert_true(*place == DAY_IN || *place == DAY_DROPPED);
    *place = DAY_GONE;
}

static void on_transport_drop(void *ud, struct wsp_connection *connection,
                              struct wsp_error *error)
{
    struct day *day = ud;
    enum day_place *place = place_of(day, connection);
    (void)error;
    day->diary.drops++;
    assert_int_equal(*place, DAY_IN);
    *place = DAY_DROPPED;
}

static void on_transport_restore(void *ud, struct wsp_connection *connection,
                                 const struct wsp_restore_info *info)
{
    struct day *day = ud;
    enum day_place *place = place_of(day, connection);
    (void)info;
    day->diary.restores++;
    assert_int_equal(*place, DAY_DROPPED);
    *place = DAY_IN;
}

static void on_http(void *ud, size_t route, const struct wsp_request *request,
                    struct wsp_response *response)
{
    (void)route;
    ((struct day *)ud)->diary.requests++;
    struct wsp_request *copy = wsp_request_copy(request);
    if (copy) {
        wsp_request_free(copy);
    }
    wsp_response_header(response, wsp_span_of("X-Day"), wsp_span_of("1"));
    wsp_response_body(response, wsp_span_of("the application's"));
}

static void on_forget(void *ud, struct wsp_connection *connection)
{
    assert_int_equal(*place_of(ud, connection), DAY_GONE);
    ((struct day *)ud)->forgotten++;
}

/* Hooks cost memory until they are called. */
static void on_room(void *ud, struct wsp_span room)
{
    (void)ud;
    (void)room;
}

void day_app_handlers(struct day *day)
{
    day->handlers = (struct wsp_handlers){
        .ud = day,
        .connect = on_admit,
        .on_connect = on_connect,
        .on_message = on_message,
        .on_disconnect = on_disconnect,
        .on_transport_drop = on_transport_drop,
        .on_transport_restore = on_transport_restore,
        .on_http = on_http,
        .on_forget = on_forget,
        .metrics = {.ud = day,
                    .room_created = on_room,
                    .room_destroyed = on_room},
    };
}

/* ---- generations ---- */

static void *build(void *ud, const char *path, unsigned generation,
                   struct wsp_diag *diag)
{
    (void)ud;
    (void)path;
    void *built = malloc(generation);
    if (!built) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "no memory to build with");
    }
    return built;
}

static void *install(void *ud, void *next, struct wsp_diag *diag)
{
    struct day *day = ud;
    void *old = day->serving;
    if (wsp_server_swap(day->server, &day->options, &day->handlers, 2, diag) !=
        WSP_OK) {
        return NULL;
    }
    day->serving = next;
    return old;
}

static void dispose(void *ud, void *old)
{
    const struct day *day = ud;
    if (old != &day->first) {
        free(old);
    }
}

const struct wsp_reload_ops day_app_reload_ops = {build, install, NULL,
                                                  dispose};

/* ---- the control socket ---- */

void day_app_on_request(void *ud, const char *command, const char *argument,
                        struct wsp_control_reply *reply)
{
    ((struct day *)ud)->diary.commands++;
    assert_string_equal(command, "status");
    assert_string_equal(argument, "now");
    wsp_control_answer(reply, true, "running");
}
