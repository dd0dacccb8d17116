/* SPDX-License-Identifier: MIT */
#include "house.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/server.h"
#include "support/heap.h"
#include "support/virtual_clock.h"
#include "target.h"

static struct house *house_of(void *ud)
{
    return ud;
}

/* Tells whether a call went as `is_expected` says, or failed for want of memory
 * that was refused. */
static bool is_fair(bool is_expected, enum wsp_err err)
{
    return is_expected || (err == WSP_ERR_OUT_OF_MEMORY && heap_refused() > 0);
}

/* ---- what the application does ---- */

static struct wsp_frame next_frame(struct house *house, char text[32])
{
    return guest_numbered(++house->number, text, house->codec);
}

static struct wsp_connection *some_connection(struct house *house)
{
    if (house->member_count == 0) {
        return NULL;
    }
    size_t index = bytes_below(house->input, house->member_count);
    wsp_id handle = house->members[index].handle;
    struct wsp_connection *found = wsp_connection_find(house->server, handle);
    FUZZ_CHECK((found == NULL) == (house->members[index].place == HOUSE_GONE));
    return found;
}

static struct wsp_span some_id(struct house *house)
{
    static const char *const ids[] = {"a", "b", "c", "d", "nobody"};
    return wsp_span_of(ids[bytes_below(house->input, 5)]);
}

static struct wsp_span some_room(struct house *house)
{
    static const char *const rooms[] = {"r", "s", "nowhere"};
    return wsp_span_of(rooms[bytes_below(house->input, 3)]);
}

static void send_one(struct house *house)
{
    char text[32];
    struct wsp_diag diag;
    struct wsp_connection *connection = some_connection(house);
    struct wsp_frame frame = next_frame(house, text);
    if (connection) {
        enum wsp_err err = wsp_connection_send(connection, &frame, &diag);
        bool is_known = err == WSP_OK || err == WSP_ERR_SEND_BUFFER_FULL ||
                        err == WSP_ERR_CONNECTION_CLOSED;
        FUZZ_CHECK(is_fair(is_known, err));
    }
}

static void broadcast(struct house *house)
{
    char text[32];
    struct wsp_connection *except = some_connection(house);
    struct wsp_frame frame = next_frame(house, text);
    enum wsp_err err =
        wsp_server_broadcast(house->server, some_room(house), &frame,
                             except ? wsp_connection_handle(except) : 0, NULL);
    enum wsp_err expected = house->is_barred ? WSP_ERR_SERVER_CLOSED : WSP_OK;
    FUZZ_CHECK(is_fair(err == expected, err));
}

static void kick(struct house *house)
{
    enum wsp_err err = wsp_server_kick(house->server, some_id(house));
    FUZZ_CHECK(err == WSP_OK || err == WSP_ERR_CONNECTION_NOT_FOUND ||
               (err == WSP_ERR_SERVER_CLOSED && house->is_barred));
}

static void close_one(struct house *house)
{
    struct wsp_connection *connection = some_connection(house);
    uint16_t code = (uint16_t)(995 + bytes_take_16(house->input) % 4010);
    struct wsp_span reason =
        bytes_span(house->input, bytes_take(house->input) & 0x7F);
    if (connection) {
        wsp_connection_close(connection, code, reason);
    }
}

static void keep_value(struct house *house)
{
    struct wsp_connection *connection = some_connection(house);
    struct wsp_span key = bytes_span(house->input, bytes_take(house->input));
    struct wsp_span value = bytes_span(house->input, bytes_take(house->input));
    if (connection && wsp_connection_set(connection, key, value) == WSP_OK &&
        value.data) {
        FUZZ_CHECK(wsp_span_equal(wsp_connection_get(connection, key), value));
    }
}

static bool count_member(void *ud, struct wsp_connection *connection)
{
    size_t *count = ud;
    (*count)++;
    FUZZ_CHECK(!wsp_connection_is_closed(connection));
    return true;
}

static void look_around(struct house *house)
{
    size_t len;
    size_t count = 0;
    char *page = wsp_server_metrics_text(house->server, &len);
    FUZZ_CHECK(page ? strlen(page) == len : heap_refused() > 0);
    wsp_server_metrics_text_free(page);
    wsp_server_each(house->server, some_room(house), count_member, &count);
    FUZZ_CHECK(count <= house->member_count);
}

