#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs what the pages show: every configuration of a plugin's README and of configs/, cut down to two
# trials and little data, and every command of the README with its configuration. A configuration that
# begins with "; needs PATH" (from its own folder) is skipped, saying so, where there is no such path.
set -eu
source=$1
espalier=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
count=0

fail()
{
    echo "$1" >&2
    sed 's/^/  /' log >&2
    exit 1
}

# The blocks of a page with one language, one after the other.
blocks()
{
    awk -v fence="\`\`\`$2" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$1"
}

# Runs the configuration $1 as $2, two trials of it, and looks at the stored results.
run_small()
{
    needed=$(sed -n '1,5s/^; needs //p' "$1")
    if [ -n "$needed" ] && [ ! -e "$(dirname "$1")/$needed" ]; then
        echo "skipped: $2 needs $needed"
        return
    fi
    small="--set budget.trials=2 --set final.retrain=none"
    if grep -q '^plugin = train$' "$1"; then
        small="$small --set dataset.train_limit=128"
    fi
    # Most of the time would go into looking at thousands of validation images.
    if grep -q '^plugin = fashion_mnist$' "$1"; then
        small="$small --set dataset.valid_fraction=0.005"
    fi
    # shellcheck disable=SC2086 # the settings are words
    "$espalier" run "$1" --out "out/$2" --quiet --json $small >out.json 2>log || fail "$2: status $?"
    "$espalier" results "out/$2" --top 1 >log 2>&1 || fail "$2: results: status $?"
    grep -q '"state": "done"' out.json || fail "$2: nothing is done"
    count=$((count + 1))
}

for page in "$source"/plugins/*/*/README.md; do
    folder_of=$(dirname "$page")
    name=$(basename "$(dirname "$folder_of")")-$(basename "$folder_of") # a space and a strategy may share one
    blocks "$page" ini >"$name.ini"
    [ -s "$name.ini" ] || { echo "$page shows no configuration" >&2; exit 1; }
    # Paths in it are those of the plugin's folder.
    needed=$(sed -n '1,5s/^; needs //p' "$name.ini")
    if [ -n "$needed" ] && [ ! -e "$needed" ]; then
        echo "skipped: $name's README needs $needed"
        continue
    fi
    run_small "$name.ini" "$name"
done
for config in "$source"/configs/*.ini; do
    run_small "$config" "config-$(basename "$config" .ini)"
done

# The README: its configuration, and the commands that follow it.
blocks "$source/README.md" ini >first.ini
ln -s "$source/experiments" experiments
ln -s "$(dirname "$(dirname "$espalier")")" build
blocks "$source/README.md" "" | sed -n 's/ *#.*//; s|^build/bin/espalier ||p' >commands
[ "$(wc -l <commands)" -ge 5 ] || { echo "the README shows too few commands" >&2; exit 1; }
while read -r command; do
    case $command in
    run*) command="$command --quiet --set budget.trials=3 --set dataset.train_limit=256" ;;
    esac
    # shellcheck disable=SC2086
    "$espalier" $command >log 2>&1 </dev/null || fail "README: espalier $command: status $?"
    count=$((count + 1))
done <commands

# docs/report.md shows the runs that the README made, beside a CSV of theirs.
"$espalier" results results/first --at end --csv >other.csv 2>log || fail "results --csv: status $?"
blocks "$source/docs/report.md" "" | sed -n 's/ *#.*//; s|^build/bin/espalier ||p' >commands
[ "$(wc -l <commands)" -ge 5 ] || { echo "docs/report.md shows too few commands" >&2; exit 1; }
while read -r command; do
    # shellcheck disable=SC2086
    "$espalier" $command >log 2>&1 </dev/null || fail "docs/report.md: espalier $command: status $?"
    count=$((count + 1))
done <commands

# The pages about many runs, and the experiments: their commands, cut down. What needs a table that the user
# brings is skipped with what follows from it.
for page in "$source"/docs/sweeps.md "$source"/docs/results.md "$source"/experiments/*/README.md; do
    skipped=
    blocks "$page" "" | sed -n 's/ *#.*//; s|^build/bin/espalier ||p' >commands
    [ -s commands ] || { echo "$page shows no command" >&2; exit 1; }
    while read -r command; do
        case $command in
        *nb201.csv*)
            echo "skipped: $(basename "$(dirname "$page")")'s README needs nb201.csv"
            skipped=yes
            ;;
        sweep*fashion_*)
            command="$command --set budget.trials=2 --set final.retrain=none"
            command="$command --set dataset.train_limit=128 --set dataset.valid_fraction=0.005"
            command="$command --set sweep.experiment.seed=1"
            ;;
        sweep*neat_*) command="$command --set budget.trials=2000 --set sweep.experiment.seed=1..2" ;;
        esac
        [ -z "$skipped" ] || continue
        # shellcheck disable=SC2086
        "$espalier" $command >log 2>&1 </dev/null || fail "$page: espalier $command: status $?"
        count=$((count + 1))
    done <commands
done
echo "$count configurations and commands ran"
