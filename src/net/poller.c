/* SPDX-License-Identifier: MIT */
#include "net/poller.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

enum wsp_err wsp_poller_init(struct wsp_poller *poller, wsp_poller_fn fn,
                             struct wsp_diag *diag)
{
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    poller->fn = fn;
    poller->at = 0;
    poller->count = 0;
    if (poller->fd < 0) {
        return wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "epoll_create1");
    }
    return WSP_OK;
}

void wsp_poller_fini(struct wsp_poller *poller)
{
    close(poller->fd);
    poller->fd = -1;
}

bool wsp_poller_watch(struct wsp_poller *poller, int fd, uint32_t before,
                      uint32_t events, void *who)
{
    int operation = EPOLL_CTL_MOD;
    if (before == events) {
        return true;
    }
    if (before == 0) {
        operation = EPOLL_CTL_ADD;
    } else if (events == 0) {
        operation = EPOLL_CTL_DEL;
    }
    struct epoll_event event = {.events = events, .data.ptr = who};
    return epoll_ctl(poller->fd, operation, fd, &event) == 0;
}

void wsp_poller_forget(struct wsp_poller *poller, const void *who)
{
    for (int i = poller->at; i < poller->count; i++) {
        if (poller->ready[i].data.ptr == who) {
            poller->ready[i].data.ptr = NULL;
        }
    }
}

int wsp_poller_run(struct wsp_poller *poller)
{
    int count;
    do {
        count = epoll_wait(poller->fd, poller->ready, WSP_POLLER_READY, 0);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) {
        return 0;
    }
    poller->count = count;
    for (poller->at = 0; poller->at < count;) {
        const struct epoll_event *event = &poller->ready[poller->at++];
        if (event->data.ptr) {
            poller->fn(event->data.ptr, event->events);
        }
    }
    poller->count = 0;
    return count;
}
