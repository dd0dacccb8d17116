/* SPDX-License-Identifier: MIT */
#include "proto/http_head.h"

#include <string.h>

#include "proto/http_char.h"
#include "proto/http_rule.h"

#define BAD_REQUEST (-400)
#define TOO_LARGE (-431)
#define OTHER_VERSION (-505)

/* Where the next byte belongs. */
enum state {
    STATE_START,    /* before the request line; one empty line may precede */
    STATE_START_LF, /* behind the CR of that empty line */
    STATE_METHOD,
    STATE_TARGET,
    STATE_VERSION,
    STATE_REQUEST_LF, /* behind the CR of the request line */
    STATE_LINE,       /* at the start of a header line, or of the last one */
    STATE_NAME,
    STATE_SPACE, /* behind the colon, before the value */
    STATE_VALUE,
    STATE_VALUE_LF, /* behind the CR of a header line */
    STATE_END_LF,   /* behind the CR of the empty line */
    STATE_DONE,
};

/* A walk over the bytes that are new. */
struct walk {
    struct wsp_http_head *head;
    const char *bytes;
    size_t at;
    size_t end; /* never over a bound of the head */
};

static uint16_t narrow(size_t offset)
{
    return (uint16_t)offset; /* WSP_HTTP_HEAD_MAX fits */
}

static struct wsp_http_slice slice_from(size_t start, size_t end)
{
    return (struct wsp_http_slice){narrow(start), narrow(end - start)};
}

static void enter(struct walk *walk, enum state state)
{
    walk->head->state = (uint8_t)state;
}

/* Takes the one byte that may come now. */
static int expect(struct walk *walk, char byte, enum state next)
{
    if (walk->bytes[walk->at] != byte) {
        return BAD_REQUEST;
    }
    walk->at++;
    enter(walk, next);
    return 0;
}

/* Takes the LF that ends a line. */
static int end_line(struct walk *walk, enum state next)
{
    int status = expect(walk, '\n', next);
    walk->head->line_start = narrow(walk->at);
    return status;
}

static void skip_class(struct walk *walk, enum wsp_http_class class)
{
    while (walk->at < walk->end && wsp_http_is(walk->bytes[walk->at], class)) {
        walk->at++;
    }
}

/* ---- the request line ---- */

static int on_start(struct walk *walk)
{
    /* RFC 9112 §2.2: an empty line before the request is ignored; one is. */
    if (walk->bytes[walk->at] == '\r' && walk->at == 0) {
        return expect(walk, '\r', STATE_START_LF);
    }
    walk->head->line_start = narrow(walk->at);
    enter(walk, STATE_METHOD);
    return 0;
}

static int on_method(struct walk *walk)
{
    size_t start = walk->head->line_start;
    skip_class(walk, WSP_HTTP_TOKEN);
    if (walk->at == walk->end) {
        return 0;
    }
    walk->head->method = slice_from(start, walk->at);
    if (walk->at == start) {
        return BAD_REQUEST;
    }
    int status = expect(walk, ' ', STATE_TARGET);
    walk->head->target.offset = narrow(walk->at);
    return status;
}

static int on_target(struct walk *walk)
{
    struct wsp_http_head *head = walk->head;
    skip_class(walk, WSP_HTTP_TARGET);
    if (walk->at == walk->end) {
        return 0;
    }
    head->target = slice_from(head->target.offset, walk->at);
    if (!wsp_http_target_split(head, walk->bytes)) {
        return BAD_REQUEST;
    }
    return expect(walk, ' ', STATE_VERSION);
}

/* RFC 9112 §2.3: "HTTP/", a digit, ".", a digit; the case matters. */
static int on_version(struct walk *walk)
{
    static const char form[] = "HTTP/d.d\r";
    struct wsp_http_head *head = walk->head;
    size_t start = (size_t)head->target.offset + head->target.len + 1;
    size_t index = walk->at - start;
    if (form[index] != 'd') {
        enum state next =
            form[index] == '\r' ? STATE_REQUEST_LF : STATE_VERSION;
        return expect(walk, form[index], next);
    }
    char digit = walk->bytes[walk->at++];
    if (digit < '0' || digit > '9') {
        return BAD_REQUEST;
    }
    bool is_major = index == 5;
    if (is_major && digit > '1') {
        return OTHER_VERSION;
    }
    /* What is below 1.1 is 0; a later 1.x is read as 1.1 (RFC 9110 §2.5). */
    head->minor = digit != '0' && (is_major || head->minor == 1);
    return 0;
}

