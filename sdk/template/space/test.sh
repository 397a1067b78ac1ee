#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh ESPALIER FOLDER: the space in the plugin in FOLDER has as many members as it should, each once;
# and the search of my_space.ini comes to its end.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
espalier=$1
plugins=$(cd "$2" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
    echo "$*" >&2
    exit 1
}

# 3 widths; one layer of 4 kinds, or two: 3 (4 + 4 4) = 60.
cat >all.ini <<'END'
[space]
plugin = my_space
max_depth = 2
widths = 4, 8, 12
[strategy]
plugin = exhaustive
[estimator]
plugin = nk_landscape
[objective]
maximize = fitness
[budget]
trials = 1000
END
"$espalier" run all.ini --plugins "$plugins" --out all --quiet >log || fail "all.ini did not run"
"$espalier" results all --json >all.json
grep -q '"reason": "exhausted"' all.json || fail "the space has no end"
members=$("$espalier" results all --csv | sed 1d | cut -d , -f 5 | sort -u | wc -l)
[ "$members" -eq 60 ] || fail "expected 60 members, found $members"

"$espalier" run all.ini --plugins "$plugins" --out wrong --quiet --set space.widths=8,4 2>words &&
    fail "widths that descend are taken"
grep -q 'widths: expected ascending numbers' words || fail "widths that descend are refused otherwise"

"$espalier" run "$here/my_space.ini" --plugins "$plugins" --out search --quiet >summary ||
    fail "my_space.ini did not run"
accuracy=$(sed -n 's/^ *test_accuracy *//p' summary)
echo "60 members; the best of 12, four classes, test accuracy $accuracy"
awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy > 0.4) }' || fail "the best learns nothing"
