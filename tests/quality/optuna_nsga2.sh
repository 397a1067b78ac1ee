#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# nsga2 beside Optuna's NSGAIISampler, 100 seeds each: hypervolumes below (1.1, 1.1) of ZDT1 to 3 after 1,500 trials. Both
# have a population of 50, crossover 0.9 and mutation of one decision in n; the operators are each side's own defaults,
# simulated binary crossover and polynomial mutation here, uniform crossover and a new draw there. The seeds are 1001
# to 1100 on both sides, fixed before they were run.
# optuna_nsga2.sh SOURCE BUILD; about 25 minutes, nearly all of them Optuna's. Its figures are kept in BUILD/quality.
# Without python3-optuna it says so and answers 77.
set -eu
source=$1
build=$2
here=$source/tests/quality
/usr/bin/python3 -c 'import optuna' 2>/dev/null || { echo "skipped: python3-optuna is missing"; exit 77; }
mkdir -p "$build/quality"
cd "$build/quality"
status=0
for function in zdt1 zdt2 zdt3; do
    if [ ! -e "optuna-$function-1001" ]; then
        rm -f partial
        /usr/bin/python3 -B "$here/optuna_nsga2.py" run "$function" 1500 1001 1100 partial
        mv partial "optuna-$function-1001"
    fi
    rm -rf "nsga2-$function"
    "$build/bin/espalier" sweep "$here/fronts.ini" --plugins "$build/tests/plugins" \
        --set "space.function=$function" --set "estimator.function=$function" \
        --out "nsga2-$function" >log 2>&1 || { cat log; exit 1; }
    "$build/bin/espalier" results "nsga2-$function" --json --reference f1=1.1,f2=1.1 >results.json
    /usr/bin/python3 -B "$here/optuna_nsga2.py" compare "$function" "optuna-$function-1001" results.json || status=1
done
exit $status
