/* SPDX-License-Identifier: MIT */
#include "cli/bench_process.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(const struct timespec *time)
{
    return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

/* The kernel's clock of a process counts in nanoseconds what its threads have
 * run, those that have ended as well; /proc/PID/stat counts in ticks. */
enum wsp_err wsp_bench_process_cpu(int pid, double *seconds,
                                   struct wsp_diag *diag)
{
    clockid_t clock;
    struct timespec time;
    int failure = clock_getcpuclockid(pid, &clock);
    if (failure == 0 && clock_gettime(clock, &time) != 0) {
        failure = errno;
    }
    if (failure) {
        return wsp_diag_set_errno(diag, WSP_ERR_IO, failure, "process %d", pid);
    }
    *seconds = seconds_of(&time);
    return WSP_OK;
}

enum wsp_err wsp_bench_process_rss(int pid, uint64_t *bytes,
                                   struct wsp_diag *diag)
{
    char path[64];
    char line[128] = "";
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    if (!file) {
        return wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "%s", path);
    }
    bool is_read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    char *rest = line;
    strtoull(line, &rest, 10); /* pages of the whole address space */
    char *end = rest;
    uint64_t pages = strtoull(rest, &end, 10);
    if (!is_read || end == rest) {
        return wsp_diag_set(diag, WSP_ERR_IO, "%s: not readable", path);
    }
    *bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return WSP_OK;
}

double wsp_bench_own_cpu(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return seconds_of(&time);
}
