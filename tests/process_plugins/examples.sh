#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The examples of sdk/examples/process: examples.sh SOURCE ESPALIER CASE
#   python    a strategy and an estimator in the standard library: the same bits again, with any number of
#             workers, and after a kill and a resume
#   optuna    suggestions are those of Optuna used directly with the same seed
#   check     the conformance suite over those of the standard library
#   torch     networks read from ONNX are trained for a step
# Without the packages it says so and answers 77.
set -eu
source=$1
espalier=$2
case=$3
examples=$source/sdk/examples/process
here=$source/tests/process_plugins
PATH=/usr/bin:$PATH # Debian's Python, which has Debian's packages
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

skip() { echo "skipped: $1"; exit 77; }

# run OUT CONFIG OPTION ...
run()
{
    out=$1
    config=$2
    shift 2
    "$espalier" run "$examples/$config.ini" --plugins "$examples" --out "$out" --quiet "$@" \
        >log 2>&1 || { status=$?; cat log; return $status; }
}

# The trials without what a clock says.
trials()
{
    "$espalier" results "$1" --json | python3 -c '
import json, sys
for t in json.load(sys.stdin)["trials"]:
    print(json.dumps([t["id"], t["state"], t["arch"], t["metrics"]]))'
}

case $case in
python)
    python3 -c 'import json' 2>/dev/null || skip "python3 is missing"
    run whole evolution --set budget.trials=40
    trials whole >expected
    [ "$(wc -l <expected)" = 40 ]
    run workers evolution --set budget.trials=40 --workers 1
    trials workers | cmp - expected
    # In two parts, and killed somewhere on the way, it comes to the same end.
    run parts evolution --set budget.trials=15
    run parts evolution --resume --set budget.trials=40
    trials parts | cmp - expected
    "$espalier" run "$examples/evolution.ini" --plugins "$examples" --out killed --quiet \
        --set budget.trials=40 >log 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        [ -e killed/worker.json ] && break
        sleep 0.02
    done
    sleep 0.2
    kill -9 $pid 2>>log || true
    wait $pid 2>>log || true
    run killed evolution --resume --set budget.trials=40
    trials killed | cmp - expected
    # Another run of it is another: the seed reaches the program.
    run other evolution --set budget.trials=40 --set experiment.seed=2
    trials other | cmp -s - expected && exit 1
    # It learns: the last ten are better than the first ten, which the host drew.
    python3 - expected <<'PYTHON'
import json, sys
values = [json.loads(line)[3]["valid_accuracy"] for line in open(sys.argv[1])]
first, last = sum(values[:10]) / 10, sum(values[-10:]) / 10
print("mean accuracy of the first ten %.4f, of the last ten %.4f" % (first, last))
assert last > first
PYTHON
    # Its table is read as any plugin's.
    "$espalier" run "$examples/evolution.ini" --plugins "$examples" --out x \
        --set strategy.popullation=9 >log 2>&1 && exit 1
    grep -q "popullation: there is no such key; did you mean 'population'?" log
    # A fidelity, and the final training with its test.
    "$espalier" eval "$examples/evolution.ini" --plugins "$examples" --random \
        --set estimator.learning_rate=0.05 --set estimator.epochs=3 --json >eval.json
    run final evolution --set budget.trials=12 --set final.retrain=best --set final.epochs=20
    "$espalier" results final --json | grep -q '"test_accuracy": 0\.[0-9]'
    ;;
optuna)
    /usr/bin/python3 -c 'import optuna' 2>/dev/null || skip "python3-optuna is missing"
    for sampler in tpe random; do
        run $sampler optuna --set "strategy.sampler=$sampler" --set experiment.seed=7 \
            --set run.lookahead=1 --set budget.trials=25
        trials $sampler >$sampler.txt
        /usr/bin/python3 "$here/optuna_directly.py" $sampler 7 <$sampler.txt
    done
    run again optuna --set experiment.seed=7 --set run.lookahead=1 --set budget.trials=10
    run again optuna --resume --set experiment.seed=7 --set run.lookahead=1 --set budget.trials=25
    trials again | cmp - tpe.txt
    ;;
check)
    python3 -c 'import json' 2>/dev/null || skip "python3 is missing"
    for name in python_evolution python_curve; do
        "$espalier" check "$examples/$name.plugin.ini" >log 2>&1 || { cat log; exit 1; }
        tail -n 1 log
    done
    ;;
torch)
    /usr/bin/python3 -c 'import torch, onnx' 2>/dev/null ||
        skip "python3-torch or python3-onnx is missing"
    run steps torch --set budget.trials=2 --set estimator.steps=1 --workers 1
    trials steps >one
    grep -c '"done"' one | grep -qx 2
    grep -q '"train_loss": [0-9]' one
    ;;
esac
