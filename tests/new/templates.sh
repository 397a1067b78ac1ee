#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# templates.sh SOURCE: clang has no warning about the sources of sdk/template, as C11 and C++17.
set -eu
source=$1
command -v clang && command -v clang++ || { echo "no clang here"; exit 77; }
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wformat=2 -Werror"

for kind in space strategy estimator dataset engine executor; do
    # shellcheck disable=SC2086 # words
    clang -std=c11 $warnings -Wstrict-prototypes -Wmissing-prototypes -fsyntax-only \
        -I "$source/sdk/include" "$source/sdk/template/$kind/my_$kind.c"
    # shellcheck disable=SC2086
    clang++ -std=c++17 $warnings -Wcast-qual -Wold-style-cast -fsyntax-only \
        -isystem "$source/sdk/include" "$source/sdk/template/$kind/my_$kind.cpp"
done
