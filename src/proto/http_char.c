/* SPDX-License-Identifier: MIT */
#include "proto/http_char.h"

#define BLANK (WSP_HTTP_VALUE | WSP_HTTP_BLANK)
#define PLAIN (WSP_HTTP_VALUE | WSP_HTTP_TARGET)
#define TOKEN (PLAIN | WSP_HTTP_TOKEN)
#define HOST (PLAIN | WSP_HTTP_HOST)
#define BOTH (TOKEN | WSP_HTTP_HOST)

/* What is not listed, control characters above all, may stand nowhere. */
const uint8_t wsp_http_classes[256] = {
    ['\t'] = BLANK,
    [' '] = BLANK,
    ['!'] = BOTH,
    ['"'] = PLAIN,
    ['#'] = WSP_HTTP_VALUE | WSP_HTTP_TOKEN,
    ['$'] = BOTH,
    ['%'] = BOTH,
    ['&'] = BOTH,
    ['\''] = BOTH,
    ['('] = HOST,
    [')'] = HOST,
    ['*'] = BOTH,
    ['+'] = BOTH,
    [','] = HOST,
    ['-'] = BOTH,
    ['.'] = BOTH,
    ['/'] = PLAIN,
    ['0' ... '9'] = BOTH,
    [':'] = HOST,
    [';'] = HOST,
    ['<'] = PLAIN,
    ['='] = HOST,
    ['>'] = PLAIN,
    ['?'] = PLAIN,
    ['@'] = PLAIN,
    ['A' ... 'Z'] = BOTH,
    ['['] = HOST,
    ['\\'] = PLAIN,
    [']'] = HOST,
    ['^'] = TOKEN,
    ['_'] = BOTH,
    ['`'] = TOKEN,
    ['a' ... 'z'] = BOTH,
    ['{'] = PLAIN,
    ['|'] = TOKEN,
    ['}'] = PLAIN,
    ['~'] = BOTH,
    [0x80 ... 0xFF] = WSP_HTTP_VALUE,
};
