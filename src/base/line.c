/* SPDX-License-Identifier: MIT */
#include "base/line.h"

#include <string.h>

static const char ellipsis[] = "\xe2\x80\xa6"; /* U+2026 */
#define ELLIPSIS_LEN (sizeof ellipsis - 1)

static size_t room_in(const struct wsp_line *line)
{
    return line->size > line->len ? line->size - line->len : 0;
}

bool wsp_line_add(struct wsp_line *line, const char *text)
{
    size_t len = strlen(text);
    if (room_in(line) < len) {
        return false;
    }
    memcpy(line->data + line->len, text, len);
    line->len += len;
    return true;
}

bool wsp_line_escape(struct wsp_line *line, struct wsp_span text,
                     enum wsp_escape style, size_t max)
{
    size_t room = room_in(line);
    size_t end = line->len + (max < room ? max : room);
    size_t cut = line->len; /* where the ellipsis would fit */
    while (text.len > 0) {
        char piece[WSP_ESCAPE_MAX];
        size_t len;
        size_t taken = wsp_escape_next(text, style, piece, &len);
        if (len > end - line->len) {
            line->len = cut;
            wsp_line_add(line, end - cut < ELLIPSIS_LEN ? "" : ellipsis);
            return false;
        }
        memcpy(line->data + line->len, piece, len);
        line->len += len;
        if (end - line->len >= ELLIPSIS_LEN) {
            cut = line->len;
        }
        text.data += taken;
        text.len -= taken;
    }
    return true;
}
