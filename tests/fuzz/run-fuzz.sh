#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Fuzzes every parser for FUZZ_SECONDS, from the seeds in tests/fuzz/corpus/NAME.  Prints TAP.  What broke a parser is
# kept in build/test-logs: run the fuzzer with that file as its argument.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${FUZZ_BUILD:-$PWD/build-fuzz}
kept=${LIMITLAB_TEST_LOGS:-$PWD/build/test-logs}
mkdir -p "$kept"
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
. tests/tap.sh
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	mkdir "$scratch/$name"
	# What is found goes to the first folder, the seeds of the others are read.
	if "$build/tests/fuzz/fuzz_$name" -max_total_time="${FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$kept/fuzz-$name-" "$scratch/$name" "tests/fuzz/corpus/$name" \
		>"$scratch/$name.log" 2>&1; then
		runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$scratch/$name.log")
		if ((${runs:-0} > 100)); then
			pass "$name, $runs inputs"
			continue
		fi
	fi
	fail "$name" "$(tail -n 40 "$scratch/$name.log")"
done
finish
