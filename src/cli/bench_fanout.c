/* SPDX-License-Identifier: MIT */
/* Mode fanout: one connection sends, every other one must hear each message.
 * The next batch goes out when the last one was delivered to all. What the
 * sender hears itself does not count, so a server may leave it out. */
#include "cli/bench_load.h"

#define SENDER 0

static void send_batch(struct wsp_bench_load *load)
{
    bool is_paced = load->settings->rate > 0;
    if (load->outstanding ||
        (is_paced && wsp_bench_load_due_ns(load) > load->now_ns)) {
        return;
    }
    uint64_t count = wsp_bench_load_allow(load, load->settings->depth);
    if (count == 0) {
        return;
    }
    load->batch_ns = is_paced ? wsp_bench_load_due_ns(load) : load->now_ns;
    load->outstanding = count * load->settings->connections;
    wsp_bench_load_send(load, &load->peers[SENDER], count, load->batch_ns);
    load->active_ns = load->now_ns;
}

static void take_deliveries(struct wsp_bench_load *load,
                            struct wsp_bench_peer *peer, uint64_t count)
{
    if (peer == &load->peers[SENDER]) {
        return;
    }
    uint64_t asked = count < load->outstanding ? count : load->outstanding;
    load->result->unasked += count - asked;
    load->outstanding -= asked;
    wsp_bench_load_count(load, load->now_ns - load->batch_ns, asked);
    if (load->outstanding == 0) {
        load->answered = load->sent;
        send_batch(load);
    }
}

static uint64_t next_ns(const struct wsp_bench_load *load)
{
    bool is_paced = load->settings->rate > 0 && !load->outstanding &&
                    wsp_bench_load_allow(load, 1);
    return is_paced ? wsp_bench_load_due_ns(load) : 0;
}

const struct wsp_bench_play wsp_bench_fanout = {
    .opens_all = true,
    .extra = 1,
    .on_stage = send_batch,
    .on_turn = send_batch,
    .on_messages = take_deliveries,
    .next_ns = next_ns,
};
