/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "support/loop_wait.h"

/* ---- the application ---- */

static void on_admit(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    (void)request;
    ((struct stage *)ud)->admissions++;
    admission->is_accepted = true;
    admission->room = wsp_span_of("a");
    admission->id = wsp_span_of("ann");
}

static struct wsp_error *on_message(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame)
{
    (void)ud;
    (void)wsp_connection_send(connection, frame, NULL);
    return NULL;
}

static void on_http(void *ud, size_t route, const struct wsp_request *request,
                    struct wsp_response *response)
{
    (void)route;
    (void)request;
    ((struct stage *)ud)->route_calls++;
    wsp_response_body(response, wsp_span_of("the application's"));
}

static void on_log(void *ud, enum wsp_log_level level, const char *message,
                   const struct wsp_log_field *fields, size_t count)
{
    struct stage *stage = ud;
    if (level != WSP_LOG_WARN) {
        return;
    }
    stage->security_warnings += strstr(message, "SECURITY: the admin") != NULL;
    for (size_t i = 0; i < count; i++) {
        stage->kept_warnings +=
            strcmp(fields[i].key, "option") == 0 &&
            wsp_span_equal(fields[i].text, wsp_span_of("admin"));
    }
}

/* ---- the stage ---- */

void stage_init(struct stage *stage, const char *admin)
{
    static const struct wsp_listen listen[] = {{.address = "127.0.0.1:0"}};
    static const struct wsp_route routes[] = {{"GET", "/metrics"},
                                              {"GET", "/own"}};
    static const struct wsp_static_dir dirs[] = {{"/", "docs"}};
    memset(stage, 0, sizeof *stage);
    wsp_options_init(&stage->options);
    stage->options.listen = listen;
    stage->options.listen_count = 1;
    stage->options.codec = "raw";
    stage->options.admin_listen = admin;
    stage->options.routes = routes;
    stage->options.route_count = 2;
    stage->options.static_dirs = dirs;
    stage->options.static_count = 1;
    stage->options.logger = (struct wsp_logger){on_log, stage, WSP_LOG_WARN};
    stage->handlers.ud = stage;
    stage->handlers.connect = on_admit;
    stage->handlers.on_message = on_message;
    stage->handlers.on_http = on_http;
}

void stage_new(struct stage *stage)
{
    struct wsp_diag diag = {.message = ""};
    stage->loop = wsp_loop_new(&diag);
    assert_non_null(stage->loop);
    if (wsp_server_new(stage->loop, &stage->options, &stage->handlers,
                       &stage->server, &diag) != WSP_OK) {
        fail_msg("%s", diag.message);
    }
}

void stage_start(struct stage *stage)
{
    struct wsp_diag diag = {.message = ""};
    stage_new(stage);
    if (wsp_server_start(stage->server, &diag) != WSP_OK) {
        fail_msg("%s", diag.message);
    }
}

void stage_free(struct stage *stage)
{
    wsp_server_free(stage->server);
    wsp_loop_free(stage->loop);
}

static void note_closed(void *ud)
{
    ((struct stage *)ud)->is_closed = true;
}

void stage_close(struct stage *stage)
{
    wsp_server_close(stage->server, note_closed, stage);
}

void stage_swap(struct stage *stage, const char *admin)
{
    struct wsp_diag diag = {.message = ""};
    stage->options.admin_listen = admin;
    if (wsp_server_swap(stage->server, &stage->options, &stage->handlers, 2,
                        &diag) != WSP_OK) {
        fail_msg("%s", diag.message);
    }
}

/* ---- requests ---- */

const char *stage_admin(const struct stage *stage)
{
    const char *address = wsp_server_admin_address(stage->server);
    assert_non_null(address);
    return address;
}

bool stage_pull(struct peer *peer)
{
    ssize_t got = recv(peer->fd, peer->in + peer->in_len,
                       sizeof peer->in - 1 - peer->in_len, MSG_DONTWAIT);
    if (got > 0) {
        peer->in_len += (size_t)got;
    }
    peer->in[peer->in_len] = '\0';
    return got != 0;
}

/* The length of the answer in front of `in` when it is complete, else 0. */
static size_t answer_len(const struct peer *peer, bool has_body)
{
    const char *end = strstr(peer->in, "\r\n\r\n");
    const char *length = strstr(peer->in, "Content-Length: ");
    if (!end) {
        return 0;
    }
    size_t len = (size_t)(end - peer->in) + 4;
    if (has_body && length && length < end) {
        len += strtoul(length + 16, NULL, 10);
    }
    return peer->in_len >= len ? len : 0;
}

static bool has_answer(struct peer *peer, bool has_body)
{
    stage_pull(peer);
    return answer_len(peer, has_body) > 0;
}

void stage_take(struct stage *stage, struct peer *peer, bool has_body,
                char out[STAGE_ANSWER_MAX])
{
    LOOP_WAIT(stage->loop, has_answer(peer, has_body));
    size_t len = answer_len(peer, has_body);
    assert_true(len < STAGE_ANSWER_MAX);
    memcpy(out, peer->in, len);
    out[len] = '\0';
    memmove(peer->in, peer->in + len, peer->in_len - len);
    peer->in_len -= len;
    peer->in[peer->in_len] = '\0';
}

void stage_ask(struct stage *stage, struct peer *peer, const char *line,
               char out[STAGE_ANSWER_MAX])
{
    char text[256];
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n\r\n", line);
    peer_write(peer, text);
    stage_take(stage, peer, strncmp(line, "HEAD", 4) != 0, out);
}

/* Only a refusal has a body. */
static bool is_admin(const struct stage *stage, const char *address)
{
    const char *admin = wsp_server_admin_address(stage->server);
    return admin && strcmp(address, admin) == 0;
}

void stage_upgrade(struct stage *stage, struct peer *peer, const char *address,
                   char out[STAGE_ANSWER_MAX])
{
    peer_connect(peer, address);
    peer_write(peer, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    stage_take(stage, peer, is_admin(stage, address), out);
}

void stage_echo(struct stage *stage, struct peer *peer)
{
    char answer[STAGE_ANSWER_MAX];
    stage_upgrade(stage, peer, wsp_server_address(stage->server, 0), answer);
    assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
    peer_send(peer, 1, "hello", 5);
    LOOP_WAIT(stage->loop, (stage_pull(peer), peer->in_len >= 7));
    assert_memory_equal(peer->in, "\x81\x05hello", 7);
}
