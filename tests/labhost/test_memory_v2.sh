#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Limits of memory on pure cgroup v2 under systemd: what only v1 has ends with exit 4 and says why; hard limits and protected memory
# pass with nested tenants, in a lab host, whose memory is scarce and not this host's.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
out=${LIMITLAB_TEST_LOGS:-build/test-logs}/labhost-memory

need_root
# step NAME STATUS: did that step end so?
step() { [[ $(cat "$out/$1.status" 2>/dev/null) == "$2" ]]; }
# says NAME REGEX
says() { grep -qE -- "$2" "$out/$1.log"; }

for attempt in 1 2 3; do
	rm -rf "$out"
	mkdir -p "$out"
	timeout 480 "$limitlab" lab-exec --kernel "${LIMITLAB_TEST_KERNEL:-6.1}" --out "$out" tests/labhost/memory.job
	status=$?
	echo "# attempt $attempt: status $status"
	# 5: the lab host died; 143: it took too long.
	[[ $status == 5 || $status == 143 || $status == 124 || $status == 3 ]] || break
	((SECONDS < 480)) || break
done

says doctor "cgroup v2: memory.soft is memory.high, which throttles always"
report $? "doctor says what a soft limit is there" "$out/doctor.log"
step soft 4
report $? "memory-soft: exit 4" "$out/soft.log"
says soft "memory.high: that throttles always.*no soft limit"
report $? "... says why" "$out/soft.log"
says soft "unified_cgroup_hierarchy=0.*--in-lab-host --kernel 6.1 --cgroup v1"
report $? "... and where it can run" "$out/soft.log"
step knobs 0
report $? "every limit of memory is set, read back and reset" "$out/knobs.log"
step protect 0
report $? "memory-protect passes" "$out/protect.log"
step protect_left 0
report $? "it left nothing behind" "$out/protect_left.log"
step hard 0
report $? "memory-hard passes" "$out/hard.log"
step hard_left 0
report $? "it left nothing behind" "$out/hard_left.log"
step kill 0
report $? "everything is killed while memory is taken, and cleaned" "$out/kill.log"
step kill_left 0
report $? "huge pages and swap are as before then" "$out/kill_left.log"
finish
