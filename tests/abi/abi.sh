#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares the public headers with the stored description of the ABI: a probe library that names every
# public struct against espalier.abi (by libabigail's abidiff), every public constant against
# constants.txt. What is appended passes; whatever else differs fails and is told.
#
#   abi.sh HEADERS STORED            compare; HEADERS holds espalier/, STORED the two files
#   abi.sh HEADERS STORED --write    store what is there now
#
# Status 77, with the reason, where the tools are not there.
set -eu
headers=$1
stored=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
LC_ALL=C
export LC_ALL

for tool in abidw abidiff gcc; do
    command -v $tool >/dev/null || { echo "skipped: no $tool (Debian: abigail-tools, gcc)"; exit 77; }
done

# All headers but the drafts, which may change.
files=$(find "$headers/espalier" -name '*.h' ! -path '*/draft/*' | sort)
# shellcheck disable=SC2086 # a list
structs=$(sed -nE 's/^(typedef )?((struct|union) esp_[a-z0-9_]+) \{.*/\2/p' $files | sort -u)
# Enumerators stand a line each, or several on one; macros that are numbers are constants too.
# shellcheck disable=SC2086
constants=$({
    awk '/^(typedef )?enum [a-z_]*\{?|^enum \{/ { inside = 1 } inside { sub(/\/\/.*/, ""); print } /}/ { inside = 0 }' $files |
        grep -oE '\bESP_[A-Z0-9_]+( =|,| *$)' | grep -oE 'ESP_[A-Z0-9_]+'
    sed -nE 's/^#define (ESP_[A-Z0-9_]+) \(?(UINT64_C\()?[0-9(].*/\1/p' $files
} | sort -u)

{
    for file in $files; do
        echo "#include <${file#"$headers/"}>"
    done
    echo "#include <stdio.h>"
    echo "$structs" | while read -r kind name; do
        echo "$kind $name *abi_$name(void);"
        echo "$kind $name *abi_$name(void) { return 0; }"
    done
    echo "int abi_constants(void);"
    printf '%s\n' '#define SHOW(name) printf("%s %lld\n", #name, (long long)(name));'
    echo "int abi_constants(void) {"
    for name in $constants; do
        echo "SHOW($name)"
    done
    echo "return 0; }"
    echo "#ifdef ABI_MAIN"
    echo "int main(void) { return abi_constants(); }"
    echo "#endif"
} >"$folder/probe.c"
gcc -std=c11 -g -w -shared -fPIC -I "$headers" "$folder/probe.c" -o "$folder/libespalier_abi.so"
gcc -std=c11 -w -DABI_MAIN -I "$headers" "$folder/probe.c" -o "$folder/constants"
"$folder/constants" >"$folder/constants.txt"

if [ "${3:-}" = --write ]; then
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$folder/libespalier_abi.so" --out-file "$stored/espalier.abi"
    cp "$folder/constants.txt" "$stored/constants.txt"
    echo "stored: $(echo "$structs" | wc -l) structs, $(wc -l <"$folder/constants.txt") constants"
    exit 0
fi

# Members may be appended, but for structs that cross by value and those whose arrays have no stride.
cat >"$folder/appended" <<'END'
[suppress_type]
  type_kind = struct
  name_not_regexp = ^esp_(random|shape|tensor|value|node|conv_options|fidelity)$
  has_data_member_inserted_at = end
END
status=0
abidiff --no-show-locs --no-added-syms --suppressions "$folder/appended" "$stored/espalier.abi" \
    "$folder/libespalier_abi.so" >"$folder/differences" || status=$?
if [ $status -ne 0 ]; then
    echo "The ABI differs from the stored one by more than members at the end of structs:"
    cat "$folder/differences"
fi
# Suppression takes a struct as a whole: the members that were there are looked at once more. That a member's
# type is a struct that has grown is no change of the member.
if abidiff --no-show-locs --no-added-syms "$stored/espalier.abi" "$folder/libespalier_abi.so" |
    grep -E "name changed from|offset changed|data member deletion|entity changed|pointer type changed|parameter [0-9]+ .* (added|removed)|size changed.*by -" >"$folder/members"; then
    echo "Members of structs have changed:"
    cat "$folder/members"
    status=1
fi
comm -23 "$stored/constants.txt" "$folder/constants.txt" >"$folder/gone"
if [ -s "$folder/gone" ]; then
    echo "Constants that are gone or have another value (the stored one is shown):"
    cat "$folder/gone"
    status=1
fi
[ $status -eq 0 ] || exit 1
added=$(comm -13 "$stored/constants.txt" "$folder/constants.txt" | wc -l)
echo "the ABI is the stored one: $(echo "$structs" | wc -l) structs, $(wc -l <"$folder/constants.txt") constants, $added of them new"
