/* SPDX-License-Identifier: MIT */
#include "proto/reader_work.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* An idle context keeps a message buffer up to this size. */
#define KEEP_BYTES 16384

struct wsp_reader_pool {
    struct wsp_inflate_pool inflaters;
    struct wsp_reader_feed *feed; /* under way, or NULL */
    struct wsp_reader_work *idle; /* list */
    size_t idle_count;
    size_t keep_count; /* at most so many stay idle */
};

/* Hands wslay what is there now; nothing stands for "would block". */
static ssize_t supply(uint8_t *out, size_t len, int flags, void *ud)
{
    (void)flags;
    struct wsp_reader_work *work = ud;
    size_t count = len < work->supply_len ? len : work->supply_len;
    if (count == 0) {
        return -1;
    }
    memcpy(out, work->supply, count);
    work->supply += count;
    work->supply_len -= count;
    return (ssize_t)count;
}

static void work_free(struct wsp_reader_work *work)
{
    wslay_frame_context_free(work->wslay);
    free(work->data);
    free(work);
}

static struct wsp_reader_work *work_new(struct wsp_inflate_pool *inflaters)
{
    static const struct wslay_frame_callbacks callbacks = {
        .recv_callback = supply,
    };
    struct wsp_reader_work *work = calloc(1, sizeof(*work));
    if (!work) {
        return NULL;
    }
    if (wslay_frame_context_init(&work->wslay, &callbacks, work) != 0) {
        free(work);
        return NULL;
    }
    work->inflaters = inflaters;
    return work;
}

struct wsp_reader_pool *wsp_reader_pool_new(size_t keep_count)
{
    struct wsp_reader_pool *pool = calloc(1, sizeof(*pool));
    if (pool) {
        pool->keep_count = keep_count;
    }
    return pool;
}

void wsp_reader_pool_free(struct wsp_reader_pool *pool)
{
    if (!pool) {
        return;
    }
    while (pool->idle) {
        struct wsp_reader_work *work = pool->idle;
        pool->idle = work->next;
        work_free(work);
    }
    wsp_inflate_pool_fini(&pool->inflaters);
    free(pool);
}

struct wsp_reader_feed **wsp_reader_pool_feed(struct wsp_reader_pool *pool)
{
    return &pool->feed;
}

struct wsp_inflate_pool *wsp_reader_pool_inflaters(struct wsp_reader_pool *pool)
{
    return &pool->inflaters;
}

struct wsp_reader_work *wsp_reader_pool_lend(struct wsp_reader_pool *pool,
                                             struct wsp_reader *reader)
{
    struct wsp_reader_work *work = pool->idle;
    if (work) {
        pool->idle = work->next;
        pool->idle_count--;
    } else {
        work = work_new(&pool->inflaters);
    }
    if (work) {
        work->reader = reader;
    }
    return work;
}

void wsp_reader_pool_return(struct wsp_reader_pool *pool,
                            struct wsp_reader_work *work)
{
    wsp_reader_work_let_go(work);
    /* wslay still waits for the rest of a frame that was given up. */
    bool is_clean = !work->is_in_frame || wsp_reader_work_is_complete(work);
    if (!is_clean || work->is_out_of_step ||
        pool->idle_count >= pool->keep_count) {
        work_free(work);
        return;
    }
    if (work->capacity > KEEP_BYTES) {
        free(work->data);
        work->data = NULL;
        work->capacity = 0;
    }
    wsp_reader_work_next(work);
    work->message = (struct wsp_reader_message){0};
    work->utf8 = (struct wsp_utf8){0};
    work->next = pool->idle;
    pool->idle = work;
    pool->idle_count++;
}
