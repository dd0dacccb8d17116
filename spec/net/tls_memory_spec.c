/* SPDX-License-Identifier: MIT */
/* Hostile 60: memory ends at an allocation of a TLS connection's life, of ours
 * or of OpenSSL's. There are twenty thousand of them: every 41st is tried, or
 * every Nth with WSP_FAULT_STEP=N. */
#include "net/tls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"
#include "net/stream.h"
#include "support/certificates.h"
#include "support/heap.h"
#include "support/tls_client.h"

#define STEP 41
#define ALLOCATIONS_MAX 200000
#define TURNS 200

/* ---- what OpenSSL allocates: refused like ours, but not counted as open, since
 * it keeps some of it for the process ---- */

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
/* NOLINTEND(bugprone-reserved-identifier) */

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return heap_refuses() ? NULL : __real_malloc(size);
}

static void *reallocate(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return heap_refuses() ? NULL : __real_realloc(block, size);
}

static void release(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    __real_free(block);
}

/* ---- one life ---- */

struct life {
    struct wsp_stream stream; /* first */
    struct wsp_loop *loop;
    struct wsp_tls_context *context;
    struct tls_client client;
    bool is_echoed;
    bool has_ended;
};

static struct wsp_loop *loop_of(const struct wsp_stream *stream)
{
    return ((const struct life *)stream)->loop;
}

static void on_data(struct wsp_stream *stream, uint8_t *data, size_t len)
{
    struct life *life = (struct life *)stream;
    free(wsp_stream_certificate(stream));
    if (wsp_stream_write(stream, data, len) < 0) {
        life->has_ended = true;
    }
}

static void on_end(struct wsp_stream *stream, int error)
{
    (void)error;
    ((struct life *)stream)->has_ended = true;
}

static void on_writable(struct wsp_stream *stream)
{
    (void)stream;
}

static const struct wsp_stream_ops ops = {loop_of, on_data, on_end,
                                          on_writable};

static struct wsp_tls_context *new_context(const struct certificates *all)
{
    char cert[CERTIFICATES_PATH_MAX];
    char key[CERTIFICATES_PATH_MAX];
    char ca[CERTIFICATES_PATH_MAX];
    certificates_path(all, "a.pem", cert);
    certificates_path(all, "a.key", key);
    certificates_path(all, "ca.pem", ca);
    const struct wsp_tls_pair pairs[] = {{cert, key}, {cert, key}};
    const struct wsp_tls_options options = {
        .pairs = pairs,
        .pair_count = 2,
        .ca = ca,
        .verify = WSP_TLS_VERIFY_OPTIONAL,
    };
    struct wsp_diag diag = {.code = WSP_OK};
    struct wsp_tls_context *context =
        wsp_tls_context_new(&options, "tls", &diag);
    assert_true(context || diag.code != WSP_OK);
    return context;
}

/* The client has all the memory it wants. */
static void turn_client(struct life *life)
{
    char got[8];
    heap_hold();
    if (tls_client_shake(&life->client)) {
        tls_client_write(&life->client, "hello", 5);
        size_t len = tls_client_read(&life->client, got, sizeof got);
        life->is_echoed = life->is_echoed || len > 0;
    }
    heap_release();
}

static void talk(struct life *life)
{
    wsp_stream_want_read(&life->stream, true);
    for (int i = 0; i < TURNS && !life->has_ended && !life->is_echoed; i++) {
        turn_client(life);
        wsp_loop_poll(life->loop, 0);
    }
    if (!life->has_ended) {
        wsp_stream_shutdown(&life->stream);
    }
}

/* Returns how many allocations were refused. */
static long live(const struct certificates *all, long number)
{
    struct life life = {.has_ended = false};
    char cert[CERTIFICATES_PATH_MAX];
    char key[CERTIFICATES_PATH_MAX];
    int pair[2];
    heap_hold();
    life.loop = wsp_loop_new(NULL);
    assert_non_null(life.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair),
                     0);
    certificates_path(all, "a.pem", cert);
    certificates_path(all, "a.key", key);
    const struct tls_client_form form = {
        .server_name = "a.example", .cert = cert, .key = key};
    tls_client_init(&life.client, pair[1], &form);
    wsp_stream_init(&life.stream, pair[0], &ops);
    heap_release();
    heap_refuse(number, 1);
    life.context = new_context(all);
    if (life.context && wsp_stream_secure(&life.stream, life.context)) {
        talk(&life);
    }
    wsp_stream_fini(&life.stream);
    wsp_tls_context_unref(life.context);
    long refused = heap_refused();
    heap_refuse(0, 0);
    assert_true(refused > 0 || life.is_echoed);
    tls_client_fini(&life.client);
    wsp_loop_free(life.loop);
    return refused;
}

static void hostile_60_memory_ends_anywhere(void **state)
{
    const char *text = getenv("WSP_FAULT_STEP");
    long step = text ? atol(text) : STEP;
    long number = 1;
    long lives = 0;
    live(*state, 0); /* what OpenSSL makes once is there */
    while (live(*state, number) > 0 && number < ALLOCATIONS_MAX) {
        number += step;
        lives++;
    }
    print_message("%ld allocations were refused\n", lives);
    assert_in_range(number, 1000, ALLOCATIONS_MAX - 1);
}

static int set_up(void **state)
{
    static struct certificates all;
    const struct certificate_form form = {.file = "a",
                                          .names = "DNS:a.example"};
    certificates_init(&all);
    certificates_make(&all, &form);
    *state = &all;
    return 0;
}

static int tear_down(void **state)
{
    certificates_fini(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_60_memory_ends_anywhere),
    };
    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1) {
        return 1;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
