#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SIGKILL at moments all over a run: of the run, of init (PID 1 of its namespace), of the supervisor, of everything at
# once.  Each kill proves first that there was something to kill.  Afterwards, and after `limitlab clean` where nobody
# was left to undo, the host is as before; what belongs to others has not been touched.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image

# Others, with names close to ours: a process and its control group.
others=/sys/fs/cgroup
for group in /sys/fs/cgroup/cpu /sys/fs/cgroup/unified; do
	[[ -e $group/cgroup.procs ]] && others=$group && break
done
others=$others/my-limitlab-notes-$$
mkdir "$others" || bail_out "cannot make the control group '$others'"
trap 'end; rmdir "$others"' EXIT
cp "$(command -v sleep)" "$scratch/limitlab-mine"
"$scratch/limitlab-mine" 1000 &
innocent=$!
children+=("$innocent")
remember_host

# gone PID...: all of them, within 5 s
gone() {
	local tries pid alive
	for ((tries = 0; tries < 100; tries++)); do
		alive=
		for pid; do
			[[ -e /proc/$pid && ! $(<"/proc/$pid/stat") =~ \)\ Z ]] && alive+="$pid "
		done 2>/dev/null
		[[ $alive ]] || return 0
		sleep 0.05
	done
	return 1
}

# killed VICTIM MOMENT QEMU
#	VICTIM	run, init, supervisor or all
#	MOMENT	the progress line after which it strikes; with "+qemu" as soon as all QEMU processes are there
#	QEMU	how many of them there must be, at least
killed() {
	local victim=$1 moment=$2 qemu_wanted=$3 name="SIGKILL of $1 after '$2'"
	local init inner members qemu links tries wait_for_qemu='' pids=()
	[[ $moment == *+qemu ]] && wait_for_qemu=1 moment=${moment%+qemu}
	start_run "$scenarios/tiny.yaml"
	if ! await "$moment"; then
		fail "$name: came that far" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
		end_run
		return
	fi
	# The proof.
	for ((tries = 0; tries < 200; tries++)); do
		members=$(family "$supervisor")
		qemu=$(awk '$2 ~ /^qemu/' <<<"$members" | wc -l)
		[[ $wait_for_qemu ]] && ((qemu < qemu_wanted)) || break
		sleep 0.02
	done
	init=$(pid_of limitlab-init <<<"$members")
	inner=$(pid_of limitlab-run <<<"$members")
	links=0
	if [[ $init && ! /proc/$init/ns/net -ef /proc/self/ns/net ]]; then
		# Of the process's own namespace (proc(5)), at once: after " stop" the run is soon over.
		links=$(grep -c ':' "/proc/$init/net/dev" 2>/dev/null)
	fi
	if ((qemu < qemu_wanted || links < 1)) || [[ -z $init || -z $inner ]]; then
		fail "$name: there was something to kill" "$qemu of at least $qemu_wanted QEMU processes, $links private interfaces" "$members"
	else
		pass "$name: there was something to kill ($qemu QEMU, $links private interfaces)"
	fi
	mapfile -t pids < <(awk '{ print $1 }' <<<"$members")
	case $victim in
	run) kill -KILL "$inner" ;;
	init) kill -KILL "$init" ;;
	supervisor) kill -KILL "$supervisor" ;;
	all) kill -KILL "$supervisor" "${pids[@]}" ;;
	esac
	if [[ $victim == supervisor || $victim == all ]]; then
		# At once: a script would not wait either.
		ll clean
		is "$name: limitlab clean" "$status $(<"$scratch/stderr")" "0 "
	fi
	end_run
	if [[ $victim == run || $victim == init ]]; then
		is "$name: exit" "$status" 5
		matches "$name: says so" "$(<"$scratch/stderr")" "killed|status 137"
	fi
	if gone "${pids[@]}"; then
		pass "$name: every process is gone"
	else
		fail "$name: every process is gone" "$(ps -o pid=,ppid=,stat=,comm= -p "$(IFS=,; echo "${pids[*]}")")"
	fi
	run=$(newest_run)
	is "$name: the manifest says broken" "$(jq -r .state "$run/manifest.json")" broken
	is "$name: no journal is left" "$(ls "$LIMITLAB_STATE_DIR/journal")" ""
	host_is_as_before "$name: the host is as before"
	rm -rf "$scratch/out"/*
}

killed supervisor " libvirt: " 0
killed run " boot: " 0
killed init " boot: +qemu" 2
killed supervisor " boot: +qemu" 2
killed all "event at .*(blue|red) is ready" 2
killed run " barrier" 2
killed supervisor " barrier" 2
killed all " timeline: " 2
killed init "start all" 2
killed supervisor "start all" 2
killed run "cpu.shares set" 2
killed all "cpu.shares set" 2
killed supervisor " stop$" 2

# When only the supervisor is left: while it judges and draws.
start_run "$scenarios/tiny.yaml"
await " judge$"
if kill -KILL "$supervisor"; then
	pass "SIGKILL of the supervisor while it judges: there was something to kill"
else
	fail "SIGKILL of the supervisor while it judges: there was something to kill"
fi
end_run
run=$(newest_run)
is "SIGKILL while judging: not complete" "$(jq -r .state "$run/manifest.json")" running
ll clean
is "SIGKILL while judging: limitlab clean" "$status $(<"$scratch/stderr")" "0 "
is "SIGKILL while judging: the manifest says broken" "$(jq -r .state "$run/manifest.json")" broken
host_is_as_before "SIGKILL while judging: the host is as before"

# Without `clean`, the next run undoes what the dead one left; of a batch also what it kept of its tenants.
start_run --repeat 2 --boot batch "$scenarios/tiny.yaml"
await "start all" && kill -KILL "$supervisor"
end_run
dead=$(newest_run)
is "a batch that was killed leaves states of two tenants" "$(find "$LIMITLAB_STATE_DIR/kept" -name '*.state' | wc -l)" 2
sleep 0.5
ll run --quiet --out "$scratch/out" "$scenarios/tiny.yaml"
matches "the next run after a kill works" "$status" '^[03]$'
is "the next run removes what the dead batch kept" "$(ls "$LIMITLAB_STATE_DIR/kept")" ""
is "the next run marks the dead one" "$(jq -r .state "$dead/manifest.json")" broken
host_is_as_before "the next run: the host is as before"
ll clean
is "clean with nothing to do" "$status $(<"$scratch/stdout")" "0 nothing to clean up"

is "the process of somebody else lives" "$(cat "/proc/$innocent/comm" 2>&1)" limitlab-mine
is "the control group of somebody else is there" "$(ls -d "$others" 2>&1)" "$others"
finish
