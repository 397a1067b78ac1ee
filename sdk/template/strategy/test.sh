#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh ESPALIER FOLDER: the search of my_strategy.ini with the plugin in FOLDER. It comes out the
# same twice, tries nothing twice, finds more than random search does, and ends when all was tried.
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

# search NAME SETTING...: runs it; the trials are the lines of NAME.csv.
search() {
    name=$1
    shift
    "$espalier" run "$here/my_strategy.ini" --plugins "$plugins" --out "$name" --quiet "$@" >log ||
        fail "$name did not run"
    # The number of the trial, the architecture's hash, the first metric.
    "$espalier" results "$name" --csv | cut -d , -f 3,5,9 | sed 1d >"$name.csv"
}

best() {
    sort -t , -k 3 -g "$1" | tail -n 1 | cut -d , -f 3
}

search once
search again
cmp once.csv again.csv || fail "the same seed gives other trials"
twice=$(cut -d , -f 2 once.csv | sort | uniq -d | wc -l)
[ "$twice" -eq 0 ] || fail "$twice architectures were tried twice"

sed '/^\[strategy\]/,/^$/d' "$here/my_strategy.ini" >random.ini
printf '\n[strategy]\nplugin = random\n' >>random.ini
"$espalier" run random.ini --out random --quiet >log || fail "random search did not run"
"$espalier" results random --csv | cut -d , -f 3,5,9 | sed 1d >random.csv
echo "best of 500 trials: $(best once.csv), of random search $(best random.csv)"
awk -v a="$(best once.csv)" -v b="$(best random.csv)" 'BEGIN { exit !(a >= b) }' ||
    fail "random search is better"

# A space of few members.
search small --set space.min_depth=1 --set space.max_depth=2 --set space.operations=conv_3x3,identity --set space.widths=8,16
"$espalier" results small --json | grep -q '"reason": "exhausted"' || fail "it does not end"
