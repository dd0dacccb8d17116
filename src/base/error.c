/* SPDX-License-Identifier: MIT */
#include <wspulse/error.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wsp_error {
    atomic_uint ref_count;
    enum wsp_err code;
    uint16_t close_code; /* of the peer, else 0 */
    const char *stack;   /* inside text, or NULL */
    char text[];         /* message, NUL, then the stack and its NUL */
};

struct wsp_error *wsp_error_new(enum wsp_err code, const char *message,
                                const char *stack)
{
    if (!message) {
        message = wsp_err_text(code);
    }
    size_t message_size = strlen(message) + 1;
    size_t stack_size = stack ? strlen(stack) + 1 : 0;
    struct wsp_error *error = malloc(sizeof *error + message_size + stack_size);
    if (!error) {
        return NULL;
    }
    atomic_init(&error->ref_count, 1);
    error->code = code;
    error->close_code = 0;
    memcpy(error->text, message, message_size);
    error->stack = NULL;
    if (stack) {
        error->stack = memcpy(error->text + message_size, stack, stack_size);
    }
    return error;
}

/* Copies `reason` with everything but printable ASCII and high bytes escaped;
 * the reason has been checked to be UTF-8 by the frame reader. */
static void escape_reason(char *out, size_t size, const char *reason,
                          size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used + 5 < size; i++) {
        unsigned char byte = (unsigned char)reason[i];
        if (byte < 0x20 || byte == 0x7f || byte == '\\') {
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", byte);
        } else {
            out[used++] = (char)byte;
        }
    }
    out[used] = '\0';
}

struct wsp_error *wsp_error_new_close(uint16_t code, const char *reason,
                                      size_t reason_len)
{
    char escaped[4 * 125 + 8];
    escape_reason(escaped, sizeof escaped, reason, reason_len);
    char message[sizeof escaped + 32];
    snprintf(message, sizeof message, "websocket: close %u%s%s", (unsigned)code,
             reason_len ? ": " : "", escaped);
    struct wsp_error *error = wsp_error_new(WSP_ERR_PEER_CLOSED, message, NULL);
    if (error) {
        error->close_code = code;
    }
    return error;
}

struct wsp_error *wsp_error_ref(struct wsp_error *error)
{
    if (error) {
        atomic_fetch_add_explicit(&error->ref_count, 1, memory_order_relaxed);
    }
    return error;
}

void wsp_error_unref(struct wsp_error *error)
{
    if (error && atomic_fetch_sub_explicit(&error->ref_count, 1,
                                           memory_order_acq_rel) == 1) {
        free(error);
    }
}

enum wsp_err wsp_error_code(const struct wsp_error *error)
{
    return error->code;
}

const char *wsp_error_message(const struct wsp_error *error)
{
    return error->text;
}

const char *wsp_error_stack(const struct wsp_error *error)
{
    return error->stack;
}

uint16_t wsp_error_close_code(const struct wsp_error *error)
{
    return error->close_code;
}
