#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# make bench: speed as ratios of one session, in one table; ends with 1 when a bound is missed.  Root, and about five minutes.
#
#	BENCH_LOCK=FILE		each measurement holds this flock(1) lock: for machines that several people measure on
#	BENCH_ROUNDS=N		pairs of boots, with and without limitlab (default 3)
set -uo pipefail

limitlab=${LIMITLAB:?run make bench}
vms=$LIMITLAB_BUILD/tests/bench/bench_vms
here=$(dirname "$(realpath "$0")")
rounds=${BENCH_ROUNDS:-3}
out=$(mktemp -d /tmp/ll-bench-XXXXXX)
trap 'rm -rf "$out"' EXIT
failed=0
broken() {
	printf 'bench: %s\n' "$1" >&2
	exit 1
}
alone() {
	if [[ -n ${BENCH_LOCK:-} ]]; then flock "$BENCH_LOCK" "$@"; else "$@"; fi
}
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
value() { awk -v key="$1" '$1 == key {print $2}' "$2"; }

# row NAME MEASURED REFERENCE RATIO BOUND AIM: the bound and the aim are upper limits of the ratio, or without one of MEASURED.
rows=$out/rows
row() {
	local decisive=$4
	[[ $4 == - ]] && decisive=$2
	local verdict
	verdict=$(awk -v x="$decisive" -v bound="$5" -v aim="$6" 'BEGIN {
		if (x !~ /^[0-9.]+(e[-+]?[0-9]+)?$/) print "MISSED (no number)"
		else if (x + 0 > bound + 0) print "MISSED"
		else print (x + 0 > aim + 0 ? "ok" : "ok, aim")}')
	[[ $verdict == ok* ]] || failed=1
	printf '%s|%s|%s|%s|%s|%s|%s\n' "$1" "$2${7:-}" "$3${8:-}" "$4" "$5" "$6" "$verdict" >>"$rows"
}
info() { printf '%s|%s|-|-|-|-|%s\n' "$1" "$2" "$3" >>"$rows"; }

# Seconds from the start of the process until its "barrier" phase begins: every tenant's agent has answered and its runner is
# installed.  The last run goes on to its end; the others are interrupted then.
run_until_ready() {
	local dir=$out/boot-$1 line begin now= pid
	begin=$EPOCHREALTIME
	coproc run { exec "$limitlab" run --json --out "$dir" "$here/calm.yaml" 2>"$out/boot.err"; }
	pid=$run_PID
	while read -r line <&"${run[0]}"; do
		[[ -z $now && $line == *'"phase":"barrier"'* ]] || continue
		now=$EPOCHREALTIME
		[[ $1 == "$rounds" ]] || kill -TERM "$pid"
	done 2>/dev/null
	wait "$pid" 2>/dev/null
	[[ -n $now ]] || { cat "$out/boot.err" >&2; return 1; }
	awk -v a="$begin" -v b="$now" 'BEGIN {printf "%.3f\n", b - a}'
}
export -f run_until_ready
export out limitlab here rounds

[[ $(id -u) == 0 ]] || broken 'needs root'
printf 'load average before: %s; CPUs: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)" "$(nproc)"