static int on_request_lf(struct walk *walk)
{
    return end_line(walk, STATE_LINE);
}

/* ---- header lines ---- */

static int on_line(struct walk *walk)
{
    struct wsp_http_head *head = walk->head;
    if (walk->bytes[walk->at] == '\r') {
        return expect(walk, '\r', STATE_END_LF);
    }
    if (head->field_count == WSP_HTTP_HEADERS_MAX) {
        return TOO_LARGE;
    }
    head->fields[head->field_count].name.offset = narrow(walk->at);
    enter(walk, STATE_NAME);
    return 0;
}

/* A name without a character fails here: a folded line (RFC 9112 §5.2), and so
 * does one with a space before its colon (§5.1). */
static int on_name(struct walk *walk)
{
    struct wsp_http_field *field = &walk->head->fields[walk->head->field_count];
    skip_class(walk, WSP_HTTP_TOKEN);
    if (walk->at == walk->end) {
        return 0;
    }
    field->name = slice_from(field->name.offset, walk->at);
    return field->name.len == 0 ? BAD_REQUEST : expect(walk, ':', STATE_SPACE);
}

static int on_space(struct walk *walk)
{
    skip_class(walk, WSP_HTTP_BLANK);
    if (walk->at < walk->end) {
        walk->head->fields[walk->head->field_count].value =
            slice_from(walk->at, walk->at);
        enter(walk, STATE_VALUE);
    }
    return 0;
}

/* The value ends at the last character of the line that is not blank. */
static int on_value(struct walk *walk)
{
    struct wsp_http_slice *value =
        &walk->head->fields[walk->head->field_count].value;
    while (walk->at < walk->end &&
           wsp_http_is(walk->bytes[walk->at], WSP_HTTP_VALUE)) {
        bool is_blank = wsp_http_is(walk->bytes[walk->at], WSP_HTTP_BLANK);
        walk->at++;
        if (!is_blank) {
            value->len = narrow(walk->at - value->offset);
        }
    }
    return walk->at == walk->end ? 0 : expect(walk, '\r', STATE_VALUE_LF);
}

static int on_value_lf(struct walk *walk)
{
    int status = end_line(walk, STATE_LINE);
    if (status == 0) {
        walk->head->field_count++;
    }
    return status;
}

static int on_start_lf(struct walk *walk)
{
    return end_line(walk, STATE_START);
}

static int on_end_lf(struct walk *walk)
{
    return end_line(walk, STATE_DONE);
}

static int (*const steps[])(struct walk *walk) = {
    [STATE_START] = on_start,       [STATE_START_LF] = on_start_lf,
    [STATE_METHOD] = on_method,     [STATE_TARGET] = on_target,
    [STATE_VERSION] = on_version,   [STATE_REQUEST_LF] = on_request_lf,
    [STATE_LINE] = on_line,         [STATE_NAME] = on_name,
    [STATE_SPACE] = on_space,       [STATE_VALUE] = on_value,
    [STATE_VALUE_LF] = on_value_lf, [STATE_END_LF] = on_end_lf,
};

/* ---- the walk ---- */

/* Where the line or the whole head has grown too long. */
static size_t bound(const struct wsp_http_head *head)
{
    size_t line_end = (size_t)head->line_start + WSP_HTTP_LINE_MAX;
    return line_end < WSP_HTTP_HEAD_MAX ? line_end : WSP_HTTP_HEAD_MAX;
}

void wsp_http_head_init(struct wsp_http_head *head)
{
    memset(head, 0, sizeof(*head));
    head->state = STATE_START;
}

int wsp_http_head_parse(struct wsp_http_head *head, struct wsp_span bytes)
{
    struct walk walk = {head, bytes.data, head->scan_offset, 0};
    while (head->state != STATE_DONE) {
        size_t limit = bound(head);
        walk.end = bytes.len < limit ? bytes.len : limit;
        if (walk.at >= walk.end) {
            head->scan_offset = narrow(walk.at);
            return walk.at == limit ? TOO_LARGE : 0;
        }
        int status = steps[head->state](&walk);
        if (status != 0) {
            return status;
        }
    }
    head->scan_offset = narrow(walk.at);
    if (!wsp_http_head_judge(head, bytes.data)) {
        return BAD_REQUEST;
    }
    return (int)walk.at;
}
