#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds one plugin outside the tree in every way there is, against an installation, and runs each.
set -eu
source=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cmake --install "$build" --prefix "$folder/prefix" >install.log
espalier=$folder/prefix/bin/espalier
unset ESPALIER_PLUGINS

awk '/^```[a-z]+ [a-z_.]+$/ { file = $2; next } /^```/ { file = "" } file { print > file }' \
    "$source/docs/writing-a-plugin.md"
mkdir bare bare_cxx package package_cxx cmake

# One compiler call.
cc -shared -fPIC -I prefix/include my_strategy.c -o bare/my_strategy.so
c++ -shared -fPIC -I prefix/include -x c++ my_strategy.c -o bare_cxx/my_strategy.so

# pkg-config.
PKG_CONFIG_PATH=$folder/prefix/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
cc -shared my_strategy.c $(pkg-config --cflags --libs espalier) -o package/my_strategy.so
# shellcheck disable=SC2046
c++ -shared -x c++ my_strategy.c -x none $(pkg-config --cflags --libs espalier) \
    -o package_cxx/my_strategy.so

# find_package.
mkdir project
cp my_strategy.c project/
cp my_strategy.c project/again.cc
sed -i 's/"my_strategy"/"again"/' project/again.cc
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(consumer C CXX)
find_package(Espalier REQUIRED)
espalier_add_plugin(my_strategy SOURCES my_strategy.c)
espalier_add_plugin(again SOURCES again.cc)
END
cmake -S project -B cmake-build -DCMAKE_PREFIX_PATH="$folder/prefix" >cmake.log
cmake --build cmake-build >>cmake.log
find cmake-build -name '*.so' -exec cp {} cmake/ \;

cat >search.ini <<'END'
[space]
plugin = chain
[strategy]
plugin = my_strategy
[estimator]
plugin = nk_landscape
[objective]
maximize = fitness
[budget]
trials = 20
END
for way in bare bare_cxx package package_cxx cmake; do
    "$espalier" inspect "$way/my_strategy.so" >/dev/null
    "$espalier" run search.ini --plugins "$way" --out "out-$way" --quiet >"$way.txt"
    "$espalier" results "out-$way" --csv | sed 's/,[0-9.]*,\([0-9.]*\),,,,/,\1,/' >"$way.csv"
    cmp "$way.csv" bare.csv
done
"$espalier" run search.ini --plugins cmake --set strategy.plugin=again --out out-again --quiet \
    >again.txt

# Those built with the version script export the entry alone.
for file in package/my_strategy.so package_cxx/my_strategy.so cmake/my_strategy.so cmake/again.so; do
    exported=$(nm -D --defined-only "$file" | awk '{ print $3 }' | sed 's/@.*//' | grep -v '^ESPALIER' || true)
    [ "$exported" = esp_plugin_entry ] || { echo "$file exports: $exported"; exit 1; }
done

# Every header alone, in every language that a plugin may be written in.
for header in "$source"/sdk/include/espalier/*.h; do
    name=espalier/$(basename "$header")
    for standard in c11 c17 c2x; do
        printf "#include <%s>\nextern int unit;\n" "$name" | cc -std=$standard -Wall -Wextra -Wpedantic -Wconversion -Werror \
            -I prefix/include -x c -fsyntax-only -
    done
    echo "#include <$name>" | c++ -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Werror \
        -I prefix/include -x c++ -fsyntax-only -
done
echo "all ways of building a plugin work"
