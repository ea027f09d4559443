#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A scarce disk with real VMs: weights are followed, what the run says of it is true, bad input changes nothing, and a run
# that is killed while requests are under way leaves no loop device, mount, process or scheduler behind.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
[[ -e /dev/fuse && -e /dev/loop-control ]] || bail_out "no FUSE or no loop devices here"
remember_host

# ---- a whole run --------------------------------------------------------------------------------------------------
smoke_run "weights are followed" disk
is "the weight was read back" "$(awk -F, '/disk.weight/ { gsub("\"", ""); print; exit }' "$run/events.csv" | grep -c 500)" 1
matches "the scheduler and its settings are kept" "$(tr '\n' ' ' <"$run/log/disk")" '\[bfq\].*low_latency: 0.*max_budget: 409'
# The tenants' counters are those of the scarce disk alone: they add up to what the whole device says.
sums=$(awk -F, '
	NR == 1 { for (i = 1; i <= NF; i++) { gsub("\"", "", $i); column[$i] = i } next }
	{ gsub("\"", "") }
	$column["tenant"] == "host" { device = $column["disk_dev_read_bytes"]; next }
	{ read[$column["tenant"]] = $column["blk_read_bytes"] }
	END { for (name in read) sum += read[name]; printf "%.4f", sum / device }' "$run/samples.csv")
at_least "the tenants' bytes are the device's" "$sums" 0.99
at_most "the tenants' bytes are the device's, not more" "$sums" 1.01
matches "the queues were sampled" "$(head -n 1 "$run/samples.csv")" blk_queue_ns
host_is_as_before "a whole run: the host is as before"

# ---- refused, and nothing changed ---------------------------------------------------------------------------------
bad=$scratch/bad
mkdir "$bad"
cp workloads/disk-*.fio "$bad/"
sed 's,../../../workloads/,,' "$scenarios/tiny-disk.yaml" >"$bad/good.yaml"
ll check "$bad/good.yaml"
is "the unspoilt scenario is good" "$status $(<"$scratch/stderr")" "0 "

# spoilt NAME STATUS REGEX SED ARGUMENT...
spoilt() {
	local name=$1 wanted=$2 regex=$3
	sed -E "$4" "$bad/good.yaml" >"$bad/case.yaml"
	cmp -s "$bad/good.yaml" "$bad/case.yaml" && fail "$name: the edit changed something"
	rm -rf "$scratch/out"/*
	ll run --out "$scratch/out" "${@:5}" "$bad/case.yaml"
	if [[ $status == "$wanted" && $(<"$scratch/stderr") =~ $regex ]]; then
		pass "$name"
	else
		fail "$name" "got: exit $status, '$(<"$scratch/stderr")'" "wanted: exit $wanted and something like '$regex'"
	fi
	is "$name: nothing begun" "$(find "$scratch/out" -mindepth 1 -printf '%P ')" ""
}

truncate -s 64M "$scratch/image"
device=$(losetup -f --show "$scratch/image") || bail_out "no loop device to stand for a real one"
trap 'umount "$scratch/mnt" 2>/dev/null; losetup -d "$device" 2>/dev/null; end' EXIT
real="s,disk: .*,disk: {device: $device}},"
spoilt "a disk beyond the host's memory" 4 "scarce disk of 1TiB is kept in memory.*this host has [0-9]+ MiB available.*smaller size" 's/64MiB/1TiB/'
spoilt "a disk too small for its tenants" 2 "3:.*64MiB" 's/size: 64MiB/size: 1MiB/'
spoilt "a weight out of range" 2 "disk.weight.*1 to 1000" 's/disk.weight: 300/disk.weight: 1001/'
spoilt "a real device without the flag" 4 "everything on it would be lost.*--use-device $device" "$real"
spoilt "another real device than the flag says" 2 "'$device', and --use-device says '/dev/other'" "$real" --use-device /dev/other
mkfs.ext4 -q "$device" && mkdir "$scratch/mnt" && mount "$device" "$scratch/mnt" || bail_out "cannot mount a file system of our own"
spoilt "a real device that is mounted" 4 "it is mounted at $scratch/mnt" "$real" --use-device "$device"
umount "$scratch/mnt"
addpart "$device" 1 2048 2048 || bail_out "cannot add a partition"
spoilt "a real device with partitions" 4 "it has partitions" "$real" --use-device "$device"
delpart "$device" 1
# A host without the helpers.
PATH=/nonexistent "$limitlab" run --out "$scratch/out" "$bad/good.yaml" >"$scratch/stdout" 2>"$scratch/stderr"
is "no nbdkit: exit" $? 4
matches "no nbdkit: reason and remedy" "$(<"$scratch/stderr")" "'nbdkit', which is not installed.*install the package nbdkit"

# ---- a real device ------------------------------------------------------------------------------------------------
echo mq-deadline >"/sys/block/${device#/dev/}/queue/scheduler"
sed -E "$real" "$bad/good.yaml" >"$bad/real.yaml"
ll run --out "$scratch/out" --use-device "$device" "$bad/real.yaml"
matches "a real device works" "$status" '^[03]$'
matches "a real device has its scheduler again" "$(<"/sys/block/${device#/dev/}/queue/scheduler")" '\[mq-deadline\]'
is "a real device has no partitions left" "$(ls -d "/sys/block/${device#/dev/}/${device#/dev/}"p* 2>/dev/null)" ""
start_run --use-device "$device" "$bad/real.yaml"
await "start all" && kill -KILL "$supervisor"
end_run
ll clean
is "SIGKILL with a real device: limitlab clean" "$status $(<"$scratch/stderr")" "0 "
matches "SIGKILL with a real device: its scheduler" "$(<"/sys/block/${device#/dev/}/queue/scheduler")" '\[mq-deadline\]'
is "SIGKILL with a real device: no partitions" "$(ls -d "/sys/block/${device#/dev/}/${device#/dev/}"p* 2>/dev/null)" ""
echo none >"/sys/block/${device#/dev/}/queue/scheduler"
losetup -d "$device"
host_is_as_before "real devices: the host is as before"

# ---- helpers that die, and runs that are killed -------------------------------------------------------------------
# at_work: until requests of the tenants reach the scarce disk, at most 10 s
at_work() {
	local tries sectors
	for ((tries = 0; tries < 100; tries++)); do
		sectors=$(cat /sys/block/loop6[4-9]/stat 2>/dev/null | awk '{ sum += $3 + $7 } END { print sum + 0 }')
		((sectors > 2048)) && return 0
		sleep 0.1
	done
	return 1
}

# helper_dies NAME: while the tenants read and write
helper_dies() {
	local victim
	start_run "$scenarios/tiny-disk.yaml"
	await "start all" && at_work
	victim=$(family "$supervisor" | pid_of "$1")
	if [[ $victim ]] && kill -KILL "$victim"; then
		pass "$1 dies: there was something to kill"
	else
		fail "$1 dies: there was something to kill" "$(<"$scratch/progress")"
	fi
	end_run
	is "$1 dies: exit" "$status" 5
	matches "$1 dies: it is named" "$(<"$scratch/stderr")" "$1, which serves the scarce disk, was ended by signal 9"
	host_is_as_before "$1 dies: the host is as before"
}

# killed VICTIM MOMENT
killed() {
	local name="SIGKILL of $1 after '$2'" victim
	start_run "$scenarios/tiny-disk.yaml"
	await "$2" || fail "$name: came that far" "$(<"$scratch/progress")"
	[[ $2 == "start all" ]] && at_work
	victim=$supervisor
	[[ $1 == run ]] && victim=$(family "$supervisor" | pid_of limitlab-run)
	if [[ $victim ]] && kill -KILL "$victim"; then
		pass "$name: there was something to kill"
	else
		fail "$name: there was something to kill" "$(<"$scratch/progress")"
	fi
	if [[ $1 == supervisor ]]; then
		ll clean
		is "$name: limitlab clean" "$status $(<"$scratch/stderr")" "0 "
	fi
	end_run
	host_is_as_before "$name: the host is as before"
	is "$name: no journal is left" "$(ls "$LIMITLAB_STATE_DIR/journal")" ""
}

helper_dies nbdfuse
helper_dies nbdkit
killed supervisor " libvirt: "
killed supervisor "start all"
killed run "start all"
killed supervisor "disk.weight set"
finish
