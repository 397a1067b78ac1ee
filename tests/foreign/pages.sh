#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs what docs/foreign-plugins.md shows: its manifests and configurations, each in the file that its first
# line names, and its commands. A file that needs another which is not there is left out, saying so.
set -eu
source=$1
espalier=$2
libraries=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
page=$source/docs/foreign-plugins.md
[ ! -e "$libraries/libstyblinski.so" ] || cp "$libraries/libstyblinski.so" .

awk '/^```c$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$page" >power_law.c
cc -shared -fPIC power_law.c -o libpower_law.so -lm

awk '/^```ini$/ { inside = 1; next } /^```/ { inside = 0 }
    inside && /^; [a-z_]*\.(plugin\.)?ini$/ { file = $2 } inside { print > file }' "$page"
for file in *.ini; do
    needed=$(sed -n 's/^; needs //p' "$file")
    if [ -n "$needed" ] && [ ! -e "$needed" ]; then
        echo "skipped: $file needs $needed"
        rm "$file"
    fi
done
"$espalier" list strategy 2>&1 | grep -q nlopt_bobyqa || {
    echo "skipped: nlopt.ini, where libnlopt0 is missing"
    rm nlopt.ini
}
count=0
sed -n 's/^espalier run //p' "$page" >commands
while read -r config rest; do
    [ -e "$config" ] || continue
    # shellcheck disable=SC2086 # words
    "$espalier" run "$config" $rest --quiet >log 2>&1 </dev/null || { cat log >&2; exit 1; }
    count=$((count + 1))
done <commands
[ "$count" -ge 1 ] || { echo "the page shows no command" >&2; exit 1; }
# The least of J0 is -0.4027594, at 3.83170597 (Abramowitz and Stegun 1964, table 9.5).
if [ -d results/nlopt ]; then
    "$espalier" results results/nlopt --json | python3 -c '
import json, sys
value = json.load(sys.stdin)["best"]["metrics"]["value"]
sys.exit(0 if abs(value + 0.4027594) < 0.2 else f"the least value is {value}")'
fi
echo "$count commands"
