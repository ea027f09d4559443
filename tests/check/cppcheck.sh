#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/common.sh.inc"
need cppcheck
mkdir -p "$build/cppcheck"
# missingIncludeSystem: it does not read the system's headers.  constParameter*: callbacks have the types of others.
# The rest of the list is explained at the place, with "cppcheck-suppress".
output=$(cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--suppress=missingIncludeSystem --suppress=unknownMacro -D_GNU_SOURCE -Isrc -I"$build" \
	--cppcheck-build-dir="$build/cppcheck" --template='{file}:{line}: {id}: {message}' src 2>&1)
result "cppcheck" $? "$output"
finish
