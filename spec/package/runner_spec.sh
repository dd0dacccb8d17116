#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The runner of the suites fails when a test fails, when a suite crashes and
# when nothing ran, and its last line counts what really happened.
set -uo pipefail
source "$(dirname "$0")/support.bash"

tree=$scratch/tree
mkdir -p "$tree/spec/lua" "$tree/lua" "$tree/build/dev/lua_modules"
cp -r "$root/tools" "$tree/tools"
echo 'WSPULSE_SANITIZE:STRING=' >"$tree/build/dev/CMakeCache.txt"

# Runs a suite of one Lua spec: its body, the exit code and last line to come.
run_gives() {
    local body=$1 want_code=$2 want_line=$3 code
    echo "$body" >"$tree/spec/lua/one_spec.lua"
    WSPULSE_RESULTS="$scratch/results" "$tree/tools/run-specs" dev:lua \
        >"$scratch/run" 2>&1
    code=$?
    cat "$scratch/run"
    [ $code -eq "$want_code" ] &&
        [ "$(tail -n 1 "$scratch/run")" = "$want_line" ]
}

adds_up_over_runs() {
    awk '{ p += $1; f += $2 } END { exit !(p == 4 && f == 3) }' \
        "$scratch/results"
}

refuses_an_unknown_suite() {
    "$tree/tools/run-specs" dev:nothing
    [ $? -eq 2 ]
}

# Every file of specs is reached: none lies where no suite looks.
reaches_every_spec() {
    local layers='base|proto|net|core|runtime|lua_binding|cli|faults'
    ! (cd "$root" && find spec conformance -name node_modules -prune -o -type f \
        \( -name '*_spec.*' -o -name '*.spec.*' -o -name '*.test.*' \) -print) |
        grep -vE \
            -e "^spec/($layers)/[a-z0-9_]+_spec\\.c\$" \
            -e '^spec/(lua|binding|cli|bench)/([a-z0-9_]+/)*[a-z0-9_]+_spec\.lua$' \
            -e '^(spec/e2e|conformance)/[a-z0-9_]+_spec\.mjs$' \
            -e '^spec/package/[a-z0-9_]+_spec\.sh$'
}

prove "passes when all pass" run_gives \
    'it("a", function() end) it("b", function() end)' 0 "2 passed, 0 failed"
prove "fails when one fails" run_gives \
    'it("a", function() end) it("b", function() error "x" end)' \
    1 "1 passed, 1 failed"
prove "fails when a test is pending" run_gives \
    'it("a", function() end) pending("b")' 1 "1 passed, 1 failed"
prove "fails when the suite ends early" run_gives \
    'os.exit(0)' 1 "0 passed, 1 failed"
prove "appends its counts to a file" adds_up_over_runs
prove "refuses an unknown suite" refuses_an_unknown_suite
prove "reaches every spec of the tree" reaches_every_spec
finish
