#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tools/install-packages installs what is missing and nothing else. A stand-in
# for apt-get notes how it is called; nothing is installed here.
set -uo pipefail
source "$(dirname "$0")/support.bash"

bin=$scratch/bin
calls=$scratch/calls
mkdir "$bin"

# Writes the program $1 with the shell text $2. Never a link: what is written
# over must not be the machine's own.
stand_in() {
    rm -f "$bin/$1"
    printf '#!%s\n%s\n' "$(command -v bash)" "$2" >"$bin/$1"
    chmod +x "$bin/$1"
}

# The programs that the script may use as they are.
for tool in bash cat env grep id node npm sed; do
    stand_in "$tool" "exec $(command -v "$tool") \"\$@\""
done

# dpkg-query knows every package except those in $absent.
stand_in dpkg-query '
    for package; do :; done
    [[ " $absent " == *" $package "* ]] && exit 1
    echo -n installed'
stand_in promtool ''
stand_in apt-get 'echo "$DEBIAN_FRONTEND apt-get $*" >>"$calls"'
stand_in sudo 'echo "sudo" >>"$calls"; "$@"'

# Runs the script with the packages in $1 absent; the groups follow.
install() {
    local absent=$1
    shift
    : >"$calls"
    PATH=$bin absent=$absent calls=$calls "$root/tools/install-packages" "$@" \
        >"$scratch/said" 2>&1
}

installs_nothing_when_complete() {
    install "" run test check conformance && [ ! -s "$calls" ]
}

installs_only_what_is_missing() {
    install "libevent-dev uthash-dev chromium" run || return 1
    cat "$calls"
    [ "$(grep -c ' update$' "$calls")" = 1 ] &&
        [ "$(grep -c ' install ' "$calls")" = 1 ] &&
        grep -q ' libevent-dev uthash-dev$' "$calls"
}

asks_apt_with_care() {
    install "cmake" run || return 1
    cat "$calls"
    ! grep -v -e '^noninteractive ' -e '^sudo$' "$calls" &&
        ! grep -v -e '-o DPkg::Lock::Timeout=300' -e '^sudo$' "$calls" &&
        grep -q 'install -y --no-install-recommends cmake' "$calls"
}

uses_sudo_when_not_root() {
    stand_in id 'echo 1000'
    install "cmake" run || return 1
    cat "$calls"
    [ "$(grep -c '^sudo$' "$calls")" = 2 ]
}

needs_no_sudo_as_root() {
    stand_in id 'echo 0'
    install "cmake" run || return 1
    cat "$calls"
    [ "$(grep -c '^sudo$' "$calls")" = 0 ]
}

# The package of prometheus would start a server: promtool is taken out of it.
takes_promtool_alone() {
    local result=0
    rm "$bin/promtool"
    for tool in mktemp rm; do
        stand_in $tool "exec $(command -v $tool) \"\$@\""
    done
    stand_in dpkg-deb 'echo "dpkg-deb $*" >>"$calls"'
    stand_in tar 'echo "tar $*" >>"$calls"'
    stand_in install 'echo "install $*" >>"$calls"'
    install "prometheus" test || result=1
    stand_in promtool ''
    cat "$calls"
    [ $result -eq 0 ] && grep -q 'apt-get .* download prometheus$' "$calls" &&
        grep -q '^tar .* \./usr/bin/promtool$' "$calls" &&
        grep -qx 'install -m 755 promtool /usr/local/bin/promtool' "$calls" &&
        ! grep -q 'apt-get .* install ' "$calls"
}

is_content_with_another_node() {
    install "nodejs npm" test && [ ! -s "$calls" ]
}

is_content_with_another_go_and_python() {
    stand_in go 'echo go1.19'
    stand_in python3 ''
    install "golang-go python3 python3-venv" conformance && [ ! -s "$calls" ]
}

installs_go_and_python() {
    rm "$bin/go"
    stand_in python3 'exit 1'
    install "golang-go python3-venv" conformance || return 1
    cat "$calls"
    grep -q ' golang-go python3-venv$' "$calls"
}

fails_when_apt_fails() {
    stand_in apt-get 'exit 100'
    ! install "cmake" run
}

refuses_an_unknown_group() {
    install "" everything
    [ $? -eq 2 ]
}

lists_packages_without_apt() {
    rm "$bin/apt-get"
    install "" run
    local code=$?
    cat "$scratch/said"
    [ $code -eq 1 ] && grep -q '^  libevent-dev$' "$scratch/said" &&
        grep -q '^  libwslay-dev$' "$scratch/said" &&
        ! grep -q chromium "$scratch/said"
}

prove "does nothing when all is there" installs_nothing_when_complete
prove "installs only what is missing, after one update" \
    installs_only_what_is_missing
prove "calls apt-get without questions and with a lock timeout" \
    asks_apt_with_care
prove "uses sudo when not root" uses_sudo_when_not_root
prove "uses none as root" needs_no_sudo_as_root
prove "takes promtool alone out of its package" takes_promtool_alone
prove "is content with a node that came otherwise" is_content_with_another_node
prove "is content with a go and a python that came otherwise" \
    is_content_with_another_go_and_python
prove "installs go and python where they are absent" installs_go_and_python
prove "refuses an unknown group" refuses_an_unknown_group
prove "fails when apt-get fails" fails_when_apt_fails
prove "lists the packages where apt-get is absent" lists_packages_without_apt
finish
