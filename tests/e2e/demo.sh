#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The demo ends by itself and its sums agree; so does a second one right after. BIN names the folder of the programs.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
BIN=${BIN:-build/asan/bin}
export BIN
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0
failed=0

for run in first second; do
    if deploy/demo/run >"$log" 2>&1 && sums=$(grep -oE 'All [0-9]+ sums agree' "$log"); then
        passed=$((passed + 1))
        echo "$run run: $sums"
    else
        failed=$((failed + 1))
        echo "FAILED: the $run run of the demo:"
        tail -n 30 "$log" | sed 's/^/    /'
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
