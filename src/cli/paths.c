/* SPDX-License-Identifier: MIT */
#include "cli/paths.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <wspulse/control.h>

#define CONTROL_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* How long a running server may take to say that it is there. */
#define PROBE_TIMEOUT_MS 2000

static bool is_folder(const char *path)
{
    struct stat info;
    return path && path[0] == '/' && stat(path, &info) == 0 &&
           S_ISDIR(info.st_mode);
}

static const char *runtime_folder(void)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (!is_folder(folder)) {
        folder = getenv("TMPDIR");
    }
    return is_folder(folder) ? folder : "/tmp";
}

/* Length of the script's base name without ".lua"; `*base` is its begin. */
static int app_name(const char *script, const char **base)
{
    const char *slash = strrchr(script, '/');
    *base = slash ? slash + 1 : script;
    size_t len = strlen(*base);
    if (len > 4 && strcmp(*base + len - 4, ".lua") == 0) {
        len -= 4;
    }
    return (int)len;
}

enum wsp_err wsp_paths_check_control(const char *path, struct wsp_diag *diag)
{
    size_t len = strlen(path);
    if (len <= CONTROL_PATH_MAX) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_CONTROL,
                        "control socket %.200s: the path has %zu bytes, a unix "
                        "socket takes %zu; choose a shorter one with --control",
                        path, len, CONTROL_PATH_MAX);
}

enum wsp_err wsp_paths_default_control(const char *script,
                                       char out[WSP_PATHS_MAX],
                                       struct wsp_diag *diag)
{
    const char *base;
    int len = app_name(script, &base);
    int written = snprintf(out, WSP_PATHS_MAX, "%s/wspulse-%.*s.sock",
                           runtime_folder(), len, base);
    if (written < 0 || written >= WSP_PATHS_MAX) {
        return wsp_diag_set(diag, WSP_ERR_CONTROL,
                            "control socket: the path is too long; choose a "
                            "shorter one with --control");
    }
    return wsp_paths_check_control(out, diag);
}

/* A folder like /tmp is shared: a socket there that another user made must not
 * be talked to by accident. Root may talk to every server. */
static bool is_own_socket(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISSOCK(info.st_mode) &&
           (info.st_uid == geteuid() || geteuid() == 0);
}

static bool is_served(const char *path)
{
    char answer[256];
    return is_own_socket(path) &&
           wsp_control_call(path, "status", answer, sizeof(answer),
                            PROBE_TIMEOUT_MS, NULL) == WSP_OK;
}

/* Copies the only served path of `found` to `out`; counts all served ones. */
static size_t pick_served(const glob_t *found, char out[WSP_PATHS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < found->gl_pathc; i++) {
        if (!is_served(found->gl_pathv[i])) {
            continue;
        }
        count++;
        snprintf(out, WSP_PATHS_MAX, "%s", found->gl_pathv[i]);
    }
    return count;
}

enum wsp_err wsp_paths_find_control(char out[WSP_PATHS_MAX],
                                    struct wsp_diag *diag)
{
    char pattern[WSP_PATHS_MAX];
    const char *folder = runtime_folder();
    snprintf(pattern, sizeof(pattern), "%s/wspulse-*.sock", folder);
    glob_t found;
    size_t count = 0;
    if (glob(pattern, 0, NULL, &found) == 0) {
        count = pick_served(&found, out);
        globfree(&found);
    }
    if (count == 1) {
        return WSP_OK;
    }
    if (count == 0) {
        return wsp_diag_set(diag, WSP_ERR_CONTROL,
                            "no running server found in %.200s; name its "
                            "script or its socket with --control",
                            folder);
    }
    return wsp_diag_set(diag, WSP_ERR_CONTROL,
                        "%zu running servers found in %.200s; name the script "
                        "of one or its socket with --control",
                        count, folder);
}

static bool holds_control_character(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

enum wsp_err wsp_paths_absolute(const char *path, char out[WSP_PATHS_MAX],
                                struct wsp_diag *diag)
{
    char folder[WSP_PATHS_MAX] = "";
    if (path[0] != '/' && !getcwd(folder, sizeof(folder) - 1)) {
        return wsp_diag_set(diag, WSP_ERR_CONTROL,
                            "the working folder has no name; give the script "
                            "by its full path");
    }
    if (holds_control_character(path) || holds_control_character(folder)) {
        return wsp_diag_set(diag, WSP_ERR_CONTROL,
                            "the script's path holds a control character");
    }
    const char *joint = path[0] == '/' ? "" : "/";
    int written = snprintf(out, WSP_PATHS_MAX, "%s%s%s", folder, joint, path);
    if (written < 0 || written >= WSP_PATHS_MAX) {
        return wsp_diag_set(diag, WSP_ERR_CONTROL,
                            "the script's path is too long");
    }
    return WSP_OK;
}
