#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# abi.sh lets pass what the contract allows, and nothing else: each change is made to a copy of the headers.
# $1: the folder of abi.sh; $2: the headers.
set -u
scripts=$1
headers=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/stored"
sh "$scripts/abi.sh" "$headers" "$folder/stored" --write || exit $?
failed=0

# $1: passes or fails; $2: what is changed; $3: the header; $4: a sed script.
change()
{
    rm -rf "$folder/changed"
    cp -r "$headers" "$folder/changed"
    sed -i -E "$4" "$folder/changed/espalier/$3"
    if [ "$4" ] && cmp -s "$headers/espalier/$3" "$folder/changed/espalier/$3"; then
        echo "$2: the change finds nothing to change"
        failed=1
    fi
    if sh "$scripts/abi.sh" "$folder/changed" "$folder/stored" >"$folder/said" 2>&1; then
        got=passes
    else
        got=fails
    fi
    if [ $got = "$1" ]; then
        echo "$got: $2"
    else
        echo "$2: $got, $1 was expected"
        sed 's/^/    /' "$folder/said"
        failed=1
    fi
}

change passes "nothing" strategy.h ""
change passes "a member at the end" strategy.h 's/^\} esp_strategy_type;/    void (*more)(void *self);\n&/'
change passes "a member at the end of a table that others point at" builder.h 's/^\} esp_builder_api;/    void (*more)(void *self);\n&/'
change fails "an argument more, and a member at the end" strategy.h 's/void \(\*destroy\)\(void \*self\);/void (*destroy)(void *self, int more);/; s/^\} esp_strategy_type;/    void (*more)(void *self);\n&/'
change fails "a member at the front" strategy.h '/^typedef struct esp_strategy_type/,/^\}/ s/^    uint64_t struct_size;/&\n    uint64_t more;/'
change fails "a member that is gone" strategy.h '/^typedef struct esp_strategy_type/,/^\}/ { /const char \*source;/d }'
change fails "another type, of the same size" strategy.h '/^typedef struct esp_strategy_type/,/^\}/ s/uint64_t param_count/int64_t param_count/'
change fails "another type, and a member at the end" strategy.h '/^typedef struct esp_strategy_type/,/^\}/ s/uint64_t param_count/int64_t param_count/; s/^\} esp_strategy_type;/    void (*more)(void *self);\n&/'
change fails "an argument more of a function" strategy.h 's/void \(\*destroy\)\(void \*self\);/void (*destroy)(void *self, int more);/'
change fails "a member at the end of a struct that crosses by value" graph.h 's/^\} esp_shape;/    uint64_t more;\n&/'
change passes "a constant more" status.h 's/(    ESP_OK = 0,)/\1\n    ESP_MORE = 99,/'
change fails "another value of a constant" status.h 's/ESP_OK = 0,/ESP_OK = 98,/'
exit $failed
