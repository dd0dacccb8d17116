/* SPDX-License-Identifier: MIT */
#include <wspulse/connection.h>

const char *wsp_reason_text(enum wsp_reason reason)
{
    switch (reason) {
#define REASON_TEXT(name, text)                                                \
    case WSP_REASON_##name:                                                    \
        return text;
        WSP_REASON_MAP(REASON_TEXT)
#undef REASON_TEXT
    }
    return "normal";
}
