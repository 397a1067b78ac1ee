#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# headers.sh SOURCE gcc|clang: every header alone, and a plugin that uses their macros, as C11, C17, C2x
# and C++17 with all warnings as errors.
set -eu
headers=$1/sdk/include
sample=$1/tests/plugins/sample.c
case $2 in
gcc) c=gcc cxx=g++ ;;
clang) c=clang cxx=clang++ ;;
*) exit 2 ;;
esac
command -v "$c" >/dev/null && command -v "$cxx" >/dev/null || { echo "no $2 here"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# compile FILE: in all languages; says which fail.
failed=0
compile() {
    for language in "$c -x c -std=c11" "$c -x c -std=c17" "$c -x c -std=c2x" \
        "$cxx -x c++ -std=c++17"; do
        $language -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wconversion \
            -Wsign-conversion -Wshadow -Wundef -Wcast-qual -Wcast-align -Wformat=2 -Werror \
            -I "$headers" -fsyntax-only "$1" || { echo "FAILED: $language $1"; failed=1; }
    done
}

count=0
for header in "$headers"/espalier/*.h "$headers"/espalier/ext/*.h \
    "$headers"/espalier/ext/draft/*.h; do
    [ -e "$header" ] || continue
    name=${header#"$headers"/}
    file=$folder/$(echo "$name" | tr / _).c
    # Twice, for the guard; and a declaration, for a header that holds macros alone.
    printf '#include <%s>\n#include <%s>\nextern int unit;\n' "$name" "$name" >"$file"
    compile "$file"
    count=$((count + 1))
done
[ "$count" -ge 20 ] || { echo "only $count headers were found"; exit 1; }
compile "$sample"
[ "$failed" -eq 0 ]
echo "$count headers and a plugin, with $2"
