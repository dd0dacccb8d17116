/* SPDX-License-Identifier: MIT */
#include "core/compression.h"

#define BIT_RSV1 0x40 /* compressed (RFC 7692 §6) */

void wsp_compression_fini(struct wsp_compression *compression)
{
    wsp_deflater_fini(&compression->deflater);
}

bool wsp_compression_pack(struct wsp_compression *compression,
                          struct wsp_span message, uint8_t opcode,
                          uint8_t window_bits, struct wsp_packed *packed)
{
    if (message.len < compression->min_size) {
        return false;
    }
    packed->payload = wsp_deflater_run(&compression->deflater, message,
                                       window_bits, compression->level);
    if (!packed->payload.data) {
        return false;
    }
    packed->head_len =
        wsp_frame_head_build(packed->head, opcode, packed->payload.len);
    packed->head[0] |= BIT_RSV1;
    compression->metrics->messages_compressed++;
    return true;
}

/* Makes the form; NULL when the blob stays plain, or without memory. */
static struct wsp_blob *make_form(struct wsp_compression *compression,
                                  struct wsp_blob *blob, uint8_t window_bits)
{
    struct wsp_packed packed;
    if (!wsp_compression_pack(compression, wsp_blob_payload(blob), blob->opcode,
                              window_bits, &packed)) {
        wsp_blob_stay_plain(blob, window_bits);
        return NULL;
    }
    struct wsp_blob *form = wsp_blob_new(packed.payload, blob->opcode);
    if (form) {
        wsp_blob_set_head(form, packed.head, packed.head_len);
        wsp_blob_add_form(blob, form, window_bits);
    }
    return form;
}

struct wsp_blob *wsp_compression_choose(struct wsp_compression *compression,
                                        struct wsp_blob *blob,
                                        uint8_t window_bits)
{
    if (wsp_blob_payload_len(blob) < compression->min_size ||
        wsp_blob_stays_plain(blob, window_bits)) {
        return blob;
    }
    struct wsp_blob *form = wsp_blob_form(blob, window_bits);
    if (!form) {
        form = make_form(compression, blob, window_bits);
    }
    return form ? form : blob;
}
