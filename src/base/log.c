/* SPDX-License-Identifier: MIT */
#include <wspulse/log.h>

static const char *const level_names[] = {
    [WSP_LOG_DEBUG] = "debug", [WSP_LOG_INFO] = "info", [WSP_LOG_WARN] = "warn",
    [WSP_LOG_ERROR] = "error", [WSP_LOG_OFF] = "off",
};

void wsp_log(const struct wsp_logger *logger, enum wsp_log_level level,
             const char *message, const struct wsp_log_field *fields,
             size_t count)
{
    if (level < WSP_LOG_OFF && wsp_log_enabled(logger, level)) {
        logger->write(logger->ud, level, message, fields, count);
    }
}

bool wsp_log_level_parse(const char *text, enum wsp_log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum wsp_log_level)i;
            return true;
        }
    }
    return false;
}
