#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The checks and the reasons for them are in .clang-tidy.  What passed is not looked at again before it, a header, or
# the way to check it changes.
#
# CLANG_TIDY_DEPTH=shallow: its analyzer follows fewer paths, in a quarter of the time.  `make test` does that, where gcc's
# analyzer goes over the same sources; `make check` looks deep.
. "$(dirname "$0")/common.sh.inc"
need clang-tidy
depth=${CLANG_TIDY_DEPTH:-deep}
passed=$build/clang-tidy
mkdir -p "$passed"
common=$(cat src/*/*.h .clang-tidy "$0" <(c_flags) - <(clang-tidy --version) <<<"$depth" | sha256sum)

# check SOURCE
check() {
	local key flags
	key=$passed/$(cat "$1" - <<<"$1 $common" | sha256sum | cut -c 1-32)
	[[ -e $key ]] && return
	read -r -d '' -a flags < <(c_flags)
	clang-tidy --quiet --warnings-as-errors='*' "$1" -- "${flags[@]}" -Xclang -analyzer-config -Xclang "mode=$depth" 2>/dev/null && touch "$key"
}
export -f check c_flags
export build passed common depth
output=$(printf '%s\0' src/*/*.c | xargs -0 -n 1 -P "$(nproc)" bash -c 'check "$1"' check)
result "clang-tidy" $? "$output"
# Those of sources that are no more.
find "$passed" -type f -mtime +30 -delete
finish
