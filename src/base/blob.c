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
    atomic_init(&blob->plain_sizes, 0);
    atomic_init(&blob->forms, NULL);
    blob->head_len = 0;
    blob->opcode = opcode;
    blob->window_bits = 0;
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

/* Drops references and tells whether they were the last ones. */
static bool drop(struct wsp_blob *blob, unsigned count)
{
    return atomic_fetch_sub_explicit(&blob->ref_count, count,
                                     memory_order_acq_rel) == count;
}

/* The forms that hang on a blob that nobody refers to any more. */
static void drop_forms(struct wsp_blob *blob)
{
    struct wsp_blob *form = atomic_load(&blob->forms);
    while (form) {
        struct wsp_blob *next = atomic_load(&form->forms);
        if (drop(form, 1)) {
            free(form);
        }
        form = next;
    }
}

void wsp_blob_unref(struct wsp_blob *blob, unsigned count)
{
    if (drop(blob, count)) {
        if (blob->window_bits == 0) {
            drop_forms(blob);
        }
        free(blob);
    }
}

/* ---- compressed forms ---- */

struct wsp_blob *wsp_blob_form(const struct wsp_blob *blob, uint8_t window_bits)
{
    struct wsp_blob *form =
        atomic_load_explicit(&blob->forms, memory_order_acquire);
    while (form && form->window_bits != window_bits) {
        form = atomic_load_explicit(&form->forms, memory_order_relaxed);
    }
    return form;
}

void wsp_blob_add_form(struct wsp_blob *blob, struct wsp_blob *form,
                       uint8_t window_bits)
{
    struct wsp_blob *first = atomic_load(&blob->forms);
    form->window_bits = window_bits;
    do {
        atomic_store_explicit(&form->forms, first, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&blob->forms, &first, form,
                                                    memory_order_release,
                                                    memory_order_relaxed));
}
