#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The checks and the reasons for them are in .clang-tidy.
. "$(dirname "$0")/common.sh.inc"
need clang-tidy
read -r -d '' -a flags < <(c_flags)
output=$(printf '%s\0' src/*/*.c |
	xargs -0 -n 4 -P "$(nproc)" -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- "${flags[@]}" 2>/dev/null)
result "clang-tidy" $? "$output"
finish
