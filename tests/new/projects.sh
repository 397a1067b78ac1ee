#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# projects.sh SOURCE PREFIX c|c++: with nothing but what was installed in PREFIX makes a project of each
# kind, builds it as its README says by one compiler call and with CMake, and runs its tests, the
# conformance suite and its search. In C, then breaks each and looks whether that is noticed.
set -eu
source=$1
prefix=$2
language=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset ESPALIER_PLUGINS ESPALIER_TEST_PLUGINS ESPALIER_SOURCE ESPALIER_BINARY
mkdir "$folder/home" "$folder/work"
cd "$folder/work"
HOME=$folder/home
ESPALIER_CACHE=$folder/cache
PATH=$prefix/bin:$PATH
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
# CMake's compilers take these.
CFLAGS="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wformat=2 -Werror"
CXXFLAGS="$CFLAGS -Wcast-qual -Wold-style-cast"
CFLAGS="$CFLAGS -Wstrict-prototypes -Wmissing-prototypes"
export HOME ESPALIER_CACHE PATH PKG_CONFIG_PATH CFLAGS CXXFLAGS

fail() {
    echo "$*" >&2
    [ ! -e log ] || tail -n 20 log >&2
    exit 1
}

# The blocks of sh in a README.
commands() {
    awk '$0 == "```sh" { inside = 1; next } /^```/ { inside = 0 } inside' "$1"
}

for kind in space strategy estimator dataset engine executor; do
    name=own_$kind
    espalier new $kind $name --language "$language" >said 2>log || fail "$name: new"
    [ "$(find $name -type f | wc -l)" -le 6 ] || fail "$name: more than six files"
    ! grep -r my_ $name || fail "$name: the template's own name is left"
    ! grep -rl "$source" $name || fail "$name: it knows the source tree"
    commands $name/README.md >readme
    [ "$(wc -l <readme)" -eq 9 ] || fail "$name: its README shows other commands"

    # From nothing to a search: `new` and the two commands that it printed; in the README they stand with
    # a PKG_CONFIG_PATH in the place of a path.
    tail -n 2 said >two
    grep -q "^  c.* -O2 -shared $name/$name.c.* \$(pkg-config --cflags --libs $prefix/lib" two &&
        grep -q "^  espalier run $name/$name.ini --plugins $name" two || fail "$name: it printed others"
    if [ "$language" = c++ ] || [ $kind = strategy ]; then
        sh -e two >log 2>&1 || fail "$name: the commands that it printed"
        grep -q ': done (budget), [0-9]* trials' log || fail "$name: its search did not end well"
    fi
    # The README in C: all of it once, elsewhere without what CMake's tests run too.
    if [ "$language" = c++ ]; then
        grep -q "^c++ -std=c++17 -O2 -shared $name.cpp" readme || fail "$name: its README builds otherwise"
        sed -n '/^cmake\|^ctest/p' readme >some
        mv some readme
    elif [ $kind != strategy ]; then
        sed '/^espalier check\|^sh test.sh/d' readme >some
        mv some readme
    fi
    (cd $name && sh -e ../readme) >log 2>&1 || fail "$name: the commands of its README"
    grep -q '100% tests passed, 0 tests failed out of 2' log || fail "$name: its tests"
    exported=$(nm -D --defined-only $name/$name.so | awk '{ print $3 }')
    [ "$exported" = esp_plugin_entry ] || fail "$name: it exports $exported"

    # Installed it is found without --plugins.
    espalier describe $kind/$name >log || fail "$name: it is not found below ~/.local"
    rm -rf "$HOME/.local"
    printf '%-14s %s lines\n' $name "$(wc -l <$(ls $name/$name.c*))"
done

# The suite and the project's own test notice when the example is broken.
# broken NAME FILE SED-EXPRESSION COMMAND...: after the change the command fails.
broken() {
    name=$1
    file=$name/$2
    expression=$3
    shift 3
    cp "$file" whole
    sed "$expression" whole >"$file"
    ! cmp -s whole "$file" || fail "$name: '$expression' changes nothing"
    (cd "$name" && sh -e build_it) >log 2>&1 || fail "$name: broken, it does not build"
    ! (cd "$name" && "$@") >log 2>&1 || fail "$name: '$expression' is not noticed by $*"
    cp whole "$file"
}
if [ "$language" = c++ ]; then
    # An exception that nobody catches ends the process.
    echo 'c++ -std=c++17 -O0 -shared own_estimator.cpp $(pkg-config --cflags --libs espalier) -o own_estimator.so' \
        >own_estimator/build_it
    broken own_estimator own_estimator.cpp 's/catch (const std::bad_alloc &)/catch (int)/' \
        espalier check own_estimator.so --only estimator/memory
    echo "6 projects in C++, and one that was broken"
    exit 0
fi
for name in own_space own_strategy own_estimator own_dataset own_engine own_executor; do
    echo "cc -O1 -shared $name.c \$(pkg-config --cflags --libs espalier) -o $name.so" >$name/build_it
done
broken own_space own_space.c 's/ESP_ALTERNATIVE("conv_1x1", conv_1x1),//' sh test.sh espalier .
broken own_strategy own_strategy.c 's/esp_search_seen(search, arch)/false/' sh test.sh espalier .
broken own_strategy own_strategy.c 's/outcome->objectives\[0\] </outcome->objectives[0] >/' \
    sh test.sh espalier .
broken own_estimator own_estimator.c 's/if (node->macs > 0)/if (1)/' sh test.sh espalier .
broken own_dataset own_dataset.c 's/, split, 0, 0, first + i)/, 0, 0, 0, first + i)/' \
    espalier check own_dataset.so --only dataset/apart
broken own_engine own_engine.c 's/if (node->data\[i\] > 0)/if (1)/' \
    espalier check own_engine.so --only engine/gradients
broken own_engine own_engine.c 's/1 - pow(o->beta1/0 - pow(o->beta1/' sh test.sh espalier .
broken own_executor own_executor.c 's/\.cancelled = true/.cancelled = false/' \
    espalier check own_executor.so --only executor/cancel
echo "6 projects in C, and 8 that were broken"
