#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh ESPALIER FOLDER: the estimator in the plugin in FOLDER gives what its formula says, and the
# search of my_estimator.ini comes near to the wanted size.
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

# Two convolutions, an identity and the linear layer: a depth of 3. The host counts params itself.
cat >arch.json <<'END'
{"space": "chain", "decisions": [["depth", 3],
 ["layer/0/op", "conv_3x3"], ["layer/0/op/conv_3x3/width", "16"], ["layer/0/op/conv_3x3/stride", "1"],
 ["layer/1/op", "identity"],
 ["layer/2/op", "conv_5x5"], ["layer/2/op/conv_5x5/width", "32"], ["layer/2/op/conv_5x5/stride", "2"]],
 "genome": null}
END
"$espalier" eval "$here/my_estimator.ini" --plugins "$plugins" --json-arch arch.json --json >eval.json ||
    fail "the architecture was not evaluated"
metric() {
    sed -n "s/^ *\"$1\": *\([-+.0-9e]*\),*\$/\1/p" eval.json
}
echo "params $(metric params): misfit $(metric misfit), depth $(metric depth)"
awk -v params="$(metric params)" -v misfit="$(metric misfit)" -v depth="$(metric depth)" 'BEGIN {
    expected = log(params / 50000)
    expected = expected < 0 ? -expected : expected
    difference = misfit - expected
    exit !(difference < 1e-9 && difference > -1e-9 && depth == 3)
}' || fail "expected |ln(params / 50000)| and a depth of 3"

"$espalier" run "$here/my_estimator.ini" --plugins "$plugins" --out search --quiet >log ||
    fail "my_estimator.ini did not run"
"$espalier" results search --top 1 --json >best.json
best=$(sed -n '/"best"/,$s/^ *"misfit": *\([-+.0-9e]*\),*$/\1/p' best.json | head -n 1)
echo "the best of 300 trials is $best away"
awk -v best="$best" 'BEGIN { exit !(best != "" && best < 0.05) }' ||
    fail "expected to come within 0.05 of 50000"
