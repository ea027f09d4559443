#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The machine of most users: systemd, pure cgroup v2, a working KVM.  In a lab host that is one, runs limitlab's doctor, check and a
# short CPU scenario with real tenants, once with the embedded driver and once through libvirtd, and looks at what
# came back.  A lab host that died, or a run that ended inconclusive, is repeated at most twice.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
out=${LIMITLAB_TEST_LOGS:-build/test-logs}/labhost

need_root
need_image

# step NAME: the exit code that the step left, or 75
step() { cat "$out/$1.status" 2>/dev/null || echo 75; }

for attempt in 1 2 3; do
	rm -rf "$out"
	mkdir -p "$out"
	timeout 420 "$limitlab" lab-exec --kernel "${LIMITLAB_TEST_KERNEL:-6.1}" --out "$out" tests/labhost/smoke.job
	status=$?
	echo "# attempt $attempt: status $status"
	# 5: the lab host died; 143: it took too long.
	[[ $status == 5 || $status == 143 || $status == 3 ]] || break
	# Tests have twenty minutes in all.
	((SECONDS < 480)) || break
done

report "$(step host)" "the lab host has systemd, pure cgroup v2, machined, AppArmor and /dev/kvm" "$out/host.log"
report "$(step doctor)" "doctor finds everything there" "$out/doctor.log"
report "$(step check)" "check accepts the scenario" "$out/check.log"
report "$(step run)" "the CPU scenario passes with nested tenants" "$out/run.log"
# Of a run that never began there is nothing to leave behind, and nothing to judge.
# results DIR DRIVER LEFT: a run's three lines
results() {
	local manifest
	manifest=$(find "$out/$1" -name manifest.json 2>/dev/null | head -n 1)
	[[ -n $manifest ]] && grep -q '"complete"' "$manifest"
	report $? "the run was completed ($2)" "$manifest"
	[[ -n $manifest ]] && [[ $(step "$3") == 0 ]]
	report $? "it left nothing behind ($2)" "$out/$3.log"
	[[ -n $manifest ]] && "$limitlab" judge "$(dirname "$manifest")" >"$out/$1.judge.log" 2>&1
	report $? "this host judges the run again and agrees ($2)" "$out/$1.judge.log"
}
results run "embedded driver" left
report "$(step connect)" "the CPU scenario passes through libvirtd" "$out/connect.log"
results connect "libvirtd" connect_left
report "$(step kill)" "clean removes what a killed run left with libvirtd" "$out/kill.log"
report "$(step kill_left)" "nothing is left then" "$out/kill_left.log"
finish
