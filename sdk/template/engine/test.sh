#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh ESPALIER FOLDER: networks trained by the engine in the plugin in FOLDER learn, come out as those
# of the engine that is taken without it, and what it lacks is refused by name.
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

"$espalier" run "$here/my_engine.ini" --plugins "$plugins" --out search --quiet >summary ||
    fail "my_engine.ini did not run"
accuracy=$(sed -n 's/^ *test_accuracy *//p' summary)
echo "four classes, test accuracy $accuracy"
awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy > 0.4) }' || fail "it learns nothing"

# One epoch from the same weights on the same batches; rounding alone differs.
loss() {
    "$espalier" eval "$here/my_engine.ini" --plugins "$plugins" --random --json "$@" \
        --set estimator.epochs=1 --set estimator.learning_rate=0.005 |
        sed -n 's/^ *"valid_loss": *\([-+.0-9e]*\),*$/\1/p'
}
for optimizer in sgd adam adamw; do
    mine=$(loss --set "estimator.optimizer=$optimizer")
    other=$(loss --set "estimator.optimizer=$optimizer" --set engine.plugin=auto)
    echo "$optimizer: a loss of $mine, by another engine $other"
    awk -v a="$mine" -v b="$other" 'BEGIN { d = a - b; d = d < 0 ? -d : d
        exit !(a > 0 && d <= 1e-3 * a) }' || fail "$optimizer: the losses differ"
done

"$espalier" eval "$here/my_engine.ini" --plugins "$plugins" --random \
    --set space.activations=gelu --set space.operations=conv_3x3 >words 2>&1 &&
    fail "an operator that it lacks is taken"
grep -q 'has no operator Gelu' words || { cat words >&2; fail "an operator that it lacks is not named"; }
