/* SPDX-License-Identifier: MIT */
#include "book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void note(struct book *book, const char *format, ...)
{
    size_t len = strlen(book->log);
    va_list args;
    va_start(args, format);
    int added =
        vsnprintf(book->log + len, sizeof book->log - len, format, args);
    va_end(args);
    book->call_count++;
    assert_true(added > 0 && (size_t)added < sizeof book->log - len);
    if (book->on_hook) {
        char word[256];
        snprintf(word, sizeof word, "%s", book->log + len);
        book->on_hook(book, word);
    }
}

/* ---- hooks ---- */

#define TEXT(span) (int)(span).len, (span).data

static void opened(void *ud, struct wsp_span room, struct wsp_span id)
{
    note(ud, "opened:%.*s/%.*s ", TEXT(room), TEXT(id));
}

static void closed(void *ud, struct wsp_span room, struct wsp_span id,
                   double seconds, enum wsp_reason reason)
{
    note(ud, "closed:%.*s/%.*s:%.3f:%s ", TEXT(room), TEXT(id), seconds,
         wsp_reason_text(reason));
}

static void resumed(void *ud, struct wsp_span room, struct wsp_span id)
{
    note(ud, "resumed:%.*s/%.*s ", TEXT(room), TEXT(id));
}

static void created(void *ud, struct wsp_span room)
{
    note(ud, "created:%.*s ", TEXT(room));
}

static void destroyed(void *ud, struct wsp_span room)
{
    note(ud, "destroyed:%.*s ", TEXT(room));
}

static void received(void *ud, struct wsp_span room, size_t bytes)
{
    note(ud, "received:%.*s:%zu ", TEXT(room), bytes);
}

static void broadcast(void *ud, struct wsp_span room, size_t bytes,
                      uint32_t fan_out)
{
    note(ud, "broadcast:%.*s:%zu:%u ", TEXT(room), bytes, (unsigned)fan_out);
}

static void sent(void *ud, struct wsp_span room, struct wsp_span id,
                 size_t bytes)
{
    note(ud, "sent:%.*s/%.*s:%zu ", TEXT(room), TEXT(id), bytes);
}

static void buffer(void *ud, struct wsp_span room, struct wsp_span id,
                   uint32_t used, uint32_t capacity)
{
    note(ud, "buffer:%.*s/%.*s:%u/%u ", TEXT(room), TEXT(id), (unsigned)used,
         (unsigned)capacity);
}

static void dropped(void *ud, struct wsp_span room, struct wsp_span id)
{
    note(ud, "dropped:%.*s/%.*s ", TEXT(room), TEXT(id));
}

static void timeout(void *ud, struct wsp_span room, struct wsp_span id)
{
    note(ud, "timeout:%.*s/%.*s ", TEXT(room), TEXT(id));
}

/* ---- the book ---- */

static const struct wsp_metrics_hooks all_hooks = {
    NULL,     opened,    closed, resumed, created, destroyed,
    received, broadcast, sent,   buffer,  dropped, timeout,
};

static const struct {
    const char *word;
    size_t offset;
} hooks[BOOK_HOOK_COUNT] = {
#define HOOK(word, name)                                                       \
    {                                                                          \
        word, offsetof(struct wsp_metrics_hooks, name)                         \
    }
    HOOK("opened:", connection_opened),
    HOOK("closed:", connection_closed),
    HOOK("resumed:", resume_attempt),
    HOOK("created:", room_created),
    HOOK("destroyed:", room_destroyed),
    HOOK("received:", message_received),
    HOOK("broadcast:", message_broadcast),
    HOOK("sent:", message_sent),
    HOOK("buffer:", send_buffer_utilization),
    HOOK("dropped:", frame_dropped),
    HOOK("timeout:", pong_timeout),
#undef HOOK
};

struct book *book_open(uint32_t send_buffer_size)
{
    struct book *book = malloc(sizeof *book);
    assert_non_null(book);
    struct wsp_metrics_hooks own = all_hooks;
    own.ud = book;
    fake_init(&book->fake, send_buffer_size);
    book->log[0] = '\0';
    book->on_hook = NULL;
    book->call_count = 0;
    wsp_metrics_set_hooks(&book->fake.hub.metrics, &own);
    return book;
}

void book_close(struct book *book)
{
    fake_fini(&book->fake);
    free(book);
}

void book_clear(struct book *book)
{
    book->log[0] = '\0';
}

const char *book_only(struct book *book, size_t hook)
{
    struct wsp_metrics_hooks only = {.ud = book};
    memcpy((char *)&only + hooks[hook].offset,
           (const char *)&all_hooks + hooks[hook].offset,
           sizeof only.connection_opened);
    wsp_metrics_set_hooks(&book->fake.hub.metrics, &only);
    return hooks[hook].word;
}

size_t book_count(const struct book *book, const char *word)
{
    size_t count = 0;
    const char *at = book->log;
    while (*at) {
        count += strncmp(at, word, strlen(word)) == 0;
        at = strchr(at, ' ') + 1;
    }
    return count;
}

void book_live(struct book *book)
{
    struct fake *fake = &book->fake;
    struct fake_link link;
    struct fake_link next;
    fake->hub.config.resume_window_ms = 30000;
    struct wsp_session *ann = fake_join(fake, &link, "a", "ann");
    fake_say(ann, "hello");
    link.budget = 0;
    for (uint32_t i = 0; i <= fake->hub.config.send_limits.frames; i++) {
        fake_broadcast(fake, "a", "news");
    }
    fake_pass(fake, fake->hub.config.pong_ms);
    fake_join(fake, &next, "a", "ann");
    wsp_hub_turn(&fake->hub);
    wsp_hub_kick(&fake->hub, wsp_span_of("ann"));
    wsp_hub_turn(&fake->hub);
}
