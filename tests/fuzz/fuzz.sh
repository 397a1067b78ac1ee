#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One target under libFuzzer: fuzz.sh BUILD-FOLDER SECONDS TARGET. From the source's folder.
set -eu
build=$1
seconds=$2
target=$3
here=$(cd "$(dirname "$0")" && pwd)
found=$build/corpus/$target
log=$build/findings/$target.log
mkdir -p "$found" "$build/findings"
export ASAN_OPTIONS=strict_string_checks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export ESPALIER_PLUGINS="$PWD/$build/lib/espalier/plugins"
ESPALIER_TRUSTED_USERS=$(stat -c %u "$here")
export ESPALIER_TRUSTED_USERS
if "$build/tests/bin/fuzz" "$target" -artifact_prefix="$build/findings/$target-" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2500 -max_len=8192 -print_final_stats=1 \
    "$found" "$here/corpus/$target" >"$log" 2>&1; then
    echo "$target: $(grep 'DONE' "$log" | tail -1)"
else
    echo "$target: FAILED" >&2
    grep -v '^#' "$log" | tail -40 >&2
    exit 1
fi
