/* SPDX-License-Identifier: MIT */
#include "runtime/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/inflate.h"
#include "runtime/admin.h"

#define IDLE_READERS 64 /* frame contexts kept for the next incomplete frame */

/* ---- logging ---- */

void wsp_server_log(struct wsp_server *server, enum wsp_log_level level,
                    const char *message, const struct wsp_log_field *fields,
                    size_t count)
{
    const struct wsp_logger *logger = &server->settings->options.logger;
    if (!wsp_log_enabled(logger, level) || count > 8) {
        return;
    }
    struct wsp_log_field all[9];
    if (count) {
        memcpy(all, fields, count * sizeof *fields);
    }
    all[count] = WSP_LOG_NUM("generation", server->hub.config.generation);
    wsp_log(logger, level, message, all, count + 1);
}

/* ---- turns ---- */

void wsp_server_wake(struct wsp_server *server)
{
    if (!server->hub.is_settling) {
        wsp_loop_hurry(server->loop);
    }
}

static void collect_failed(struct wsp_server *server)
{
    struct wsp_transport *transport;
    while ((transport = STAILQ_FIRST(&server->failed))) {
        STAILQ_REMOVE_HEAD(&server->failed, fallen);
        wsp_transport_collect_failed(transport);
    }
}

static void free_dead(struct wsp_server *server)
{
    struct wsp_transport *transport;
    while ((transport = STAILQ_FIRST(&server->dead))) {
        STAILQ_REMOVE_HEAD(&server->dead, fallen);
        wsp_transport_free(transport);
    }
}

static void close_entrance(struct wsp_server *server)
{
    wsp_entrance_close(&server->entrance);
    wsp_keyring_close(server);
    wsp_admin_close(server);
}

static void destroy_transports(struct wsp_server *server)
{
    struct wsp_transport *transport;
    struct wsp_transport *next;
    for (transport = TAILQ_FIRST(&server->transports); transport;
         transport = next) {
        next = TAILQ_NEXT(transport, entry);
        if (transport->link.session) {
            wsp_session_lost(transport->link.session, NULL);
        }
        wsp_transport_destroy(transport);
    }
}

static void reach_barrier(struct wsp_server *server)
{
    server->is_closed = true;
    close_entrance(server);
    destroy_transports(server);
    wsp_server_log(server, WSP_LOG_INFO, "wspulse: server closed", NULL, 0);
    struct wsp_close_waiter *waiter;
    while ((waiter = STAILQ_FIRST(&server->waiters))) {
        STAILQ_REMOVE_HEAD(&server->waiters, link);
        if (waiter->done) {
            waiter->done(waiter->ud);
        }
        if (waiter != &server->first_waiter) {
            free(waiter);
        }
    }
}

static bool is_quiet(const struct wsp_server *server)
{
    return server->channel_count == 0 && !wsp_hub_is_unsettled(&server->hub) &&
           !server->hub.is_settling;
}

/* Sets the timer for the hub's next deadline, when that has changed. */
static void set_timer(struct wsp_server *server)
{
    int64_t wait_ms = wsp_hub_wait_ms(&server->hub);
    if (wait_ms < 0) {
        return; /* a timer that is still set fires for nothing, once */
    }
    uint64_t now_ms = wsp_loop_now_ms(server->loop);
    uint64_t at_ms = now_ms + (uint64_t)wait_ms;
    if (server->timer_at_ms > now_ms && server->timer_at_ms <= at_ms) {
        return;
    }
    bool is_set = wsp_timer_start(server->timer, (uint64_t)wait_ms);
    server->timer_at_ms = is_set ? at_ms : 0;
}

static void on_timer(void *ud)
{
    struct wsp_server *server = ud;
    uint64_t now_ms = wsp_loop_now_ms(server->loop);
    if (server->timer_at_ms) {
        wsp_metrics_lag(&server->hub.metrics, now_ms > server->timer_at_ms
                                                  ? now_ms - server->timer_at_ms
                                                  : 0);
    }
    server->timer_at_ms = 0; /* the turn's tail does the work */
}

