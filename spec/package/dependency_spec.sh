#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A component that is not installed is named with its Debian package.
set -uo pipefail
source "$(dirname "$0")/support.bash"

# Configures with the settings in $@ and expects it to stop.
configure_must_fail() {
    ! env "$@" cmake -S "$root" -B "$scratch/build" -G Ninja \
        "${settings[@]}" >"$scratch/configure" 2>&1
}

names_packages() {
    local package result=0
    for package in "$@"; do
        grep -qE "(^| )$package( |$)" "$scratch/configure" || {
            echo "not named: $package"
            result=1
        }
    done
    [ $result -eq 0 ] || cat "$scratch/configure"
    return $result
}

settings=(-DCMAKE_DISABLE_FIND_PACKAGE_wslay=ON -DWSPULSE_BUILD_TESTS=ON)
prove "stops without its libraries" \
    configure_must_fail PKG_CONFIG_LIBDIR=/nonexistent
prove "names every package that is missing, at once" names_packages \
    libevent-dev libssl-dev zlib1g-dev libwslay-dev libluajit-5.1-dev \
    libmpack-dev libcmocka-dev
rm -rf "$scratch/build"

settings=(-DWSPULSE_BUILD_TESTS=OFF -Dwsp_uthash_include=OFF)
prove "stops without lua-cjson and uthash" \
    configure_must_fail "LUA_CPATH=/nonexistent/?.so"
prove "names them" names_packages lua-cjson uthash-dev
finish
