/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/loop.h"

#define BACKLOG 4096 /* the kernel caps it at net.core.somaxconn */
#define ACCEPTS_PER_TURN 64
#define PAUSE_MS 100

struct wsp_listener {
    struct event event;
    struct wsp_loop *loop;
    struct wsp_timer *pause; /* runs while descriptors or memory are short */
    wsp_accept_fn fn;
    wsp_trouble_fn on_trouble; /* or NULL */
    void *ud;                  /* passed to both */
    int fd;
    int reserve; /* a descriptor to accept with when none is left, or -1 */
    bool is_paused;
    bool was_short; /* nobody was accepted since it was paused for want */
    struct wsp_address address;
    char text[WSP_ADDRESS_TEXT_MAX]; /* the real address */
    dev_t file_dev;                  /* which file is ours, for a unix socket */
    ino_t file_ino;
};

/* ---- accepting ---- */

void wsp_listener_pause(struct wsp_listener *listener, uint64_t for_ms)
{
    if (wsp_timer_start(listener->pause, for_ms)) {
        event_del(&listener->event);
        listener->is_paused = true;
    }
}

static void on_pause_over(void *ud)
{
    struct wsp_listener *listener = ud;
    if (event_add(&listener->event, NULL) == 0) {
        listener->is_paused = false;
    } else {
        wsp_timer_start(listener->pause, PAUSE_MS);
    }
}

/* A second descriptor of the same socket: it needs no file to be there. */
static int take_reserve(const struct wsp_listener *listener)
{
    return fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
}