/* Most turns bring messages and answers, and leave nothing to be done. The
 * timer that is set tells when the next deadline comes. */
static bool is_done(const struct wsp_server *server)
{
    return server->timer_at_ms != 0 &&
           wsp_hub_rests_until(&server->hub, server->timer_at_ms) &&
           STAILQ_EMPTY(&server->failed) && STAILQ_EMPTY(&server->dead) &&
           (!server->is_closing || server->is_closed);
}

static void on_tail(void *ud)
{
    struct wsp_server *server = ud;
    if (is_done(server)) {
        return;
    }
    do {
        wsp_hub_turn(&server->hub);
        collect_failed(server);
    } while (!STAILQ_EMPTY(&server->failed) ||
             wsp_hub_is_unsettled(&server->hub));
    if (server->is_closing && !server->is_closed && is_quiet(server)) {
        reach_barrier(server);
    }
    wsp_hub_turn(&server->hub);
    free_dead(server);
    if (server->is_started && !server->is_closed) {
        set_timer(server);
    }
}

/* ---- life ---- */

static uint64_t now_ms(void *ud)
{
    return wsp_loop_now_ms(ud);
}

static struct wsp_reader_limits reader_limits(
    const struct wsp_settings *settings)
{
    return (struct wsp_reader_limits){
        .max_message = (size_t)settings->options.max_message_size,
        .max_fragments = (uint32_t)settings->options.max_fragments,
        .validate_utf8 = settings->options.validate_utf8,
    };
}

/* Takes what is said of compression over; what was agreed on before stays. */
static void set_compression(struct wsp_server *server)
{
    const struct wsp_compression_options *options =
        &server->settings->options.compression;
    server->compression.min_size = (size_t)options->min_size;
    server->compression.level = (int)options->level;
    wsp_reader_pool_inflaters(server->readers)->max_bytes =
        (size_t)options->max_memory;
}

static enum wsp_err check(const struct wsp_options *options,
                          const struct wsp_handlers *handlers,
                          struct wsp_diag *diag)
{
    if (!handlers->connect) {
        return wsp_diag_set(
            diag, WSP_ERR_INVALID_OPTION,
            "wspulse: NewServer: connect must not be nil (connect = nil)");
    }
    return wsp_options_check(options, diag);
}

static struct wsp_server *allocate(struct wsp_loop *loop,
                                   const struct wsp_options *options)
{
    struct wsp_server *server = calloc(1, sizeof *server);
    if (!server) {
        return NULL;
    }
    TAILQ_INIT(&server->transports);
    STAILQ_INIT(&server->failed);
    STAILQ_INIT(&server->dead);
    STAILQ_INIT(&server->waiters);
    wsp_entrance_init(&server->entrance);
    wsp_address_counts_init(&server->addresses);
    server->loop = loop;
    wsp_callback_init(&server->callback, wsp_loop_board(loop));
    server->cork = wsp_loop_cork_buffer(loop);
    server->settings = wsp_settings_new(options);
    server->readers = wsp_reader_pool_new(IDLE_READERS);
    server->timer = wsp_timer_new(loop, on_timer, server);
    if (server->settings && server->readers && server->timer) {
        return server;
    }
    wsp_settings_free(server->settings);
    if (server->readers) {
        wsp_reader_pool_free(server->readers);
    }
    wsp_timer_free(server->timer);
    free(server);
    return NULL;
}

enum wsp_err wsp_server_new(struct wsp_loop *loop,
                            const struct wsp_options *options,
                            const struct wsp_handlers *handlers,
                            struct wsp_server **out, struct wsp_diag *diag)
{
    enum wsp_err err = check(options, handlers, diag);
    if (err) {
        return err;
    }
    struct wsp_server *server = allocate(loop, options);
    if (!server) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                            wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
    }
    server->handlers = *handlers;
    server->limits = reader_limits(server->settings);
    server->compression.metrics = &server->hub.metrics;
    set_compression(server);
    struct wsp_hub_config config = wsp_settings_hub_config(
        server->settings, handlers->on_message != NULL, 1);
    struct wsp_clock clock = {now_ms, loop};
    wsp_hub_init(&server->hub, &config, &wsp_server_hub_events, server, &clock);
    wsp_metrics_set_hooks(&server->hub.metrics, &handlers->metrics);
    server->tail = (struct wsp_loop_tail){.fn = on_tail, .ud = server};
    wsp_loop_tail_add(loop, &server->tail);
    *out = server;
    return WSP_OK;
}

