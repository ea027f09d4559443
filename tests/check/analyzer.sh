#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# gcc's static analyzer, one finding of which is an error; with -O0, because the optimizer removes stores that it then
# misses.  gcc 12 takes parts of compound literals for uninitialized there; the optimizing build with WERROR=1 and
# clang-tidy look for those.
. "$(dirname "$0")/common.sh.inc"
output=$(make --no-print-directory -s -k BUILD="$build-analyzer" WERROR=1 SANITIZE= CC=gcc \
	CFLAGS='-O0 -g -fanalyzer -Wno-analyzer-use-of-uninitialized-value' \
	"$build-analyzer/harness.a" "$build-analyzer/liblimitlab.a" 2>&1)
result "gcc -fanalyzer -Werror" $? "$output"
finish
