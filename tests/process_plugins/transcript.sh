#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# transcript.sh SOURCE ESPALIER: docs/process-plugins.md. Its conversations are what host and program say to
# each other, to the last byte of the host's; its commands run, and those of the examples' README.
set -eu
source=$1
espalier=$2
page=$source/docs/process-plugins.md
PATH=/usr/bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

for kind in strategy estimator; do
    mkdir $kind
    cp "$source/tests/process_plugins/transcript.py" $kind
    awk -v want="transcript $kind" '/^```/ { inside = ($0 == "```" want); next } inside' "$page" \
        >$kind/transcript.txt
    [ "$(wc -l <$kind/transcript.txt)" -ge 10 ]
    awk '/^```ini [a-z_.]+$/ { file = $2; next } /^```/ { file = "" } file { print > file }' "$page"
    if [ $kind = strategy ]; then mv talk.plugin.ini strategy; else mv talk_estimator.plugin.ini estimator; fi
    TRANSCRIPT_OUT=$folder/out-$kind "$espalier" run $kind.ini --plugins $kind --out "out-$kind" \
        --quiet >log 2>&1 || { cat log; exit 1; }
    grep -q "the whole page was spoken" "out-$kind/log.txt" || { cat "out-$kind/log.txt"; exit 1; }
done

# The digest that a person computes.
cd strategy
digest=$(sha256sum talk.plugin.ini ./transcript.py | sha256sum | cut -d' ' -f1)
"$espalier" inspect talk.plugin.ini | grep -q "SHA-256 $digest"
cd ..

# Its commands.
ln -s "$source/sdk" sdk
sed -n 's|^build/bin/espalier ||p' "$page" "$source/sdk/examples/process/README.md" >commands
[ "$(wc -l <commands)" -ge 5 ]
while read -r command; do
    # shellcheck disable=SC2086
    "$espalier" $command >log 2>&1 </dev/null || { echo "espalier $command"; cat log; exit 1; }
done <commands
echo "both conversations are the page's"
