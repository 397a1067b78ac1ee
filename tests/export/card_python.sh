#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Python that a model card shows runs as it stands, from the run's folder, and answers with a class. For
# images and for rows of a table. $1: the folder of the scripts; $2: the samples' folder, where Node's ONNX
# Runtime was installed (reader.sh).
set -eu
scripts=$1
samples=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PYTHONDONTWRITEBYTECODE=1

skip()
{
    echo "skipped: $1"
    exit 77
}

python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c "import numpy" >/dev/null 2>&1 && { python=$candidate; break; }
done
[ -n "$python" ] || skip "no Python with numpy (Debian: python3-numpy)"
if ! "$python" -c "import onnxruntime" >/dev/null 2>&1; then
    [ -d "$samples/node_modules/onnxruntime-node" ] || skip "no ONNX Runtime, for Python or for Node"
    export ONNXRUNTIME_NODE="$samples" PYTHONPATH="$scripts/stand_in"
fi

# $1: a name; $2: the number of classes; the configuration on standard input.
check()
{
    cat >"$folder/$1.ini"
    "$ESPALIER_BINARY" run "$folder/$1.ini" --quiet --out "$folder/$1" >"$folder/log" 2>&1 ||
        { cat "$folder/log"; exit 1; }
    awk '/^```python$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$folder/$1/model_card.md" >"$folder/$1.py"
    said=$(cd "$folder/$1" && "$python" "$folder/$1.py")
    last=$(($2 - 1))
    case $said in
    "["[0-$last]"]") echo "$1: class $said" ;;
    *) echo "$1: not a class: $said"; exit 1 ;;
    esac
}

common='[strategy]
plugin = random
[objective]
maximize = valid_accuracy
[budget]
trials = 1
[final]
retrain = best
[estimator]
plugin = train
epochs = 1
batch = 8'
check images 4 <<END
[space]
plugin = chain
max_depth = 2
widths = 4
[dataset]
plugin = synthetic
classes = 4
height = 8
width = 6
train = 32
valid = 16
test = 16
$common
END
{
    echo "a,b,label"
    i=0
    while [ $i -lt 30 ]; do
        echo "$i,$((i % 7)),$((i % 3))"
        i=$((i + 1))
    done
} >"$folder/rows.csv"
check rows 3 <<END
[space]
plugin = mlp
[dataset]
plugin = csv
path = $folder/rows.csv
test_fraction = 0.2
$common
END