static void note_closed(void *ud)
{
    struct house *house = ud;
    FUZZ_CHECK(!house->is_closed);
    house->is_closed = true;
}

static void begin_to_close(struct house *house)
{
    if (!house->is_barred) {
        house->is_barred = true;
        wsp_server_close(house->server, note_closed, house);
    }
}

void house_act(struct house *house)
{
    switch (bytes_below(house->input, 16)) {
    case 0:
    case 1:
    case 2:
    case 3:
        send_one(house);
        break;
    case 4:
    case 5:
    case 6:
        broadcast(house);
        break;
    case 7:
    case 8:
        kick(house);
        break;
    case 9:
    case 10:
        close_one(house);
        break;
    case 11:
        keep_value(house);
        break;
    case 12:
        look_around(house);
        break;
    case 13:
        if (bytes_take(house->input) > 250) {
            begin_to_close(house);
        }
        break;
    default:
        break;
    }
}

/* Inside a callback an application may do what it may do outside of one. */
static void act_inside(struct house *house)
{
    if (house->depth == 0 && bytes_below(house->input, 4) == 1) {
        house->depth++;
        house_act(house);
        house->depth--;
    }
}

/* ---- what it is told, and in which order ---- */

static struct house_member *member_of(struct house *house, wsp_id handle)
{
    for (size_t i = house->member_count; i > 0; i--) {
        if (house->members[i - 1].handle == handle) {
            return &house->members[i - 1];
        }
    }
    return NULL;
}

static void move(struct house *house, const struct wsp_connection *connection,
                 enum house_place from, enum house_place to)
{
    struct house_member *member =
        member_of(house, wsp_connection_handle(connection));
    FUZZ_CHECK(member != NULL);
    FUZZ_CHECK(member->place == from);
    member->place = to;
}

static void connect_one(void *ud, const struct wsp_request *request,
                        struct wsp_admission *admission)
{
    struct house *house = ud;
    long id_len = wsp_request_query(request, wsp_span_of("id"), house->id,
                                    sizeof house->id);
    long room_len = wsp_request_query(request, wsp_span_of("room"), house->room,
                                      sizeof house->room);
    admission->is_accepted =
        wsp_request_cookie(request, wsp_span_of("no")).data == NULL;
    admission->status = 400 + (int)bytes_below(house->input, 100);
    admission->id =
        (struct wsp_span){house->id, id_len > 0 ? (size_t)id_len : 0};
    admission->room =
        (struct wsp_span){house->room, room_len > 0 ? (size_t)room_len : 0};
    act_inside(house);
}

static bool check_origin(void *ud, const struct wsp_request *request)
{
    act_inside(ud);
    return wsp_request_header(request, wsp_span_of("Origin")).len < 8;
}

static void on_connect(void *ud, struct wsp_connection *connection)
{
    struct house *house = ud;
    FUZZ_CHECK(house->member_count < HOUSE_MEMBERS);
    house->members[house->member_count++] =
        (struct house_member){wsp_connection_handle(connection), HOUSE_IN};
    act_inside(house);
}

static struct wsp_error *handle(struct house *house,
                                struct wsp_connection *connection,
                                const struct wsp_frame *frame)
{
    struct wsp_frame echo = *frame;
    move(house, connection, HOUSE_IN, HOUSE_IN);
    if (house->codec == &wsp_codec_raw) {
        echo.binary = false; /* only numbered frames are binary */
    }
    echo.raw = (struct wsp_span){NULL, 0};
    echo.event = wsp_span_of("echo");
    wsp_connection_send(connection, &echo, NULL);
    act_inside(house);
    switch (bytes_below(house->input, 32)) {
    case 1:
        return wsp_error_new(WSP_ERR_PANIC, "the handler failed", "stack");
    case 2:
        return wsp_error_new(WSP_ERR_DECODE, NULL, NULL);
    default:
        return NULL;
    }
}

/* Asks for every second message itself. */
static struct wsp_error *on_message(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame)
{
    struct house *house = ud;
    struct wsp_error *error = handle(house, connection, frame);
    if (!error && ++house->message_count % 2 == 1 &&
        wsp_connection_next(connection)) {
        error = handle(house, connection, frame);
    }
    return error;
}

