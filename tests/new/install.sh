#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh BUILD FOLDER: what is built, installed in FOLDER/prefix; it was moved there from where it was
# installed.
set -eu
rm -rf "$2"
mkdir -p "$2"
cmake --install "$1" --prefix "$2/first" >"$2/install.log"
mv "$2/first" "$2/prefix"
"$2/prefix/bin/espalier" list >"$2/list.txt"
