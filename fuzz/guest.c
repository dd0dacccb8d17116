/* SPDX-License-Identifier: MIT */
#include "guest.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/close.h"
#include "proto/frame_head.h"
#include "proto/opcode.h"
#include "proto/packer.h"
#include "proto/utf8.h"
#include "target.h"

#define NUMBERED "#" /* the event of numbered frames */

void guest_arrive(struct guest *guest, int fd, const struct wsp_codec *codec)
{
    guest_leave(guest);
    *guest = (struct guest){.fd = fd, .phase = GUEST_ANSWER, .codec = codec};
}

void guest_leave(struct guest *guest)
{
    if (guest->fd >= 0) {
        close(guest->fd);
    }
    guest->fd = -1;
    wsp_buf_fini(&guest->in);
}

void guest_write(struct guest *guest, const void *data, size_t len)
{
    if (guest->fd >= 0) {
        ssize_t sent = send(guest->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
}

/* ---- numbers ---- */

static bool is_raw(const struct wsp_codec *codec)
{
    return strcmp(codec->name, "raw") == 0;
}

struct wsp_frame guest_numbered(uint64_t number, char text[32],
                                const struct wsp_codec *codec)
{
    struct wsp_frame frame = {.event = wsp_span_of(NUMBERED),
                              .payload = {text, 0},
                              .has_payload = true,
                              .binary = true};
    if (strcmp(codec->name, "msgpack") == 0) {
        text[0] = (char)0xCE; /* uint 32 */
        for (int i = 0; i < 4; i++) {
            text[1 + i] = (char)(number >> (24 - 8 * i));
        }
        frame.payload.len = 5;
    } else {
        frame.payload.len =
            (size_t)snprintf(text, 32, "%llu", (unsigned long long)number);
    }
    if (is_raw(codec)) {
        frame.event = wsp_span_of("");
    }
    return frame;
}

static uint64_t number_of(struct wsp_span payload,
                          const struct wsp_codec *codec)
{
    uint64_t number = 0;
    bool is_msgpack = strcmp(codec->name, "msgpack") == 0;
    FUZZ_CHECK(payload.len > 0 && (!is_msgpack || payload.len == 5));
    for (size_t i = is_msgpack ? 1 : 0; i < payload.len; i++) {
        unsigned char byte = (unsigned char)payload.data[i];
        number = is_msgpack ? number << 8 | byte : number * 10 + (byte - '0');
    }
    return number;
}

/* ---- frames ---- */

/* What the application sends is what the codec can read. */
static void look_at_message(struct guest *guest, uint8_t opcode,
                            struct wsp_span payload)
{
    struct wsp_buf scratch = {0};
    struct wsp_frame frame;
    bool is_binary = opcode == WSP_OPCODE_BINARY;
    FUZZ_CHECK(is_raw(guest->codec) || opcode == guest->codec->opcode);
    FUZZ_CHECK(is_binary || wsp_utf8_check(payload.data, payload.len));
    FUZZ_CHECK(guest->codec->decode(payload, is_binary, &scratch, &frame,
                                    NULL) == WSP_OK);
    bool is_numbered = is_raw(guest->codec)
                           ? is_binary
                           : wsp_span_equal(frame.event, wsp_span_of(NUMBERED));
    if (is_numbered) {
        uint64_t number = number_of(frame.payload, guest->codec);
        FUZZ_CHECK(number > guest->last_number);
        guest->last_number = number;
    }
    wsp_buf_fini(&scratch);
}

static void look_at_close(struct guest *guest, struct wsp_span body)
{
    uint16_t code;
    struct wsp_span reason;
    FUZZ_CHECK(wsp_close_parse(body, &code, &reason) == 0);
    guest->phase = GUEST_CLOSED;
}

/* Undoes the compression that was agreed on. */
static void look_at_packed(struct guest *guest, uint8_t opcode,
                           struct wsp_span payload)
{
    struct wsp_buf out = {0};
    FUZZ_CHECK(guest->window_bits > 0);
    FUZZ_CHECK(packer_unpack(payload, guest->window_bits, &out));
    FUZZ_CHECK(out.len > payload.len);
    look_at_message(guest, opcode, (struct wsp_span){out.data, out.len});
    wsp_buf_fini(&out);
}

static void look_at_frame(struct guest *guest,
                          const struct wsp_frame_head *head,
                          struct wsp_span payload)
{
    bool is_packed = head->rsv == 4;
    bool is_data = (head->opcode & 8) == 0;
    FUZZ_CHECK(head->is_final && !head->is_masked);
    FUZZ_CHECK(head->rsv == 0 || (is_packed && is_data));
    FUZZ_CHECK(head->size == wsp_frame_head_len(payload.len));
    switch (head->opcode) {
    case WSP_OPCODE_TEXT:
    case WSP_OPCODE_BINARY:
        (is_packed ? look_at_packed : look_at_message)(guest, head->opcode,
                                                       payload);
        break;
    case WSP_OPCODE_CLOSE:
        look_at_close(guest, payload);
        break;
    default:
        FUZZ_CHECK(head->opcode == WSP_OPCODE_PING ||
                   head->opcode == WSP_OPCODE_PONG);
        FUZZ_CHECK(payload.len <= 125);
        break;
    }
}

static void consume(struct guest *guest, size_t len)
{
    memmove(guest->in.data, guest->in.data + len, guest->in.len - len);
    guest->in.len -= len;
}

/* Takes one frame. Returns false when none is whole. */
static bool take_frame(struct guest *guest)
{
    struct wsp_frame_head head;
    enum wsp_frame_head_part part = wsp_frame_head_parse(
        &head, (const uint8_t *)guest->in.data, guest->in.len);
    if (part != WSP_FRAME_HEAD_WHOLE || guest->in.len - head.size < head.len) {
        return false;
    }
    look_at_frame(
        guest, &head,
        (struct wsp_span){guest->in.data + head.size, (size_t)head.len});
    consume(guest, head.size + (size_t)head.len);
    return true;
}

/* ---- the stream ---- */

/* Notes what the answer agrees to. */
static void read_extension(struct guest *guest, size_t len)
{
    static const char name[] = "permessage-deflate";
    static const char bits[] = "server_max_window_bits=";
    struct wsp_span head = {guest->in.data, len};
    const char *found = memmem(head.data, len, name, sizeof name - 1);
    const char *size = memmem(head.data, len, bits, sizeof bits - 1);
    if (found) {
        guest->window_bits =
            size ? (int)strtol(size + sizeof bits - 1, NULL, 10) : 15;
        FUZZ_CHECK(guest->window_bits >= 9 && guest->window_bits <= 15);
    }
}

/* Takes the head of the first answer. */
static bool take_answer(struct guest *guest)
{
    static const char begin[] = "HTTP/1.1 ";
    char *end = memmem(guest->in.data, guest->in.len, "\r\n\r\n", 4);
    if (!end) {
        return false;
    }
    size_t len = (size_t)(end - guest->in.data) + 4;
    FUZZ_CHECK(memcmp(guest->in.data, begin, sizeof begin - 1) == 0);
    bool is_upgrade = memcmp(guest->in.data + 9, "101 ", 4) == 0;
    guest->phase = is_upgrade ? GUEST_FRAMES : GUEST_TEXT;
    read_extension(guest, len);
    consume(guest, len);
    return true;
}

static bool take_next(struct guest *guest)
{
    switch (guest->phase) {
    case GUEST_ANSWER:
        return take_answer(guest);
    case GUEST_FRAMES:
        return take_frame(guest);
    case GUEST_TEXT:
        guest->in.len = 0;
        return false;
    default:
        FUZZ_CHECK(guest->in.len == 0);
        return false;
    }
}

bool guest_read(struct guest *guest, size_t max)
{
    if (guest->fd < 0 || max == 0) {
        return true;
    }
    FUZZ_CHECK(wsp_buf_reserve(&guest->in, max));
    ssize_t got =
        recv(guest->fd, guest->in.data + guest->in.len, max, MSG_DONTWAIT);
    if (got > 0) {
        guest->in.len += (size_t)got;
        while (guest->in.len > 0 && take_next(guest)) {
        }
    }
    return got != 0;
}
