/* SPDX-License-Identifier: MIT */
/* Mode connect: every connection opens, says goodbye, waits until the server
 * has closed the socket, and begins again. Latency is connect to 101. */
#include "cli/bench_load.h"

static void begin(struct wsp_bench_load *load, struct wsp_bench_peer *peer)
{
    if (wsp_bench_load_allow(load, 1)) {
        load->sent++;
        wsp_bench_load_connect(load, peer);
    }
}

static void start(struct wsp_bench_load *load)
{
    for (uint32_t i = 0; i < load->peer_count; i++) {
        if (load->peers[i].phase == WSP_BENCH_UNUSED) {
            begin(load, &load->peers[i]);
        }
    }
}

static void leave_again(struct wsp_bench_load *load,
                        struct wsp_bench_peer *peer)
{
    wsp_bench_histogram_add(&load->result->latency,
                            load->now_ns - peer->began_ns, 1);
    wsp_bench_peer_close(peer);
}

static void count_cycle(struct wsp_bench_load *load,
                        struct wsp_bench_peer *peer)
{
    load->active_ns = load->now_ns;
    load->answered++;
    load->result->messages++;
    begin(load, peer);
}

const struct wsp_bench_play wsp_bench_connect = {
    .on_stage = start,
    .on_open = leave_again,
    .on_closed = count_cycle,
};
