/* SPDX-License-Identifier: MIT */
#include "cli/bench_block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 14
#define FINAL 0x80
#define MASKED 0x80
#define TEXT 0x1
#define BINARY 0x2

/* Real clients mask with random keys (RFC 6455 §5.3); what is sent here is no
 * secret and known to nobody in between, so any key will do that is not zero,
 * which would let a server skip the work. */
static const uint8_t mask_key[4] = {0x37, 0xfa, 0x21, 0x3d};

static size_t write_length(uint8_t *out, size_t len)
{
    if (len < 126) {
        out[0] = (uint8_t)(MASKED | len);
        return 1;
    }
    size_t bytes = len < 65536 ? 2 : 8;
    out[0] = bytes == 2 ? MASKED | 126 : MASKED | 127;
    for (size_t i = 0; i < bytes; i++) {
        out[bytes - i] = (uint8_t)((uint64_t)len >> (8 * i));
    }
    return 1 + bytes;
}

/* Writes a masked, final frame. Returns its length. */
static size_t write_frame(uint8_t *out, uint8_t opcode, const void *payload,
                          size_t len)
{
    const uint8_t *from = payload;
    out[0] = FINAL | opcode;
    size_t at = 1 + write_length(out + 1, len);
    memcpy(out + at, mask_key, sizeof mask_key);
    at += sizeof mask_key;
    for (size_t i = 0; i < len; i++) {
        out[at + i] = from[i] ^ mask_key[i % 4];
    }
    return at + len;
}

size_t wsp_bench_control(uint8_t out[WSP_BENCH_CONTROL_MAX], uint8_t opcode,
                         const uint8_t *payload, size_t len)
{
    return write_frame(out, opcode, payload, len < 125 ? len : 125);
}

/* Fills with readable text. */
static void fill_text(char *out, size_t len)
{
    static const char words[] = "the quick brown fox jumps over the lazy dog ";
    for (size_t i = 0; i < len; i++) {
        out[i] = words[i % (sizeof(words) - 1)];
    }
}

/* Makes the payload, NUL-terminated, on the heap. */
static char *new_payload(const struct wsp_bench_settings *settings, size_t *len)
{
    char *filler = calloc(1, (size_t)settings->size + 1);
    if (!filler || !settings->is_envelope) {
        *len = settings->size;
        if (filler) {
            fill_text(filler, *len);
        }
        return filler;
    }
    static const char format[] = "{\"id\":\"b3nch\",\"event\":\"%s\","
                                 "\"payload\":{\"text\":\"%s\"}}";
    int bare_len = snprintf(NULL, 0, format, settings->event, "");
    if ((size_t)bare_len < settings->size) {
        fill_text(filler, settings->size - (size_t)bare_len);
    }
    char *payload = NULL;
    int written = asprintf(&payload, format, settings->event, filler);
    free(filler);
    *len = written < 0 ? 0 : (size_t)written;
    return written < 0 ? NULL : payload;
}

bool wsp_bench_block_init(struct wsp_bench_block *block,
                          const struct wsp_bench_settings *settings)
{
    size_t len = 0;
    char *payload = new_payload(settings, &len);
    uint8_t *data = payload ? malloc((len + HEAD_MAX) * settings->depth) : NULL;
    if (!data) {
        free(payload);
        return false;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < settings->depth; i++) {
        at += write_frame(data + at, settings->is_binary ? BINARY : TEXT,
                          payload, len);
    }
    free(payload);
    *block = (struct wsp_bench_block){data, at / settings->depth, len};
    return true;
}

void wsp_bench_block_fini(struct wsp_bench_block *block)
{
    free(block->data);
    block->data = NULL;
}
