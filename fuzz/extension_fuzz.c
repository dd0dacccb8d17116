/* SPDX-License-Identifier: MIT */
/* The negotiation of permessage-deflate against one that first takes the whole
 * header apart and then judges it. Each line of the input is a header.
 * Covers: src/proto/extension.c */
#include "proto/extension.h"

#include <string.h>

#include "bytes.h"
#include "target.h"

#define TOKEN_MAX 512
#define NAME "permessage-deflate"

/* ---- the reference: RFC 6455 §9.1, then RFC 7692 §7.1 ---- */

struct reference {
    struct wsp_span rest;
    const struct wsp_extension_rules *rules;
    struct wsp_extension agreed;
};

static int peek(const struct reference *ref)
{
    return ref->rest.len ? (unsigned char)ref->rest.data[0] : -1;
}

static void step(struct reference *ref)
{
    ref->rest.data++;
    ref->rest.len--;
}

static void skip_blanks(struct reference *ref)
{
    while (peek(ref) == ' ' || peek(ref) == '\t') {
        step(ref);
    }
}

static bool take(struct reference *ref, char byte)
{
    skip_blanks(ref);
    if (peek(ref) != (unsigned char)byte) {
        return false;
    }
    step(ref);
    skip_blanks(ref);
    return true;
}

/* RFC 9110 §5.6.2 */
static bool is_token_character(int byte)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || (byte > 0 && strchr(marks, byte));
}

static bool read_token(struct reference *ref, char out[TOKEN_MAX])
{
    size_t len = 0;
    while (is_token_character(peek(ref))) {
        out[len++] = ref->rest.data[0];
        step(ref);
    }
    out[len] = '\0';
    return len > 0;
}

static bool read_value(struct reference *ref, char out[TOKEN_MAX])
{
    size_t len = 0;
    if (peek(ref) != '"') {
        return read_token(ref, out);
    }
    step(ref);
    while (peek(ref) != '"') {
        if (peek(ref) == '\\') {
            step(ref);
        }
        if (!is_token_character(peek(ref))) {
            return false;
        }
        out[len++] = ref->rest.data[0];
        step(ref);
    }
    step(ref);
    out[len] = '\0';
    return len > 0;
}

enum { SERVER_RESET, CLIENT_RESET, SERVER_BITS, CLIENT_BITS, PARAMETERS };

/* What the parameters of one offer said: -1 not there, 0 without a value. */
struct offer {
    int bits[PARAMETERS];
    bool is_bad;
};

static void note(struct offer *offer, const char *name, const char *value)
{
    static const char *const names[PARAMETERS] = {
        "server_no_context_takeover", "client_no_context_takeover",
        "server_max_window_bits", "client_max_window_bits"};
    static const char *const sizes[] = {"8",  "9",  "10", "11",
                                        "12", "13", "14", "15"};
    int which = 0;
    int bits = value ? -1 : 0;
    while (which < PARAMETERS && strcmp(name, names[which]) != 0) {
        which++;
    }
    for (int i = 0; value && i < 8; i++) {
        bits = strcmp(value, sizes[i]) == 0 ? 8 + i : bits;
    }
    if (which == PARAMETERS || offer->bits[which] >= 0 || bits < 0) {
        offer->is_bad = true;
        return;
    }
    bool may_stand_alone = which != SERVER_BITS;
    bool may_have_value = which >= SERVER_BITS;
    offer->is_bad |= bits ? !may_have_value : !may_stand_alone;
    offer->is_bad |= which == SERVER_BITS && bits < 9;
    offer->bits[which] = bits;
}

static void judge(struct reference *ref, const struct offer *offer)
{
    int server = ref->rules->server_bits_max;
    if (offer->is_bad || ref->agreed.server_bits) {
        return;
    }
    if (offer->bits[SERVER_BITS] > 0 && offer->bits[SERVER_BITS] < server) {
        server = offer->bits[SERVER_BITS];
    }
    int client = offer->bits[CLIENT_BITS] > 0 ? offer->bits[CLIENT_BITS] : 15;
    ref->agreed.server_bits = (uint8_t)server;
    ref->agreed.client_bits = (uint8_t)client;
    ref->agreed.client_takes_over =
        ref->rules->may_take_over && offer->bits[CLIENT_RESET] < 0;
    ref->agreed.is_server_bits_told =
        offer->bits[SERVER_BITS] > 0 || server < 15;
}

static bool read_extension(struct reference *ref)
{
    char name[TOKEN_MAX];
    char value[TOKEN_MAX];
    struct offer offer = {{-1, -1, -1, -1}, false};
    if (!read_token(ref, name)) {
        return false;
    }
    offer.is_bad = strcmp(name, NAME) != 0;
    while (take(ref, ';')) {
        bool has_value;
        if (!read_token(ref, name)) {
            return false;
        }
        has_value = take(ref, '=');
        if (has_value && !read_value(ref, value)) {
            return false;
        }
        note(&offer, name, has_value ? value : NULL);
    }
    judge(ref, &offer);
    return true;
}

static bool read_header(struct reference *ref)
{
    do {
        skip_blanks(ref);
        if (peek(ref) != ',' && peek(ref) >= 0 && !read_extension(ref)) {
            return false;
        }
    } while (take(ref, ','));
    return ref->rest.len == 0;
}

/* ---- what must hold ---- */

static void check_equal(const struct wsp_extension *a,
                        const struct wsp_extension *b)
{
    FUZZ_CHECK(a->server_bits == b->server_bits);
    FUZZ_CHECK(a->client_bits == b->client_bits);
    FUZZ_CHECK(a->client_takes_over == b->client_takes_over);
    FUZZ_CHECK(a->is_server_bits_told == b->is_server_bits_told);
}

/* The answer keeps the grammar, and read as an offer it says the same. */
static void check_answer(const struct wsp_extension *agreed)
{
    char text[WSP_EXTENSION_MAX];
    const struct wsp_extension_rules rules = {WSP_WINDOW_BITS_MAX, true};
    struct wsp_extension read = {0};
    size_t len = wsp_extension_write(agreed, text);
    FUZZ_CHECK(len < sizeof text && strlen(text) == len);
    FUZZ_CHECK((len > 0) == (agreed->server_bits > 0));
    if (len > 0) {
        FUZZ_CHECK(
            wsp_extension_read((struct wsp_span){text, len}, &rules, &read));
        FUZZ_CHECK(read.server_bits == agreed->server_bits ||
                   !agreed->is_server_bits_told);
        FUZZ_CHECK(read.client_takes_over == agreed->client_takes_over);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    uint8_t choice = bytes_take(&input);
    struct wsp_extension_rules rules = {
        .server_bits_max = (uint8_t)(9 + choice % 7),
        .may_take_over = choice > 127,
    };
    struct wsp_extension agreed = {0};
    struct reference ref = {.rules = &rules};
    while (input.len > 0) {
        const uint8_t *end = memchr(input.data, '\n', input.len);
        size_t len = end ? (size_t)(end - input.data) : input.len;
        struct wsp_span value = bytes_span(&input, len);
        bytes_take(&input);
        if (value.len >= TOKEN_MAX) {
            return 0;
        }
        ref.rest = value;
        bool is_fine = read_header(&ref);
        FUZZ_CHECK(wsp_extension_read(value, &rules, &agreed) == is_fine);
        if (!is_fine) {
            return 0;
        }
        check_equal(&agreed, &ref.agreed);
    }
    check_answer(&agreed);
    return 0;
}
