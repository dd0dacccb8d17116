#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Prometheus' own tool reads the metrics that a server serves, and has nothing
# to say against them.
set -uo pipefail
source "$(dirname "$0")/support.bash"

build=${WSPULSE_BUILD:-$root/build}
page=$scratch/page
library=$scratch/stage/opt/wspulse/lib
sockets=
metrics=

has_promtool() {
    command -v promtool && promtool --version
}

# A program on the installed library, as a stranger would build it.
build_server() {
    DESTDIR="$scratch/stage" cmake --install "$build" --prefix /opt/wspulse &&
        cc -std=c11 -Wall -Wextra -Werror -I "$library/../include" \
            "$root/spec/package/scrape/main.c" -L "$library" -lwspulse \
            -o "$scratch/server"
}

serve() {
    start "$scratch/log" env LD_LIBRARY_PATH="$library" "$scratch/server"
    sockets=$(await_line "$scratch/log" 'sockets on 127\.0\.0\.1:[0-9]+') &&
        metrics=$(await_line "$scratch/log" 'metrics on 127\.0\.0\.1:[0-9]+')
}

# Fetches the page as Prometheus does: one GET, head and body in two files.
scrape() {
    exec 3<>"/dev/tcp/127.0.0.1/${metrics##*:}" || return 1
    printf 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3
    timeout 10 cat <&3 >"$scratch/answer"
    exec 3>&-
    sed '/^\r$/q' "$scratch/answer" >"$scratch/head"
    sed '1,/^\r$/d' "$scratch/answer" >"$page"
    head -n 1 "$scratch/head" | grep '^HTTP/1.1 200 OK' &&
        grep -i '^content-type: text/plain; version=0.0.4' "$scratch/head"
}

# Says nothing, and says so with its exit code.
passes_promtool() {
    local said
    said=$(promtool check metrics <"$1" 2>&1)
    local code=$?
    echo "$said"
    [ $code -eq 0 ] && [ -z "$said" ]
}

echoes_a_message() {
    node "$root/spec/package/echo_client.mjs" "ws://${sockets##* }/ws"
}

counted_the_message() {
    scrape && cat "$page" && passes_promtool "$page" &&
        grep -qx 'wspulse_messages_received_total 1' "$page" &&
        grep -qx 'wspulse_connection_duration_seconds_count{reason="normal"} 1' \
            "$page"
}

# The proof that promtool looks: each change makes a page that it refuses.
refuses_what_is_wrong() {
    local change result=0
    for change in \
        's/^\(# TYPE wspulse_rooms_active\) gauge/\1 counter/' \
        's/^# HELP wspulse_rooms_active .*//' \
        's/wspulse_rooms_created_total/wspulse_rooms_created/' \
        's/le="+Inf"/le="more"/' \
        's/\(wspulse_server_info{name="\)/\1"/'; do
        sed "$change" "$page" >"$scratch/changed"
        if cmp -s "$page" "$scratch/changed" ||
            passes_promtool "$scratch/changed"; then
            echo "passed all the same: $change"
            result=1
        fi
    done
    return $result
}

prove "finds promtool" has_promtool
prove "builds a server with admin endpoints" build_server
prove "serves" serve
prove "scrapes its metrics" scrape
prove "passes promtool with nothing counted" passes_promtool "$page"
prove "echoes a message" echoes_a_message
prove "passes promtool with something counted" counted_the_message
prove "knows that promtool refuses what is wrong" refuses_what_is_wrong
finish
