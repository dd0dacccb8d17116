/* SPDX-License-Identifier: MIT */
#include "tls_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/loop.h"
#include "support/loop_wait.h"

#define PAIRS_MAX 4

struct wsp_tls_context *tls_stage_context(const struct certificates *all,
                                          const char *const *files,
                                          struct wsp_tls_options *options)
{
    char certs[PAIRS_MAX][CERTIFICATES_PATH_MAX];
    char keys[PAIRS_MAX][CERTIFICATES_PATH_MAX];
    struct wsp_tls_pair pairs[PAIRS_MAX];
    size_t count = 0;
    for (; files[count]; count++) {
        char file[64];
        assert_true(count < PAIRS_MAX);
        snprintf(file, sizeof file, "%s.pem", files[count]);
        certificates_path(all, file, certs[count]);
        snprintf(file, sizeof file, "%s.key", files[count]);
        certificates_path(all, file, keys[count]);
        pairs[count] = (struct wsp_tls_pair){certs[count], keys[count]};
    }
    options->pairs = pairs;
    options->pair_count = count;
    struct wsp_diag diag;
    struct wsp_tls_context *context =
        wsp_tls_context_new(options, "tls", &diag);
    if (!context) {
        fail_msg("%s", diag.message);
    }
    return context;
}

/* What a stream is embedded in. */
struct owner {
    struct wsp_stream stream; /* first */
    struct tls_stage *stage;
};

static struct tls_stage *stage_of(const struct wsp_stream *stream)
{
    return ((const struct owner *)stream)->stage;
}

static struct wsp_loop *loop_of(const struct wsp_stream *stream)
{
    return stage_of(stream)->loop;
}

static void drop(struct tls_stage *stage)
{
    wsp_stream_fini(stage->stream);
    free(stage->stream);
    stage->stream = NULL;
}

static void on_data(struct wsp_stream *stream, uint8_t *data, size_t len)
{
    struct tls_stage *stage = stage_of(stream);
    assert_true(stage->got_len + len <= STAGE_GOT_MAX);
    memcpy(stage->got + stage->got_len, data, len);
    memset(data, 0xee, len); /* it may be changed */
    stage->got_len += len;
    stage->data_calls++;
    if (stage->is_freed_on_data) {
        drop(stage);
    }
}

static void on_end(struct wsp_stream *stream, int error)
{
    struct tls_stage *stage = stage_of(stream);
    stage->ends++;
    stage->end_error = error;
    snprintf(stage->failure, sizeof stage->failure, "%s",
             wsp_stream_tls_failure(stage->stream));
    if (stage->is_freed_on_end) {
        drop(stage);
    }
}

static void on_writable(struct wsp_stream *stream)
{
    stage_of(stream)->writables++;
}

static const struct wsp_stream_ops ops = {loop_of, on_data, on_end,
                                          on_writable};

void tls_stage_init(struct tls_stage *stage, struct wsp_tls_context *context,
                    const struct tls_client_form *form)
{
    int pair[2];
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    *stage = (struct tls_stage){.loop = wsp_loop_new(NULL), .context = context};
    assert_non_null(stage->loop);
    stage->got = malloc(STAGE_GOT_MAX);
    struct owner *owner = malloc(sizeof *owner);
    assert_non_null(stage->got);
    assert_non_null(owner);
    owner->stage = stage;
    stage->stream = &owner->stream;
    assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
    wsp_stream_init(stage->stream, pair[0], &ops);
    assert_true(wsp_stream_secure(stage->stream, context));
    assert_true(wsp_stream_want_read(stage->stream, true));
    tls_client_init(&stage->client, pair[1], form);
}

void tls_stage_fini(struct tls_stage *stage)
{
    if (stage->stream) {
        drop(stage);
    }
    tls_client_fini(&stage->client);
    wsp_tls_context_unref(stage->context);
    wsp_loop_free(stage->loop);
    free(stage->got);
}

/* The server is done with the client's last words, which it may refuse. */
bool tls_stage_shake(struct tls_stage *stage)
{
    char none[1];
    LOOP_WAIT(stage->loop, tls_client_shake(&stage->client) ||
                               stage->client.has_ended || stage->ends);
    LOOP_WAIT(stage->loop, stage->ends || stage->client.has_ended ||
                               wsp_stream_write(stage->stream, "!", 1) == 1);
    LOOP_WAIT(stage->loop,
              tls_client_read(&stage->client, none, 1) == 1 ||
                  stage->client.has_ended ||
                  (stage->ends && !tls_client_shake(&stage->client)));
    return stage->ends == 0 && !stage->client.has_ended;
}

void tls_stage_client_reads(struct tls_stage *stage, void *out, size_t len)
{
    size_t have = 0;
    while (have < len) {
        size_t got = 0;
        LOOP_WAIT(stage->loop,
                  (got = tls_client_read(&stage->client, (char *)out + have,
                                         len - have)) > 0 ||
                      stage->client.has_ended);
        assert_false(stage->client.has_ended);
        have += got;
    }
}

void tls_stage_client_writes(struct tls_stage *stage, const void *data,
                             size_t len)
{
    size_t have = 0;
    while (have < len) {
        size_t sent = 0;
        LOOP_WAIT(stage->loop, (sent = tls_client_write(
                                    &stage->client, (const char *)data + have,
                                    len - have)) > 0 ||
                                   stage->client.has_ended);
        assert_false(stage->client.has_ended);
        have += sent;
    }
}
