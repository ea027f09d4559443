#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The sources are formatted as .clang-format says.
. "$(dirname "$0")/common.sh.inc"
need clang-format
output=$(clang-format --dry-run --Werror src/*/*.[ch] tests/*/*.c 2>&1)
result "clang-format" $? "$(grep error: <<<"$output" | head -40)"
finish
