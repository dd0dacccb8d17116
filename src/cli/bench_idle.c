/* SPDX-License-Identifier: MIT */
/* Mode idle: every connection sends one message, so that whatever a server
 * keeps for a connection that was used is there, and then nothing. */
#include "cli/bench_load.h"

static void say_once(struct wsp_bench_load *load)
{
    for (uint32_t i = 0; load->sent < load->peer_count && i < load->peer_count;
         i++) {
        if (load->peers[i].phase == WSP_BENCH_OPEN) {
            wsp_bench_load_send(load, &load->peers[i], 1, load->now_ns);
        }
    }
}

static void count_answers(struct wsp_bench_load *load,
                          struct wsp_bench_peer *peer, uint64_t count)
{
    (void)peer;
    load->result->messages += count;
}

const struct wsp_bench_play wsp_bench_idle = {
    .opens_all = true,
    .is_silent = true,
    .on_stage = say_once,
    .on_messages = count_answers,
};
