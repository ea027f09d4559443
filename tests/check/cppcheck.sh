#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/common.sh.inc"
need cppcheck
mkdir -p "$build/cppcheck"
# missingIncludeSystem: it does not read the system's headers.  unknownMacro: nor their macros.  varFuncNullUB: NULL is
# a pointer in glibc, so that it may end a list of arguments.  The .cfg says that BUG() does not return.  Everything
# else is explained at its place, with "cppcheck-suppress".
output=$(cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=varFuncNullUB --library=tests/check/limitlab.cfg -D_GNU_SOURCE -Isrc -I"$build" \
	--cppcheck-build-dir="$build/cppcheck" --template='{file}:{line}: {id}: {message}' src 2>&1)
result "cppcheck" $? "$output"
finish
