/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include <string.h>

static const struct wsp_codec *const codecs[] = {
    &wsp_codec_json,
    &wsp_codec_raw,
    &wsp_codec_msgpack,
};

const struct wsp_codec *wsp_codec_find(const char *name)
{
    for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
        if (strcmp(codecs[i]->name, name) == 0) {
            return codecs[i];
        }
    }
    return NULL;
}
