#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# words.sh BUILD: what `espalier new` refuses, in which words, and that nothing is left of it; how it names
# the program and the package; and that the build folder serves as a prefix.
set -eu
build=$1
espalier=$build/bin/espalier
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset ESPALIER_PLUGINS
HOME=$folder/home
export HOME
mkdir "$folder/home" "$folder/work"
cd "$folder/work"

fail() {
    echo "$*" >&2
    exit 1
}

# refused STATUS WORDS ARGUMENT...: ends so, says so, and makes nothing.
refused() {
    status=$1
    words=$2
    shift 2
    before=$(ls)
    got=0
    "$espalier" new "$@" >out 2>words || got=$?
    [ "$got" -eq "$status" ] || fail "new $*: status $got, not $status"
    grep -qF -- "$words" words || { cat words >&2; fail "new $*: expected '$words'"; }
    rm -f out words
    [ "$(ls)" = "$before" ] || fail "new $*: something is left"
}

long=$(printf '%060d' 0 | tr 0 a)
refused 2 "did you mean 'strategy'?" stratgy climb
refused 2 "expected space, strategy, estimator, dataset, engine or executor" potato climb
for name in Climb 1st _x a-b a.b "a b" ../climb /tmp/climb "" ä "$long"; do
    refused 2 "'$name' is no name for a plugin: expected a small letter" space "$name"
done
refused 2 "that is the fastest one present" engine auto
refused 2 "the program has one of this name" executor inline
refused 2 "expected c or c++, got 'rust'" space climb --language rust
refused 2 "did you mean '--language'?" space climb --langage c
refused 2 "an argument is missing" space
mkdir there
touch file
ln -s nowhere link
for name in there file link; do
    refused 2 "$name: there is a file or folder of this name already" space "$name"
done
if [ "$(id -u)" != 0 ]; then
    mkdir shut
    chmod 500 shut
    (cd shut && refused 1 "cannot make this folder" space climb)
    chmod 700 shut
fi
"$espalier" new space "$(printf '%059d' 0 | tr 0 a)" >out || fail "a name of 59 letters is refused"
"$espalier" new --help | grep -q -- '--language LANGUAGE' || fail "--help"
"$espalier" --help | grep -q '^  new  ' || fail "the program's help does not know it"

# A plugin of the same name is told, and does not hinder.
"$espalier" new engine openblas >out 2>words || fail "new engine openblas"
if [ -e "$build/lib/espalier/plugins/openblas.so" ]; then
    grep -q "engine/openblas is there already, in $build/lib" words || fail "the other is not told"
fi

# The program by its name where the shell finds this one, else by its path; quotes where the shell needs
# them.
PATH=$build/bin:$PATH "$espalier" new strategy by_name | grep -q '^  espalier run by_name/by_name.ini' ||
    fail "on the PATH it is not called by its name"
"$espalier" new strategy by_path | grep -q "^  $build/bin/espalier run" || fail "it is not called by its path"
mkdir -p "$folder/it's here/bin"
cp "$espalier" "$folder/it's here/bin/espalier"
"$folder/it's here/bin/espalier" new strategy quoted >out
grep -qF "'$folder/it'\\''s here/bin/espalier' run quoted/quoted.ini" out ||
    { cat out >&2; fail "its path is not quoted"; }
grep -q 'libs espalier)' out || fail "without a package beside it another one is named"

# The build folder is a prefix: the two commands as printed, and CMake.
"$espalier" new strategy near >out
tail -n 2 out >commands
sh -e commands >log 2>&1 || { cat log >&2; fail "the commands that it printed"; }
grep -q 'done (budget), 500 trials' log || fail "no search"
(cd near && PATH=$build/bin:$PATH cmake -B build && cmake --build build) >log 2>&1 ||
    { cat log >&2; fail "CMake against the build folder"; }
# The static libraries for methods are there, with their headers.
cat >>near/CMakeLists.txt <<'END'
target_link_libraries(plugin_near PRIVATE Espalier::statistics Espalier::dataset)
END
sed -i 's|#include <espalier/espalier.h>|&\n#include <espalier/support/statistics.h>|' near/near.c
if [ -e "$build/lib/libespalier_statistics.a" ]; then
    (cd near && PATH=$build/bin:$PATH cmake -B build && cmake --build build) >log 2>&1 ||
        { cat log >&2; fail "a plugin with sdk/support"; }
fi
echo "refusals, names, and the build folder as a prefix"
