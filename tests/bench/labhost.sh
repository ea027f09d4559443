#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From the command to the first tenant's userspace in a lab host, against the same two levels of QEMU started by hand: the same
# root, kernel, disks and tenants, the inner QEMUs from a shell script.  Under emulation a lab host may die: such a round is left out,
# and named.  Takes minutes, so only with LIMITLAB_BENCH_LABHOST=1; BENCH_LOCK and BENCH_ROUNDS as in bench.sh.
set -uo pipefail

limitlab=${LIMITLAB:?run make bench}
root=$(realpath "$(dirname "$0")/../..")
state=${LIMITLAB_STATE_DIR:-/var/lib/limitlab}
rounds=${BENCH_ROUNDS:-3}
bound=1.2
if [[ ${LIMITLAB_BENCH_LABHOST:-} != 1 ]]; then
	echo 'lab host: not measured (a minute and more for each start): LIMITLAB_BENCH_LABHOST=1'
	exit 0
fi
[[ $(id -u) == 0 ]] || { echo 'bench: needs root' >&2; exit 1; }
out=$(mktemp -d /tmp/ll-bench-labhost-XXXXXX)
trap 'rm -rf "$out"' EXIT
alone() {
	if [[ -n ${BENCH_LOCK:-} ]]; then flock "$BENCH_LOCK" "$@"; else "$@"; fi
}
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.3f\n", b - a}'; }
# A tenant's console has this line (src/guest/init).
ready='userspace is ready'

# ours N: seconds
ours() {
	local begin=$EPOCHREALTIME dir=$out/ours-$1 pid status=1
	"$limitlab" run --in-lab-host --out "$dir" "$root/scenarios/smoke/cpu.yaml" >"$dir.log" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		if grep -rqs "$ready" --include='*.console' "$dir"/smoke-cpu; then
			# One that died was started again by itself.
			grep -q 'so once more' "$dir.log" || { since "$begin" && status=0; }
			break
		fi
		sleep 0.1
	done
	kill -INT $pid 2>/dev/null
	kill -INT $pid 2>/dev/null
	wait $pid
	return $status
}

# What the hand would type in the lab host.
hand_job() {
	cat <<-'END'
		#!/bin/sh
		cd "$image_dir" || exit
		for name in blue red; do
			qemu-system-x86_64 -machine q35 -accel kvm -cpu host -smp 1 -m 192 -nodefaults -no-user-config -display none \
				-serial "file:/run/$name" -kernel kernel-*/vmlinuz -initrd kernel-*/initrd \
				-append "console=ttyS0 quiet" -drive file=root/root.squashfs,format=raw,if=virtio,readonly=on \
				-device virtio-serial-pci &
		done
		until grep -qs 'userspace is ready' /run/blue /run/red; do sleep 0.1; done
		echo first-tenant-is-ready >/dev/console
		sleep 100
	END
}

# hand N: seconds
hand() {
	local begin=$EPOCHREALTIME dir=$out/hand-$1 pid status=1 append=kvm_amd.npt=0 machine=(-accel tcg,thread=multi -cpu max,+svm)
	if [[ $kvm == true ]]; then
		append='' machine=(-accel kvm -cpu host)
	fi
	mkdir -p "$dir/payload/run/labhost"
	printf 'export program=/run/labhost/hand state_dir=%s image_dir=%s/image results=/run/results\n' "$state" "$state" \
		>"$dir/payload/run/labhost/environment"
	hand_job >"$dir/payload/run/labhost/hand"
	chmod +x "$dir/payload/run/labhost/hand"
	(cd "$dir/payload" && find run -type f | sort | cpio --quiet -o -H newc) >"$dir/payload.cpio"
	truncate -s %512 "$dir/payload.cpio"
	truncate -s 8G "$dir/scratch"
	mkfs.ext4 -q -F -O ^has_journal -E nodiscard "$dir/scratch"
	: >"$dir/console"
	qemu-system-x86_64 -machine q35 "${machine[@]}" -smp 2 -m 4096 -nodefaults -no-user-config -no-reboot -display none \
		-serial "file:$dir/console" -kernel "$kernel/vmlinuz" -initrd "$kernel/initrd" \
		-append "console=ttyS0 quiet panic=-1 oops=panic systemd.show_status=0 systemd.log_level=warning systemd.unified_cgroup_hierarchy=1 $append" \
		-drive "file=$state/labhost/root/root.squashfs,format=raw,if=virtio,cache=unsafe,readonly=on" \
		-drive "file=$kernel/modules.squashfs,format=raw,if=virtio,cache=unsafe,readonly=on" \
		-drive "file=$state/labhost/tenants/tenants.squashfs,format=raw,if=virtio,cache=unsafe,readonly=on" \
		-drive "file=$dir/payload.cpio,format=raw,if=virtio,cache=unsafe,readonly=on" \
		-drive "file=$dir/scratch,format=raw,if=virtio,cache=unsafe" </dev/null >"$dir/qemu" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null && ((SECONDS < 600)); do
		if grep -q first-tenant-is-ready "$dir/console"; then
			since "$begin"
			status=0
			break
		fi
		sleep 0.1
	done
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	rm -f "$dir/scratch"
	return $status
}
export -f ours hand hand_job since
export limitlab root state out ready

# The first one learns what later ones need not find out.
alone "$limitlab" run --in-lab-host --out "$out/first" "$root/scenarios/smoke/cpu.yaml" >"$out/first.log" 2>&1 ||
	{ tail -n 5 "$out/first.log" >&2; echo 'bench: no lab host' >&2; exit 1; }
release=$(sed -n 's/^lab host: kernel \([^,]*\),.*/\1/p' "$out/first.log" | head -n 1)
kernel=$state/labhost/kernel-$release
kvm=$(jq -r .kvm "$kernel/accel.json")
export kernel kvm

for i in $(seq "$rounds"); do
	alone bash -c "SECONDS=0; ours $i" >>"$out/ours_s" || echo "round $i: limitlab's lab host died"
	alone bash -c "SECONDS=0; hand $i" >>"$out/hand_s" || echo "round $i: the one by hand died"
done
ours_s=$(median <"$out/ours_s")
hand_s=$(median <"$out/hand_s")
verdict=$(awk -v a="$ours_s" -v b="$hand_s" -v bound=$bound 'BEGIN {
	if (!(a > 0 && b > 0)) print "- MISSED (no number)"
	else printf "%.3f %s\n", a / b, (a / b > bound ? "MISSED" : "ok")}')
printf '%-40s %8s s %8s s by hand  ratio %s (bound %s; %s rounds, kernel %s, KVM %s)\n' 'first tenant in a lab host' \
	"$ours_s" "$hand_s" "$verdict" $bound "$rounds" "$release" "$kvm"
[[ $verdict == *ok ]]
