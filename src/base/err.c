/* SPDX-License-Identifier: MIT */
#include <wspulse/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_entry {
    enum wsp_err code;
    const char *name;
    const char *text;
};

static const struct err_entry err_table[] = {
#define ERR_ENTRY(name, value, text) {WSP_ERR_##name, #name, text},
    WSP_ERR_MAP(ERR_ENTRY)
#undef ERR_ENTRY
};

static const struct err_entry *find_entry(enum wsp_err code)
{
    for (size_t i = 0; i < sizeof err_table / sizeof err_table[0]; i++) {
        if (err_table[i].code == code) {
            return &err_table[i];
        }
    }
    return NULL;
}

const char *wsp_err_name(enum wsp_err code)
{
    const struct err_entry *entry = find_entry(code);
    if (entry) {
        return entry->name;
    }
    return code == WSP_OK ? "OK" : "UNKNOWN";
}

const char *wsp_err_text(enum wsp_err code)
{
    const struct err_entry *entry = find_entry(code);
    if (entry) {
        return entry->text;
    }
    return code == WSP_OK ? "ok" : "wspulse: unknown error";
}

static void fill(struct wsp_diag *diag, enum wsp_err code, int sys_errno,
                 const char *format, va_list args)
{
    diag->code = code;
    diag->sys_errno = sys_errno;
    int len = vsnprintf(diag->message, sizeof diag->message, format, args);
    if (sys_errno == 0 || len < 0 || (size_t)len >= sizeof diag->message) {
        return;
    }
    char reason[128];
    snprintf(diag->message + len, sizeof diag->message - (size_t)len, ": %s",
             strerror_r(sys_errno, reason, sizeof reason));
}

enum wsp_err wsp_diag_set(struct wsp_diag *diag, enum wsp_err code,
                          const char *format, ...)
{
    if (diag) {
        va_list args;
        va_start(args, format);
        fill(diag, code, 0, format, args);
        va_end(args);
    }
    return code;
}

enum wsp_err wsp_diag_set_errno(struct wsp_diag *diag, enum wsp_err code,
                                int sys_errno, const char *format, ...)
{
    if (diag) {
        va_list args;
        va_start(args, format);
        fill(diag, code, sys_errno, format, args);
        va_end(args);
    }
    return code;
}
