#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The rock builds offline into an empty tree, from a copy of the sources, and
# serves a WebSocket echo from plain luajit.
set -uo pipefail
source "$(dirname "$0")/support.bash"

tree=$scratch/tree
sources=$scratch/sources

# The sources as a clone has them: nothing that was built.
copy_sources() {
    mkdir "$sources" &&
        tar -C "$root" -cf - CMakeLists.txt cmake include lua rockspec src |
        tar -C "$sources" -xf -
}

# No server to ask: what is not in the sources or on the machine is missing.
install_rock() {
    (cd "$sources" &&
        luarocks --lua-version=5.1 --tree "$tree" make --deps-mode=none \
            --only-server="file://$scratch/nowhere" \
            rockspec/wspulse-scm-1.rockspec LUA_INCDIR="$(lua_include_dir)")
}

lua_include_dir() {
    pkg-config --variable=includedir luajit
}

has_files() {
    local file result=0
    for file in lib/lua/5.1/wspulse/core.so share/lua/5.1/wspulse/init.lua \
        share/lua/5.1/wspulse/router.lua; do
        [ -f "$tree/$file" ] || {
            echo "not installed: $file"
            result=1
        }
    done
    return $result
}

installs_no_library() {
    [ ! -e "$tree/include" ] && [ ! -e "$tree/bin/wspulse" ] &&
        [ -z "$(find "$tree" -name 'libwspulse*')" ]
}

is_listed() {
    luarocks --lua-version=5.1 --tree "$tree" list --porcelain wspulse |
        grep -q '^wspulse'
}

in_tree=(
    env "LUA_PATH=$tree/share/lua/5.1/?.lua;$tree/share/lua/5.1/?/init.lua;;"
    "LUA_CPATH=$tree/lib/lua/5.1/?.so;;"
)

serve_echo() {
    local address
    start "$scratch/server.log" "${in_tree[@]}" \
        luajit "$root/scripts/examples/05_embed.lua" 127.0.0.1:0
    address=$(await_line "$scratch/server.log" '127\.0\.0\.1:[1-9][0-9]*') ||
        return 1
    timeout 20 node "$root/spec/package/echo_client.mjs" "ws://$address/ws"
}

prove "copies the sources" copy_sources
prove "builds offline into an empty tree" install_rock
prove "installs the module and its Lua files" has_files
prove "leaves command, library and headers out" installs_no_library
prove "is listed in the tree" is_listed
prove "serves an echo from plain luajit" serve_echo
finish
