#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A path that is compiled in is never an old one, and uninstall leaves no folder of ours.
set -u
cd "$(dirname "$0")/../.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
. tests/tap.sh
build=$folder/build

# made NAME FILE WHAT MAKE_ARGUMENTS...: FILE, made after it was there already, has a line with WHAT
made() {
	local name=$1 file=$2 what=$3 output
	shift 3
	output=$(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make "BUILD=$build" "$@" "$build/$file" 2>&1)
	grep -qF -- "$what" "$build/$file"
	result "$name" $? "$output"$'\n'"$(cat "$build/$file")"
}

mkdir -p "$folder/copy" && cp Makefile "$folder/copy"
made "as it is" config.h "LIMITLAB_LIBEXECDIR \"/usr/local/libexec/limitlab\""
made "a tree that was moved" config.h "LIMITLAB_SOURCE_DIR \"$folder/copy\"" -C "$folder/copy"
made "another libexecdir" config.h "LIMITLAB_LIBEXECDIR \"/there\"" libexecdir=/there
made "another datadir" config.h "LIMITLAB_DATADIR \"/there\"" datadir=/there
made "pkg-config" limitlab.pc "libdir=/usr/local/lib"
made "another libdir" limitlab.pc "libdir=/there" libdir=/there
made "another includedir" limitlab.pc "includedir=/there" includedir=/there

root=$folder/root
mkdir -p "$root"/usr/local/{share/limitlab/{scenarios,workloads,plots},libexec/limitlab}
output=$(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make "BUILD=$build" "DESTDIR=$root" uninstall 2>&1)
[[ ! -e $root/usr/local/share/limitlab && ! -e $root/usr/local/libexec/limitlab && -d $root/usr/local/share ]]
result "uninstall" $? "$output"$'\n'"$(find "$root")"
finish
