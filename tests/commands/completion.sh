#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bash completion beside what the program itself says: every command, every option of every command's
# table, plugins, configurations.
set -u
source=$1
espalier=$2
. "$source/core/cli/espalier.bash" || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
mkdir sub
touch a.ini b.ini c.txt plugin.so
failed=0

# What is offered for a line, sorted, in one line.
offered()
{
    COMP_LINE="$espalier $1"
    COMP_POINT=${#COMP_LINE}
    COMP_WORDS=("$espalier")
    COMPREPLY=()
    _espalier 2>/dev/null
    printf '%s\n' "${COMPREPLY[@]}" | sort | paste -s -d ' '
}

expect()
{
    local found
    found=$(offered "$1")
    if [ "$found" != "$2" ]; then
        echo "espalier $1<TAB>: expected '$2', got '$found'"
        failed=1
    fi
}

sorted()
{
    tr -s ' ' '\n' | sed '/^$/d' | sort | paste -s -d ' '
}

# The tables in the sources: rows {"name", ... of each `static const struct option`.
commands=$(sed -n 's/^    {"\([a-z]*\)", command_[a-z]*, ".*/\1/p' "$source/core/cli/main.c")
commands="$commands $(sed -n 's/^    {"\([a-z]*\)", command_[a-z]*,$/\1/p' "$source/core/cli/main.c")"
[ "$(echo $commands | wc -w)" -ge 12 ] || { echo "too few commands: $commands"; failed=1; }
expect "" "$(echo $commands --help --version --plugins | sorted)"
expect "swe" "sweep"
expect "ru" "run"
for command in $commands; do
    table=$(awk '/static const struct option .*\[\] = \{/ { inside = 1; next } /^};/ { inside = 0 } inside' \
        "$source/core/cli/$command.c" | grep -o '{"[a-z-]*", [N"]' | sed 's/{"//; s/".*//')
    grep -q ARCH_OPTIONS "$source/core/cli/$command.c" && table="$table random text decision json-arch"
    grep -q 'struct option .*\[\]' "$source/core/cli/$command.c" || continue
    options=--help
    for name in $table; do
        if [ ${#name} = 1 ]; then options="$options -$name"; else options="$options --$name"; fi
    done
    expect "$command -" "$(echo $options | sorted)"
done
expect "run --wor" "--workers"
expect "run " "a.ini b.ini sub/"
expect "run --quiet a" "a.ini"
expect "run a.ini --set b" "budget.trials="
expect "run a.ini --set strategy.plugin=regu" "regularized_evolution"
expect "describe strategy/ran" "strategy/random"
expect "list en" "engine"
expect "inspect " "plugin.so sub/"
expect "new st" "strategy"
expect "new strategy " ""
expect "new strategy climb --language " "c c++"
expect "show sub " "best"
expect "show " "sub/"
expect "export sub best --format on" "onnx"
expect "export sub best --format=sa" "safetensors"
[ $failed = 0 ] && echo "completion offers what the program knows"
exit $failed
