#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# consumer.sh SOURCE BUILD: installs into a temporary prefix, builds two plugins outside the tree in every
# way there is, as C and as C++, and has the installed program list, load and run them.
set -eu
source=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset ESPALIER_PLUGINS ESPALIER_TEST_PLUGINS
HOME=$folder
PKG_CONFIG_PATH=$folder/prefix/lib/pkgconfig
export HOME PKG_CONFIG_PATH

cmake --install "$build" --prefix "$folder/prefix" >install.log
espalier=$folder/prefix/bin/espalier
# sample: a component of each kind. my_strategy: a search that runs.
# Sources that end in .cc are compiled as C++.
cp "$source/tests/plugins/sample.c" .
cp sample.c sample.cc
cp "$source/sdk/template/strategy/my_strategy.c" .
cp "$source/sdk/template/strategy/my_strategy.cpp" my_strategy.cc

fail() {
    echo "$*" >&2
    exit 1
}

# build WAY COMMAND...: both plugins into the folder WAY.
build() {
    way=$1
    shift
    mkdir "$way"
    case $way in *_cxx) extension=cc ;; *) extension=c ;; esac
    for plugin in sample my_strategy; do
        ("$@" "$plugin.$extension" "$way/$plugin.so") || fail "$way: $plugin.$extension was not built"
    done
}

# ---- The ways ---------------------------------------------------------------------------------

one_call() { cc -shared -fPIC -I prefix/include "$1" -o "$2"; }
one_call_cxx() { c++ -shared -fPIC -I prefix/include -x c++ "$1" -o "$2"; }
# What optimises away all that nothing refers to keeps the note and the entry.
one_call_lean() {
    cc -O3 -flto -ffunction-sections -fdata-sections -fvisibility=hidden -shared -fPIC \
        -Wl,--gc-sections -s -I prefix/include "$1" -o "$2"
}
# shellcheck disable=SC2046
with_pkg_config() { cc -shared "$1" $(pkg-config --cflags --libs espalier) -o "$2"; }
# shellcheck disable=SC2046
with_pkg_config_cxx() {
    c++ -shared -x c++ "$1" -x none $(pkg-config --cflags --libs espalier) -o "$2"
}
one_call_clang() { clang -shared -fPIC -I prefix/include "$1" -o "$2"; }
one_call_clang_cxx() { clang++ -shared -fPIC -I prefix/include -x c++ "$1" -o "$2"; }

for way in one_call one_call_cxx one_call_lean with_pkg_config with_pkg_config_cxx; do
    build $way $way
done
ways="one_call one_call_cxx one_call_lean with_pkg_config with_pkg_config_cxx"
if command -v clang >/dev/null && command -v clang++ >/dev/null; then
    build one_call_clang one_call_clang
    build one_call_clang_cxx one_call_clang_cxx
    ways="$ways one_call_clang one_call_clang_cxx"
fi

# find_package, in a project that knows C alone and in one that knows C++ alone.
for language in C CXX; do
    project=project_$language
    mkdir $project
    extension=c
    [ $language = C ] || extension=cc
    cp sample.$extension my_strategy.$extension $project
    cat >$project/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.21)
project(consumer $language)
find_package(Espalier 0.1 REQUIRED)
espalier_add_plugin(sample SOURCES sample.$extension OUTPUT_DIRECTORY $folder/cmake_$language)
espalier_add_plugin(my_strategy SOURCES my_strategy.$extension
    OUTPUT_DIRECTORY $folder/cmake_$language)
if(NOT ESPALIER_PLUGIN_DIR STREQUAL "$folder/prefix/lib/espalier/plugins")
    message(FATAL_ERROR "ESPALIER_PLUGIN_DIR is \${ESPALIER_PLUGIN_DIR}")
endif()
END
    cmake -S $project -B $project/build -DCMAKE_PREFIX_PATH="$folder/prefix" >$project.log 2>&1 &&
        cmake --build $project/build >>$project.log 2>&1 ||
        { cat $project.log; fail "find_package in a project of $language"; }
    ways="$ways cmake_$language"
done

# ---- What comes of each -----------------------------------------------------------------------

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

for way in $ways; do
    "$espalier" list --plugins "$way" >list.txt
    ! grep -E 'refused|shadowed' list.txt || fail "$way: refused"
    for kind in space strategy estimator dataset engine executor; do
        grep -Eq "^$kind/sample +2\.3\.4 +0\.2 +$folder/$way/sample\.so\$" list.txt ||
            { cat list.txt; fail "$way: $kind/sample is not listed"; }
        "$espalier" describe "$kind/sample" --plugins "$way" >/dev/null
    done
    "$espalier" inspect "$way/my_strategy.so" | grep -q '^  strategy/my_strategy$' ||
        fail "$way: inspect"
    "$espalier" run search.ini --plugins "$way" --out "out-$way" --quiet >"$way.txt"
    # Trials and metrics, without the columns of clocks.
    "$espalier" results "out-$way" --csv | sed 's/,[0-9.]*,\([0-9.]*\),,,,/,\1,/' >"$way.csv"
    [ "$(wc -l <"$way.csv")" -eq 21 ] || { cat "$way.csv"; fail "$way: not 20 trials"; }
    cmp "$way.csv" one_call.csv
done

# Those built with the version script export the entry alone.
for way in with_pkg_config with_pkg_config_cxx cmake_C cmake_CXX; do
    for file in "$way"/*.so; do
        exported=$(nm -D --defined-only "$file" | awk '{ print $3 }')
        [ "$exported" = esp_plugin_entry ] || fail "$file exports: $exported"
    done
done

# A sanitizer pads what it watches, and the note must not be padded.
for compiler in "gcc" "g++ -x c++" "clang" "clang++ -x c++"; do
    command -v "${compiler%% *}" >/dev/null || continue
    # shellcheck disable=SC2086
    $compiler -fsanitize=address,undefined -shared -fPIC -I prefix/include sample.c -o watched.so
    "$espalier" inspect watched.so | grep -q '^  executor/sample$' || fail "watched by $compiler"
done
echo "built in these ways, listed, loaded and run: $ways"