static void log_started(struct wsp_server *server)
{
    const char *address;
    for (size_t i = 0; (address = wsp_server_address(server, i)); i++) {
        struct wsp_log_field fields[] = {
            WSP_LOG_STR("server", server->settings->options.name),
            WSP_LOG_STR("address", address),
        };
        wsp_server_log(server, WSP_LOG_INFO, "wspulse: server started", fields,
                       2);
    }
    if (server->settings->options.origin_policy == WSP_ORIGIN_ANY) {
        wsp_server_log(server, WSP_LOG_WARN,
                       "SECURITY: check_origin is \"any\": every web page may "
                       "open a WebSocket here; set check_origin = \"same\" or "
                       "a list of origins",
                       NULL, 0);
    }
}

enum wsp_err wsp_server_start(struct wsp_server *server, struct wsp_diag *diag)
{
    if (server->is_closing) {
        return wsp_diag_set(diag, WSP_ERR_SERVER_CLOSED, "%s",
                            wsp_err_text(WSP_ERR_SERVER_CLOSED));
    }
    if (server->is_started) {
        return WSP_OK;
    }
    enum wsp_err err = wsp_entrance_open(server, diag);
    if (!err) {
        err = wsp_admin_open(server, diag);
    }
    if (err) {
        close_entrance(server);
        return err;
    }
    server->is_started = true;
    log_started(server);
    return WSP_OK;
}

/* Remembers who waits. Owns: `waiter`; NULL means no memory, and false. */
static bool add_waiter(struct wsp_server *server,
                       struct wsp_close_waiter *waiter, wsp_loop_fn done,
                       void *ud)
{
    if (!waiter) {
        return false;
    }
    *waiter = (struct wsp_close_waiter){.done = done, .ud = ud};
    STAILQ_INSERT_TAIL(&server->waiters, waiter, link);
    return true;
}

/* The first one to close needs no memory for that. */
static struct wsp_close_waiter *get_waiter(struct wsp_server *server)
{
    return server->first_waiter.done ? malloc(sizeof(struct wsp_close_waiter))
                                     : &server->first_waiter;
}

void wsp_server_close(struct wsp_server *server, wsp_loop_fn done, void *ud)
{
    bool is_waiting = done && !server->is_closed &&
                      add_waiter(server, get_waiter(server), done, ud);
    if (!server->is_closing) {
        server->is_closing = true;
        wsp_server_log(server, WSP_LOG_INFO, "wspulse: server closing", NULL,
                       0);
        wsp_hub_close(&server->hub);
    }
    if (done && !is_waiting) {
        done(ud);
    }
    wsp_server_wake(server);
}

enum wsp_err wsp_server_wait(struct wsp_server *server, wsp_loop_fn done,
                             void *ud)
{
    if (server->is_closed) {
        done(ud);
        return WSP_OK;
    }
    struct wsp_close_waiter *waiter = malloc(sizeof *waiter);
    return add_waiter(server, waiter, done, ud) ? WSP_OK
                                                : WSP_ERR_OUT_OF_MEMORY;
}

void wsp_server_abort(struct wsp_server *server)
{
    server->is_closing = true;
    wsp_hub_close(&server->hub);
    destroy_transports(server);
    wsp_server_wake(server);
}

bool wsp_server_is_closed(const struct wsp_server *server)
{
    return server->is_closed;
}

bool wsp_server_is_started(const struct wsp_server *server)
{
    return server->is_started;
}

