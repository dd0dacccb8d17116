# SPDX-License-Identifier: MIT
# What the package specs share: `prove`, `start`, `await_line`, a folder of their own that
# goes when they end, and the closing line with the counts.
#
# A spec sources this file, calls prove once per promise and ends with finish.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
spec_name=$(basename "$0" .sh)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/wspulse-$spec_name.XXXXXX")
passed=0
failed=0
children=()

remove_scratch() {
    local pid
    for pid in ${children[@]+"${children[@]}"}; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$scratch"
}
trap remove_scratch EXIT

# prove "what is promised" COMMAND...: runs the command in this shell; shows its
# output when it fails.
prove() {
    local promise=$1
    shift
    if "$@" >"$scratch/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $promise"
    else
        failed=$((failed + 1))
        echo "FAILED  $promise"
        sed 's/^/        /' "$scratch/output"
    fi
}

# Starts a program in the background whose output goes to FILE.
start() {
    local file=$1
    shift
    "$@" >"$file" 2>&1 &
    children+=($!)
}

# Waits until FILE holds a line that matches PATTERN, at most ten seconds, and
# prints what matched.
await_line() {
    local deadline=$((SECONDS + 10))
    until grep -oE -m 1 "$2" "$1" 2>/dev/null; do
        [ $SECONDS -lt $deadline ] || {
            echo "no line like $2 in:" && cat "$1"
            return 1
        } >&2
        sleep 0.02
    done
}

finish() {
    echo "$spec_name: $passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}
