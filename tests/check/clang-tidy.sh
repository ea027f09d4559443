#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The checks and the reasons for them are in .clang-tidy.  What passed is not looked at again before it, a header, or
# the way to check it changes.
. "$(dirname "$0")/common.sh.inc"
need clang-tidy
passed=$build/clang-tidy
mkdir -p "$passed"
common=$(cat src/*/*.h .clang-tidy "$0" <(c_flags) <(clang-tidy --version) | sha256sum)

# check SOURCE
check() {
	local key flags
	key=$passed/$(cat "$1" - <<<"$1 $common" | sha256sum | cut -c 1-32)
	[[ -e $key ]] && return
	read -r -d '' -a flags < <(c_flags)
	clang-tidy --quiet --warnings-as-errors='*' "$1" -- "${flags[@]}" 2>/dev/null && touch "$key"
}
export -f check c_flags
export build passed common
output=$(printf '%s\0' src/*/*.c | xargs -0 -n 1 -P "$(nproc)" bash -c 'check "$1"' check)
result "clang-tidy" $? "$output"
# Those of sources that are no more.
find "$passed" -type f -mtime +30 -delete
finish
