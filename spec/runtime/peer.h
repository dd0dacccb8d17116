/* SPDX-License-Identifier: MIT */
/* A blocking WebSocket client over a socket, just enough to look at what a
 * server puts on the wire. Every wait has a deadline of ten seconds. */
#ifndef WSP_SPEC_RUNTIME_PEER_H
#define WSP_SPEC_RUNTIME_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer {
    int fd;
    char in[65536]; /* bytes read but not used */
    size_t in_len;
};

/* Connects to "127.0.0.1:port"; false when it cannot. Asserts nothing, so any
 * thread may call it. */
bool peer_dial(struct peer *peer, const char *address);

/* Connects to "127.0.0.1:port" and fails the spec when it cannot. */
void peer_connect(struct peer *peer, const char *address);

/* Sends text as it is. */
void peer_write(struct peer *peer, const char *text);

/* Reads up to and with the empty line of an HTTP head. */
void peer_read_head(struct peer *peer, char *out, size_t size);

/* Upgrades on `target` ("/ws?id=ann") and expects 101. */
void peer_upgrade(struct peer *peer, const char *target);

/* Sends one masked frame of at most 125 bytes. */
void peer_send(struct peer *peer, uint8_t opcode, const char *data, size_t len);

/* Reads one frame; returns its opcode, or -1 at the end of the stream. */
int peer_read_frame(struct peer *peer, char *out, size_t size, size_t *len);

/* Reads everything up to the end of the stream as text. */
void peer_read_rest(struct peer *peer, char *out, size_t size);

/* Reads to the end of the stream and returns true when it ended with FIN, not
 * with a reset. */
int peer_reads_end(struct peer *peer);

void peer_close(struct peer *peer);

#endif