/* Lets peers know that they wait for nothing. Returns how many. */
static unsigned shed(struct wsp_listener *listener)
{
    unsigned count = 0;
    if (listener->reserve < 0) {
        return 0;
    }
    close(listener->reserve);
    int fd;
    while (count < ACCEPTS_PER_TURN &&
           (fd = accept4(listener->fd, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        close(fd);
        count++;
    }
    listener->reserve = take_reserve(listener);
    return count;
}

/* With no descriptor to accept into, the socket stays ready and the loop would
 * spin. A short want costs nobody anything: the peers wait in the backlog. */
static void run_short(struct wsp_listener *listener, int error)
{
    bool has_no_fd = error == EMFILE || error == ENFILE;
    unsigned count = has_no_fd && listener->was_short ? shed(listener) : 0;
    listener->was_short = true;
    wsp_listener_pause(listener, PAUSE_MS);
    if (listener->on_trouble) {
        listener->on_trouble(listener->ud, error, count);
    }
}

/* What concerns one peer only: the next one may be accepted (accept(2) names
 * the network errors that are to be taken like this). */
static bool is_peers_fault(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static void set_no_delay(int fd, const struct wsp_address *peer)
{
    int on = 1;
    if (peer->storage.ss_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

/* Returns false when there is nothing more to accept now. */
static bool accept_one(struct wsp_listener *listener)
{
    struct wsp_address peer = {.len = sizeof peer.storage};
    int fd = accept4(listener->fd, (struct sockaddr *)&peer.storage, &peer.len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        listener->was_short = false;
        set_no_delay(fd, &peer);
        listener->fn(listener->ud, fd, &peer);
        return true;
    }
    if (is_peers_fault(errno)) {
        return true;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        run_short(listener, errno);
    }
    return false;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wsp_listener *listener = arg;
    struct wsp_loop *loop = listener->loop;
    wsp_loop_set_current(loop, listener);
    bool has_more = true;
    for (int i = 0; i < ACCEPTS_PER_TURN && has_more; i++) {
        has_more = accept_one(listener) &&
                   wsp_loop_is_current(loop, listener) && !listener->is_paused;
    }
    wsp_loop_set_current(loop, NULL);
}

/* ---- opening ---- */

/* A socket file that nobody listens behind is what a killed process left. */
static bool is_dead_file(const struct wsp_address *address, const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    int failed =
        connect(fd, (const struct sockaddr *)&address->storage, address->len);
    bool is_dead = failed && errno == ECONNREFUSED;
    close(fd);
    return is_dead;
}

/* Returns 0 or an errno. */
static int bind_socket(int fd, const struct wsp_address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    if (bind(fd, name, address->len) == 0) {
        return 0;
    }
    int error = errno;
    const char *path = wsp_address_path(address);
    if (error != EADDRINUSE || !path || !is_dead_file(address, path)) {
        return error;
    }
    unlink(path);
    return bind(fd, name, address->len) == 0 ? 0 : errno;
}

static int set_options(int fd, const struct wsp_address *address)
{
    int on = 1;
    int only = !address->is_every;
    int family = address->storage.ss_family;
    if (family != AF_UNIX &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        return errno;
    }
    if (family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
        return errno;
    }
    return 0;
}

/* Linux gives the file the mode of the socket, less the umask: it is never open
 * to more than `mode` says, and chmod gives back what the umask took. */
static int bind_with_mode(int fd, const struct wsp_address *address,
                          mode_t mode)
{
    const char *path = wsp_address_path(address);
    if (!path || mode == 0) {
        return bind_socket(fd, address);
    }
    if (fchmod(fd, mode) != 0) {
        return errno;
    }
    int error = bind_socket(fd, address);
    if (error) {
        return error;
    }
    return chmod(path, mode) == 0 ? 0 : errno;
}

/* Notes the address the kernel gave and which file is ours. */
static void note_name(struct wsp_listener *listener)
{
    listener->address.len = sizeof listener->address.storage;
    getsockname(listener->fd, (struct sockaddr *)&listener->address.storage,
                &listener->address.len);
    wsp_address_format(&listener->address, listener->text);
    const char *path = wsp_address_path(&listener->address);
    struct stat status;
    if (path && lstat(path, &status) == 0) {
        listener->file_dev = status.st_dev;
        listener->file_ino = status.st_ino;
    }
}

static void remove_file(const struct wsp_listener *listener)
{
    const char *path = wsp_address_path(&listener->address);
    struct stat status;
    if (path && lstat(path, &status) == 0 &&
        status.st_dev == listener->file_dev &&
        status.st_ino == listener->file_ino) {
        unlink(path);
    }
}

/* Returns 0 or an errno; the socket is listening then. */
static int open_socket(struct wsp_listener *listener, mode_t mode)
{
    listener->fd = socket(listener->address.storage.ss_family,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) {
        return errno;
    }
    int error = set_options(listener->fd, &listener->address);
    if (!error) {
        error = bind_with_mode(listener->fd, &listener->address, mode);
    }
    if (error) {
        return error;
    }
    note_name(listener);
    if (listen(listener->fd, BACKLOG) != 0) {
        error = errno;
        remove_file(listener);
    }
    return error;
}

static bool watch(struct wsp_listener *listener)
{
    listener->pause = wsp_timer_new(listener->loop, on_pause_over, listener);
    event_assign(&listener->event, wsp_loop_base(listener->loop), listener->fd,
                 EV_READ | EV_PERSIST, on_ready, listener);
    return listener->pause && event_add(&listener->event, NULL) == 0;
}

static void free_listener(struct wsp_listener *listener)
{
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    if (listener->reserve >= 0) {
        close(listener->reserve);
    }
    wsp_timer_free(listener->pause);
    free(listener);
}

struct wsp_listener *wsp_listener_open(struct wsp_loop *loop, const char *text,
                                       unsigned mode, wsp_accept_fn fn,
                                       void *ud, struct wsp_diag *diag)
{
    struct wsp_listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "listen %s: out of memory",
                     text);
        return NULL;
    }
    listener->fd = -1;
    listener->reserve = -1;
    listener->loop = loop;
    listener->fn = fn;
    listener->ud = ud;
    if (wsp_address_parse(&listener->address, text, diag) != WSP_OK) {
        goto undo_listener;
    }
    int error = open_socket(listener, mode);
    if (error) {
        wsp_diag_set_errno(diag, WSP_ERR_LISTEN, error, "listen %s", text);
        goto undo_listener;
    }
    listener->reserve = take_reserve(listener);
    if (!watch(listener)) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "listen %s: out of memory",
                     text);
        remove_file(listener);
        goto undo_listener;
    }
    return listener;

undo_listener:
    free_listener(listener);
    return NULL;
}

void wsp_listener_on_trouble(struct wsp_listener *listener, wsp_trouble_fn fn)
{
    listener->on_trouble = fn;
}

const char *wsp_listener_address(const struct wsp_listener *listener)
{
    return listener->text;
}

void wsp_listener_close(struct wsp_listener *listener)
{
    if (!listener) {
        return;
    }
    wsp_loop_drop_current(listener->loop, listener);
    event_del(&listener->event);
    remove_file(listener);
    free_listener(listener);
}
