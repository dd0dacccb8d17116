/* SPDX-License-Identifier: MIT */
/* A whole server on socketpairs: the input says who connects, what they send and
 * when they go, when time passes, when memory ends and what the application
 * does, in callbacks too. Callbacks come in their order, guests get well-formed frames with growing
 * numbers and nothing behind a close frame, and in the end nothing is left.
 * Covers: src/runtime/server.c src/runtime/transport.c src/runtime/channel.c
 *         src/runtime/exchange.c src/runtime/upgrade.c src/runtime/route.c
 *         src/runtime/response.c src/runtime/connection.c src/net/stream.c
 *         src/core/session.c src/core/session_output.c src/core/hub.c */
#include <string.h>
#include <sys/socket.h>

#include "house.h"
#include "proto/client_frame.h"
#include "proto/packer.h"
#include "support/heap.h"
#include "support/virtual_clock.h"
#include "target.h"

/* ---- what a guest does ---- */

static void ask(struct house *house, struct guest *guest)
{
    static const char *const requests[] = {
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
        "GET /s/utf8 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /metrics HTTP/1.0\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n",
        ("POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
         "Content-Length: 4\r\n\r\n"),
    };
    const char *text = requests[bytes_below(house->input, 6)];
    guest_write(guest, text, strlen(text));
}

/* What a proxy says of the connection behind it. */
static void introduce(struct house *house, struct guest *guest)
{
    static const char *const heads[] = {
        "PROXY TCP4 192.0.2.9 198.51.100.1 56324 443\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n",
        "PROXY TCP4 192.0.2.9\r\n",
    };
    const char *text = heads[bytes_below(house->input, 4)];
    guest_write(guest, text, strlen(text));
}

static void upgrade(struct house *house, struct guest *guest)
{
    static const char *const extras[] = {
        "",
        "Origin: http://x\r\n",
        "Sec-WebSocket-Protocol: v2, chat\r\n",
        "Cookie: no=1\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        ("Sec-WebSocket-Extensions: permessage-deflate; "
         "server_max_window_bits=10; client_max_window_bits=9\r\n"),
        "X-Forwarded-For: 203.0.113.7, 192.0.2.1\r\n",
    };
    char text[512];
    char id = (char)('a' + bytes_below(house->input, 4));
    char room = (char)('r' + bytes_below(house->input, 2));
    int len = snprintf(text, sizeof text,
                       "GET /ws?id=%c&room=%c HTTP/1.1\r\nHost: x\r\n"
                       "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\n%s"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       id, room, extras[bytes_below(house->input, 7)]);
    guest_write(guest, text, (size_t)len);
}

/* One frame as a client sends it, or one that is not. */
static void send_frame(struct house *house, struct guest *guest)
{
    struct wsp_buf stream = {0};
    uint8_t bits = bytes_take(house->input);
    struct client_frame frame = {
        .opcode = bits & 0xF,
        .is_fragment = (bits & 0x10) != 0,
        .is_unmasked = (bits & 0xE0) == 0xE0,
        .rsv = (bits & 0xE0) == 0x20 ? 4 : 0,
        .payload = bytes_span(house->input, bytes_take(house->input)),
    };
    client_frame_add(&stream, &frame);
    guest_write(guest, stream.data, stream.len);
    wsp_buf_fini(&stream);
}

/* A message that the codec can read, as large as asked for. */
static void send_message(struct house *house, struct guest *guest)
{
    struct wsp_buf stream = {0};
    struct wsp_buf message = {0};
    struct wsp_buf packed = {0};
    char text[4096];
    uint8_t opcode = 1;
    size_t len = bytes_take(house->input) * 16;
    memset(text, 'x', sizeof text);
    struct wsp_frame frame = {.event = {text, len}};
    if (house->codec == &wsp_codec_raw) {
        frame.payload = frame.event;
        frame.event = wsp_span_of("");
    }
    if (house->codec->encode(&frame, &message, &opcode, NULL) == WSP_OK) {
        struct client_frame sent = {
            .opcode = opcode,
            .payload = {message.data, message.len},
        };
        if (guest->window_bits > 0) {
            packer_pack(sent.payload, &packed);
            sent.payload = (struct wsp_span){packed.data, packed.len};
            sent.rsv = 4;
        }
        client_frame_add(&stream, &sent);
        guest_write(guest, stream.data, stream.len);
    }
    wsp_buf_fini(&stream);
    wsp_buf_fini(&message);
    wsp_buf_fini(&packed);
}

static void send_bytes(struct house *house, struct guest *guest)
{
    struct wsp_span text = bytes_span(house->input, bytes_take(house->input));
    guest_write(guest, text.data, text.len);
}

static void read_some(struct house *house, struct guest *guest)
{
    size_t max = (size_t)bytes_take(house->input) * 64;
    if (!guest_read(guest, max)) {
        guest_leave(guest);
    }
}

static void half_close(struct house *house, struct guest *guest)
{
    (void)house;
    if (guest->fd >= 0) {
        shutdown(guest->fd, SHUT_WR);
    }
}

static void leave(struct house *house, struct guest *guest)
{
    (void)house;
    guest_leave(guest);
}

static void (*const deeds[])(struct house *house, struct guest *guest) = {
    house_admit, upgrade,    upgrade,      ask,       send_frame,
    send_frame,  send_bytes, send_message, read_some, read_some,
    half_close,  leave,      introduce,
};

#define DEED_COUNT (sizeof deeds / sizeof deeds[0])

/* ---- what happens ---- */

static void step(struct house *house)
{
    uint8_t choice = bytes_take(house->input);
    struct guest *guest = &house->guests[choice % HOUSE_GUESTS];
    size_t deed = choice / HOUSE_GUESTS % 20;
    if (deed < DEED_COUNT) {
        deeds[deed](house, guest);
    } else if (deed < 15) {
        house_turn(house);
    } else if (deed < 17) {
        house_act(house);
    } else if (deed == 17) {
        virtual_clock_pass(bytes_take(house->input) * 100U);
    } else if (deed == 18 && !house->is_barred) {
        house_swap(house);
    } else if (deed == 19) {
        heap_refuse(1 + (long)bytes_below(house->input, 16),
                    1 + (long)bytes_below(house->input, 4));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wsp_loop *loop;
    static struct house house;
    struct bytes input = {data, size};
    if (!loop) {
        loop = wsp_loop_new(NULL);
        FUZZ_CHECK(loop != NULL);
    }
    heap_hold();
    heap_refuse(0, 0);
    house_open(&house, loop, &input);
    while (input.len > 0 && house.member_count < HOUSE_MEMBERS / 2) {
        step(&house);
    }
    house_close(&house);
    heap_refuse(0, 0); /* what is still to come is not the driver's */
    heap_release();
    return 0;
}
