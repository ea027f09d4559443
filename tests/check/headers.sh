#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every header compiles alone.
. "$(dirname "$0")/common.sh.inc"
read -r -d '' -a flags < <(c_flags)
for header in src/*/*.h; do
	output=$(printf '#include "%s"\n' "${header#src/}" |
		${CC:-gcc} "${flags[@]}" -Wall -Wextra -Werror -fsyntax-only -x c - 2>&1)
	result "$header" $? "$output"
done
finish
