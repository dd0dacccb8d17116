/* SPDX-License-Identifier: MIT */
#include "proto/extension.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/http_char.h"

#define VALUE_MAX 2 /* digits of the longest value that is of use */

/* The rest of a header's value. */
struct text {
    const char *at;
    const char *end;
};

/* A parameter as it was sent. */
struct parameter {
    struct wsp_span name;
    bool has_value;
    size_t value_len; /* also when `value` has not all of it */
    char value[VALUE_MAX];
};

/* One offer of permessage-deflate while it is read. */
struct offer {
    bool is_declined;
    bool has_server_bits;
    bool has_client_bits;
    bool has_server_reset;
    bool has_client_reset;
    uint8_t server_bits;
    uint8_t client_bits;
};

/* ---- characters ---- */

static void skip_blanks(struct text *text)
{
    while (text->at < text->end && wsp_http_is(*text->at, WSP_HTTP_BLANK)) {
        text->at++;
    }
}

/* Steps over `byte` and the blanks around it, if it comes next. */
static bool skip(struct text *text, char byte)
{
    skip_blanks(text);
    if (text->at == text->end || *text->at != byte) {
        return false;
    }
    text->at++;
    skip_blanks(text);
    return true;
}

/* Reads a token; an empty one is none. */
static bool read_token(struct text *text, struct wsp_span *token)
{
    token->data = text->at;
    while (text->at < text->end && wsp_http_is(*text->at, WSP_HTTP_TOKEN)) {
        text->at++;
    }
    token->len = (size_t)(text->at - token->data);
    return token->len > 0;
}

static bool is_named(struct wsp_span token, const char *name)
{
    return wsp_span_equal(token, wsp_span_of(name));
}

/* ---- parameters ---- */

/* Adds a character of a value, which must be one of a token. */
static bool add_to_value(struct parameter *parameter, char character)
{
    if (!wsp_http_is(character, WSP_HTTP_TOKEN)) {
        return false;
    }
    if (parameter->value_len < VALUE_MAX) {
        parameter->value[parameter->value_len] = character;
    }
    parameter->value_len++;
    return true;
}

/* Reads what stands between quotes: unescaped, it must be a token (RFC 6455
 * §9.1). The opening quote has been read. */
static bool read_quoted(struct text *text, struct parameter *parameter)
{
    while (text->at < text->end && *text->at != '"') {
        if (*text->at == '\\') {
            text->at++;
        }
        if (text->at == text->end || !add_to_value(parameter, *text->at)) {
            return false;
        }
        text->at++;
    }
    if (text->at == text->end) {
        return false;
    }
    text->at++;
    return parameter->value_len > 0;
}

static bool read_value(struct text *text, struct parameter *parameter)
{
    struct wsp_span token;
    parameter->has_value = true;
    if (text->at < text->end && *text->at == '"') {
        text->at++;
        return read_quoted(text, parameter);
    }
    if (!read_token(text, &token)) {
        return false;
    }
    for (size_t i = 0; i < token.len && i < VALUE_MAX; i++) {
        parameter->value[i] = token.data[i];
    }
    parameter->value_len = token.len;
    return true;
}

static bool read_parameter(struct text *text, struct parameter *parameter)
{
    *parameter = (struct parameter){.has_value = false};
    if (!read_token(text, &parameter->name)) {
        return false;
    }
    return !skip(text, '=') || read_value(text, parameter);
}

/* The window size a value names: 8 to 15 without leading zeros (RFC 7692
 * §7.1.2.1), or 0. */
static uint8_t bits_of(const struct parameter *parameter)
{
    const char *value = parameter->value;
    if (parameter->value_len == 1 && (value[0] == '8' || value[0] == '9')) {
        return (uint8_t)(value[0] - '0');
    }
    if (parameter->value_len == 2 && value[0] == '1' && value[1] >= '0' &&
        value[1] <= '5') {
        return (uint8_t)(10 + value[1] - '0');
    }
    return 0;
}

/* ---- an offer ---- */

/* Notes a parameter that stands alone and may come once. */
static bool take_flag(bool *has, const struct parameter *parameter)
{
    bool is_fine = !*has && !parameter->has_value;
    *has = true;
    return is_fine;
}

static bool take_bits(bool *has, uint8_t *bits,
                      const struct parameter *parameter)
{
    bool is_first = !*has;
    *has = true;
    *bits = bits_of(parameter);
    return is_first && *bits != 0;
}

