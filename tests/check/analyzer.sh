#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything compiles without a warning, under gcc's static analyzer too.
. "$(dirname "$0")/common.sh.inc"
output=$(make --no-print-directory -s -k BUILD="$build-analyzer" WERROR=1 SANITIZE= CC=gcc CFLAGS='-O2 -g -fanalyzer' \
	"$build-analyzer/harness.a" "$build-analyzer/liblimitlab.a" 2>&1)
result "gcc -fanalyzer -Werror" $? "$output"
finish