static void on_disconnect(void *ud, struct wsp_connection *connection,
                          struct wsp_error *error, enum wsp_reason reason)
{
    struct house *house = ud;
    struct house_member *member =
        member_of(house, wsp_connection_handle(connection));
    (void)error;
    FUZZ_CHECK(reason < WSP_REASON_COUNT);
    FUZZ_CHECK(wsp_connection_is_closed(connection));
    FUZZ_CHECK(member != NULL);
    FUZZ_CHECK(member->place == HOUSE_IN || member->place == HOUSE_DROPPED);
    act_inside(house);
    member->place = HOUSE_GONE;
}

static void on_transport_drop(void *ud, struct wsp_connection *connection,
                              struct wsp_error *error)
{
    (void)error;
    move(ud, connection, HOUSE_IN, HOUSE_DROPPED);
    act_inside(ud);
}

static void on_transport_restore(void *ud, struct wsp_connection *connection,
                                 const struct wsp_restore_info *info)
{
    (void)info;
    move(ud, connection, HOUSE_DROPPED, HOUSE_IN);
    act_inside(ud);
}

static void on_drain(void *ud, struct wsp_connection *connection)
{
    struct house_member *member =
        member_of(ud, wsp_connection_handle(connection));
    FUZZ_CHECK(member && member->place != HOUSE_GONE);
    act_inside(ud);
}

static void on_http(void *ud, size_t route, const struct wsp_request *request,
                    struct wsp_response *response)
{
    struct house *house = ud;
    FUZZ_CHECK(route < house->options.route_count);
    wsp_response_status(response, 100 + (int)bytes_take(house->input) * 2);
    wsp_response_header(response, wsp_request_method(request),
                        wsp_request_path(request));
    wsp_response_body(response, wsp_request_body(request));
    act_inside(house);
}

static void on_forget(void *ud, struct wsp_connection *connection)
{
    struct house_member *member =
        member_of(ud, wsp_connection_handle(connection));
    FUZZ_CHECK(member && member->place == HOUSE_GONE);
    house_of(ud)->forgotten++;
}

/* ---- opening ---- */

/* What strangers may do. */
static void choose_limits(struct wsp_options *options, struct bytes *input)
{
    static const char *const trusted[] = {"unix", "192.0.2.1"};
    uint8_t bits = bytes_take(input);
    options->max_connections = bits & 1 ? 2 : 0;
    options->max_connections_per_ip = bits & 2 ? 2 : 0;
    options->max_control_rate = bits & 4 ? 2 : 0;
    options->max_fragments = bits & 8 ? 3 : 0;
    if (bits & 16) {
        options->trusted_proxies = trusted;
        options->trusted_proxy_count = 2;
    }
    options->compression.is_on = (bits & 32) != 0;
    options->compression.client_no_context_takeover = (bits & 64) != 0;
    options->compression.min_size = bits & 128 ? 1 : 64;
    options->compression.server_max_window_bits =
        9 + (double)bytes_below(input, 7);
    options->compression.max_memory = 1 + (double)bytes_take(input) * 1024;
}

static void choose_options(struct house *house)
{
    static const char *const codecs[] = {"raw", "json", "msgpack"};
    static const char *const protocols[] = {"chat", "v2"};
    static const struct wsp_route routes[] = {{"GET", "/a"}, {"POST", "/b"}};
    static const struct wsp_static_dir dirs[] = {{"/s", "corpus"}};
    static struct wsp_log_sink sink = {.fd = -1, .format = WSP_LOG_JSON};
    struct wsp_options *options = &house->options;
    struct bytes *input = house->input;
    if (sink.fd < 0) {
        sink.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    }
    wsp_options_init(options);
    options->logger = wsp_log_sink_logger(&sink, WSP_LOG_DEBUG);
    options->codec = codecs[bytes_below(input, 3)];
    uint8_t bits = bytes_take(input);
    options->resume_window = bits & 1 ? 5 : 0;
    options->resume_confirm = (bits & 3) == 3;
    options->takeover =
        (bits & 5) == 5 ? WSP_TAKEOVER_RESUME : WSP_TAKEOVER_DEFAULT;
    options->validate_utf8 = !(bits & 8);
    options->close_reasons = !(bits & 16);
    options->origin_policy = bits & 32 ? WSP_ORIGIN_FUNCTION : WSP_ORIGIN_SAME;
    options->send_buffer_size = 1 + (double)bytes_below(input, 8);
    options->max_message_size = 1 + (double)bytes_take(input) * 16;
    options->max_suspended = 2;
    options->subprotocols = protocols;
    options->subprotocol_count = 2;
    options->routes = routes;
    options->route_count = 2;
    options->static_dirs = dirs;
    options->static_count = 1;
    choose_limits(options, input);
}

