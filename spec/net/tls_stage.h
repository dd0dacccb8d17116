/* SPDX-License-Identifier: MIT */
/* A stream that speaks TLS, over a pair of sockets, and a client at the other
 * end. */
#ifndef WSP_SPEC_NET_TLS_STAGE_H
#define WSP_SPEC_NET_TLS_STAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"
#include "net/tls_context.h"
#include "support/certificates.h"
#include "support/tls_client.h"

#define STAGE_GOT_MAX (4 * 1024 * 1024)

struct tls_stage {
    struct wsp_loop *loop;
    struct wsp_tls_context *context;
    struct wsp_stream *stream; /* heap: a touch after the end is found */
    struct tls_client client;
    unsigned char *got; /* what the stream was told, heap */
    size_t got_len;
    unsigned data_calls;
    unsigned ends;
    int end_error;
    char failure[128]; /* of TLS, when it ended */
    unsigned writables;
    bool is_freed_on_data;
    bool is_freed_on_end;
};

/* A context of the pairs a.pem/a.key … in `files`, which ends with NULL; other
 * members of `options` are used as they are. */
struct wsp_tls_context *tls_stage_context(const struct certificates *all,
                                          const char *const *files,
                                          struct wsp_tls_options *options);

/* Begins; the context's reference is taken over. */
void tls_stage_init(struct tls_stage *stage, struct wsp_tls_context *context,
                    const struct tls_client_form *form);
void tls_stage_fini(struct tls_stage *stage);

/* Shakes hands until both are done or one has failed. Returns whether both
 * are. */
bool tls_stage_shake(struct tls_stage *stage);

/* Turns the loop until the client has read `len` bytes. */
void tls_stage_client_reads(struct tls_stage *stage, void *out, size_t len);

/* Turns the loop until the client has written everything. */
void tls_stage_client_writes(struct tls_stage *stage, const void *data,
                             size_t len);

#endif
