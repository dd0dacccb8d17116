/* SPDX-License-Identifier: MIT */
#include "base/blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wsp_blob *wsp_blob_new(struct wsp_span payload, uint8_t opcode)
{
    if (payload.len > SIZE_MAX / 2) {
        return NULL;
    }
    struct wsp_blob *blob =
        malloc(sizeof *blob + WSP_BLOB_HEAD_MAX + payload.len);
    if (!blob) {
        return NULL;
    }
    atomic_init(&blob->ref_count, 1);
    blob->head_len = 0;
    blob->opcode = opcode;
    blob->len = payload.len;
    if (payload.len) {
        memcpy(blob->bytes + WSP_BLOB_HEAD_MAX, payload.data, payload.len);
    }
    return blob;
}

void wsp_blob_set_head(struct wsp_blob *blob, const uint8_t *head,
                       size_t head_len)
{
    assert(blob->head_len == 0 && head_len <= WSP_BLOB_HEAD_MAX);
    memcpy(blob->bytes + WSP_BLOB_HEAD_MAX - head_len, head, head_len);
    blob->head_len = (uint8_t)head_len;
    blob->len += head_len;
}

void wsp_blob_unref(struct wsp_blob *blob, unsigned count)
{
    if (atomic_fetch_sub_explicit(&blob->ref_count, count,
                                  memory_order_acq_rel) == count) {
        free(blob);
    }
}
