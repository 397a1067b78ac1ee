#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fields.sh SOURCE ESPALIER: each field of a strategy's trial does what the page says.
set -eu
source=$1
espalier=$2
PATH=/usr/bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export ESPALIER_PLUGINS="$source/sdk/examples/process:${ESPALIER_PLUGINS-}"
"$espalier" run "$source/tests/process_plugins/fields/fields.ini" --out out --quiet \
    --plugins "$source/tests/process_plugins/fields" >log 2>&1 || { cat log; exit 1; }
"$espalier" results out --json >results.json
sed -n 's/.*strategy fields: note //p' out/log.txt >notes
python3 - <<'PYTHON'
import json
trials = json.load(open("results.json"))["trials"]
notes = [json.loads(line) for line in open("notes")]
told = {n["told"]: n for n in notes if "told" in n}
archs = [dict(map(tuple, ([p, json.dumps(v)] for p, v in t["arch"]["decisions"]))) for t in trials]
assert [t["state"] for t in trials] == ["done"] * 7, [t["state"] for t in trials]
# A fidelity reaches the estimator, and comes back.
assert trials[1]["fidelity"] == {"epochs": 3} and told[1]["fidelity"]["epochs"] == 3
# Trial 4 is the same architecture after the 6 epochs of the configuration: the program got either number.
longer = trials[4]["metrics"]["valid_accuracy"] - trials[1]["metrics"]["valid_accuracy"]
assert abs(longer - 0.5 * (3 ** -0.8 - 6 ** -0.8)) < 1e-12, longer
# A cross has each value of a parent's, where one has the decision.
for path, value in archs[2].items():
    parents = [a[path] for a in archs[:2] if path in a]
    assert not parents or value in parents, path
# A mutation is another architecture, with most of its parent's values.
same = [p for p in archs[0] if p in archs[3]]
assert archs[3] != archs[0] and sum(archs[0][p] == archs[3][p] for p in same) >= len(same) / 2
# `from` alone is the same architecture; its parent is told.
assert archs[4] == archs[1] and trials[4]["parent"] == 1 and told[4]["parent"] == 1
# All asked for, and all given: no member, so others were wanted.
assert {"rejected": 6} in notes, notes
assert all(n["asked"] and n["state"] == "done" for n in told.values()) and len(told) == 7
print("every field did what it says")
PYTHON
