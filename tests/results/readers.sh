#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `results --csv` read by pandas and by R, each where it is there: a row a trial, numbers as numbers, and the
# best objective of each method as `results --json` has it.
set -u
espalier=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
cat >sweep.ini <<'EOF'
[experiment]
name = read
[space]
plugin = chain
max_depth = 4
[estimator]
plugin = nk_landscape
[objective]
maximize = fitness
[budget]
trials = 12
[sweep]
strategy.plugin = random, regularized_evolution
experiment.seed = 1..2
EOF
"$espalier" sweep sweep.ini --out out --quiet >/dev/null || exit 1
"$espalier" results out --csv >trials.csv || exit 1
# The best of all runs at the end.
expected=$("$espalier" results out --json | tr -d ' \n' | grep -o '"values":\[[0-9.e-]*\]' |
    sed 's/.*\[//; s/\]//' | sort -g | tail -1)
[ -n "$expected" ] || { echo "results --json has no fitness"; exit 1; }
readers=0 failed=0

compare()
{
    readers=$((readers + 1))
    if [ "$2" != "48 4 2 $expected" ]; then
        echo "$1 reads '$2', expected '48 4 2 $expected'"
        failed=1
    fi
}

# Rows, runs, methods, and the largest value of the objective to 12 digits.
expected=$(printf '%.12g' "$expected")
if /usr/bin/python3 -c 'import pandas' 2>/dev/null; then
    compare pandas "$(/usr/bin/python3 - <<'EOF'
import pandas
trials = pandas.read_csv("trials.csv")
print(len(trials), len(trials.groupby(["method", "seed"])), trials.method.nunique(), "%.12g" % trials.fitness.max())
EOF
)"
else
    echo "pandas is not there"
fi
if command -v Rscript >/dev/null; then
    compare R "$(Rscript --vanilla -e 'd <- read.csv("trials.csv"); cat(nrow(d), nrow(unique(d[c("method", "seed")])), length(unique(d$method)), sprintf("%.12g\n", max(d$fitness)))')"
else
    echo "R is not there"
fi
[ $readers -gt 0 ] || { echo "skipped: neither pandas nor R is here"; exit 77; }
echo "$readers readers"
exit $failed
