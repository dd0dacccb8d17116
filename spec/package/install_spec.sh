#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make install` lays down everything that a stranger's program needs: a C
# consumer is built against the staged tree by pkg-config and by CMake.
set -uo pipefail
source "$(dirname "$0")/support.bash"

build=${WSPULSE_BUILD:-$root/build}
stage=$scratch/stage
prefix=$stage/opt/wspulse

install_staged() {
    DESTDIR="$stage" cmake --install "$build" --prefix /opt/wspulse
}

has_files() {
    local file result=0
    for file in "$@"; do
        # shellcheck disable=SC2086 # patterns
        compgen -G "$prefix/$file" >/dev/null || {
            echo "not installed: $file"
            result=1
        }
    done
    return $result
}

has_every_header() {
    diff <(ls "$root/include/wspulse") <(ls "$prefix/include/wspulse")
}

has_every_lua_file() {
    diff <(cd "$root/lua" && find . -name '*.lua' | sort) \
        <(cd "$prefix/share/lua/5.1" && find . -name '*.lua' | sort)
}

touches_nothing_else() {
    [ "$(ls "$stage")" = opt ] && [ "$(ls "$stage/opt")" = wspulse ]
}

has_soname() {
    readelf -d "$prefix/lib/libwspulse.so" |
        grep -q 'SONAME.*\[libwspulse.so.0\]'
}

# The library shows the symbols of the API and no others.
exports_only_the_api() {
    ! nm -D --defined-only "$prefix/lib/libwspulse.so" |
        awk '{print $3}' | grep -v '^wsp_'
}

module_exports_only_its_opener() {
    local shown
    shown=$(nm -D --defined-only "$prefix/lib/lua/5.1/wspulse/core.so" |
        awk '{print $3}')
    echo "$shown"
    [ "$shown" = luaopen_wspulse_core ]
}

module_brings_no_lua() {
    ! ldd "$prefix/lib/lua/5.1/wspulse/core.so" | grep -i lua
}

names_no_build_folder() {
    ! grep -rIl -e "$root" -e "$stage" "$prefix/lib/pkgconfig" \
        "$prefix/lib/cmake" "$prefix/share"
}

consumer_runs() {
    local output
    output=$(LD_LIBRARY_PATH="$prefix/lib" timeout 10 "$1") || return 1
    echo "$output"
    [[ $output =~ ^listening\ on\ 127\.0\.0\.1:[1-9][0-9]*$ ]]
}

pkg_config_consumer() {
    local flags
    flags=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" \
        pkg-config --cflags --libs wspulse) || return 1
    # shellcheck disable=SC2086 # several flags
    cc -std=c11 -Wall -Wextra -Werror "$root/spec/package/consumer/main.c" \
        $flags -o "$scratch/consumer" && consumer_runs "$scratch/consumer"
}

cmake_consumer() {
    cmake -S "$root/spec/package/consumer" -B "$scratch/consumer-build" \
        -G Ninja -DCMAKE_PREFIX_PATH="$prefix" &&
        cmake --build "$scratch/consumer-build" &&
        consumer_runs "$scratch/consumer-build/consumer"
}

# Every header can be the first and only one of a file.
headers_stand_alone() {
    local header result=0
    for header in "$prefix"/include/wspulse/*.h; do
        printf '#include <wspulse/%s>\nextern int used;\n' \
            "$(basename "$header")" >"$scratch/one.c"
        cc -std=c11 -Wall -Wextra -Werror -pedantic -fsyntax-only \
            -I "$prefix/include" "$scratch/one.c" || result=1
    done
    return $result
}

installed_command_runs() {
    local version
    version=$("$prefix/bin/wspulse" version) && echo "$version" &&
        [[ $version == *0.1.0* ]]
}

installed_module_loads() {
    LUA_PATH="$prefix/share/lua/5.1/?.lua;$prefix/share/lua/5.1/?/init.lua;;" \
        LUA_CPATH="$prefix/lib/lua/5.1/?.so;;" \
        luajit -e 'assert(require("wspulse").new_server)'
}

prove "installs below PREFIX in DESTDIR" install_staged
prove "writes nothing beside PREFIX" touches_nothing_else
prove "lays down command, module, library and package files" has_files \
    bin/wspulse lib/lua/5.1/wspulse/core.so lib/libwspulse.so \
    lib/libwspulse.so.0 lib/libwspulse.so.0.1.0 lib/pkgconfig/wspulse.pc \
    lib/cmake/wspulse/wspulseConfig.cmake \
    lib/cmake/wspulse/wspulseConfigVersion.cmake
prove "lays down every public header" has_every_header
prove "lays down every Lua file" has_every_lua_file
prove "names no folder of the build" names_no_build_folder
prove "gives the library its SONAME" has_soname
prove "exports only the API from the library" exports_only_the_api
prove "exports only luaopen_wspulse_core from the module" \
    module_exports_only_its_opener
prove "leaves Lua to the module's host" module_brings_no_lua
prove "has headers that stand alone" headers_stand_alone
prove "builds and serves a consumer found by pkg-config" pkg_config_consumer
prove "builds and serves a consumer found by CMake" cmake_consumer
prove "runs the installed command" installed_command_runs
prove "loads the installed module in plain luajit" installed_module_loads
finish
