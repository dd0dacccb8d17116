/* SPDX-License-Identifier: MIT */
/* Mode echo: every connection sends `depth` messages in one write and waits for
 * as many answers. With a rate, messages go out when they are due, one after
 * the other through the connections, and latency counts from then: a server
 * that stalls cannot slow down who measures it. */
#include "cli/bench_load.h"

static void send_batch(struct wsp_bench_load *load, struct wsp_bench_peer *peer)
{
    uint64_t count = wsp_bench_load_allow(load, load->settings->depth);
    if (count) {
        wsp_bench_load_send(load, peer, count, load->now_ns);
    }
}

static void start(struct wsp_bench_load *load)
{
    for (uint32_t i = 0; load->settings->rate <= 0 && i < load->peer_count;
         i++) {
        struct wsp_bench_peer *peer = &load->peers[i];
        if (peer->phase == WSP_BENCH_OPEN && peer->sent == peer->answered) {
            send_batch(load, peer);
        }
    }
}

static void take_answers(struct wsp_bench_load *load,
                         struct wsp_bench_peer *peer, uint64_t count)
{
    uint32_t depth = load->settings->depth;
    uint64_t asked = peer->sent - peer->answered;
    uint64_t unasked = count > asked ? count - asked : 0;
    load->result->unasked += unasked;
    load->answered += count - unasked;
    for (count -= unasked; count > 0; count--) {
        uint64_t stamp_ns = peer->stamps[peer->answered++ % depth];
        uint64_t late_ns =
            load->now_ns > stamp_ns ? load->now_ns - stamp_ns : 0;
        wsp_bench_load_count(load, late_ns, 1);
    }
    if (load->settings->rate <= 0 && peer->sent == peer->answered) {
        send_batch(load, peer);
    }
}

/* Finds the next connection that may send, or NULL when all are waiting. */
static struct wsp_bench_peer *take_turn(struct wsp_bench_load *load)
{
    for (uint32_t i = 0; i < load->peer_count; i++) {
        struct wsp_bench_peer *peer = &load->peers[load->turn_peer];
        load->turn_peer = (load->turn_peer + 1) % load->peer_count;
        if (peer->phase == WSP_BENCH_OPEN && peer->out_left == 0 &&
            peer->sent - peer->answered < load->settings->depth) {
            return peer;
        }
    }
    return NULL;
}

static void send_due(struct wsp_bench_load *load)
{
    while (load->settings->rate > 0 && wsp_bench_load_allow(load, 1) &&
           wsp_bench_load_due_ns(load) <= load->now_ns) {
        struct wsp_bench_peer *peer = take_turn(load);
        if (!peer) {
            return;
        }
        wsp_bench_load_send(load, peer, 1, wsp_bench_load_due_ns(load));
    }
}

static uint64_t next_ns(const struct wsp_bench_load *load)
{
    bool is_paced = load->settings->rate > 0 && wsp_bench_load_allow(load, 1);
    if (!is_paced) {
        return 0;
    }
    /* When all are waiting, what is due goes out with the next answer. */
    uint64_t due_ns = wsp_bench_load_due_ns(load);
    return due_ns > load->now_ns ? due_ns : 0;
}

const struct wsp_bench_play wsp_bench_echo = {
    .opens_all = true,
    .on_stage = start,
    .on_turn = send_due,
    .on_messages = take_answers,
    .next_ns = next_ns,
};