# The proof of KVM and libvirt's knowledge of QEMU are kept after the first run: this is that run.
alone "$limitlab" run --quiet --out "$out/run" "$here/starved.yaml" >"$out/first.log" 2>&1
run_dir=$(echo "$out"/run/bench-starved/*)
[[ $(jq -r .state "$run_dir/manifest.json" 2>/dev/null) == complete ]] || { cat "$out/first.log" >&2; broken 'the run did not complete'; }
# number RUN KEY: of its manifest, three digits after the point
number() { jq -r ".$2" "$1/manifest.json" | awk '{printf "%.3f", $1}'; }

for i in $(seq "$rounds"); do
	alone bash -c "run_until_ready $i" >>"$out/limitlab_s" || broken 'a run was not ready'
	alone "$vms" hand >"$out/hand" || broken 'QEMU by hand was not ready'
	value ready_s "$out/hand" >>"$out/hand_s"
done
ours=$(median <"$out/limitlab_s")
hand=$(median <"$out/hand_s")
row 'three tenants ready' "$ours" "$hand" "$(awk -v a="$ours" -v b="$hand" 'BEGIN {printf "%.3f", a / b}')" 1.25 1.10 ' s' ' s by hand'

alone "$vms" tick >"$out/tick" || broken 'no tick was measured'
tick=$(value tick_us "$out/tick")
stats=$(value stats_us "$out/tick")
row 'a tick of three tenants' "$tick" "$stats" "$(awk -v a="$tick" -v b="$stats" 'BEGIN {printf "%.4f", a / b}')" 0.02 0.02 ' us' ' us of libvirt'

alone "$LIMITLAB_BUILD/tests/bench/bench_net" >"$out/net" || broken 'no change of an HTB class was measured'
class=$(value net_set_us "$out/net")
tc=$(value tc_us "$out/net")
row 'change of one HTB class' "$class" "$tc" "$(awk -v a="$class" -v b="$tc" 'BEGIN {printf "%.4f", a / b}')" 0.05 0.02 ' us' ' us of tc'

alone "$limitlab" run --quiet --out "$out/link" "$here/link.yaml" >"$out/link.log" 2>&1
link_dir=$(echo "$out"/link/bench-link/*)
[[ $(jq -r .state "$link_dir/manifest.json" 2>/dev/null) == complete ]] || { cat "$out/link.log" >&2; broken 'the run with a link did not complete'; }
off=$(jq -r '.expectations[0] | (.measured - .expected) / .expected * 100 | fabs' "$link_dir/verdict.json" | awk '{printf "%.2f", $1}')
row 'classes against their link' "$off" - - 3 2 ' %'

# 20 GiB, or what this machine can give and keep 2 GiB; the reference is what it takes to lock as much memory, from 1 GiB of it.
gib=$(awk '/^MemAvailable:/ {n = int($2 / 1048576) - 2; print (n > 20 ? 20 : n)}' /proc/meminfo)
((gib >= 1)) || broken 'needs 3 GiB of available memory'
alone "$LIMITLAB_BUILD/tests/bench/bench_memory" "$((gib * 1024))" 1024 >"$out/memory" || broken 'memory was not made scarce'
scarcity=$(awk '/^(take|give)_ms/ {sum += $2} END {printf "%.3f", sum / 1000}' "$out/memory")
locked=$(awk -v n="$gib" '/^locked_ms/ {printf "%.1f", $2 * n / 1000}' "$out/memory")
row "$gib GiB scarce and back" "$scarcity" "$locked" - 1 0.2 ' s' ' s of locking'
info '  left more or less by' "$(value left_off_mib "$out/memory") MiB" 'for information'

alone "$LIMITLAB_BUILD/tests/bench/bench_disk" fixture >"$out/disk" || broken 'no scarce disk was made'
made=$(value made_ms "$out/disk")
by_hand=$(value hand_ms "$out/disk")
row 'scarce disk made and removed' "$made" "$by_hand" "$(awk -v a="$made" -v b="$by_hand" 'BEGIN {printf "%.3f", a / b}')" 1.5 1 ' ms' ' ms by hand'
row '  its rate is off by' "$(value off_pct "$out/disk")" - - 3 1 ' %'

# virsh needs a daemon: one of our own, in namespaces where nothing of the host's libvirt is seen.
virsh_weights() {
	# shellcheck disable=SC2016 # the inner shell's variables
	unshare --mount --propagation private --pid --net --fork --kill-child --mount-proc bash -c '
		inside() {
			ip link set lo up
			for folder in /run /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
				[[ ! -d $folder ]] || mount -t tmpfs -o mode=755 tmpfs "$folder"
			done
			virtlogd >"$1/virtlogd.log" 2>&1 &
			libvirtd >"$1/libvirtd.log" 2>&1 &
			for ((tries = 0; tries < 300; tries++)); do
				virsh -c qemu:///system list >/dev/null 2>&1 && break
				sleep 0.1
			done
			"$2" weight
		}
		inside "$@" & wait $!' bash "$out" "$LIMITLAB_BUILD/tests/bench/bench_disk"
}
export -f virsh_weights
alone bash -c virsh_weights >"$out/weight" || broken 'no disk weight was measured'
weight=$(value weight_us "$out/weight")
virsh=$(value virsh_us "$out/weight")
row 'disk weight, with read-back' "$weight" "$virsh" "$(awk -v a="$weight" -v b="$virsh" 'BEGIN {printf "%.4f", a / b}')" 0.05 0.02 ' us' ' us of virsh'

calm_dir=$(echo "$out/boot-$rounds"/bench-calm/*)
[[ $(jq -r .state "$calm_dir/manifest.json" 2>/dev/null) == complete ]] || { cat "$out/boot.err" >&2; broken 'the calm run did not complete'; }
row 'own CPU at 100 ms' "$(number "$calm_dir" overhead_cpu_pct)" - - 1 0.5 ' %'
row 'own CPU with 7 events/s' "$(number "$run_dir" overhead_cpu_pct)" - - 1 1 ' %'
row 'lateness of events, p99' "$(number "$calm_dir" event_lateness_p99_ms)" - - 5 2 ' ms'
row '  beside a starved tenant' "$(number "$run_dir" event_lateness_p99_ms)" - - 5 2 ' ms'
row 'lateness of ticks, p99' "$(number "$calm_dir" tick_lateness_p99_ms)" - - 5 2 ' ms'
row '  beside a starved tenant' "$(number "$run_dir" tick_lateness_p99_ms)" - - 5 2 ' ms'

for i in 1 2 3; do
	begin=$EPOCHREALTIME
	"$limitlab" judge "$run_dir" >"$out/judge.log" 2>&1
	status=$?
	((status == 0 || status == 1 || status == 3)) || { cat "$out/judge.log" >&2; broken 'judge failed'; }
	"$limitlab" plot "$run_dir" >"$out/plot.log" 2>&1 || { cat "$out/plot.log" >&2; broken 'plot failed'; }
	awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.3f\n", b - a}' >>"$out/files_s"
done
row 'judge and plot' "$(median <"$out/files_s")" - - 1 1 ' s'
info 'memory of limitlab (RSS)' "$(number "$calm_dir" overhead_rss_mib) MiB" 'for information'
info 'the network, of one tick' "$(value net_tick_us "$out/net") us" 'for information'
info 'CPU of one tick' "$(number "$calm_dir" tick_cost_us) us" 'for information'

printf 'load average after: %s\n\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
awk -F'|' 'BEGIN {f = "%-31s %12s  %-22s %7s %6s %5s  %s\n"; printf f, "", "measured", "reference", "ratio", "bound", "aim", "verdict"}
	{printf f, $1, $2, $3, $4, $5, $6, $7}' "$rows"
printf '\nboots with limitlab: %s s; by hand: %s s\n' "$(paste -sd' ' "$out/limitlab_s")" "$(paste -sd' ' "$out/hand_s")"
exit "$failed"
