#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every plugin that was built passes the suite.
set -u
failed=0

# What a plugin cannot do without, and less of what only costs time.
settings() {
    case "$1" in
    bananas) echo "--set networks=2 --set epochs=20 --set candidates=30" ;;
    gp) echo "--set candidates=40" ;;
    csv) printf 'id,colour,label\n1,2,a\n2,1,b\n3,2,a\n4,1,b\n' >table.csv; echo "--set path=table.csv" ;;
    esac
}

for file in "$ESPALIER_PLUGINS"/*.so; do
    name=$(basename "$file" .so)
    # shellcheck disable=SC2046 # words of their own
    if "$ESPALIER_BINARY" check "$file" $(settings "$name") >out 2>&1; then
        printf '%-24s %s\n' "$name" "$(tail -n 1 out)"
    else
        failed=$((failed + 1))
        printf '%-24s FAILED\n' "$name"
        grep -A 1 -e '  FAIL' -e '^espalier' out
    fi
done
rm -f out table.csv
[ $failed -eq 0 ]
