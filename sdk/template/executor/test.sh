#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh ESPALIER FOLDER: trials evaluated by the executor in the plugin in FOLDER have the results that
# the executors `inline` and `local` give, in either order, and each is in the log.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
espalier=$1
plugins=$(cd "$2" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
ESPALIER_CACHE=$folder/cache
export ESPALIER_CACHE

fail() {
    echo "$*" >&2
    exit 1
}

# search NAME CONFIG SETTING...: runs it; the trials are the lines of NAME.csv.
search() {
    name=$1
    config=$2
    shift 2
    "$espalier" run "$config" --plugins "$plugins" --out "$name" --quiet "$@" >log ||
        fail "$name did not run"
    # The number of the trial, its state, the architecture's hash, the first metric.
    "$espalier" results "$name" --csv | cut -d , -f 3,4,5,9 | sed 1d >"$name.csv"
}

search oldest "$here/my_executor.ini"
search newest "$here/my_executor.ini" --set executor.newest_first=yes
sed '/^newest_first/d' "$here/my_executor.ini" >plain.ini
search inline plain.ini --set executor.plugin=inline
search local plain.ini --set executor.plugin=local --set run.workers=1
[ "$(grep -c ,done, oldest.csv)" -eq 8 ] || fail "not all 8 trials are done"
for other in newest inline local; do
    cmp oldest.csv $other.csv || fail "$other has other results"
done
[ "$(grep -c 'my_executor: job .* took' oldest/log.txt)" -eq 8 ] || fail "not all 8 are in the log"
