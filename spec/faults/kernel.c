/* SPDX-License-Identifier: MIT */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support/linker.h"

/* System calls have no argument for a context. */
static struct {
    atomic_int failing; /* enum kernel_call; KERNEL_COUNT: none */
    atomic_int error;
    atomic_long number; /* calls of the failing kind so far */
    atomic_long first;
    atomic_long step;
    atomic_long count;
    atomic_long failed;
    atomic_long made;
    atomic_size_t max; /* bytes; 0: any number */
} kernel = {.failing = KERNEL_COUNT};

/* Of the thread that asks, so that another one's calls still count. */
static _Thread_local int holds;

void kernel_fail(enum kernel_call call, int error, long first, long step,
                 long count)
{
    kernel.failing = KERNEL_COUNT;
    kernel.number = 0;
    kernel.failed = 0;
    kernel.error = error;
    kernel.first = first;
    kernel.step = step;
    kernel.count = count;
    kernel.failing = (int)call;
}

void kernel_shorten(size_t max)
{
    kernel.max = max;
}

void kernel_mend(void)
{
    kernel.failing = KERNEL_COUNT;
    kernel.max = 0;
}

long kernel_failed(void)
{
    return kernel.failed;
}

long kernel_made(void)
{
    return kernel.made;
}

const char *kernel_name(enum kernel_call call)
{
    static const char *const names[] = {
#define KERNEL_NAME(name, text) [KERNEL_##name] = (text),
        KERNEL_CALLS(KERNEL_NAME)
#undef KERNEL_NAME
    };
    return names[call];
}

void kernel_hold(void)
{
    holds++;
}

void kernel_release(void)
{
    holds--;
}

/* Returns the error that a call is to fail with, or 0. */
static int error_of(enum kernel_call call)
{
    if (holds) {
        return 0;
    }
    kernel.made += call != KERNEL_EPOLL_WAIT;
    if (kernel.failing != (int)call) {
        return 0;
    }
    long behind = ++kernel.number - kernel.first;
    if (behind < 0 || behind % kernel.step != 0 ||
        behind / kernel.step >= kernel.count) {
        return 0;
    }
    kernel.failed++;
    return kernel.error;
}

/* Tells whether a call is to fail, with errno set. */
static bool fails(enum kernel_call call)
{
    int error = error_of(call);
    if (error) {
        errno = error;
    }
    return error != 0;
}

static size_t shorten(size_t len)
{
    size_t max = holds ? 0 : kernel.max;
    return max && len > max ? max : len;
}

/* ---- the names are those that the linker asks for ---- */

#define WRAP(type, name, ...)                                                  \
    type real_##name(__VA_ARGS__) LINKER_REAL(#name);                          \
    type wrap_##name(__VA_ARGS__) LINKER_WRAP(#name);                          \
    type wrap_##name(__VA_ARGS__)

WRAP(int, accept4, int fd, struct sockaddr *name, socklen_t *len, int flags)
{
    return fails(KERNEL_ACCEPT4) ? -1 : real_accept4(fd, name, len, flags);
}

WRAP(int, bind, int fd, const struct sockaddr *name, socklen_t len)
{
    return fails(KERNEL_BIND) ? -1 : real_bind(fd, name, len);
}

WRAP(int, eventfd, unsigned count, int flags)
{
    return fails(KERNEL_EVENTFD) ? -1 : real_eventfd(count, flags);
}

WRAP(int, fstat, int fd, struct stat *out)
{
    return fails(KERNEL_FSTAT) ? -1 : real_fstat(fd, out);
}

WRAP(int, getaddrinfo, const char *node, const char *service,
     const struct addrinfo *hints, struct addrinfo **found)
{
    int error = error_of(KERNEL_GETADDRINFO);
    return error ? error : real_getaddrinfo(node, service, hints, found);
}

WRAP(ssize_t, getrandom, void *out, size_t len, unsigned flags)
{
    return fails(KERNEL_GETRANDOM) ? -1 : real_getrandom(out, len, flags);
}

WRAP(int, listen, int fd, int backlog)
{
    return fails(KERNEL_LISTEN) ? -1 : real_listen(fd, backlog);
}

