#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The test runner must notice everything that is not a pass.
set -u
cd "$(dirname "$0")/../.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export LIMITLAB_TEST_LOGS=$folder/logs
. tests/tap.sh

# case NAME STATUS LAST_LINE ENVIRONMENT OPTIONS BODY...: each body is one program
check() {
	local name=$1 status=$2 last=$3 environment=$4 options=$5 body i=0 programs=() got
	shift 5
	rm -rf "$folder/programs"
	mkdir "$folder/programs"
	for body; do
		printf '#!/bin/sh\n%s\n' "$body" >"$folder/programs/p$i"
		chmod +x "$folder/programs/p$i"
		programs+=("$folder/programs/p$i")
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	output=$(env LIMITLAB_MUST_WORK=0 $environment tests/run-tap $options "${programs[@]}" 2>&1)
	got=$?
	if [[ $got == "$status" && ${output##*$'\n'} == "$last" ]]; then
		pass "$name"
	else
		fail "$name" "wanted status $status and '$last', got status $got and:" "$output"
	fi
}

check "all pass" 0 "2 passed, 0 failed" "" "" 'echo "1..2"; echo "ok 1 - a"; echo "ok 2 - b"'
check "plan at the end" 0 "1 passed, 0 failed" "" "" 'echo "ok 1 - a"; echo "1..1"'
check "two groups" 0 "2 passed, 0 failed" "" "" 'echo "1..1"; echo "ok 1 - a"; echo "1..1"; echo "ok 1 - b"'
check "one fails" 1 "1 passed, 1 failed" "" "" 'echo "1..2"; echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
check "a failure with exit 0" 1 "0 passed, 2 failed" "" "" 'echo "1..1"; echo "not ok 1 - b"'
check "exit status alone" 1 "1 passed, 1 failed" "" "" 'echo "1..1"; echo "ok 1 - a"; exit 3'
check "crash" 1 "1 passed, 1 failed" "" "" 'echo "1..2"; echo "ok 1 - a"; kill -SEGV $$'
check "crash after the last test" 1 "1 passed, 1 failed" "" "" 'echo "1..1"; echo "ok 1 - a"; kill -ABRT $$'
check "no output" 1 "0 passed, 1 failed" "" "" 'exit 0'
check "empty plan" 1 "0 passed, 1 failed" "" "" 'echo "1..0"'
check "a test is missing" 1 "1 passed, 1 failed" "" "" 'echo "1..2"; echo "ok 1 - a"'
check "bail out" 1 "1 passed, 1 failed" "" "" 'echo "1..1"; echo "ok 1 - a"; echo "Bail out! no disk"'
check "timeout" 1 "0 passed, 1 failed" "" "--timeout 1" 'echo "1..1"; sleep 20'
check "skip" 0 "1 passed, 0 failed, 1 skipped" "" "" 'echo "1..2"; echo "ok 1 - a"; echo "ok 2 - b # SKIP no root"'
check "skip as cmocka prints it" 0 "1 passed, 0 failed, 1 skipped" "" "" 'echo "1..2"; echo "ok 1 - a"; echo "not ok 2 # SKIP b"'
check "group setup fails in cmocka" 1 "0 passed, 2 failed" "" "" 'echo "1..4"; echo "not ok 0 - g [  FAILED  ] GROUP SETUP"; exit 1'
check "skip all" 0 "0 passed, 0 failed, 1 skipped" "" "" 'echo "1..0 # SKIP no root"'
check "skip must work" 1 "1 passed, 1 failed" "LIMITLAB_MUST_WORK=1" "" \
	'echo "1..2"; echo "ok 1 - a"; echo "ok 2 - b # SKIP no root"'
check "several in parallel" 1 "3 passed, 1 failed" "" "--level unit --jobs 2" 'echo "1..1"; sleep 0.2; echo "ok 1 - a"' \
	'echo "1..1"; echo "ok 1 - a"' 'echo "1..1"; echo "not ok 1 - a"; exit 1' 'echo "1..1"; echo "ok 1 - a"'
check "no program" 1 "0 passed, 1 failed" "" ""
check "a failure with a reason" 1 "0 passed, 1 failed" "" "" 'echo "1..1"; echo "not ok 1 - b"; echo "# why"; exit 1'
grep -q -x "      why" <<<"$output"
result "... which stands in the list of failures" $?
finish
