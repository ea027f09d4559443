#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Scarce memory with real VMs: the short scenario passes; it does not run without being allowed to; SIGKILL while memory is taken
# and swap is on leaves nothing behind; the OOM killer, or a swap file that is full, is the reason of a run that broke.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
smoke=$PWD/scenarios/smoke/memory.yaml

# With the free pages on the lists of the CPUs, which MemFree does not count: since Linux 6.7 they may hold an eighth of a zone, and
# dying processes leave 1 GiB there.
available_mib() {
	awk '/^MemAvailable:/ { kib += $2 } $1 == "count:" { kib += $2 * 4 } END { print int(kib / 1024) }' /proc/meminfo /proc/zoneinfo
}

# memory_is_back NAME: within 10 s; the kernel takes a moment to free what dying processes had
memory_is_back() {
	local tries
	for ((tries = 0; tries < 100; tries++)); do
		(($(available_mib) >= before - 1024)) && break
		sleep 0.1
	done
	at_least "$1: memory is back" "$(available_mib)" $((before - 1024))
}

remember_host
allowed=${LIMITLAB_ALLOW_HOST_SCARCITY:-}
unset LIMITLAB_ALLOW_HOST_SCARCITY
ll run --out "$scratch/out" "$smoke"
is "not allowed: exit" "$status" 4
matches "not allowed: says what it would do" "$(<"$scratch/stderr")" "makes this whole host short of memory, down to 300 MiB"
matches "not allowed: says how to allow it" "$(<"$scratch/stderr")" "--allow-host-scarcity.*LIMITLAB_ALLOW_HOST_SCARCITY=1"
is "not allowed: nothing was begun" "$(ls "$scratch/out")" ""

# What this machine cannot do is refused with the numbers, before anything is changed.
sed 's/free: 300MiB/free: 64TiB/' "$smoke" | sed "s|../../workloads|$PWD/workloads|" >"$scratch/much.yaml"
ll run --allow-host-scarcity --out "$scratch/out" "$scratch/much.yaml"
is "more than there is: exit" "$status" 4
matches "more than there is: the numbers" "$(<"$scratch/stderr")" "MiB of memory available; the scenario needs .* MiB for 3 tenants"
LIMITLAB_STATE_DIR=/dev/shm/ll-test-$$ ll run --allow-host-scarcity --out "$scratch/out" "$smoke"
is "no place for a swap file: exit" "$status" 4
matches "no place for a swap file: says why" "$(<"$scratch/stderr")" "'/dev/shm[^']*' is on tmpfs and can hold no swap file"
is "refused: nothing was begun" "$(ls "$scratch/out")" ""

if [[ ! -e /sys/fs/cgroup/memory/memory.soft_limit_in_bytes ]]; then
	ll run --allow-host-scarcity --out "$scratch/out" scenarios/memory-soft.yaml
	is "cgroup v2: exit" "$status" 4
	matches "cgroup v2: says why" "$(<"$scratch/stderr")" "needs cgroup v1"
	finish
fi

# On somebody's own machine that is for them to say; .ci/run does.
if [[ $allowed != 1 ]]; then
	skip "scarce memory" "it makes the whole host short of memory; LIMITLAB_ALLOW_HOST_SCARCITY=1 allows it"
	finish
fi

before=$(available_mib)
smoke_run "hard at once, soft when memory is scarce" memory --allow-host-scarcity
matches "events.csv says what was taken" "$(grep scarce "$run/events.csv")" "MiB taken as huge pages"
host_is_as_before "after a run: the host is as before"
memory_is_back "after a run"

# killed VICTIM: while memory is taken
killed() {
	local init qemu
	start_run --allow-host-scarcity "$scenarios/memory-taken.yaml"
	if ! await "scarce memory after"; then
		fail "SIGKILL of $1: came that far" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
		end_run
		return
	fi
	matches "SIGKILL of $1: swap is on" "$(</proc/swaps)" "$LIMITLAB_STATE_DIR"
	qemu=$(family "$supervisor" | awk '$2 ~ /^qemu/ { print $1; exit }')
	is "SIGKILL of $1: the tenants get no huge pages (thp: false)" "$(awk '/^THP_enabled:/ { print $2 }' "/proc/$qemu/status")" 0
	at_most "SIGKILL of $1: memory is taken" "$(available_mib)" 1500
	init=$(family "$supervisor" | pid_of limitlab-run)
	if [[ $1 == run ]]; then kill -KILL "$init"; else kill -KILL "$supervisor"; fi
	if [[ $1 == supervisor ]]; then
		ll clean
		is "SIGKILL of $1: limitlab clean" "$status $(<"$scratch/stderr")" "0 "
	fi
	if [[ $1 == "supervisor again" ]]; then
		# The next run of the same scenario cleans up first, and does not take what it finds for the host's own.
		start_run --allow-host-scarcity "$scenarios/memory-taken.yaml"
		await ' boot: '
		matches "SIGKILL of $1: the next run boots" "$(<"$scratch/progress") $(<"$scratch/stderr")" ' boot: '
		kill -INT "$supervisor"
	fi
	end_run
	sleep 1
	host_is_as_before "SIGKILL of $1: the host is as before"
	memory_is_back "SIGKILL of $1"
}
killed supervisor
killed "supervisor again"
killed run

ll run --out "$scratch/out" "$scenarios/memory-oom.yaml"
is "no memory and no swap: exit" "$status" 5
matches "no memory and no swap: says what happened" "$(<"$scratch/stderr")" "OOM killer struck|swap file is full"
matches "no memory and no swap: so does the manifest" "$(jq -r .reason "$run/manifest.json")" "OOM killer struck|swap file is full"
host_is_as_before "after an OOM kill: the host is as before"

ll run --allow-host-scarcity --out "$scratch/out" "$scenarios/memory-growing.yaml"
is "no swap, and tenants that may still grow: exit" "$status" 5
matches "no swap, and tenants that may still grow: the numbers" "$(<"$scratch/stderr")" \
	"may still grow by [0-9]+ MiB, there is no swap, and of the 600 MiB that would be left free 256 MiB are the host's own"
host_is_as_before "tenants that may still grow: the host is as before"
finish
