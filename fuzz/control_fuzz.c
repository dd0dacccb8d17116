/* SPDX-License-Identifier: MIT */
/* The control socket from both sides: a peer that sends any bytes in any pieces
 * gets one line or nothing, and whoever calls makes of any answer a result.
 * Covers: src/runtime/control.c src/runtime/control_call.c src/base/line.c
 *         src/base/escape.c */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <wspulse/control.h>

#include "bytes.h"
#include "target.h"

#define REQUEST_MAX 4096
#define ANSWER_MAX 8192

/* The folder of the sockets, for the life of the process. */
static struct {
    char path[32];
    char served[48]; /* by wsp_control_open */
    char faked[48];  /* by this file */
} folder;

static void remove_folder(void)
{
    unlink(folder.served);
    unlink(folder.faked);
    rmdir(folder.path);
}

static void make_folder(void)
{
    if (folder.path[0]) {
        return;
    }
    strcpy(folder.path, "/tmp/wspulse-fuzz-XXXXXX");
    FUZZ_CHECK(mkdtemp(folder.path) != NULL);
    snprintf(folder.served, sizeof folder.served, "%s/served", folder.path);
    snprintf(folder.faked, sizeof folder.faked, "%s/faked", folder.path);
    atexit(remove_folder);
}

static struct sockaddr_un name_of(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    return name;
}

/* Tells whether a text is one line of printable characters. */
static bool is_one_line(const char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7F) {
            return false;
        }
    }
    return len > 0 && text[len - 1] == '\n';
}

/* ---- the serving side ---- */

struct service {
    struct wsp_span expected; /* the request, without its newline */
    const char *answer;
    bool is_ok;
    bool is_called;
};

static void on_request(void *ud, const char *command, const char *argument,
                       struct wsp_control_reply *reply)
{
    struct service *service = ud;
    size_t len = strlen(command);
    FUZZ_CHECK(!service->is_called);
    service->is_called = true;
    FUZZ_CHECK(!strchr(command, ' ') && service->expected.len >= len);
    FUZZ_CHECK(len == 0 || memcmp(command, service->expected.data, len) == 0);
    if (service->expected.len > len) {
        FUZZ_CHECK(service->expected.data[len] == ' ');
        FUZZ_CHECK(service->expected.len == len + 1 + strlen(argument));
    } else {
        FUZZ_CHECK(argument[0] == '\0');
    }
    wsp_control_answer(reply, service->is_ok, service->answer);
}