void house_open(struct house *house, struct wsp_loop *loop, struct bytes *input)
{
    struct wsp_diag diag = {.message = ""};
    *house = (struct house){.loop = loop, .input = input};
    for (int i = 0; i < HOUSE_GUESTS; i++) {
        house->guests[i].fd = -1;
    }
    choose_options(house);
    house->codec = wsp_codec_find(house->options.codec);
    house->handlers = (struct wsp_handlers){
        house,      connect_one,   check_origin,      on_connect,
        on_message, on_disconnect, on_transport_drop, on_transport_restore,
        on_drain,   on_http,       on_forget,         {0},
    };
    enum wsp_err err = wsp_server_new(loop, &house->options, &house->handlers,
                                      &house->server, &diag);
    if (err != WSP_OK) {
        fprintf(stderr, "%s\n", diag.message);
    }
    FUZZ_CHECK(err == WSP_OK);
    house->server->is_started = true; /* its guests come by socketpair */
}

void house_turn(struct house *house)
{
    heap_release();
    wsp_loop_poll(house->loop, 0);
    heap_hold();
}

void house_swap(struct house *house)
{
    static unsigned generation = 1;
    house->options.max_message_size = 1 + (double)bytes_take(house->input) * 16;
    enum wsp_err err = wsp_server_swap(house->server, &house->options,
                                       &house->handlers, ++generation, NULL);
    FUZZ_CHECK(is_fair(err == WSP_OK, err));
}

/* Where a guest comes from: a unix socket, or one of four addresses. */
static struct wsp_address choose_address(uint8_t choice)
{
    struct wsp_address address = {.len = sizeof(sa_family_t)};
    struct sockaddr_in *in = (struct sockaddr_in *)&address.storage;
    address.storage.ss_family = AF_UNIX;
    if (choice & 1) {
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(0xC0000200U + (choice >> 1 & 3));
        address.len = sizeof *in;
    }
    return address;
}

void house_admit(struct house *house, struct guest *guest)
{
    int pair[2];
    int size = 1; /* the kernel makes it its least */
    uint8_t choice = bytes_take(house->input);
    struct wsp_address address = choose_address(choice >> 2);
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                          0, pair) == 0);
    if (choice & 1) {
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    guest_arrive(guest, pair[1], house->codec);
    struct wsp_caller caller = wsp_caller_of_peer(&address);
    heap_release();
    const struct wsp_place place = {.server = house->server};
    if (choice & 2) {
        wsp_proxied_accept(&place, pair[0], &address);
    } else {
        wsp_transport_accept(house->server, pair[0], &caller, NULL);
    }
    heap_hold();
}

/* ---- closing ---- */

static void check_empty(const struct house *house)
{
    for (size_t i = 0; i < house->member_count; i++) {
        FUZZ_CHECK(house->members[i].place == HOUSE_GONE);
    }
    FUZZ_CHECK(house->forgotten == house->member_count);
}

void house_close(struct house *house)
{
    house->depth = 1; /* callbacks only watch from here on */
    begin_to_close(house);
    for (int i = 0; i < 4 && !house->is_closed; i++) {
        house_turn(house);
        virtual_clock_pass(11000); /* longer than the write wait */
    }
    FUZZ_CHECK(house->is_closed);
    FUZZ_CHECK(wsp_server_is_closed(house->server));
    wsp_server_free(house->server);
    check_empty(house);
    for (int i = 0; i < HOUSE_GUESTS; i++) {
        struct guest *guest = &house->guests[i];
        while (guest->fd >= 0 && guest_read(guest, 4096)) {
        }
        guest_leave(guest);
    }
}
