/* SPDX-License-Identifier: MIT */
/* Drives a fuzz target without libFuzzer: runs it once for each file named, and
 * for each file in a folder named.
 *
 *     build/dev/fuzzers/fuzz_utf8 fuzz/corpus/utf8
 *
 * The last line counts the inputs. Exits with 1 when there was none. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

#define INPUT_MAX (1024 * 1024)

static int fail(const char *path, const char *reason)
{
    fprintf(stderr, "%s: %s\n", path, reason);
    exit(1);
}

/* The copy ends where its memory ends, so that a sanitizer sees who reads one
 * byte too many. */
static void run(const char *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy) {
        exit(1);
    }
    memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static int run_file(const char *path)
{
    static char data[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) {
        return fail(path, strerror(errno));
    }
    size_t len = fread(data, 1, sizeof data, file);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* who ends the process is the last one */
    if (len == sizeof data) {
        return fail(path, "larger than an input may be");
    }
    run(data, len);
    return 1;
}

static int run_folder(const char *path)
{
    int count = 0;
    char name[4096];
    const struct dirent *entry;
    DIR *folder = opendir(path);
    if (!folder) {
        return fail(path, strerror(errno));
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            count += run_file(name);
        }
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) != 0) {
            return fail(argv[i], strerror(errno));
        }
        bool is_folder = S_ISDIR(status.st_mode);
        count += is_folder ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%d inputs\n", count);
    return count == 0;
}
