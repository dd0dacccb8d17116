/* SPDX-License-Identifier: MIT */
#include "cli/bench_stage.h"

#include <time.h>

#include "cli/bench_process.h"

#define SECOND_NS 1000000000ULL

uint64_t wsp_bench_clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

double wsp_bench_stage_seconds(const struct wsp_bench_load *load, uint64_t ns)
{
    return (double)(load->now_ns - ns) / (double)SECOND_NS;
}

void wsp_bench_stage_enter(struct wsp_bench_load *load,
                           enum wsp_bench_stage stage)
{
    load->stage = stage;
    load->stage_ns = load->now_ns;
    load->active_ns = load->now_ns;
    load->sent -= load->answered; /* what is on its way counts in the next */
    load->answered = 0;
    if (load->play->on_stage && wsp_bench_load_is_on(load)) {
        load->play->on_stage(load);
    }
}

static double read_server_cpu(struct wsp_bench_load *load)
{
    double seconds = 0;
    struct wsp_diag diag;
    if (load->settings->pid &&
        wsp_bench_process_cpu(load->settings->pid, &seconds, &diag) != WSP_OK) {
        load->result->has_server = false;
        wsp_bench_load_fail(load, &diag);
    }
    return seconds;
}

static void begin_measuring(struct wsp_bench_load *load)
{
    struct wsp_bench_result *result = load->result;
    wsp_bench_histogram_init(&result->latency);
    result->messages = 0;
    result->bytes = 0;
    result->unasked = 0;
    load->client_cpu_s = wsp_bench_own_cpu();
    load->server_cpu_s = read_server_cpu(load);
    if (load->stage != WSP_BENCH_LEAVING) {
        wsp_bench_stage_enter(load, WSP_BENCH_MEASURING);
    }
}

static void end_measuring(struct wsp_bench_load *load)
{
    struct wsp_bench_result *result = load->result;
    load->now_ns = wsp_bench_clock_ns();
    result->seconds = wsp_bench_stage_seconds(load, load->stage_ns);
    result->client_cpu_s = wsp_bench_own_cpu() - load->client_cpu_s;
    double server_cpu_s = read_server_cpu(load);
    if (result->has_server) {
        result->server_cpu_s = server_cpu_s - load->server_cpu_s;
        wsp_bench_process_rss(load->settings->pid, &result->rss, NULL);
    }
}

void wsp_bench_stage_leave(struct wsp_bench_load *load)
{
    if (load->stage == WSP_BENCH_LEAVING) {
        return;
    }
    bool was_measuring = load->stage == WSP_BENCH_MEASURING;
    load->stage = WSP_BENCH_LEAVING; /* a failure in here changes nothing */
    if (was_measuring) {
        end_measuring(load);
    }
    wsp_bench_stage_enter(load, WSP_BENCH_LEAVING);
    for (uint32_t i = 0; i < load->begun; i++) {
        if (load->peers[i].phase == WSP_BENCH_OPEN) {
            wsp_bench_peer_close(&load->peers[i]);
        }
    }
}

void wsp_bench_load_fail(struct wsp_bench_load *load,
                         const struct wsp_diag *diag)
{
    if (load->result->failure.code == WSP_OK) {
        load->result->failure = *diag;
    }
    wsp_bench_stage_leave(load);
}

void wsp_bench_stage_warm(struct wsp_bench_load *load)
{
    load->result->connect_s = wsp_bench_stage_seconds(load, load->stage_ns);
    if (load->settings->warmup_s > 0) {
        wsp_bench_stage_enter(load, WSP_BENCH_WARMING);
    } else {
        begin_measuring(load);
    }
}

uint64_t wsp_bench_load_allow(const struct wsp_bench_load *load, uint64_t most)
{
    uint64_t limit = load->settings->messages;
    if (!wsp_bench_load_is_on(load)) {
        return 0;
    }
    if (load->stage == WSP_BENCH_WARMING || limit == 0) {
        return most;
    }
    uint64_t left = load->sent < limit ? limit - load->sent : 0;
    return left < most ? left : most;
}

uint64_t wsp_bench_load_due_ns(const struct wsp_bench_load *load)
{
    double after_s = (double)load->sent / load->settings->rate;
    return load->stage_ns + (uint64_t)(after_s * (double)SECOND_NS);
}

void wsp_bench_load_count(struct wsp_bench_load *load, uint64_t latency_ns,
                          uint64_t count)
{
    load->result->messages += count;
    wsp_bench_histogram_add(&load->result->latency, latency_ns, count);
}

void wsp_bench_stage_check(struct wsp_bench_load *load)
{
    const struct wsp_bench_settings *settings = load->settings;
    double elapsed_s = wsp_bench_stage_seconds(load, load->stage_ns);
    if (load->stage == WSP_BENCH_WARMING && elapsed_s >= settings->warmup_s) {
        begin_measuring(load);
    } else if (load->stage == WSP_BENCH_MEASURING) {
        bool is_time =
            settings->duration_s > 0 && elapsed_s >= settings->duration_s;
        bool is_count = settings->messages > 0 &&
                        load->sent >= settings->messages &&
                        load->answered >= load->sent;
        if (is_time || is_count) {
            wsp_bench_stage_leave(load);
        }
    }
}
