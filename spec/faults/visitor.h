/* SPDX-License-Identifier: MIT */
/* A peer over a unix socket that never waits and allocates nothing. It keeps the
 * end of what it was sent. */
#ifndef WSP_SPEC_FAULTS_VISITOR_H
#define WSP_SPEC_FAULTS_VISITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/loop.h>

struct visitor {
    int fd;         /* -1: away */
    bool has_ended; /* the server's last byte was read, or the socket failed */
    size_t got;     /* bytes read in all */
    char tail[1024];
    size_t tail_len;
};

/* Connects to "unix:/path". Returns false when nobody listens there. */
bool visitor_connect(struct visitor *visitor, const char *address);
void visitor_leave(struct visitor *visitor);

void visitor_write(struct visitor *visitor, const void *data, size_t len);
void visitor_say(struct visitor *visitor, const char *text);

/* Asks for an upgrade with a query such as "id=a&room=r". */
void visitor_upgrade(struct visitor *visitor, const char *query);

/* Sends one masked frame of less than 64 KiB. `first` is its first byte, FIN and
 * opcode. */
void visitor_send(struct visitor *visitor, uint8_t first, const char *data,
                  size_t len);

/* Reads what is there. */
void visitor_read(struct visitor *visitor);

/* Tells whether the tail of what was read holds `text`. */
bool visitor_has(const struct visitor *visitor, const char *text);

/* Turns the loop, and reads, until there is nothing left to do: unix sockets are
 * prompt, so a turn in which our code asks the kernel for nothing had nothing
 * left. */
void visitor_settle(struct visitor *visitors, int count, struct wsp_loop *loop);

/* Forgets what was read. */
void visitor_forget(struct visitor *visitor);

#endif