/* Judges one parameter. Returns false when the offer cannot be kept. */
static bool take(struct offer *offer, const struct parameter *parameter)
{
    if (is_named(parameter->name, "server_no_context_takeover")) {
        return take_flag(&offer->has_server_reset, parameter);
    }
    if (is_named(parameter->name, "client_no_context_takeover")) {
        return take_flag(&offer->has_client_reset, parameter);
    }
    if (is_named(parameter->name, "server_max_window_bits")) {
        return take_bits(&offer->has_server_bits, &offer->server_bits,
                         parameter) &&
               offer->server_bits >= WSP_DEFLATE_BITS_MIN;
    }
    if (!is_named(parameter->name, "client_max_window_bits")) {
        return false;
    }
    if (!parameter->has_value && !offer->has_client_bits) {
        offer->has_client_bits = true; /* any size will do */
        offer->client_bits = WSP_WINDOW_BITS_MAX;
        return true;
    }
    return take_bits(&offer->has_client_bits, &offer->client_bits, parameter);
}

static void agree(struct wsp_extension *agreed, const struct offer *offer,
                  const struct wsp_extension_rules *rules)
{
    uint8_t bits = rules->server_bits_max;
    if (offer->has_server_bits && offer->server_bits < bits) {
        bits = offer->server_bits;
    }
    *agreed = (struct wsp_extension){
        .server_bits = bits,
        .client_bits =
            offer->has_client_bits ? offer->client_bits : WSP_WINDOW_BITS_MAX,
        .client_takes_over = rules->may_take_over && !offer->has_client_reset,
        .is_server_bits_told =
            offer->has_server_bits || bits < WSP_WINDOW_BITS_MAX,
    };
}

/* Reads one extension with its parameters. Returns false when it does not keep
 * the grammar. */
static bool read_extension(struct text *text,
                           const struct wsp_extension_rules *rules,
                           struct wsp_extension *agreed)
{
    struct wsp_span name;
    if (!read_token(text, &name)) {
        return false;
    }
    struct offer offer = {.is_declined = !is_named(name, "permessage-deflate")};
    while (skip(text, ';')) {
        struct parameter parameter;
        if (!read_parameter(text, &parameter)) {
            return false;
        }
        offer.is_declined = offer.is_declined || !take(&offer, &parameter);
    }
    if (!offer.is_declined && agreed->server_bits == 0) {
        agree(agreed, &offer, rules);
    }
    return true;
}

/* ---- public ---- */

bool wsp_extension_read(struct wsp_span value,
                        const struct wsp_extension_rules *rules,
                        struct wsp_extension *agreed)
{
    struct text text = {value.data, value.data + value.len};
    do { /* an element of the list may be empty (RFC 9110 §5.6.1) */
        skip_blanks(&text);
        bool is_empty = text.at == text.end || *text.at == ',';
        if (!is_empty && !read_extension(&text, rules, agreed)) {
            return false;
        }
    } while (skip(&text, ','));
    return text.at == text.end;
}

static bool is_of_extensions(struct wsp_span name)
{
    static const char lower[] = "sec-websocket-extensions";
    return name.len == sizeof lower - 1 &&
           strncasecmp(name.data, lower, name.len) == 0;
}

bool wsp_extension_negotiate(const struct wsp_http_head *head,
                             const char *bytes,
                             const struct wsp_extension_rules *rules,
                             struct wsp_extension *agreed)
{
    struct wsp_extension found = {0};
    *agreed = found;
    for (size_t i = 0; i < head->field_count; i++) {
        const struct wsp_http_field *field = &head->fields[i];
        if (is_of_extensions(wsp_http_slice_in(field->name, bytes)) &&
            !wsp_extension_read(wsp_http_slice_in(field->value, bytes), rules,
                                &found)) {
            return false;
        }
    }
    *agreed = found;
    return found.server_bits != 0;
}

size_t wsp_extension_write(const struct wsp_extension *agreed,
                           char out[WSP_EXTENSION_MAX])
{
    char server_bits[40] = "";
    char client_bits[40] = "";
    out[0] = '\0';
    if (agreed->server_bits == 0) {
        return 0;
    }
    if (agreed->is_server_bits_told) {
        snprintf(server_bits, sizeof server_bits, "; server_max_window_bits=%u",
                 agreed->server_bits);
    }
    /* Smaller only when it was offered: else the client knows no such thing
     * (RFC 7692 §7.1.2.2). It matters only where a window is kept. */
    if (agreed->client_takes_over &&
        agreed->client_bits < WSP_WINDOW_BITS_MAX) {
        snprintf(client_bits, sizeof client_bits, "; client_max_window_bits=%u",
                 agreed->client_bits);
    }
    int len = snprintf(
        out, WSP_EXTENSION_MAX,
        "permessage-deflate; server_no_context_takeover%s%s%s",
        agreed->client_takes_over ? "" : "; client_no_context_takeover",
        server_bits, client_bits);
    return (size_t)len;
}
