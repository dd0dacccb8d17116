/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wsp_buf_init(struct wsp_buf *buf)
{
    *buf = (struct wsp_buf){NULL, 0, 0};
}

void wsp_buf_fini(struct wsp_buf *buf)
{
    free(buf->data);
    wsp_buf_init(buf);
}

bool wsp_buf_reserve(struct wsp_buf *buf, size_t extra)
{
    if (buf->capacity - buf->len >= extra) {
        return true;
    }
    if (extra > SIZE_MAX / 2 - buf->len) {
        return false;
    }
    size_t wanted = buf->len + extra;
    size_t capacity = buf->capacity ? buf->capacity * 2 : 64;
    if (capacity < wanted) {
        capacity = wanted;
    }
    char *data = realloc(buf->data, capacity);
    if (!data) {
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

bool wsp_buf_add(struct wsp_buf *buf, const void *data, size_t len)
{
    if (len == 0) {
        return true;
    }
    if (!wsp_buf_reserve(buf, len)) {
        return false;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return true;
}

bool wsp_buf_printf(struct wsp_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool is_ok = len >= 0 && wsp_buf_reserve(buf, (size_t)len + 1);
    if (is_ok) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return is_ok;
}

void wsp_buf_reset(struct wsp_buf *buf, size_t keep)
{
    buf->len = 0;
    if (buf->capacity > keep) {
        wsp_buf_fini(buf);
    }
}
