#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Takes the files out of docs/writing-a-plugin.md (blocks that name one: ```c my_space.c), builds each
# plugin by one compiler call as C and as C++, and runs both configurations with them.
set -eu
source=$1
espalier=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

awk '/^```[a-z]+ [a-z_.]+$/ { file = $2; next } /^```/ { file = "" } file { print > file }' \
    "$source/docs/writing-a-plugin.md"

for plugin in my_space my_words my_strategy my_estimator my_dataset; do
    mkdir -p c cxx
    cc -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -I "$source/sdk/include" \
        "$plugin.c" -o "c/$plugin.so" -lm
    c++ -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -I "$source/sdk/include" \
        -x c++ "$plugin.c" -o "cxx/$plugin.so" -lm
done

for language in c cxx; do
    for run in first size; do
        "$espalier" run "$run.ini" --plugins "$language" --out "$language-$run" --quiet >"$run.txt"
        "$espalier" results "$language-$run" --json >"$language-$run.json"
        grep -q '"state": "done"' "$language-$run.json" || { cat "$language-$run.json"; exit 1; }
    done
    # The climber finds the wanted size: ln(params / 5000) near 0.
    "$espalier" results "$language-size" --top 1 --csv
done
grep -q test_accuracy first.txt

for language in c cxx; do
    "$espalier" arch words.ini --plugins "$language" --text cps >words.txt
    grep -q '^text cps$' words.txt
    "$espalier" run words.ini --plugins "$language" --out "$language-words" --quiet >words.txt
    "$espalier" results "$language-words" --json >words.json
    grep -q '"reason": "exhausted"' words.json
    [ "$(grep -c '"attempt":' words.json)" = 15 ]
    # The picture of the page.
    "$espalier" arch words.ini --plugins "$language" --text cxs 2>wrong.txt && exit 1
    awk '/^espalier: space my_words/ { inside = 1 } /^```/ { inside = 0 } inside' \
        "$source/docs/writing-a-plugin.md" | cmp - wrong.txt
done
echo "all examples built and ran"
