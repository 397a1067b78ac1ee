#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reads the exported samples by one of the readers, or skips (77), saying what is not there.
# $1: the reader; $2: the folder of the scripts; $3: the samples' folder.
set -eu
reader=$1
scripts=$2
samples=$3

skip()
{
    echo "skipped: $1"
    exit 77
}

# Debian's modules belong to Debian's Python, which need not be the first of the path.
find_python()
{
    for python in python3 /usr/bin/python3; do
        if "$python" -c "$1" >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

[ -e /usr/share/datasets/fashion-mnist ] ||
    skip "no Fashion-MNIST, on whose images samples are made (Debian: dataset-fashion-mnist)"

case $reader in
onnx_checker)
    find_python "import onnx; onnx.load, onnx.checker" || skip "no Python with onnx (Debian: python3-onnx)"
    exec "$python" "$scripts/onnx_checker.py" "$samples"
    ;;
torch | losses)
    find_python "import torch" || skip "no Python with torch (Debian: python3-torch)"
    exec "$python" -B "$scripts/read_$reader.py" "$samples"
    ;;
torch_trainings)
    find_python "import torch" || skip "no Python with torch (Debian: python3-torch)"
    exec "$python" "$scripts/torch_trainings.py" "$samples"
    ;;
safetensors)
    find_python "import json, struct" || skip "no python3"
    exec "$python" "$scripts/read_safetensors.py" "$samples"
    ;;
onnxruntime)
    command -v node >/dev/null && command -v npm >/dev/null || skip "no node and npm"
    cd "$samples"
    if [ ! -d node_modules/onnxruntime-node ]; then
        timeout 120 npm install --ignore-scripts --no-audit --no-fund --no-save onnxruntime-node >npm.log 2>&1 ||
            skip "npm could not install onnxruntime-node: $(tail -n 1 npm.log)"
    fi
    exec node "$scripts/onnxruntime.cjs" "$samples"
    ;;
esac
