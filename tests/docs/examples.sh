#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# examples.sh SOURCE BUILD: the pages docs/writing-*.md. Blocks that name a file (```c my_words.c) are taken
# out, plugins among them built by one compiler call as C and as C++; other blocks of C stand in the
# templates of `espalier new`, word for word; the commands are run in their order, page by page; and what
# the pages show of configurations and messages comes out so.
set -eu
source=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset ESPALIER_PLUGINS
mkdir home
HOME=$folder/home
PATH=$build/bin:$PATH
PKG_CONFIG_PATH=$build/lib/pkgconfig
export HOME PATH PKG_CONFIG_PATH
pages="plugin space strategy estimator dataset engine executor"

page() {
    case $1 in
    e*) echo "$source/docs/writing-an-$1.md" ;;
    *) echo "$source/docs/writing-a-$1.md" ;;
    esac
}

fail() {
    echo "$*" >&2
    [ ! -e log ] || tail -n 20 log >&2
    exit 1
}

# ---- Excerpts -----------------------------------------------------------------------------------

cat "$source"/sdk/template/*/*.c >templates.c
count=0
for kind in $pages; do
    awk -v templates=templates.c '
        BEGIN { while ((getline line < templates) > 0) text = text line "\n" }
        $0 == "```c" { inside = 1; block = ""; start = NR; next }
        inside && /^```/ {
            inside = 0
            count++
            if (!index(text, block)) { print FILENAME ":" start ": this stands in no template:\n" block; bad = 1 }
            next
        }
        inside { block = block $0 "\n" }
        END { print count + 0 > "count"; exit bad }' "$(page $kind)"
    read -r found <count
    count=$((count + found))
done
[ "$count" -ge 25 ] || fail "only $count excerpts were found"

# ---- Commands, page by page ---------------------------------------------------------------------

commands=0
for kind in $pages; do
    mkdir "run-$kind"
    cd "run-$kind"
    awk '/^```[a-z]+ [a-z_.]+$/ { file = $2; next } /^```/ { file = "" } file { print > file }' "$(page $kind)"
    awk '$0 == "```sh" { inside = 1; next } /^```/ { inside = 0 } inside' "$(page $kind)" >commands
    sh -e commands >log 2>&1 || fail "$(page $kind): status $?"
    ! grep -q '  FAIL  ' log || fail "$(page $kind): a case fails"
    commands=$((commands + $(wc -l <commands)))
    cd ..
done
[ "$commands" -ge 45 ] || fail "only $commands commands were found"
grep -q test_accuracy run-plugin/log || fail "first.ini trained nothing in full"

# ---- The examples that are whole ----------------------------------------------------------------

mkdir c cxx
for plugin in my_cells my_words; do
    cc -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -I "$source/sdk/include" \
        "run-space/$plugin.c" -o "c/$plugin.so" -lm
    c++ -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -I "$source/sdk/include" \
        -x c++ "run-space/$plugin.c" -o "cxx/$plugin.so" -lm
done
cp run-estimator/my_estimator/my_estimator.so c
cp run-estimator/my_estimator/my_estimator.so cxx

for language in c cxx; do
    espalier check "$language/my_cells.so" --only space/ >log || fail "my_cells in $language"
    espalier check "$language/my_words.so" --only space/ >log || fail "my_words in $language"
    espalier arch run-space/words.ini --plugins "$language" --text cps >words.txt
    grep -q '^text cps$' words.txt
    espalier run run-space/words.ini --plugins "$language" --out "$language-words" --quiet >words.txt
    espalier results "$language-words" --json >words.json
    grep -q '"reason": "exhausted"' words.json
    [ "$(grep -c '"attempt":' words.json)" = 15 ]
    # The picture of the page.
    espalier arch run-space/words.ini --plugins "$language" --text cxs 2>wrong.txt && exit 1
    awk '/^espalier: space my_words/ { inside = 1 } /^```/ { inside = 0 } inside' \
        "$(page space)" | cmp - wrong.txt
done
echo "$count excerpts, $commands commands, and the examples of a space"
