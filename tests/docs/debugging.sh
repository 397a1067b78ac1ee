#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# debugging.sh SOURCE BUILD: the commands of docs/debugging-a-plugin.md, those of a tool (```sh gdb) where it
# is there, and what each shows of the mistake in the plugin.
set -eu
source=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset ESPALIER_PLUGINS LD_PRELOAD ASAN_OPTIONS
mkdir home
HOME=$folder/home
PATH=$build/bin:$PATH
PKG_CONFIG_PATH=$build/lib/pkgconfig
export HOME PATH PKG_CONFIG_PATH

fail() {
    echo "$*" >&2
    tail -n 30 log >&2
    exit 1
}

# run TOOL: the commands of its blocks, one after the other, whatever their status; to log.
run() {
    awk -v fence="\`\`\`sh$1" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' \
        "$source/docs/debugging-a-plugin.md" >commands
    [ -s commands ] || { echo "the page shows no command of$1" >&2; exit 1; }
    sh commands >log 2>&1 </dev/null || true
}

# shows WHAT EXPRESSION: the log has a line that fits.
shows() {
    grep -Eq "$2" log || fail "$1 does not show $2"
}

run ""
shows "the suite" 'FAIL  estimator/|ok    estimator/'
[ -e short/short.so ] || fail "the plugin was not built"

if command -v gdb >found; then
    run " gdb"
    if grep -q 'ptrace: Operation not permitted\|Could not trace' log; then
        echo "skipped: gdb may trace nothing here"
    else
        shows gdb 'measure_depth \(e=0x'
        shows gdb 'size_evaluate \(self='
        shows gdb 'at short/short\.c:[0-9]+|short\.c:[0-9]+'
        shows gdb 'patience = 50, without_gain'
    fi
else
    echo "skipped: there is no gdb here"
fi

if [ -e "$(cc -print-file-name=libasan.so)" ]; then
    run " asan"
    shows ASan 'ERROR: AddressSanitizer: heap-buffer-overflow'
    shows ASan '#0 .* in measure_depth short/short\.c:'
    # Without the mistake it has nothing to say, of leaks either.
    sed -i 's/calloc(count \/ 4,/calloc(count + 1,/' short/short.c
    sh commands >log 2>&1 </dev/null || fail "ASan about the plugin as it was"
    shows "an evaluation with ASan" misfit
    sed -i 's/calloc(count + 1,/calloc(count \/ 4,/' short/short.c
else
    echo "skipped: there is no libasan here"
fi

if command -v valgrind >found; then
    run " valgrind"
    shows valgrind 'Invalid (read|write) of size 8'
    shows valgrind 'measure_depth \(short\.c:[0-9]+\)'
else
    echo "skipped: there is no valgrind here"
fi
