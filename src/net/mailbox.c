/* SPDX-License-Identifier: MIT */
#include "net/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The descriptor is written under the lock: whoever takes the lock afterwards,
 * wsp_mailbox_fini for instance, knows that no sender still uses it. */
static void wake(struct wsp_mailbox *mailbox)
{
    uint64_t one = 1;
    ssize_t written;
    do {
        written = write(mailbox->fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

static void push_locked(struct wsp_mailbox *mailbox,
                        struct wsp_message *message)
{
    bool was_empty = STAILQ_EMPTY(&mailbox->queued);
    STAILQ_INSERT_TAIL(&mailbox->queued, message, link);
    if (was_empty) {
        wake(mailbox);
    }
}

static void forget_all(struct wsp_message_list *list)
{
    struct wsp_message *message;
    while ((message = STAILQ_FIRST(list))) {
        STAILQ_REMOVE_HEAD(list, link);
        if (message->is_heap) {
            free(message);
        }
    }
}

static bool remove_from(struct wsp_message_list *list,
                        const struct wsp_message *wanted)
{
    struct wsp_message *message;
    STAILQ_FOREACH(message, list, link) {
        if (message == wanted) {
            STAILQ_REMOVE(list, message, wsp_message, link);
            return true;
        }
    }
    return false;
}

static void run_one(struct wsp_message *message)
{
    wsp_loop_fn fn = message->fn;
    void *ud = message->ud;
    if (message->is_heap) {
        free(message);
    }
    fn(ud);
}

enum wsp_err wsp_mailbox_init(struct wsp_mailbox *mailbox,
                              struct wsp_diag *diag)
{
    STAILQ_INIT(&mailbox->queued);
    STAILQ_INIT(&mailbox->running);
    mailbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mailbox->fd < 0) {
        return wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "eventfd");
    }
    int error = pthread_mutex_init(&mailbox->lock, NULL);
    if (error) {
        close(mailbox->fd);
        return wsp_diag_set_errno(diag, WSP_ERR_OUT_OF_MEMORY, error, "mutex");
    }
    return WSP_OK;
}

void wsp_mailbox_fini(struct wsp_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    forget_all(&mailbox->queued);
    pthread_mutex_unlock(&mailbox->lock);
    forget_all(&mailbox->running);
    pthread_mutex_destroy(&mailbox->lock);
    close(mailbox->fd);
    mailbox->fd = -1;
}

enum wsp_err wsp_mailbox_post(struct wsp_mailbox *mailbox, wsp_loop_fn fn,
                              void *ud)
{
    struct wsp_message *message = malloc(sizeof *message);
    if (!message) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    *message = (struct wsp_message){.fn = fn, .ud = ud, .is_heap = true};
    pthread_mutex_lock(&mailbox->lock);
    push_locked(mailbox, message);
    pthread_mutex_unlock(&mailbox->lock);
    return WSP_OK;
}

void wsp_mailbox_push(struct wsp_mailbox *mailbox, struct wsp_message *message)
{
    pthread_mutex_lock(&mailbox->lock);
    message->is_heap = false;
    push_locked(mailbox, message);
    pthread_mutex_unlock(&mailbox->lock);
}

bool wsp_mailbox_cancel(struct wsp_mailbox *mailbox,
                        struct wsp_message *message)
{
    pthread_mutex_lock(&mailbox->lock);
    bool is_found = remove_from(&mailbox->queued, message);
    pthread_mutex_unlock(&mailbox->lock);
    return is_found || remove_from(&mailbox->running, message);
}

void wsp_mailbox_raise(struct wsp_mailbox *mailbox, atomic_bool *flag)
{
    pthread_mutex_lock(&mailbox->lock);
    atomic_store(flag, true);
    wake(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

bool wsp_mailbox_run(struct wsp_mailbox *mailbox)
{
    /* Read before the list is taken: a message that comes in between leaves
     * the descriptor readable for the next turn. */
    uint64_t count;
    ssize_t got = read(mailbox->fd, &count, sizeof count);
    (void)got;
    pthread_mutex_lock(&mailbox->lock);
    STAILQ_CONCAT(&mailbox->running, &mailbox->queued);
    pthread_mutex_unlock(&mailbox->lock);
    bool has_mail = !STAILQ_EMPTY(&mailbox->running);
    struct wsp_message *message;
    while ((message = STAILQ_FIRST(&mailbox->running))) {
        STAILQ_REMOVE_HEAD(&mailbox->running, link);
        run_one(message);
    }
    return has_mail;
}
