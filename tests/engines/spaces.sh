#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Random networks of every space, trained for an epoch by two engines: from the same weights on the same
# batches, with the same masks of drop path, losses agree to rounding that a few steps amplify.
#   spaces.sh ESPALIER ENGINE OTHER
set -eu
espalier=$1 engine=$2 other=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

loss() { # CONFIG ENGINE
    "$espalier" eval "$1" --random --json --set "engine.plugin=$2" 2>errors.txt |
        sed -n 's/^ *"valid_loss": *\([-0-9.e+]*\),*$/\1/p' | head -n 1
}

failed=0
check() { # SPACE [PARAMETER=VALUE...]
    space=$1
    shift
    {
        printf '[experiment]\nname = engines\nseed = %d\n[space]\nplugin = %s\n' 5 "$space"
        for parameter in "$@"; do printf '%s = %s\n' "${parameter%%=*}" "${parameter#*=}"; done
        cat <<'INI'
[strategy]
plugin = random
[estimator]
plugin = train
epochs = 1
batch = 12
learning_rate = 0.005
[dataset]
plugin = synthetic
channels = 3
height = 16
width = 16
classes = 5
train = 32
valid = 16
test = 8
[objective]
minimize = valid_loss
[budget]
trials = 1
INI
    } >"$space.ini"
    a=$(loss "$space.ini" "$engine") || true
    b=$(loss "$space.ini" "$other") || true
    echo "$space: $engine $a, $other $b"
    awk -v a="$a" -v b="$b" 'BEGIN { d = a - b; d = d < 0 ? -d : d;
        exit !(a != "" && b != "" && a > 0 && d <= 1e-3 * a) }' || {
        cat errors.txt
        failed=1
    }
}

check chain
check metaqnn
check multi_branch
check nasnet channels=4 cells=5
check darts channels=4 cells=3
check nasbench101 channels=8 cells=1
check nasbench201 channels=8 cells=1
check nasbench_macro
check hierarchical channels=8
check macro_micro
check mlp
exit $failed
