#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tpe beside Optuna's TPESampler, 100 seeds each: regrets on Branin (100 trials) and Hartmann-6 (200). The seeds are
# 1001 to 1100 on both sides. They were fixed before they were run: tpe's default of equal_height had been chosen after
# seeing seeds 1 to 100, which therefore judge nothing.
# optuna_tpe.sh SOURCE BUILD; about 25 minutes, of which all but one are Optuna's. Its regrets are kept in
# BUILD/quality. Without python3-optuna it says so and answers 77.
set -eu
source=$1
build=$2
here=$source/tests/quality
/usr/bin/python3 -c 'import optuna' 2>/dev/null || { echo "skipped: python3-optuna is missing"; exit 77; }
mkdir -p "$build/quality"
cd "$build/quality"
status=0
for case in branin:100 hartmann6:200; do
    function=${case%:*}
    trials=${case#*:}
    if [ ! -e "optuna-$function-1001" ]; then
        rm -f partial
        /usr/bin/python3 -B "$here/optuna_tpe.py" run "$function" "$trials" 1001 1100 partial
        mv partial "optuna-$function-1001"
    fi
    rm -rf "tpe-$function"
    "$build/bin/espalier" sweep "$here/known.ini" --plugins "$build/tests/plugins" \
        --set "space.function=$function" --set "estimator.function=$function" \
        --set "budget.trials=$trials" --out "tpe-$function" >log 2>&1 || { cat log; exit 1; }
    "$build/bin/espalier" results "tpe-$function" --json >results.json
    /usr/bin/python3 -B "$here/optuna_tpe.py" compare "$function" "optuna-$function-1001" results.json || status=1
done
exit $status
