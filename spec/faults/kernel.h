/* SPDX-License-Identifier: MIT */
/* The system calls of our code: the linker leads them through here (`--wrap`),
 * those of libevent by their names. They can be told to fail, and to move fewer
 * bytes than they are given.
 * Thread: any. */
#ifndef WSP_SPEC_FAULTS_KERNEL_H
#define WSP_SPEC_FAULTS_KERNEL_H

#include <stddef.h>

#define KERNEL_CALLS(X)                                                        \
    X(ACCEPT4, "accept4")                                                      \
    X(BIND, "bind")                                                            \
    X(EPOLL_CREATE, "epoll_create1")                                           \
    X(EPOLL_CTL, "epoll_ctl")                                                  \
    X(EPOLL_WAIT, "epoll_wait")                                                \
    X(EVENTFD, "eventfd")                                                      \
    X(FSTAT, "fstat")                                                          \
    X(GETADDRINFO, "getaddrinfo")                                              \
    X(GETRANDOM, "getrandom")                                                  \
    X(LISTEN, "listen")                                                        \
    X(OPEN, "open")                                                            \
    X(OPENAT2, "openat2")                                                      \
    X(PTHREAD_CREATE, "pthread_create")                                        \
    X(READ, "read")                                                            \
    X(RECV, "recv")                                                            \
    X(SEND, "send")                                                            \
    X(SENDMSG, "sendmsg")                                                      \
    X(SETSOCKOPT, "setsockopt")                                                \
    X(SOCKET, "socket")                                                        \
    X(WRITE, "write")

enum kernel_call {
#define KERNEL_CALL(name, text) KERNEL_##name,
    KERNEL_CALLS(KERNEL_CALL)
#undef KERNEL_CALL
        KERNEL_COUNT,
};

/* Makes calls of that kind fail with `error`: number `first` from now (1: the
 * next) and then every `step`th, `count` of them. Others go through. */
void kernel_fail(enum kernel_call call, int error, long first, long step,
                 long count);

/* Lets recv, send, sendmsg, read and write move at most `max` bytes at a time;
 * 0: as many as they like. */
void kernel_shorten(size_t max);

/* Nothing fails and nothing is short any more. */
void kernel_mend(void);

/* How many calls have failed on purpose since kernel_fail, and how many of all
 * kinds but epoll_wait have been made ever. */
long kernel_failed(void);
long kernel_made(void);

const char *kernel_name(enum kernel_call call);

/* From hold to release calls go straight through and are not counted: for a
 * spec's own doings. Pairs may lie in each other. */
void kernel_hold(void);
void kernel_release(void);

#endif
