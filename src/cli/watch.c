/* SPDX-License-Identifier: MIT */
#include "cli/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOOK_EVERY_MS 100

/* How many looks others wait for a file that has gone: a second. */
#define GONE_LOOKS_MAX 10

/* A file as one look saw it; zero when it was not there. */
struct stamp {
    bool exists;
    dev_t device;
    ino_t inode;
    off_t size; /* bytes */
    struct timespec written;
};

struct file {
    char *path;          /* heap */
    struct stamp loaded; /* what the last build read */
    struct stamp seen;   /* what the last look saw */
    bool is_listed;      /* the host still names it */
};

struct wsp_watch {
    struct wsp_lua_host *host;
    struct wsp_timer *timer;
    wsp_loop_fn on_change;
    void *ud;
    struct file *files; /* heap, `file_count` of `file_room` in use */
    size_t file_count;
    size_t file_room;
    struct timespec doubt_from; /* what was written then or later may differ
                                   from what the last build read */
    unsigned gone_looks;        /* looks since others wait for a gone file */
    bool is_asked;              /* a reload is under way */
    bool is_module_missing;     /* the last build did not find a module */
};

/* What one look at all files found. */
struct survey {
    size_t ready;    /* changed, and the same for two looks */
    size_t unstable; /* changed since the last look */
    size_t gone;     /* changed by having gone */
};

/* ---- stamps ---- */

static struct stamp look_at(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return (struct stamp){.exists = false};
    }
    return (struct stamp){true, info.st_dev, info.st_ino, info.st_size,
                          info.st_mtim};
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->exists == b->exists && a->device == b->device &&
           a->inode == b->inode && a->size == b->size &&
           a->written.tv_sec == b->written.tv_sec &&
           a->written.tv_nsec == b->written.tv_nsec;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec ||
           (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Notes that a build begins. File times come from the coarse clock, which takes
 * a few milliseconds a step, so they are compared with the same one. */
static void note_time(struct wsp_watch *watch)
{
    clock_gettime(CLOCK_REALTIME_COARSE, &watch->doubt_from);
}

/* ---- the list of files ---- */

static struct file *find_file(struct wsp_watch *watch, const char *path,
                              size_t len)
{
    for (size_t i = 0; i < watch->file_count; i++) {
        const char *known = watch->files[i].path;
        if (strncmp(known, path, len) == 0 && known[len] == '\0') {
            return &watch->files[i];
        }
    }
    return NULL;
}

static bool reserve_file(struct wsp_watch *watch)
{
    if (watch->file_count < watch->file_room) {
        return true;
    }
    size_t room = watch->file_room == 0 ? 16 : watch->file_room * 2;
    struct file *grown = realloc(watch->files, room * sizeof(*grown));
    if (!grown) {
        return false;
    }
    watch->files = grown;
    watch->file_room = room;
    return true;
}

/* Adds a file. One that was written since the build began may have been read
 * before that: it counts as not loaded. Without memory it is tried again at the
 * next look. */
static void add_file(struct wsp_watch *watch, const char *path, size_t len)
{
    char *copy = reserve_file(watch) ? strndup(path, len) : NULL;
    if (!copy) {
        return;
    }
    struct stamp now = look_at(copy);
    struct file *file = &watch->files[watch->file_count++];
    *file = (struct file){copy, now, now, true};
    if (!is_before(&now.written, &watch->doubt_from)) {
        file->loaded = (struct stamp){.exists = false};
    }
}

static void list_file(struct wsp_watch *watch, const char *path, size_t len)
{
    struct file *file = find_file(watch, path, len);
    if (file) {
        file->is_listed = true;
    } else {
        add_file(watch, path, len);
    }
}

/* Lists the folder of a file: an entry that is made there changes its time. */
static void list_folder(struct wsp_watch *watch, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        list_file(watch, ".", 1);
    } else {
        list_file(watch, path, slash == path ? 1 : (size_t)(slash - path));
    }
}

static void drop_unlisted(struct wsp_watch *watch)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->file_count; i++) {
        if (watch->files[i].is_listed) {
            watch->files[kept++] = watch->files[i];
        } else {
            free(watch->files[i].path);
        }
    }
    watch->file_count = kept;
}

/* Takes over what the host names now. */
static void refresh_list(struct wsp_watch *watch)
{
    for (size_t i = 0; i < watch->file_count; i++) {
        watch->files[i].is_listed = false;
    }
    const char *path;
    for (size_t i = 0; (path = wsp_lua_host_file(watch->host, i)); i++) {
        list_file(watch, path, strlen(path));
        if (watch->is_module_missing) {
            list_folder(watch, path);
        }
    }
    drop_unlisted(watch);
}

/* ---- looking ---- */

static void look_at_file(struct file *file, struct survey *survey)
{
    struct stamp now = look_at(file->path);
    bool is_stable = is_same(&now, &file->seen);
    file->seen = now;
    if (is_same(&now, &file->loaded)) {
        return;
    }
    survey->unstable += !is_stable;
    survey->gone += is_stable && !now.exists;
    survey->ready += is_stable && now.exists;
}

/* Tells whether what was found is worth a reload now. */
static bool is_due(struct wsp_watch *watch, const struct survey *survey)
{
    if (survey->ready == 0 || survey->gone == 0) {
        watch->gone_looks = 0;
    }
    if (survey->ready == 0 || survey->unstable > 0 || watch->is_asked) {
        return false;
    }
    return survey->gone == 0 || ++watch->gone_looks > GONE_LOOKS_MAX;
}

static void look(void *ud)
{
    struct wsp_watch *watch = ud;
    struct survey survey = {0};
    refresh_list(watch);
    for (size_t i = 0; i < watch->file_count; i++) {
        look_at_file(&watch->files[i], &survey);
    }
    wsp_timer_start(watch->timer, LOOK_EVERY_MS);
    if (is_due(watch, &survey)) {
        watch->is_asked = true;
        watch->on_change(watch->ud);
    }
}

/* ---- life ---- */

struct wsp_watch *wsp_watch_new(struct wsp_loop *loop,
                                struct wsp_lua_host *host,
                                wsp_loop_fn on_change, void *ud)
{
    struct wsp_watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        return NULL;
    }
    watch->timer = wsp_timer_new(loop, look, watch);
    if (!watch->timer) {
        free(watch);
        return NULL;
    }
    watch->host = host;
    watch->on_change = on_change;
    watch->ud = ud;
    note_time(watch);
    /* A script is often written in the very step in which it is started. */
    watch->doubt_from.tv_nsec++;
    return watch;
}

bool wsp_watch_start(struct wsp_watch *watch)
{
    refresh_list(watch);
    return wsp_timer_start(watch->timer, LOOK_EVERY_MS);
}

void wsp_watch_mark(struct wsp_watch *watch)
{
    note_time(watch);
    watch->gone_looks = 0;
    for (size_t i = 0; i < watch->file_count; i++) {
        struct file *file = &watch->files[i];
        file->seen = look_at(file->path);
        file->loaded = file->seen;
    }
}

void wsp_watch_settle(struct wsp_watch *watch, const char *refusal)
{
    watch->is_asked = false;
    watch->is_module_missing = refusal && strstr(refusal, "module '") &&
                               strstr(refusal, "' not found");
}

void wsp_watch_free(struct wsp_watch *watch)
{
    if (!watch) {
        return;
    }
    wsp_timer_free(watch->timer);
    for (size_t i = 0; i < watch->file_count; i++) {
        free(watch->files[i].path);
    }
    free(watch->files);
    free(watch);
}
