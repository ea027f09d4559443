#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# limitlab kernels against real lab hosts: a scenario on one kernel with both modes of control groups, interrupted in between and
# gone on with; a kernel that panics; a kernel that cannot do what is asked.  An emulated lab host that dies by itself is what
# --attempts is for.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
out=${LIMITLAB_TEST_LOGS:-build/test-logs}/kernels
kernel=${LIMITLAB_TEST_KERNEL:-6.1}
other=${LIMITLAB_TEST_OTHER_KERNEL:-6.12}
need_root
rm -rf "$out"
mkdir -p "$out"

# check NAME COMMAND...
check() {
	local name=$1
	shift
	if "$@" >"$out/check.log" 2>&1; then
		pass "$name"
	else
		fail "$name" "$*" "$(tail -n 20 "$out/check.log" "$out/log" 2>/dev/null)"
	fi
}
kernels() {
	"$limitlab" kernels --out "$out/results" "$@" >"$out/log" 2>&1
}
# has FILE REGEX
has() { grep -E -q -- "$2" "$1"; }
# What a lab host could leave: its QEMU.
nothing_runs() { ! pgrep -f "qemu-system.*[l]abhost" >/dev/null; }

# ---- before anything boots
kernels scenarios/memory-hard.yaml --kernel "$other" --cgroup v1
check "memory limits, v1 and a kernel without them: exit 4" test $? == 4
check "... and what is missing is named" has "$out/log" "memory-hard.*cgroup v1.*CONFIG_MEMCG_V1"
kernels scenarios/smoke/cpu.yaml --kernel 1.2.3
check "a kernel that nobody has: exit 2" test $? == 2

# ---- a kernel that panics
kernels scenarios/smoke/cpu.yaml --kernel "$kernel" --append rdinit=/nowhere --attempts 2
check "a kernel that panics: exit 5" test $? == 5
check "... and what it said is in the table" has "$out/log" "the lab host died in 2 of 2 attempts \(panic\): .*[Kk]ernel panic"
check "... its console is kept" test -s "$(grep -o "$PWD.*\.console" "$out/log" | tail -n 1)"

# ---- both modes, interrupted after the first
rm -rf "$out/results"
"$limitlab" kernels --out "$out/results" --json scenarios/smoke/cpu.yaml --kernel "$kernel" --cgroup v1,v2 >"$out/json" 2>"$out/log" &
pid=$!
for ((i = 0; i < 3000; i++)); do
	grep -q '"type":"run"' "$out/json" && break
	kill -0 $pid 2>/dev/null || break
	sleep 0.2
done
# Into the second lab host.
sleep 8
kill -INT $pid
wait $pid
check "interrupted: exit 130" test $? == 130
check "... nothing of the lab host is left" nothing_runs
kernels --resume "$out/results" --junit "$out/junit.xml" --markdown "$out/table.md"
status=$?
check "gone on with: the scenario passes with v1 and v2" test $status == 0
check "... one run each" test "$(find "$out/results" -name manifest.json | xargs grep -l '"complete"' | wc -l)" == 2
check "... by the kernel and in the mode that were asked for" test "$(find "$out/results" -name manifest.json -print0 |
	xargs -0 jq -r 'select(.state == "complete") | .cgroup_mode + " " + (.host_kernel | startswith("'"$kernel"'") | tostring)' | sort | tr '\n' ';')" \
	== "v1 true;v2 true;"
check "... a table" has "$out/table.md" '\| v2 \| pass 1/1 \|'
check "... a figure" test -s "$(find "$out/results" -path '*kernels-*/smoke-cpu.png' | head -n 1)"
check "... JUnit with both" test "$(xmllint --xpath 'count(/testsuites/testsuite)' "$out/junit.xml" 2>/dev/null)" == 2
finish
