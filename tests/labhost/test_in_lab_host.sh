#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `limitlab run --in-lab-host`: what is refused before anything boots; scarce memory on cgroup v1, where the soft limit acts, while this
# host has all of its memory; a SIGKILL leaves nothing here.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
kernel=${LIMITLAB_TEST_KERNEL:-6.1}
out=$(realpath "${LIMITLAB_TEST_LOGS:-build/test-logs}")/in-lab-host
unset LIMITLAB_ALLOW_HOST_SCARCITY

need_root
need_image
rm -rf "$out"
mkdir -p "$out"
# refused CODE WORD NAME ARGUMENT...
refused() {
	local code=$1 word=$2 name=$3 status
	shift 3
	"$limitlab" run --in-lab-host --out "$out/refused" "$@" >"$out/refused.log" 2>&1
	status=$?
	[[ $status == "$code" ]] && grep -q "$word" "$out/refused.log"
	report $? "$name" "$out/refused.log"
}
# What a lab host may not leave: processes, mounts, devices, files but those that are kept.
inventory() {
	pgrep -fa 'qemu-system.*labhost'
	sort /proc/self/mounts
	losetup --list --noheadings
	ls /sys/class/net
	find "${LIMITLAB_STATE_DIR:-/var/lib/limitlab}/labhost" -not -path '*/learned-*' -printf '%y %p\n' | sort
	grep -E '^(HugePages_Total|SwapTotal)' /proc/meminfo
}

refused 2 "no kernel '9.9'" "an unknown kernel is refused" --kernel 9.9 scenarios/smoke/cpu.yaml
refused 2 "without modules" "a kernel without modules is refused" --kernel /proc/version scenarios/smoke/cpu.yaml
refused 4 "CONFIG_MEMCG_V1" "a kernel without an option that is needed is refused, with its name" \
	--kernel 6.12 --cgroup v1 scenarios/smoke/memory.yaml
refused 2 "'v3' is no cgroup mode" "an unknown mode is refused" --cgroup v3 scenarios/smoke/cpu.yaml
refused 2 "excludes --in-lab-host" "a device of this host is refused" --use-device /dev/null scenarios/smoke/cpu.yaml

# Prepared by what follows, which is not interrupted.
"$limitlab" run --in-lab-host --kernel "$kernel" --cgroup v1 --out "$out/memory" scenarios/smoke-slow/memory.yaml \
	>"$out/memory.log" 2>&1 &
run=$!
least=$(free -m | awk '/^Mem/ {print $7}')
began=$least
while kill -0 $run 2>/dev/null; do
	now=$(free -m | awk '/^Mem/ {print $7}')
	((now < least)) && least=$now
	sleep 0.5
done
wait $run
verdict=$?
# Where KVM is emulated, the soft limit's evidence may be too noisy (3); that the hard one bites is seen there, too.
[[ $verdict == 0 || ($verdict == 3 && $(grep -c TCG "$out/memory.log") != 0) ]] && grep -q 'pass  *hard - at once' "$out/memory.log"
report $? "memory is scarce on cgroup v1, with no leave to make this host scarce (status $verdict)" "$out/memory.log"
# 4 GiB are the lab host's, with QEMU and the cache of its disks.
((began - least < 5500))
report $? "this host kept its memory ($began MiB available before, $least MiB at worst)"
run_dir=$(sed -n '$p' "$out/memory.log")
grep -q '"state": "complete"' "$run_dir/manifest.json" && grep -q '"cgroup_mode": "v1"' "$run_dir/manifest.json"
report $? "the run directory is here, complete, and says v1" "$out/memory.log"
"$limitlab" judge "$run_dir" >"$out/judge.log" 2>&1
[[ $? == "$verdict" ]]
report $? "this host judges it again and agrees" "$out/judge.log"
[[ -s $run_dir/figure.svg && -z $(find "$run_dir" -name '*.tmp') ]]
report $? "the figure is there, and nothing half written"

# Results go where the scenario lies, from a folder that has nothing to do with it.
mkdir -p "$out/elsewhere" "$out/killed"
sed "s,\.\./\.\./workloads/cpu-matrix,mine," scenarios/smoke/cpu.yaml >"$out/killed/cpu.yaml"
cp workloads/cpu-matrix.stress "$out/killed/mine.stress"
stat -c '%i %Y %s %a %n' "$out/killed"/* >"$out/inputs-before"
inventory >"$out/before" 2>&1
(cd "$out/elsewhere" && exec "$limitlab" run --in-lab-host --kernel "$kernel" --out "$out/killed" "$out/killed/cpu.yaml") \
	>"$out/killed.log" 2>&1 &
run=$!
for ((i = 0; i < 1500; i++)); do
	grep -q ' t=[4-9] s of' "$out/killed.log" && break
	sleep 0.1
done
kill -KILL $run
wait $run 2>/dev/null
sleep 1
inventory >"$out/after" 2>&1
diff -u "$out/before" "$out/after" >"$out/left.diff"
report $? "a SIGKILL leaves nothing on this host" "$out/left.diff"
grep -qs '"scenario_name"' "$out"/killed/smoke-cpu/*/manifest.json &&
	(($(grep -c ',red,' "$out"/killed/smoke-cpu/*/samples.csv) >= 10)) &&
	grep -q ',start,red,' "$out"/killed/smoke-cpu/*/events.csv
report $? "what was recorded until then is here: samples and events of a timeline that had not ended" "$out/killed.log"
stat -c '%i %Y %s %a %n' "$out/killed"/{cpu.yaml,mine.stress} | diff -u "$out/inputs-before" - >"$out/inputs.diff"
report $? "scenario and workload beside the results are untouched" "$out/inputs.diff"
finish
