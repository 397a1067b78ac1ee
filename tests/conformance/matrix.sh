#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The wrong plugins, each against the case that is meant for it, as a table; every case that the suite has
# must stand in it. `matrix.sh FOLDER`: where the wrong plugins are.
set -u
folder=$1
espalier=$ESPALIER_BINARY
failed=0

# The case that is meant for a plugin, by its file's name.
case_for() {
    case "$1" in
    file-note) echo file/note ;;
    file-unknown) echo file/unknown ;;
    file-repeats) echo file/repeats ;;
    file-hidden) echo file/hidden ;;
    file-thread | file-environment | file-output | file-descriptor | file-handler | file-folder)
        echo file/discovery ;;
    file-reload) echo file/reload ;;
    file-*) echo "parameters/${1#file-}" ;;
    *) echo "${1%%-*}/${1#*-}" ;;
    esac
}

printf '%-26s %-24s %s\n' "wrong plugin" "case" "verdict"
for file in "$folder"/*.so; do
    name=$(basename "$file" .so)
    case=$(case_for "$name")
    setting=
    case $name in engine-*) setting="--set base=$ESPALIER_PLUGINS/openblas.so" ;; esac
    # shellcheck disable=SC2086 # the setting is two words, or none
    out=$("$espalier" check "$file" --only "$case" $setting 2>&1)
    verdict=$(printf '%s\n' "$out" | sed -n "s,^  \([a-zA-Z]*\) *$case .*,\1,p")
    words=$(printf '%s\n' "$out" | sed -n "\\,  $case ,{n;s/^ *//p;}")
    case $verdict in
    FAIL | warn) note= ;;
    *) note='NOT CAUGHT: '; failed=$((failed + 1)); [ -n "$verdict" ] || words=$out ;;
    esac
    printf '%-26s %-24s %s\n' "$name" "$case" "$note$verdict $words"
    printf '%s\n' "$case" >>met
done

# No case is without a plugin that fails it.
for case in $("$espalier" check --list | sed 's/ .*//'); do
    if ! grep -qxF "$case" met; then
        echo "$case: there is no plugin that fails it"
        failed=$((failed + 1))
    fi
done
rm -f met
[ $failed -eq 0 ]
