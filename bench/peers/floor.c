/* SPDX-License-Identifier: MIT */
/* The floor: what the kernel asks of any server, and nothing more. A bare epoll
 * loop that receives bytes and sends bytes. It never looks for a frame: it is
 * told how long the client's messages are, and sends as many bytes as a server
 * would, from a buffer of ready-made frames. Only a receive of nothing but a
 * close frame ends the connection.
 *
 *   floor echo SIZE     answers each message of SIZE bytes with one of SIZE
 *   floor room SIZE     sends each message of SIZE bytes to every connection
 *   floor close         answers the first bytes with a close frame and closes
 *
 * It listens on a free port of 127.0.0.1 and says which: "listening on PORT". */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)
#define FD_MAX (1 << 20)
#define EVENTS_MAX 512
#define SIZE_MAX_BYTES (1 << 20)
#define MASK_BYTES 4
#define CLOSE_BYTES 8 /* a client's close frame: head, mask, code */
#define CLOSE_HEAD 0x88

enum work { ECHO, ROOM, CLOSE };

/* A connection, by its descriptor. */
struct peer {
    bool is_open;    /* its upgrade was answered */
    bool is_blocked; /* the kernel has refused bytes; EPOLLOUT is watched */
    uint32_t place;  /* among the open ones */
    size_t received; /* bytes of a message that is not complete */
    size_t owed;     /* bytes of answers that are still to be sent */
};

struct floor {
    enum work work;
    int epoll;
    int listener;
    size_t in_len;   /* bytes of a client's frame */
    size_t out_len;  /* bytes of a server's frame */
    uint8_t *frames; /* ready-made, as many as fit */
    size_t frames_len;
    uint8_t *buffer;
    struct peer *peers; /* by descriptor */
    int *open_fds;
    uint32_t open_count;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- frames ---- */

static size_t head_len(size_t size)
{
    if (size < 126) {
        return 2;
    }
    return size < 65536 ? 4 : 10;
}

static size_t write_head(uint8_t *out, size_t size)
{
    size_t len = head_len(size);
    out[0] = 0x81;
    out[1] = (uint8_t)(len == 2 ? size : len == 4 ? 126 : 127);
    for (size_t i = 2; i < len; i++) {
        out[i] = (uint8_t)((uint64_t)size >> (8 * (len - 1 - i)));
    }
    return len;
}

static void make_frames(struct floor *floor, size_t size)
{
    floor->in_len = head_len(size) + MASK_BYTES + size;
    floor->out_len = head_len(size) + size;
    size_t count = BUFFER_BYTES / floor->out_len + 1;
    floor->frames_len = count * floor->out_len;
    floor->frames = malloc(floor->frames_len);
    floor->buffer = malloc(BUFFER_BYTES);
    if (!floor->frames || !floor->buffer) {
        fail("floor");
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t *frame = floor->frames + i * floor->out_len;
        size_t len = write_head(frame, size);
        memset(frame + len, 'x', size);
    }
}

/* ---- connections ---- */

static void watch(struct floor *floor, int fd, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(floor->epoll, operation, fd, &event) != 0) {
        fail("epoll_ctl");
    }
}

