#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh ESPALIER FOLDER: networks learn to tell the shapes of the dataset in the plugin in FOLDER apart,
# better than chance on images that they have not seen, and the less the more noise there is.
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

"$espalier" run "$here/my_dataset.ini" --plugins "$plugins" --out search --quiet >summary ||
    fail "my_dataset.ini did not run"
accuracy=$(sed -n 's/^ *test_accuracy *//p' summary)
echo "four shapes, test accuracy $accuracy"
awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy > 0.6) }' || fail "expected more than 0.6"

"$espalier" run "$here/my_dataset.ini" --plugins "$plugins" --out noisy --quiet \
    --set dataset.noise=1 --set budget.trials=1 >summary || fail "with noise it did not run"
noisy=$(sed -n 's/^ *test_accuracy *//p' summary)
echo "in much noise $noisy"
awk -v a="$accuracy" -v b="$noisy" 'BEGIN { exit !(b < a) }' || fail "noise makes it no harder"
