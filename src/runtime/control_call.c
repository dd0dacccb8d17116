/* SPDX-License-Identifier: MIT */
#include <wspulse/control.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/clock_ms.h"

#define REQUEST_MAX 4096 /* bytes, without the newline */
#define ANSWER_MAX 8192  /* bytes, with the newline */

/* One call under way. */
struct call {
    const char *path;
    struct wsp_diag *diag;
    int fd;
    uint64_t end_ms; /* when the caller's patience ends */
    size_t len;      /* bytes of `answer` */
    char answer[ANSWER_MAX + 1];
};

static uint64_t now_ms(void)
{
    return wsp_clock_ms(CLOCK_MONOTONIC);
}

static enum wsp_err fail(struct call *call, const char *reason)
{
    return wsp_diag_set(call->diag, WSP_ERR_CONTROL, "control socket %s: %s",
                        call->path, reason);
}

static enum wsp_err fail_errno(struct call *call)
{
    return wsp_diag_set_errno(call->diag, WSP_ERR_CONTROL, errno,
                              "control socket %s", call->path);
}

/* Waits for `events`. Returns WSP_OK, or WSP_ERR_CONTROL when time is up. */
static enum wsp_err wait_for(struct call *call, short events)
{
    for (;;) {
        uint64_t now = now_ms();
        struct pollfd item = {.fd = call->fd, .events = events};
        int left = now < call->end_ms ? (int)(call->end_ms - now) : 0;
        int ready = poll(&item, 1, left);
        if (ready > 0) {
            return WSP_OK;
        }
        if (ready == 0) {
            return fail(call, "no answer in time");
        }
        if (errno != EINTR) {
            return fail_errno(call);
        }
    }
}

/* A full backlog makes a non-blocking connect fail at once (unix(7)), so this
 * one blocks, for as long as a send may. */
static enum wsp_err dial(struct call *call, int timeout_ms)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(call->path);
    if (len >= sizeof name.sun_path) {
        return fail(call, "the path is longer than 107 bytes");
    }
    memcpy(name.sun_path, call->path, len);
    call->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (call->fd < 0) {
        return fail_errno(call);
    }
    struct timeval limit = {.tv_sec = timeout_ms / 1000,
                            .tv_usec = timeout_ms % 1000 * 1000};
    setsockopt(call->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int failed;
    do {
        failed = connect(call->fd, (struct sockaddr *)&name, sizeof name);
    } while (failed && errno == EINTR);
    return failed ? fail_errno(call) : WSP_OK;
}

static enum wsp_err send_request(struct call *call, const char *request)
{
    char line[REQUEST_MAX + 1];
    size_t len = strlen(request);
    memcpy(line, request, len);
    line[len++] = '\n';
    for (size_t sent = 0; sent < len;) {
        ssize_t more = send(call->fd, line + sent, len - sent, MSG_NOSIGNAL);
        if (more < 0 && errno != EINTR) {
            return fail_errno(call);
        }
        sent += more > 0 ? (size_t)more : 0;
    }
    return WSP_OK;
}

/* Reads up to the newline, which becomes the NUL. */
static enum wsp_err receive_answer(struct call *call)
{
    while (call->len < ANSWER_MAX) {
        enum wsp_err result = wait_for(call, POLLIN);
        if (result != WSP_OK) {
            return result;
        }
        char *into = call->answer + call->len;
        ssize_t got = recv(call->fd, into, ANSWER_MAX - call->len, 0);
        if (got == 0) {
            return fail(call, "closed without an answer");
        }
        if (got < 0 && errno != EINTR) {
            return fail_errno(call);
        }
        size_t len = got > 0 ? (size_t)got : 0;
        char *end = memchr(into, '\n', len);
        if (end) {
            *end = '\0';
            return WSP_OK;
        }
        call->len += len;
    }
    return fail(call, "the answer is too long");
}

static enum wsp_err read_answer(struct call *call, char *answer, size_t size)
{
    const char *text = call->answer;
    enum wsp_err result = WSP_OK;
    if (strcmp(text, "error") == 0) {
        result = WSP_ERR_RELOAD_REFUSED;
    } else if (strncmp(text, "error ", 6) == 0) {
        result = WSP_ERR_RELOAD_REFUSED;
        text += 6;
    } else if (strncmp(text, "ok ", 3) == 0) {
        text += 3;
    } else if (strcmp(text, "ok") == 0) {
        text += 2;
    } else {
        return fail(call, "what answers there is no wspulse");
    }
    if (size > 0) {
        snprintf(answer, size, "%s", text);
    }
    return result;
}

enum wsp_err wsp_control_call(const char *path, const char *request,
                              char *answer, size_t answer_size, int timeout_ms,
                              struct wsp_diag *diag)
{
    struct call call = {.path = path, .diag = diag, .fd = -1};
    if (strlen(request) > REQUEST_MAX || strchr(request, '\n')) {
        return fail(&call, "the request is longer than a line of 4096 bytes");
    }
    if (timeout_ms < 1) {
        timeout_ms = 1;
    }
    call.end_ms = now_ms() + (uint64_t)timeout_ms;
    enum wsp_err result = dial(&call, timeout_ms);
    if (result == WSP_OK) {
        result = send_request(&call, request);
    }
    if (result == WSP_OK) {
        result = receive_answer(&call);
    }
    if (result == WSP_OK) {
        result = read_answer(&call, answer, answer_size);
    }
    if (call.fd >= 0) {
        close(call.fd);
    }
    return result;
}
