/* SPDX-License-Identifier: MIT */
/* Measures the core without a socket.
 *
 *   core_bench [--json] [--quick] [WORD]
 *
 * WORD measures the cases whose name holds it. --quick takes one short round,
 * for whoever wants the counts and not the times. */
#include <stdio.h>
#include <string.h>

#include "group.h"

#define ROUND_S 0.1
#define ROUNDS 5

static const char usage[] = "usage: core_bench [--json] [--quick] [WORD]\n";

int main(int argc, char **argv)
{
    struct bench_sheet sheet = {.round_s = ROUND_S, .rounds = ROUNDS};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            sheet.is_json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            sheet.round_s = 0;
            sheet.rounds = 1;
        } else if (argv[i][0] == '-' || sheet.only) {
            fputs(usage, stderr);
            return 2;
        } else {
            sheet.only = argv[i];
        }
    }
    bench_hub_group(&sheet);
    bench_codec_group(&sheet);
    bench_session_group(&sheet);
    if (sheet.measured == 0) {
        fprintf(stderr, "core_bench: no case holds \"%s\"\n", sheet.only);
        return 1;
    }
    return 0;
}