/* Sends `text` in pieces, a turn of the loop behind each. */
static void send_pieces(struct wsp_loop *loop, int fd, struct wsp_span text,
                        size_t piece)
{
    wsp_loop_poll(loop, 0); /* it accepts */
    while (text.len > 0) {
        size_t len = text.len < piece ? text.len : piece;
        ssize_t sent = send(fd, text.data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent; /* the answer may have come first */
        text.data += len;
        text.len -= len;
        wsp_loop_poll(loop, 0);
    }
    shutdown(fd, SHUT_WR);
    wsp_loop_poll(loop, 0);
}

/* What becomes of a request by the words of control.h. */
enum fate { FATE_NOTHING, FATE_REFUSED, FATE_HANDED };

static enum fate fate_of(struct wsp_span text, struct wsp_span *request)
{
    const char *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
    size_t len = end ? (size_t)(end - text.data) : text.len;
    *request = (struct wsp_span){text.data, len};
    if (len > REQUEST_MAX) {
        return FATE_REFUSED;
    }
    if (!end) {
        return FATE_NOTHING;
    }
    if (len > 0 && text.data[len - 1] == '\r') {
        request->len--;
    }
    bool has_nul = request->len && memchr(text.data, '\0', request->len);
    return has_nul ? FATE_REFUSED : FATE_HANDED;
}

static void check_answer(int fd, enum fate fate, const struct service *service)
{
    char answer[ANSWER_MAX + 1];
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0) {
        got = recv(fd, answer + len, sizeof answer - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    FUZZ_CHECK(len <= ANSWER_MAX);
    FUZZ_CHECK(service->is_called == (fate == FATE_HANDED));
    if (fate == FATE_NOTHING) {
        FUZZ_CHECK(len == 0);
        return;
    }
    bool is_ok = fate == FATE_HANDED && service->is_ok;
    FUZZ_CHECK(is_one_line(answer, len));
    FUZZ_CHECK(memcmp(answer, is_ok ? "ok" : "error", is_ok ? 2 : 5) == 0);
}

static void serve(struct bytes *input)
{
    static struct wsp_loop *loop;
    char answer[256];
    size_t piece = 1 + (size_t)bytes_take(input) * 16;
    bool is_ok = bytes_take(input) & 1;
    struct wsp_span said = bytes_span(input, bytes_take(input));
    snprintf(answer, sizeof answer, "%.*s", (int)said.len, said.data);
    struct service service = {.answer = answer, .is_ok = is_ok};
    loop = loop ? loop : wsp_loop_new(NULL);
    FUZZ_CHECK(loop != NULL);
    struct wsp_control *control =
        wsp_control_open(loop, folder.served, on_request, &service, NULL);
    FUZZ_CHECK(control != NULL);
    struct wsp_span text = bytes_rest(input);
    enum fate fate = fate_of(text, &service.expected);
    struct sockaddr_un name = name_of(folder.served);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    send_pieces(loop, fd, text, piece);
    check_answer(fd, fate, &service);
    close(fd);
    wsp_control_close(control);
}

/* ---- the calling side ---- */

struct fake {
    int fd; /* listens */
    struct wsp_span text;
    size_t piece;
};

/* Takes one request and answers with the text, whatever it is. */
static void *answer_once(void *ud)
{
    const struct fake *fake = ud;
    struct wsp_span text = fake->text;
    char request[REQUEST_MAX + 1];
    int fd = accept(fake->fd, NULL, NULL);
    ssize_t got = recv(fd, request, sizeof request, 0);
    while (got > 0 && text.len > 0) {
        size_t len = text.len < fake->piece ? text.len : fake->piece;
        if (send(fd, text.data, len, MSG_NOSIGNAL) < 0) {
            break; /* the caller has seen enough */
        }
        text.data += len;
        text.len -= len;
    }
    close(fd);
    return NULL;
}

static void check_result(enum wsp_err result, struct wsp_span text,
                         const char *answer)
{
    const char *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
    size_t len = end ? (size_t)(end - text.data) : 0;
    bool has_nul = len && memchr(text.data, '\0', len);
    bool is_ok = end && len >= 2 && memcmp(text.data, "ok", 2) == 0 &&
                 (len == 2 || text.data[2] == ' ' || text.data[2] == '\0');
    bool is_error = end && len >= 5 && memcmp(text.data, "error", 5) == 0 &&
                    (len == 5 || text.data[5] == ' ' || text.data[5] == '\0');
    if (len >= ANSWER_MAX || !(is_ok || is_error)) {
        FUZZ_CHECK(result == WSP_ERR_CONTROL);
        return;
    }
    FUZZ_CHECK(result == (is_ok ? WSP_OK : WSP_ERR_RELOAD_REFUSED));
    size_t skip = is_ok ? 3 : 6;
    if (!has_nul && len >= skip) {
        FUZZ_CHECK(strlen(answer) == len - skip);
        FUZZ_CHECK(memcmp(answer, text.data + skip, len - skip) == 0);
    }
}

static void call(struct bytes *input)
{
    char answer[ANSWER_MAX];
    struct wsp_diag diag = {.message = ""};
    struct fake fake = {.piece = 1 + (size_t)bytes_take(input) * 16};
    fake.text = bytes_rest(input);
    struct sockaddr_un name = name_of(folder.faked);
    fake.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(folder.faked);
    FUZZ_CHECK(bind(fake.fd, (struct sockaddr *)&name, sizeof name) == 0);
    FUZZ_CHECK(listen(fake.fd, 1) == 0);
    pthread_t thread;
    FUZZ_CHECK(pthread_create(&thread, NULL, answer_once, &fake) == 0);
    enum wsp_err result = wsp_control_call(folder.faked, "status", answer,
                                           sizeof answer, 60000, &diag);
    pthread_join(thread, NULL);
    close(fake.fd);
    check_result(result, fake.text, answer);
    FUZZ_CHECK(result != WSP_ERR_CONTROL || diag.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    make_folder();
    if (bytes_take(&input) & 1) {
        call(&input);
    } else {
        serve(&input);
    }
    return 0;
}
