/* SPDX-License-Identifier: MIT */
/* A growable run of bytes.
 * Owner: whoever embeds it. Thread: the owner's. */
#ifndef WSP_BASE_BUF_H
#define WSP_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct wsp_buf {
    char *data;      /* heap; NULL while nothing was ever added */
    size_t len;      /* bytes in use */
    size_t capacity; /* bytes allocated */
};

/* A zeroed struct is an empty buffer as well. */
void wsp_buf_init(struct wsp_buf *buf);
void wsp_buf_fini(struct wsp_buf *buf);

/* Makes room for `extra` bytes behind len. Returns false without memory; the
 * buffer is then as it was. */
bool wsp_buf_reserve(struct wsp_buf *buf, size_t extra);

/* Appends bytes. Returns false without memory. */
bool wsp_buf_add(struct wsp_buf *buf, const void *data, size_t len);

/* Appends formatted text without its NUL. Returns false without memory. */
bool wsp_buf_printf(struct wsp_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Empties the buffer and gives memory beyond `keep` bytes back. */
void wsp_buf_reset(struct wsp_buf *buf, size_t keep);

#endif