WRAP(int, open, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(KERNEL_OPEN) ? -1 : real_open(path, flags, mode);
}

/* The only one that our code makes by number: libc has no openat2. */
WRAP(long, syscall, long number, ...)
{
    va_list args;
    va_start(args, number);
    int folder = va_arg(args, int);
    const char *path = va_arg(args, const char *);
    void *how = va_arg(args, void *);
    size_t size = va_arg(args, size_t);
    va_end(args);
    return fails(KERNEL_OPENAT2)
               ? -1
               : real_syscall(number, folder, path, how, size);
}

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attr,
     void *(*fn)(void *ud), void *ud)
{
    int error = error_of(KERNEL_PTHREAD_CREATE);
    return error ? error : real_pthread_create(thread, attr, fn, ud);
}

WRAP(ssize_t, read, int fd, void *out, size_t len)
{
    /* Whoever reads an eventfd needs room for all of it. */
    size_t wanted = len == sizeof(uint64_t) ? len : shorten(len);
    return fails(KERNEL_READ) ? -1 : real_read(fd, out, wanted);
}

WRAP(ssize_t, recv, int fd, void *out, size_t len, int flags)
{
    return fails(KERNEL_RECV) ? -1 : real_recv(fd, out, shorten(len), flags);
}

WRAP(ssize_t, send, int fd, const void *data, size_t len, int flags)
{
    return fails(KERNEL_SEND) ? -1 : real_send(fd, data, shorten(len), flags);
}

/* A short one sends the beginning of the first part that has one. */
WRAP(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
    if (fails(KERNEL_SENDMSG)) {
        return -1;
    }
    struct msghdr first = *message;
    struct iovec part = {NULL, 0};
    for (size_t i = 0; i < message->msg_iovlen && part.iov_len == 0; i++) {
        part = message->msg_iov[i];
    }
    if (shorten(part.iov_len) == part.iov_len && !kernel.max) {
        return real_sendmsg(fd, message, flags);
    }
    part.iov_len = shorten(part.iov_len);
    first.msg_iov = &part;
    first.msg_iovlen = 1;
    return real_sendmsg(fd, &first, flags);
}

WRAP(int, setsockopt, int fd, int level, int name, const void *value,
     socklen_t len)
{
    return fails(KERNEL_SETSOCKOPT)
               ? -1
               : real_setsockopt(fd, level, name, value, len);
}

WRAP(int, socket, int domain, int type, int protocol)
{
    return fails(KERNEL_SOCKET) ? -1 : real_socket(domain, type, protocol);
}

WRAP(ssize_t, write, int fd, const void *data, size_t len)
{
    size_t wanted = len == sizeof(uint64_t) ? len : shorten(len);
    return fails(KERNEL_WRITE) ? -1 : real_write(fd, data, wanted);
}

/* ---- libevent's own calls find these before libc's ---- */

#define EXPORTED(name)                                                         \
    __asm__(name) __attribute__((visibility("default"), used))

int own_epoll_create1(int flags) EXPORTED("epoll_create1");
int own_epoll_create(int size) EXPORTED("epoll_create");
int own_epoll_ctl(int base, int what, int fd, struct epoll_event *event)
    EXPORTED("epoll_ctl");
int own_epoll_wait(int base, struct epoll_event *events, int max, int timeout)
    EXPORTED("epoll_wait");

int own_epoll_create1(int flags)
{
    return fails(KERNEL_EPOLL_CREATE)
               ? -1
               : (int)real_syscall(SYS_epoll_create1, flags);
}

int own_epoll_create(int size)
{
    return fails(KERNEL_EPOLL_CREATE)
               ? -1
               : (int)real_syscall(SYS_epoll_create, size);
}

int own_epoll_ctl(int base, int what, int fd, struct epoll_event *event)
{
    return fails(KERNEL_EPOLL_CTL)
               ? -1
               : (int)real_syscall(SYS_epoll_ctl, base, what, fd, event);
}

int own_epoll_wait(int base, struct epoll_event *events, int max, int timeout)
{
    return fails(KERNEL_EPOLL_WAIT)
               ? -1
               : (int)real_syscall(SYS_epoll_wait, base, events, max, timeout);
}