bool wsp_server_is_ready(const struct wsp_server *server)
{
    return server->is_started && !server->is_closing;
}

void wsp_server_free(struct wsp_server *server)
{
    wsp_server_abort(server);
    on_tail(server);
    close_entrance(server);
    wsp_loop_tail_remove(server->loop, &server->tail);
    wsp_timer_free(server->timer);
    wsp_hub_fini(&server->hub);
    wsp_reader_pool_free(server->readers);
    wsp_compression_fini(&server->compression);
    wsp_settings_free(server->settings);
    wsp_address_counts_fini(&server->addresses);
    free(server);
}

const char *wsp_server_name(const struct wsp_server *server)
{
    return server->settings->options.name;
}

const char *wsp_server_path(const struct wsp_server *server)
{
    return server->settings->options.path;
}

const char *wsp_server_address(const struct wsp_server *server, size_t index)
{
    return wsp_entrance_address(&server->entrance, index);
}

/* ---- swaps ---- */

static void warn_kept(struct wsp_server *server,
                      const struct wsp_settings *next)
{
    size_t index = 0;
    const char *name;
    while ((name = wsp_settings_kept(server->settings, next, &index))) {
        struct wsp_log_field field = WSP_LOG_STR("option", name);
        wsp_server_log(server, WSP_LOG_WARN,
                       "wspulse: option is not live on a reload, the old value "
                       "stays until a restart",
                       &field, 1);
    }
}

/* Options that are bound to open sockets keep their old texts; the places with
 * new certificates are the same ones. */
static struct wsp_options merge(const struct wsp_settings *old,
                                const struct wsp_options *options)
{
    struct wsp_options merged = *options;
    if (!wsp_settings_takes_tls(old, options)) {
        merged.tls = old->options.tls;
        merged.listen = old->options.listen;
        merged.listen_count = old->options.listen_count;
    }
    merged.name = old->options.name;
    merged.admin_listen = old->options.admin_listen;
    merged.path = old->options.path;
    merged.codec = old->options.codec;
    return merged;
}

/* What a swap puts in place, made before anything changes. */
struct swap {
    struct wsp_settings *asked; /* as the options are */
    struct wsp_settings *next;  /* with what stays */
    struct wsp_keys keys;
};

static enum wsp_err prepare_swap(struct wsp_server *server,
                                 const struct wsp_options *options,
                                 const struct wsp_handlers *handlers,
                                 struct swap *swap, struct wsp_diag *diag)
{
    struct wsp_options merged = merge(server->settings, options);
    enum wsp_err err = check(&merged, handlers, diag);
    if (err) {
        return err; /* what is kept must fit the new */
    }
    swap->asked = wsp_settings_new(options);
    swap->next = wsp_settings_new(&merged);
    if (!swap->asked || !swap->next) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                            wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
    }
    return wsp_keyring_prepare(server, &swap->next->options, &swap->keys, diag);
}

enum wsp_err wsp_server_swap(struct wsp_server *server,
                             const struct wsp_options *options,
                             const struct wsp_handlers *handlers,
                             unsigned generation, struct wsp_diag *diag)
{
    struct swap swap = {NULL, NULL, {NULL, 0, 0}};
    enum wsp_err err = check(options, handlers, diag);
    if (!err) {
        err = prepare_swap(server, options, handlers, &swap, diag);
    }
    if (err) {
        wsp_settings_free(swap.asked);
        wsp_settings_free(swap.next);
        return err;
    }
    warn_kept(server, swap.asked);
    wsp_settings_free(swap.asked);
    wsp_settings_keep(server->settings, swap.next);
    wsp_settings_free(server->settings);
    server->settings = swap.next;
    server->handlers = *handlers;
    wsp_metrics_set_hooks(&server->hub.metrics, &handlers->metrics);
    server->limits = reader_limits(swap.next);
    set_compression(server);
    server->hub.config = wsp_settings_hub_config(
        swap.next, handlers->on_message != NULL, generation);
    wsp_keyring_take(server, &swap.keys);
    return WSP_OK;
}