static void accept_all(struct floor *floor)
{
    int fd;
    int on = 1;
    while ((fd = accept4(floor->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= FD_MAX) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        floor->peers[fd] = (struct peer){.is_open = false};
        watch(floor, fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void hang_up(struct floor *floor, int fd)
{
    struct peer *peer = &floor->peers[fd];
    if (peer->is_open) {
        int last = floor->open_fds[--floor->open_count];
        floor->open_fds[peer->place] = last;
        floor->peers[last].place = peer->place;
    }
    *peer = (struct peer){.is_open = false};
    close(fd);
}

/* The one key that `wspulse bench` sends has this answer. */
static void upgrade(struct floor *floor, int fd)
{
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    struct peer *peer = &floor->peers[fd];
    if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0) {
        hang_up(floor, fd);
        return;
    }
    peer->is_open = true;
    peer->place = floor->open_count;
    floor->open_fds[floor->open_count++] = fd;
}

/* ---- work ---- */

/* Sends what is owed; the frames repeat, so any offset into one will do. */
static void pay(struct floor *floor, int fd)
{
    struct peer *peer = &floor->peers[fd];
    while (peer->owed > 0) {
        size_t into =
            (floor->out_len - peer->owed % floor->out_len) % floor->out_len;
        size_t room = floor->frames_len - into;
        size_t len = peer->owed < room ? peer->owed : room;
        ssize_t n = send(fd, floor->frames + into, len, MSG_NOSIGNAL);
        if (n < 0) {
            break;
        }
        peer->owed -= (size_t)n;
    }
    bool is_blocked = peer->owed > 0;
    if (is_blocked != peer->is_blocked) {
        peer->is_blocked = is_blocked;
        watch(floor, fd, EPOLL_CTL_MOD,
              is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void say_goodbye(struct floor *floor, int fd)
{
    static const uint8_t close_frame[] = {0x88, 0x02, 0x03, 0xe8};
    send(fd, close_frame, sizeof close_frame, MSG_NOSIGNAL);
    hang_up(floor, fd);
}

static void take(struct floor *floor, int fd, size_t len)
{
    struct peer *peer = &floor->peers[fd];
    peer->received += len;
    size_t count = peer->received / floor->in_len;
    peer->received %= floor->in_len;
    if (floor->work == CLOSE) {
        say_goodbye(floor, fd);
    } else if (floor->work == ECHO) {
        peer->owed += count * floor->out_len;
        pay(floor, fd);
    } else {
        for (uint32_t i = 0; count && i < floor->open_count; i++) {
            floor->peers[floor->open_fds[i]].owed += count * floor->out_len;
            pay(floor, floor->open_fds[i]);
        }
    }
}

static void handle(struct floor *floor, const struct epoll_event *event)
{
    int fd = event->data.fd;
    if (fd == floor->listener) {
        accept_all(floor);
        return;
    }
    if (event->events & EPOLLOUT) {
        pay(floor, fd);
    }
    if (!(event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        return;
    }
    ssize_t n = recv(fd, floor->buffer, BUFFER_BYTES, 0);
    bool is_close = n == CLOSE_BYTES && floor->buffer[0] == CLOSE_HEAD;
    if (n == 0 || is_close || (n < 0 && errno != EAGAIN)) {
        hang_up(floor, fd);
    } else if (n > 0 && floor->peers[fd].is_open) {
        take(floor, fd, (size_t)n);
    } else if (n > 0) {
        upgrade(floor, fd);
    }
}

/* ---- life ---- */

static void start(struct floor *floor)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    struct rlimit limit;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    floor->peers = calloc(FD_MAX, sizeof *floor->peers);
    floor->open_fds = calloc(FD_MAX, sizeof *floor->open_fds);
    floor->epoll = epoll_create1(0);
    floor->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (!floor->peers || !floor->open_fds || floor->epoll < 0 ||
        floor->listener < 0 ||
        bind(floor->listener, (const void *)&address, len) != 0 ||
        listen(floor->listener, 4096) != 0 ||
        getsockname(floor->listener, (void *)&address, &len) != 0) {
        fail("floor");
    }
    watch(floor, floor->listener, EPOLL_CTL_ADD, EPOLLIN);
    printf("listening on %u\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"echo", "room", "close"};
    struct floor floor = {.work = ECHO};
    long size = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    unsigned work = 0;
    while (work < 3 && (argc < 2 || strcmp(argv[1], names[work]) != 0)) {
        work++;
    }
    if (work == 3 || size < 0 || size > SIZE_MAX_BYTES) {
        fputs("usage: floor echo SIZE | room SIZE | close\n", stderr);
        return 2;
    }
    floor.work = (enum work)work;
    make_frames(&floor, (size_t)size);
    start(&floor);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(floor.epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            handle(&floor, &events[i]);
        }
    }
}
