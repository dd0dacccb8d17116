/* SPDX-License-Identifier: MIT */
#include "cli/bench_progress.h"

#include <inttypes.h>
#include <stdio.h>

#define SHOW_NS 200000000ULL
#define SECOND_NS 1e9
#define CLEAR_LINE "\r\033[K"

static void write_line(const struct wsp_bench_load *load)
{
    const struct wsp_bench_settings *settings = load->settings;
    double elapsed_s = (double)(load->now_ns - load->stage_ns) / SECOND_NS;
    const char *name = wsp_bench_mode_name(settings->mode);
    uint64_t messages = load->result->messages;
    switch (load->stage) {
    case WSP_BENCH_OPENING:
        fprintf(stderr, "%s: %u of %u connections open", name, load->open_count,
                load->peer_count);
        break;
    case WSP_BENCH_WARMING:
        fprintf(stderr, "%s: warming up, %.1f of %g s", name, elapsed_s,
                settings->warmup_s);
        break;
    case WSP_BENCH_MEASURING:
        fprintf(stderr, "%s: %.1f s, %" PRIu64 " done, %.0f/s", name, elapsed_s,
                messages, elapsed_s > 0 ? (double)messages / elapsed_s : 0.0);
        break;
    case WSP_BENCH_LEAVING:
        fprintf(stderr, "%s: closing %u connections", name, load->open_count);
        break;
    }
}

void wsp_bench_progress_show(struct wsp_bench_load *load)
{
    if (!load->shows_progress || load->now_ns - load->shown_ns < SHOW_NS) {
        return;
    }
    load->shown_ns = load->now_ns;
    fputs(CLEAR_LINE, stderr);
    write_line(load);
    fflush(stderr);
}

void wsp_bench_progress_clear(const struct wsp_bench_load *load)
{
    if (load->shows_progress) {
        fputs(CLEAR_LINE, stderr);
        fflush(stderr);
    }
}
